// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

extension SQL {
    static let leftovers = """
        SELECT id, leaf FROM event
        WHERE seq IS NULL AND id < (SELECT id FROM event WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1)
        ORDER BY id LIMIT ?
        """
    static let manifestBytes = "SELECT payload, media_type FROM manifest WHERE repo_id = ? AND digest = ?"
}

extension Catalog {
    /// Writes changes anew that this catalog had and the replayed log has not: they come after what was replayed, with
    /// a later time and another id, and happen again, so that the log says what is here. They were never sealed.
    ///
    /// - Returns: How many, at most `limit`; none once there are no more.
    package func recordAnew(limit: Int) async throws(CatalogError) -> Int {
        let limit = Catalog.rows(limit)
        return try await writer.submit { transaction in
            let rows = try transaction.database.rows(SQL.leftovers, limit)
            for row in rows { try transaction.recordAnew(row.int(0), row.bytes(1)) }
            return rows.count
        }
    }
}

extension Transaction {
    fileprivate func recordAnew(_ event: Int64, _ former: [UInt8]) throws {
        let old = try LoggedChange(parsing: former)
        let repository = try old.repository.flatMap { try self.repository($0) }
        var value: Digest??
        if old.kind == EventKind.tagSet.rawValue, let repository, let tag = old.tag {
            value = .some(try currentDigest(of: tag, in: repository))
        }
        let leaf = try LoggedChange.rewriting(former, at: timestamp, former: value)
        let change = try LoggedChange(parsing: leaf)
        let actor = try database.row(SQL.actorName, change.actor)?.text(0) ?? change.actor
        let context = Catalog.Context(actor: actor, requestID: change.requestID)
        let entry = ReplayedEntry(
            leaf: leaf,
            change: change,
            event: nil,
            manifest: try repository.flatMap { try manifest(of: change, in: $0) }
        )
        try apply(entry, in: repository, context)
        let row = try database.row(
            SQL.insertEvent,
            change.kind,
            repository?.id,
            change.timestamp.rawValue,
            Data(leaf),
            change.subject
        )
        guard let row else { throw CatalogError(.inconsistent, "an event without an id") }
        try replaceEvent(event, by: row.int(0))
        countEvent()
    }

    /// The manifest that a change put, as far as its row is still here.
    private func manifest(of change: LoggedChange, in repository: Repository) throws -> Manifest? {
        guard let put = change.putManifest,
            let row = try database.row(SQL.manifestBytes, repository.id, put.digest.key)
        else { return nil }
        return try? Manifest(parsing: row.bytes(0), contentType: row.mediaType(1))
    }
}
