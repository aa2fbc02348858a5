// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

/// An event that has no place in the log yet.
package struct UnsealedEvent: Sendable, Hashable {
    package let id: EventID
    package let leaf: [UInt8]
}

/// A tree of the log as the catalog knows it.
package struct CheckpointRow: Sendable, Hashable {
    package let size: Int64
    /// 32 bytes.
    package let root: [UInt8]
    /// The signed note; nil while it is only intended.
    package let note: [UInt8]?
    /// `intended` or `signed`, as it stands in the row.
    package let state: String

    /// Whether the row's state is what its note makes it.
    package var isSound: Bool { state == (note == nil ? "intended" : "signed") }
}

extension SQL {
    /// The entry that names a former log comes before all others.
    static let unsealedEvents = """
        SELECT id, leaf FROM event WHERE seq IS NULL ORDER BY kind <> 'origin.continue', id LIMIT ?
        """
    static let firstUnsealed = """
        SELECT id FROM event WHERE seq IS NULL ORDER BY kind <> 'origin.continue', id LIMIT 1
        """
    static let sealEvent = "UPDATE event SET seq = ? WHERE id = ? AND seq IS NULL"
    static let lastSealed = "SELECT MAX(seq) FROM event WHERE seq >= 0"
    static let lastCheckpoint = "SELECT size, root, note, state FROM checkpoint ORDER BY size DESC LIMIT 1"
    static let lastSignedCheckpoint = """
        SELECT size, root, note, state FROM checkpoint WHERE state = 'signed' ORDER BY size DESC LIMIT 1
        """
    static let checkpoints = "SELECT size, root, note, state FROM checkpoint WHERE size > ? ORDER BY size LIMIT ?"
    static let insertCheckpoint = "INSERT INTO checkpoint(size, root, state) VALUES (?, ?, 'intended')"
    static let signCheckpoint = "UPDATE checkpoint SET note = ?, state = 'signed' WHERE size = ? AND root = ?"
    static let trimCheckpoints = """
        DELETE FROM checkpoint WHERE size <= (SELECT size FROM checkpoint ORDER BY size DESC LIMIT 1 OFFSET ?)
        """
}

extension Catalog {
    /// The oldest events without a place in the log, in the order of their commits. Ends early after `bytesLimit` bytes
    /// of leaves, but not before the first event.
    package func unsealedEvents(limit: Int, bytesLimit: Int) async throws(CatalogError) -> [UnsealedEvent] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            var events: [UnsealedEvent] = []
            var bytes = 0
            try database.forEachRow(SQL.unsealedEvents, limit) { row in
                let event = UnsealedEvent(id: EventID(rawValue: try row.int(0)), leaf: try row.bytes(1))
                bytes += event.leaf.count
                events.append(event)
                return bytes < bytesLimit
            }
            return events
        }
    }

    /// Gives the oldest unsealed events their places from `first` on, and records that the tree which they complete
    /// has this root. Durable on return; the root of a size can never be another one from then on.
    ///
    /// The caller has hashed the leaves of exactly these events. Whatever does not fit is refused as `.inconsistent`,
    /// and nothing is changed.
    package func seal(_ events: [EventID], from first: Int64, root: [UInt8]) async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            let size = try database.row(SQL.lastCheckpoint)?.int(0) ?? 0
            guard size == first, !events.isEmpty else {
                throw CatalogError(.inconsistent, "the log has \(size) entries, and is to be sealed from \(first) on")
            }
            guard try database.row(SQL.firstUnsealed)?.int(0) == events[0].rawValue else {
                throw CatalogError(.inconsistent, "event \(events[0]) is not the oldest that is not sealed")
            }
            var index = first
            for event in events {
                guard try database.run(SQL.sealEvent, index, event.rawValue) == 1 else {
                    throw CatalogError(.inconsistent, "event \(event) is sealed already, or missing")
                }
                index += 1
            }
            try database.run(SQL.insertCheckpoint, index, Data(root))
        }
    }

    /// Keeps the signed note of a tree that was sealed. Durable on return. Of older trees 10 000 are kept.
    package func keepNote(_ note: [UInt8], ofSize size: Int64, root: [UInt8]) async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            guard try database.run(SQL.signCheckpoint, Data(note), size, Data(root)) == 1 else {
                throw CatalogError(.inconsistent, "no checkpoint of size \(size) has the root that was signed")
            }
            try database.run(SQL.trimCheckpoints, CatalogLimits.checkpointsKept)
        }
    }

    /// The largest tree that was sealed, signed or not, and the largest that was signed.
    package func lastCheckpoints() async throws(CatalogError) -> (sealed: CheckpointRow?, signed: CheckpointRow?) {
        try await readers.read { database in
            (
                try database.row(SQL.lastCheckpoint).map(CheckpointRow.init),
                try database.row(SQL.lastSignedCheckpoint).map(CheckpointRow.init)
            )
        }
    }

    /// Trees larger than a size, in ascending order.
    package func checkpoints(after size: Int64, limit: Int) async throws(CatalogError) -> [CheckpointRow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.checkpoints, size, limit).map(CheckpointRow.init)
        }
    }

    /// The highest index that an event has; nil when none is sealed.
    package func lastSealedIndex() async throws(CatalogError) -> Int64? {
        try await readers.readOne { try $0.row(SQL.lastSealed)?.optionalInt(0) }
    }

    /// The size of the largest tree that was sealed, signed or not, and the highest index that an event has; nil where
    /// nothing is sealed. Both are of the same moment.
    package func sealedEnd() async throws(CatalogError) -> (size: Int64?, lastIndex: Int64?) {
        try await readers.read { database in
            (
                try database.row(SQL.lastCheckpoint).map(CheckpointRow.init)?.size,
                try database.row(SQL.lastSealed)?.optionalInt(0)
            )
        }
    }
}

extension CheckpointRow {
    fileprivate init(_ row: Row) throws {
        self.init(size: try row.int(0), root: try row.bytes(1), note: try row.optionalBytes(2), state: try row.text(3))
    }
}
