// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// An event with its place in the log.
package struct LogEntry: Sendable, Hashable {
    package let id: EventID
    /// nil until it is sealed.
    package let index: Int64?
    package let leaf: [UInt8]
    /// The columns that repeat what the leaf says.
    package let kind: String
    package let timestamp: HybridTimestamp
    package let repository: String?
    package let subject: String?
}

/// A change of one tag.
package struct TagChangeRecord: Sendable, Hashable {
    package let event: EventID
    /// The index of its entry; nil until it is sealed.
    package let index: Int64?
    package let kind: String
    package let timestamp: HybridTimestamp
    package let leaf: [UInt8]
    /// The principal that the leaf's actor stands for, as far as that is still known.
    package let principal: String?
    package let request: String?
}

extension SQL {
    static let entryColumns = """
        SELECT e.id, e.seq, e.leaf, e.kind, e.hlc, r.name, e.subject FROM event e LEFT JOIN repo r ON r.id = e.repo_id
        """
    static let entries = entryColumns + " WHERE e.seq >= ? ORDER BY e.seq LIMIT ?"
    static let entryOfKind =
        entryColumns + """
             WHERE e.repo_id IS NULL AND e.kind = ? AND e.subject = ? ORDER BY e.id DESC LIMIT 1
            """
    static let eventIndex = "SELECT seq FROM event WHERE id = ?"
    static let lastEntryOfSubject =
        entryColumns + """
             WHERE e.repo_id = (SELECT id FROM repo WHERE name = ?) AND e.subject = ? AND e.kind = ?
            ORDER BY e.id DESC LIMIT 1
            """
    static let subjectHistory = """
        SELECT e.id, e.seq, e.kind, e.hlc, e.leaf, a.principal, a.request FROM event e
        LEFT JOIN audit a ON a.event_id = e.id
        WHERE e.repo_id = (SELECT id FROM repo WHERE name = ?) AND e.subject = ? AND e.id < ?
        ORDER BY e.id DESC LIMIT ?
        """
}

extension Catalog {
    /// Entries from an index on, in the order of the log. Ends early after `bytesLimit` bytes of leaves.
    package func entries(from index: Int64, limit: Int, bytesLimit: Int) async throws(CatalogError) -> [LogEntry] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            var entries: [LogEntry] = []
            var bytes = 0
            try database.forEachRow(SQL.entries, index, limit) { row in
                let entry = try LogEntry(row)
                bytes += entry.leaf.count
                entries.append(entry)
                return bytes < bytesLimit
            }
            return entries
        }
    }

    /// The entry that says that a key follows another one; nil where the log does not say that yet.
    package func keyRotation(to key: String) async throws(CatalogError) -> LogEntry? {
        try await readers.readOne { database in
            try database.row(SQL.entryOfKind, EventKind.keyRotated.rawValue, key).map(LogEntry.init)
        }
    }

    /// The place of an event in the log; nil until it is sealed.
    package func index(of event: EventID) async throws(CatalogError) -> Int64? {
        try await readers.readOne { try $0.row(SQL.eventIndex, event.rawValue)?.logIndex(0) }
    }

    /// The newest entry that gave a tag its value, or that put a manifest there.
    package func lastEntry(
        of reference: Reference,
        in name: RepositoryName
    ) async throws(CatalogError) -> LogEntry? {
        let kind: EventKind
        switch reference {
        case .tag: kind = .tagSet
        case .digest: kind = .manifestPut
        }
        return try await readers.readOne { database in
            try database.row(
                SQL.lastEntryOfSubject,
                name.description,
                reference.description,
                kind.rawValue
            ).map(LogEntry.init)
        }
    }

    /// All changes of a tag before an event of an earlier page, newest first.
    package func changes(
        of tag: Tag,
        in name: RepositoryName,
        before event: EventID?,
        limit: Int
    ) async throws(CatalogError) -> [TagChangeRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(
                SQL.subjectHistory,
                name.description,
                tag.description,
                event?.rawValue ?? Int64.max,
                limit
            ).map(TagChangeRecord.init)
        }
    }
}

extension LogEntry {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: EventID(rawValue: try row.int(0)),
            index: try row.logIndex(1),
            leaf: try row.bytes(2),
            kind: try row.text(3),
            timestamp: HybridTimestamp(rawValue: try row.int(4)),
            repository: try row.optionalText(5),
            subject: try row.optionalText(6)
        )
    }
}

extension TagChangeRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            event: EventID(rawValue: try row.int(0)),
            index: try row.logIndex(1),
            kind: try row.text(2),
            timestamp: HybridTimestamp(rawValue: try row.int(3)),
            leaf: try row.bytes(4),
            principal: try row.optionalText(5),
            request: try row.optionalText(6)
        )
    }
}

extension Row {
    /// An index of the log; nil for what is not sealed, and for entries of former logs.
    fileprivate func logIndex(_ column: Int) throws -> Int64? {
        try optionalInt(column).flatMap { $0 < 0 ? nil : $0 }
    }
}
