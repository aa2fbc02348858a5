// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// A blob that a replayed manifest refers to, as it lies on the disk.
package struct ReplayedBlob: Sendable, Hashable {
    let digest: Digest
    let size: Int64
    /// Whether its file is there and may be served. What is not counts as absent until it is pushed again.
    let isWhole: Bool

    package init(digest: Digest, size: Int64, isWhole: Bool) {
        self.digest = digest
        self.size = size
        self.isWhole = isWhole
    }
}

/// An entry of the log that an older catalog is to get, with what the disk has for it.
package struct ReplayedEntry: Sendable {
    let leaf: [UInt8]
    let change: LoggedChange
    /// The event of this catalog that has the same leaf and no place in the log: its change is there already.
    let event: EventID?
    /// The manifest that it put, out of verified bytes; nil for other changes, and where the bytes are not here.
    let manifest: Manifest?
    let blobs: [ReplayedBlob]

    package init(
        leaf: [UInt8],
        change: LoggedChange,
        event: EventID?,
        manifest: Manifest? = nil,
        blobs: [ReplayedBlob] = []
    ) {
        self.leaf = leaf
        self.change = change
        self.event = event
        self.manifest = manifest
        self.blobs = blobs
    }
}

extension SQL {
    static let lastPlace = "SELECT seq, leaf FROM event WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
    static let unsealedAfter = "SELECT id, leaf FROM event WHERE seq IS NULL AND id > ? ORDER BY id LIMIT ?"
    static let eventAt = "SELECT id FROM event WHERE seq = ?"
    static let insertSealedEvent = """
        INSERT INTO event(kind, repo_id, hlc, leaf, subject, seq) VALUES (?, ?, ?, ?, ?, ?) RETURNING id
        """
    static let placeEvent = "UPDATE event SET seq = ? WHERE id = ? AND seq IS NULL AND leaf = ?"
    /// The same event with a new id, after all others.
    static let copyEvent = """
        INSERT INTO event(kind, repo_id, hlc, leaf, subject)
        SELECT kind, repo_id, hlc, leaf, subject FROM event WHERE id = ? RETURNING id
        """
    static let deleteEvent = "DELETE FROM event WHERE id = ?"
    static let moveAudit = "UPDATE audit SET event_id = ? WHERE event_id = ?"
    static let actorName = "SELECT name FROM actor WHERE pseudonym = ? LIMIT 1"
    /// A tree whose seal was not ended here: the log went on from it, under signatures that cover it.
    static let dropIntended = "DELETE FROM checkpoint WHERE state = 'intended' AND size < ?"
    static let insertSignedCheckpoint = "INSERT INTO checkpoint(size, root, note, state) VALUES (?, ?, ?, 'signed')"
}

