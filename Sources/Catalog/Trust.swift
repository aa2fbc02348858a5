// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// A manifest that speaks for another one: a referrer, or what a tag of old clients attaches.
package struct Attachment: Sendable, Hashable {
    package let digest: Digest
    /// The manifest that it is attached to.
    package let subject: Digest
    package let payload: [UInt8]
    package let mediaType: MediaType
    /// Whether the registry itself made it.
    package let isOwn: Bool
}

/// What the trust in a manifest is judged by, all of one moment.
package struct TrustInputs: Sendable {
    /// The generation of all this, for `keepVerdict`.
    package let generation: Int64
    /// nil where the manifest is not here yet.
    package let isIndex: Bool?
    /// Seconds since 1970; nil where it is not here yet.
    package let pushedAt: Int64?
    /// Live indexes that hold it, and those that hold them.
    package let parents: [Digest]
    /// What is attached to it and to its parents.
    package let attachments: [Attachment]
    /// Whether these are all, and none was left out for their number or size.
    package let isWhole: Bool
}

extension SQL {
    static let liveManifest = """
        SELECT m.depth, m.pushed_at, r.id FROM repo r
        LEFT JOIN manifest m ON m.repo_id = r.id AND m.digest = ? AND m.live = 1 WHERE r.name = ?
        """
    static let trustGeneration = "SELECT generation FROM trust WHERE repo_id = ? AND digest = ?"
    static let trustVerdict = """
        SELECT v.verdict FROM repo r JOIN trust_verdict v ON v.repo_id = r.id
        LEFT JOIN trust t ON t.repo_id = v.repo_id AND t.digest = v.digest
        WHERE r.name = ? AND v.digest = ? AND v.tag = ? AND v.generation = COALESCE(t.generation, 0)
        """
    static let keepVerdict = """
        INSERT INTO trust_verdict(repo_id, digest, tag, generation, verdict) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, digest, tag) DO UPDATE SET generation = excluded.generation, verdict = excluded.verdict
        """
    /// The manifest and everything that it holds.
    static let raiseGeneration = """
        INSERT INTO trust(repo_id, digest, generation)
        WITH RECURSIVE below(digest) AS (
            VALUES (?)
            UNION SELECT e.child FROM below JOIN manifest m ON m.repo_id = ? AND m.digest = below.digest
                JOIN ref_manifest e ON e.manifest_id = m.id)
        SELECT ?, digest, 1 FROM below WHERE true
        ON CONFLICT(repo_id, digest) DO UPDATE SET generation = generation + 1
        """
    static let liveAncestors = """
        WITH RECURSIVE above(digest) AS (
            VALUES (?)
            UNION SELECT p.digest FROM above JOIN ref_manifest e ON e.repo_id = ? AND e.child = above.digest
                JOIN manifest p ON p.id = e.manifest_id WHERE p.live = 1)
        SELECT digest FROM above LIMIT ?
        """
    static let attachments = """
        SELECT m.digest, m.payload, m.media_type, o.digest IS NOT NULL FROM manifest m
        LEFT JOIN own_attachment o ON o.repo_id = m.repo_id AND o.digest = m.digest
        WHERE m.repo_id = ? AND m.subject = ? AND m.live = 1 ORDER BY m.digest LIMIT ?
        """
    static let taggedAttachment = """
        SELECT m.digest, m.payload, m.media_type, 0 FROM tag t
        JOIN manifest m ON m.repo_id = t.repo_id AND m.digest = t.digest WHERE t.repo_id = ? AND t.name = ?
        """
    static let insertOwnAttachment = "INSERT INTO own_attachment(repo_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
}

extension Transaction {
    /// What may speak for manifests has changed by a manifest that came, or went: for its subject, and for what it
    /// holds.
    func raiseTrust(
        subject: Digest?,
        children: some Sequence<Digest>,
        tags: some Sequence<Tag>,
        in repository: Repository
    ) throws {
        if let subject { try raiseTrust(of: subject, in: repository) }
        for child in children { try raiseTrust(of: child, in: repository) }
        for tag in tags {
            if let attached = tag.attachmentSubject { try raiseTrust(of: attached, in: repository) }
        }
    }

    private func raiseTrust(of digest: Digest, in repository: Repository) throws {
        try database.run(SQL.raiseGeneration, digest.key, repository.id, repository.id)
    }
}

extension Catalog {
    /// The verdict on a manifest that was kept, if nothing that it rests on has changed since. `tag` is empty for one
    /// that does not depend on the tag.
    package func verdict(
        on digest: Digest,
        tag: String,
        in name: RepositoryName
    ) async throws(CatalogError) -> [UInt8]? {
        try await readers.readOne { database in
            try database.row(SQL.trustVerdict, name.description, digest.key, tag)?.bytes(0)
        }
    }

    /// Everything that a verdict on a manifest rests on, which need not be here yet; nil for an unknown repository. Of
    /// the attachments of each manifest at most `limit` are read, and of all together `bytesLimit` bytes.
    package func trustInputs(
        of digest: Digest,
        in name: RepositoryName,
        limit: Int,
        bytesLimit: Int
    ) async throws(CatalogError) -> TrustInputs? {
        try await readers.read { database in
            guard let row = try database.row(SQL.liveManifest, digest.key, name.description) else { return nil }
            let repository = try row.int(2)
            let ancestors = try database.rows(SQL.liveAncestors, digest.key, repository, limit).map { try $0.digest(0) }
            var attachments: [Attachment] = []
            var bytes = 0
            var isWhole = ancestors.count < limit
            for subject in ancestors {
                let take = { (row: Row) throws -> Bool in
                    guard attachments.count < limit, bytes < bytesLimit else {
                        isWhole = false
                        return false
                    }
                    let attachment = try Attachment(row, subject)
                    bytes += attachment.payload.count
                    attachments.append(attachment)
                    return true
                }
                try database.forEachRow(SQL.attachments, repository, subject.key, limit + 1, body: take)
                for tag in Tag.attachmentTags(of: subject) {
                    try database.forEachRow(SQL.taggedAttachment, repository, tag.description, body: take)
                }
            }
            return TrustInputs(
                generation: try database.row(SQL.trustGeneration, repository, digest.key)?.int(0) ?? 0,
                isIndex: try row.optionalInt(0).map { $0 > 0 },
                pushedAt: try row.optionalInt(1),
                parents: ancestors.filter { $0 != digest },
                attachments: attachments,
                isWhole: isWhole
            )
        }
    }

    /// Keeps a verdict, unless something that it rests on has changed since its inputs were read.
    ///
    /// - Returns: Whether it was kept.
    @discardableResult
    package func keepVerdict(
        _ verdict: [UInt8],
        on digest: Digest,
        tag: String,
        in name: RepositoryName,
        generation: Int64
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name) else { return false }
            let database = transaction.database
            let now = try database.row(SQL.trustGeneration, repository.id, digest.key)?.int(0) ?? 0
            guard now == generation else { return false }
            try database.run(SQL.keepVerdict, repository.id, digest.key, tag, generation, Data(verdict))
            return true
        }
    }
}

extension Attachment {
    fileprivate init(_ row: Row, _ subject: Digest) throws {
        self.init(
            digest: try row.digest(0),
            subject: subject,
            payload: try row.bytes(1),
            mediaType: try row.mediaType(2),
            isOwn: try row.flag(3)
        )
    }
}
