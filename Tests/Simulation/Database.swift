// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import OCI

/// The one database of a campaign, emptied for each schedule: its statements stay prepared.
package final class Database: Sendable {
    let memory: MemoryDatabase
    private let tables: [String]
    /// The rows that the schema begins with.
    private let initial: [(statement: String, values: StatementArguments)]

    package init() throws {
        memory = try MemoryDatabase()
        (tables, initial) = try memory.queue.unsafeRead { database in
            let names = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM sqlite_master
                    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%' ORDER BY name
                    """
            )
            var initial: [(String, StatementArguments)] = []
            for table in names {
                for row in try Row.fetchAll(database, sql: "SELECT * FROM \(table)") {
                    let places = Array(repeating: "?", count: row.count).joined(separator: ", ")
                    let values = row.databaseValues.map { $0 as (any DatabaseValueConvertible)? }
                    initial.append(("INSERT INTO \(table) VALUES (\(places))", StatementArguments(values)))
                }
            }
            return (try Self.childrenFirst(names, database), initial)
        }
    }

    /// Tables, each before those that it refers to.
    private static func childrenFirst(_ names: [String], _ database: GRDB.Database) throws -> [String] {
        var parents: [String: Set<String>] = [:]
        for name in names {
            let found = try String.fetchAll(database, sql: "SELECT \"table\" FROM pragma_foreign_key_list('\(name)')")
            parents[name] = Set(found).subtracting([name])
        }
        var (rest, sorted) = (names, [String]())
        while !rest.isEmpty {
            let free = rest.filter { name in !rest.contains { parents[$0]?.contains(name) ?? false } }
            guard !free.isEmpty else { return sorted + rest }
            sorted += free
            rest.removeAll { free.contains($0) }
        }
        return sorted
    }

    /// Makes it what a new store has, and lets it misbehave as the mutant says.
    func reset(_ mutant: Mutant?) throws {
        try memory.queue.writeWithoutTransaction { database in
            if mutant != nil { try database.execute(sql: Mutant.dropTriggers) }
            try database.execute(sql: "BEGIN IMMEDIATE")
            for table in tables { try database.cachedStatement(sql: "DELETE FROM \(table)").execute() }
            try database.cachedStatement(sql: "DELETE FROM sqlite_sequence").execute()
            for row in initial { try database.cachedStatement(sql: row.statement).execute(arguments: row.values) }
            try database.execute(sql: "COMMIT")
            if let triggers = mutant?.triggers { try database.execute(sql: triggers) }
        }
    }

    /// Rows that were changed so far.
    var changes: Int { memory.queue.unsafeRead { $0.totalChangesCount } }

    func digests(_ sql: String) throws -> [Data] {
        try memory.queue.unsafeRead { database in
            try Data.fetchAll(database.cachedStatement(sql: sql))
        }
    }

    func count(_ sql: String) throws -> Int {
        try memory.queue.unsafeRead { database in
            try Int.fetchOne(database.cachedStatement(sql: sql)) ?? 0
        }
    }
}
