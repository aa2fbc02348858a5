// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What one batch of purges did.
package struct ManifestPurge: Sendable, Hashable {
    /// Manifests that are gone for good.
    package var purged = 0
    /// Links that lost their last reference, and are queued.
    package var queuedLinks = 0
    /// Manifests whose window has ended, but which something still holds; each comes up again later.
    package var postponed = 0
    /// Manifests that could not be purged.
    package var failed = 0
    /// Whether more may be due.
    package var hasMore = false
}

extension SQL {
    static let dueManifests = """
        SELECT m.id, m.digest, m.depth, m.repo_id, r.name
        FROM manifest m JOIN repo r ON r.id = m.repo_id
        WHERE m.live = 0 AND m.purge_after_st < ? ORDER BY m.purge_after_st LIMIT ?
        """
    /// Until when the parents of a trashed manifest can be brought back; NULL for a live one, which cannot be.
    static let parentWindow = """
        SELECT p.purge_after_st FROM ref_manifest e JOIN manifest p ON p.id = e.manifest_id
        WHERE e.repo_id = ? AND e.child = ? LIMIT ?
        """
    static let holdOnManifest = """
        SELECT 1 FROM pin WHERE repo_id = ? AND digest = ? AND (until IS NULL OR until > ?) LIMIT 1
        """
    static let postponePurge = "UPDATE manifest SET purge_after_st = ? WHERE id = ?"
    /// The blobs that no other manifest of the repository refers to, live or trashed.
    static let soleEdges = """
        SELECT e.digest FROM ref_blob e WHERE e.manifest_id = ? AND NOT EXISTS
            (SELECT 1 FROM ref_blob o
                WHERE o.repo_id = e.repo_id AND o.digest = e.digest AND o.manifest_id <> e.manifest_id)
        ORDER BY e.digest
        """
    /// Its edges go with it.
    static let deleteManifest = "DELETE FROM manifest WHERE id = ? AND live = 0"
    static let leaseLostLink = """
        UPDATE repo_blob SET lease_until_st = CASE WHEN lease_until_st < ? THEN ? ELSE lease_until_st END
        WHERE repo_id = ? AND digest = ? RETURNING lease_until_st
        """
    static let forgetTrust = "DELETE FROM trust WHERE repo_id = ? AND digest = ?"
    static let forgetVerdicts = "DELETE FROM trust_verdict WHERE repo_id = ? AND digest = ?"
    static let forgetOwnAttachment = "DELETE FROM own_attachment WHERE repo_id = ? AND digest = ?"
}

extension Catalog {
    /// Lets trashed manifests go whose window to bring them back has ended, with their edges and what was known of
    /// their trust. Durable on return, each with its event.
    ///
    /// A link that loses its last reference so is protected for one more grace period, from now, and is queued, all in
    /// the same transaction: whoever was told that the blob is here, was told because of that reference. A manifest
    /// that an index in the trash still holds waits for the index; one that somebody has pinned meanwhile waits too,
    /// and one of whose deletion another region may not have heard. No further one is begun after
    /// `CatalogLimits.purgedEdges` edges.
    package func purgeManifests(limit: Int, context: Context) async throws(CatalogError) -> ManifestPurge {
        let limit = min(max(limit, 1), CatalogLimits.purgedManifests)
        return try await writer.submit { transaction in
            var purge = ManifestPurge()
            var due = try transaction.database.rows(SQL.dueManifests, transaction.now.seconds, limit).map { row in
                try TrashedManifest(row)
            }
            purge.hasMore = due.count == limit
            // Parents first, where both are due.
            due.sort { ($0.depth, $0.digest) > ($1.depth, $1.digest) }
            for manifest in due {
                guard purge.queuedLinks < CatalogLimits.purgedEdges else {
                    purge.hasMore = true
                    break
                }
                try transaction.isolated {
                    try transaction.purge(manifest, context, &purge)
                } onFailure: {
                    let later = transaction.now.advanced(by: CatalogLimits.collectionRetrySeconds).seconds
                    try transaction.database.run(SQL.postponePurge, later, manifest.id)
                    purge.failed += 1
                }
            }
            return purge
        }
    }
}

/// A manifest whose window has ended.
private struct TrashedManifest {
    let id: Int64
    let digest: Digest
    let depth: Int
    let repository: Repository

    init(_ row: Row) throws {
        id = try row.int(0)
        digest = try row.digest(1)
        depth = Int(try row.int(2))
        repository = Repository(id: try row.int(3), name: try row.repositoryName(4), tagCount: 0)
    }
}

extension Transaction {
    fileprivate func purge(
        _ manifest: TrashedManifest,
        _ context: Catalog.Context,
        _ purge: inout ManifestPurge
    ) throws {
        let (repository, digest) = (manifest.repository, manifest.digest)
        if let held = try holdTime(of: manifest) {
            try database.run(SQL.postponePurge, held, manifest.id)
            purge.postponed += 1
            return
        }
        let lost = try database.rows(SQL.soleEdges, manifest.id).map { try $0.digest(0) }
        guard try database.run(SQL.deleteManifest, manifest.id) == 1 else {
            throw CatalogError(.inconsistent, "a manifest that is not in the trash was to be purged")
        }
        for blob in lost { try queueLostLink(blob, in: repository) }
        for statement in [SQL.forgetTrust, SQL.forgetVerdicts, SQL.forgetOwnAttachment, SQL.endScan] {
            try database.run(statement, repository.id, digest.key)
        }
        try record(
            .manifestPurged,
            repository,
            context,
            subject: digest.description,
            digest: digest,
            ["digest": .string(digest.description)]
        )
        purge.purged += 1
        purge.queuedLinks += lost.count
    }

    /// When to look again at a manifest that may not go yet; nil where nothing holds it.
    private func holdTime(of manifest: TrashedManifest) throws -> Int64? {
        let repository = manifest.repository.id
        let later = now.advanced(by: CatalogLimits.collectionRetrySeconds).seconds
        let parents = try database.rows(
            SQL.parentWindow,
            repository,
            manifest.digest.key,
            CatalogLimits.refusalDigests
        ).map { try $0.optionalInt(0) ?? later }
        if let last = parents.max() { return max(last, now.seconds) }
        if try database.row(SQL.holdOnManifest, repository, manifest.digest.key, wallSeconds) != nil { return later }
        return try isTrashAwaited(of: manifest.digest, in: manifest.repository) ? later : nil
    }

    /// The end of the last reference to a blob begins the grace of its link.
    private func queueLostLink(_ digest: Digest, in repository: Repository) throws {
        let lease = now.advanced(by: settings.grace).seconds
        guard let row = try database.row(SQL.leaseLostLink, lease, lease, repository.id, digest.key) else {
            throw CatalogError(.inconsistent, "a reference without a link")
        }
        try database.run(SQL.queueLink, repository.id, digest.key, row.int(0), "unreferenced")
    }
}
