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
    static let lastSealedEvent = "SELECT id FROM event WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
    /// The newest change of a tag that the log has, or gets by what was recorded anew before.
    static let loggedTag = """
        SELECT leaf FROM event WHERE repo_id = ? AND subject = ? AND kind IN ('tag.set', 'tag.delete')
            AND (seq IS NOT NULL OR id > ?) ORDER BY id DESC LIMIT 1
        """
    /// What is said anew, later, counts then.
    static let forgetHomeTime = """
        UPDATE repo SET home_hlc = 9223372036854775807 WHERE id = ? AND home_by = ? AND home_hlc = ?
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
            guard let last = try transaction.database.row(SQL.lastSealedEvent)?.int(0) else { return 0 }
            for row in rows { try transaction.recordAnew(row.int(0), row.bytes(1), after: last) }
            return rows.count
        }
    }
}

extension Transaction {
    fileprivate func recordAnew(_ event: Int64, _ former: [UInt8], after last: Int64) throws {
        let old = try LoggedChange(parsing: former)
        let repository = try old.repository.flatMap { try self.repository($0) }
        var value: Digest??
        if let tag = old.tag, let repository {
            let row = try database.row(SQL.loggedTag, repository.id, tag.description, last)
            value = .some(try row.flatMap { try LoggedChange(parsing: $0.bytes(0)).digest("digest") })
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
        if try stands(change, in: repository) {
            try restamp(change, instead: old.timestamp, in: repository)
        } else {
            try forget(old, in: repository)
            try apply(entry, in: repository, context)
        }
        try judgeLoosened()
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
        count(EventID(rawValue: try row.int(0)))
    }

    /// What stands has the time of the entry that says so.
    private func restamp(
        _ change: LoggedChange,
        instead former: HybridTimestamp,
        in repository: Repository?
    ) throws {
        guard let repository else { return }
        if let tag = change.tag, let write = TagWrite(change, stamp) {
            try forgetWrite(of: tag, at: former, in: repository)
            try note(write, of: tag, in: repository)
            guard try writes(of: tag, in: repository, limit: 1).last == write else { return }
            try database.run(
                SQL.restampTag,
                stamp.time.rawValue,
                stamp.origin,
                repository.id,
                tag.description
            )
        } else if let digest = change.digest("digest") {
            try touch(digest, in: repository)
        }
    }

    /// A write that no log has.
    private func forget(_ change: LoggedChange, in repository: Repository?) throws {
        if change.isOfHome, let repository {
            try database.run(SQL.forgetHomeTime, repository.id, settings.origin, change.timestamp.rawValue)
        }
        guard let repository, let tag = change.tag else { return }
        try forgetWrite(of: tag, at: change.timestamp, in: repository)
    }

    private func forgetWrite(of tag: Tag, at time: HybridTimestamp, in repository: Repository) throws {
        try database.run(SQL.forgetTagWrite, repository.id, tag.description, time.rawValue, settings.origin)
    }

    /// Whether what a change did is still so.
    private func stands(_ change: LoggedChange, in repository: Repository?) throws -> Bool {
        guard let repository, let digest = change.digest("digest") else { return false }
        switch EventKind(rawValue: change.kind) {
        case .tagSet: return try change.tag.map { try currentDigest(of: $0, in: repository) == digest } ?? false
        case .manifestPut: return try database.row(SQL.manifestRow, repository.id, digest.key)?.flag(1) ?? false
        default: return false
        }
    }

    /// The manifest that a change put, as far as its row is still here.
    private func manifest(of change: LoggedChange, in repository: Repository) throws -> Manifest? {
        guard let put = change.putManifest,
            let row = try database.row(SQL.manifestBytes, repository.id, put.digest.key)
        else { return nil }
        return try? Manifest(parsing: row.bytes(0), contentType: row.mediaType(1))
    }
}
