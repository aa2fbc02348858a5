// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A digest whose content may not be pulled.
package struct QuarantineEntry: Sendable, Hashable {
    package let digest: Digest
    package let reason: String
    package let actor: String
    /// Seconds since 1970.
    package let since: Int64
}

/// What quarantine keeps back: a digest, and the quarantined one that it is kept back for.
package struct QuarantineHold: Sendable, Hashable {
    package let digest: Digest
    package let cause: Digest
}

extension SQL {
    static let quarantines = "SELECT digest, reason, actor, since FROM quarantine ORDER BY digest"
    static let quarantineOf = "SELECT digest, reason, actor, since FROM quarantine WHERE digest = ?"
    static let setQuarantine = """
        INSERT INTO quarantine(digest, reason, actor, since) VALUES (?, ?, ?, ?)
        ON CONFLICT(digest) DO UPDATE SET reason = excluded.reason, actor = excluded.actor
        """
    static let clearQuarantine = "DELETE FROM quarantine WHERE digest = ?"
    /// The manifests that refer to a quarantined digest, a manifest to itself among them, and the indexes that hold
    /// them.
    static let quarantineHolds = """
        WITH RECURSIVE held(repo_id, digest, cause) AS (
            SELECT m.repo_id, m.digest, quarantine.digest FROM quarantine
                JOIN repo_blob l ON l.digest = quarantine.digest
                JOIN ref_blob e ON e.repo_id = l.repo_id AND e.digest = l.digest
                JOIN manifest m ON m.id = e.manifest_id
            UNION
            SELECT p.repo_id, p.digest, held.cause FROM held
                JOIN ref_manifest e ON e.repo_id = held.repo_id AND e.child = held.digest
                JOIN manifest p ON p.id = e.manifest_id)
        SELECT DISTINCT digest, cause FROM held UNION SELECT digest, digest FROM quarantine ORDER BY 1, 2
        """
}

extension Transaction {
    fileprivate func isKeptBack(_ digest: Digest) throws -> Bool {
        try database.row(SQL.quarantineOf, digest.key) != nil
    }
}

extension Catalog {
    /// Keeps a digest back, or gives another reason for it. Durable on return, with its event.
    package func setQuarantine(
        _ digest: Digest,
        reason: String,
        context: Context
    ) async throws(CatalogError) -> EventID {
        try await writer.submit { transaction in
            let reason = Context.cut(reason, to: CatalogLimits.reasonBytes)
            try transaction.change(
                .quarantine(digest),
                .set(transaction.stamp, until: nil, reason: reason, actor: context.actor)
            )
            return try transaction.record(
                .quarantineSet,
                nil,
                context,
                subject: digest.description,
                digest: digest,
                ["digest": .string(digest.description), "reason": .string(reason)]
            )
        }
    }

    /// Lets a digest go again; nil where it was not kept back. Durable on return, with its event.
    package func clearQuarantine(
        _ digest: Digest,
        reason: String,
        context: Context
    ) async throws(CatalogError) -> EventID? {
        try await writer.submit { transaction in
            guard try transaction.isKeptBack(digest) else { return nil }
            try transaction.change(.quarantine(digest), .cleared(transaction.timestamp))
            let reason = Context.cut(reason, to: CatalogLimits.reasonBytes)
            return try transaction.record(
                .quarantineCleared,
                nil,
                context,
                subject: digest.description,
                digest: digest,
                ["digest": .string(digest.description), "reason": .string(reason)]
            )
        }
    }

    package func quarantines() async throws(CatalogError) -> [QuarantineEntry] {
        try await readers.readOne { try $0.rows(SQL.quarantines).map(QuarantineEntry.init) }
    }

    package func quarantine(of digest: Digest) async throws(CatalogError) -> QuarantineEntry? {
        try await readers.readOne { try $0.row(SQL.quarantineOf, digest.key).map(QuarantineEntry.init) }
    }

    /// Everything that is kept back: the quarantined digests, the manifests that refer to one, and the indexes over
    /// these, in whatever repository.
    package func quarantineHolds() async throws(CatalogError) -> [QuarantineHold] {
        try await readers.readOne { database in
            try database.rows(SQL.quarantineHolds).map { row in
                QuarantineHold(digest: try row.digest(0), cause: try row.digest(1))
            }
        }
    }
}

extension QuarantineEntry {
    fileprivate init(_ row: Row) throws {
        self.init(
            digest: try row.digest(0),
            reason: try row.text(1),
            actor: try row.text(2),
            since: try row.int(3)
        )
    }
}