extension Catalog {
    /// The highest index that an event has, with the log that it is of; below zero for a log that another one went on
    /// from. nil when no event has one.
    package func lastPlace() async throws(CatalogError) -> (index: Int64, origin: String)? {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.lastPlace) else { return nil }
            return (try row.int(0), try LoggedChange(parsing: row.bytes(1)).origin)
        }
    }

    /// Events without a place in the log, after one of an earlier page.
    package func unsealedEvents(after event: EventID?, limit: Int) async throws(CatalogError) -> [UnsealedEvent] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.unsealedAfter, event?.rawValue ?? 0, limit).map { row in
                UnsealedEvent(id: EventID(rawValue: try row.int(0)), leaf: try row.bytes(1))
            }
        }
    }

    /// Writes entries of the log that this catalog has not, in their order from an index on, and does what they say.
    ///
    /// The caller has verified that these are the entries which were signed. What cannot be done, because bytes are
    /// missing, is left out: ``unmetEntries(after:limit:)`` finds it. Durable on return; entries and changes are there
    /// together or not at all, so a replay that was interrupted goes on behind the last index.
    ///
    /// - Throws: `.inconsistent` where the first index is not the one that comes next.
    package func replay(_ entries: [ReplayedEntry], from first: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            let next = try (transaction.database.row(SQL.lastSealed)?.optionalInt(0) ?? -1) + 1
            let beginsNewLog = first == 0 && entries.first?.change.formerLog != nil
            guard next == first || beginsNewLog else {
                throw CatalogError(.inconsistent, "the log has \(next) entries here, and is replayed from \(first) on")
            }
            for (offset, entry) in entries.enumerated() { try transaction.replay(entry, at: first + Int64(offset)) }
        }
    }

    /// Ends a replay: the tree that its entries complete, with the note that was signed.
    ///
    /// - Throws: `.inconsistent` where the events are not as many, or a tree of that size is known.
    package func endReplay(size: Int64, root: [UInt8], note: [UInt8]) async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            let events = try (database.row(SQL.lastSealed)?.optionalInt(0) ?? -1) + 1
            let known = try database.row(SQL.lastCheckpoint)?.int(0) ?? 0
            guard events == size, known < size else {
                throw CatalogError(.inconsistent, "a replay to \(size) entries ends with \(events), and knows \(known)")
            }
            try database.run(SQL.dropIntended, size)
            try database.run(SQL.insertSignedCheckpoint, size, Data(root), Data(note))
        }
    }
}

extension Transaction {
    fileprivate func replay(_ entry: ReplayedEntry, at index: Int64) throws {
        let change = entry.change
        replay(at: change.timestamp)
        if let event = entry.event { return try place(event, entry.leaf, at: index) }
        if index == 0, let former = change.formerLog {
            try retireLog()
            try continueHomes(of: former.origin, as: change.origin)
        }
        let context = Catalog.Context(
            actor: try database.row(SQL.actorName, change.actor)?.text(0) ?? change.actor,
            requestID: change.requestID,
            method: "log"
        )
        let repository = try change.repository.map { try repositoryRow($0) }
        try apply(entry, in: repository, context)
        try judgeLoosened()
        let row = try database.row(
            SQL.insertSealedEvent,
            change.kind,
            repository?.id,
            change.timestamp.rawValue,
            Data(entry.leaf),
            change.subject,
            index
        )
        guard let row else { throw CatalogError(.inconsistent, "an event without an id") }
        try audit(
            change.kind,
            repository,
            context,
            subject: change.subject,
            digest: change.auditedDigest,
            event: EventID(rawValue: row.int(0))
        )
    }

    /// Gives an event that is here its place. Ids rise with the indexes: one that is lower gets a new one.
    private func place(_ event: EventID, _ leaf: [UInt8], at index: Int64) throws {
        let former = try database.row(SQL.eventAt, index - 1)?.int(0) ?? 0
        let id = former < event.rawValue ? event.rawValue : try move(event.rawValue)
        guard try database.run(SQL.placeEvent, index, id, Data(leaf)) == 1 else {
            throw CatalogError(.inconsistent, "event \(event) is not the entry \(index) of the log any more")
        }
    }

    private func move(_ event: Int64) throws -> Int64 {
        guard let row = try database.row(SQL.copyEvent, event) else {
            throw CatalogError(.inconsistent, "event \(event) is missing")
        }
        try replaceEvent(event, by: row.int(0))
        return try row.int(0)
    }

    func replaceEvent(_ former: Int64, by event: Int64) throws {
        try database.run(SQL.deleteEvent, former)
        try database.run(SQL.moveAudit, event, former)
    }

    /// The repository that an entry names, created without an event of its own if it is not here.
    func repositoryRow(_ name: RepositoryName) throws -> Repository {
        if let repository = try repository(name) { return repository }
        touch(name)
        guard let row = try database.row(SQL.insertRepository, name.description) else {
            throw CatalogError(.inconsistent, "a repository without an id")
        }
        return try Repository(id: row.int(0), name: name, tagCount: 0)
    }
}
