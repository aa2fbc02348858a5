// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

/// The statements of the catalog, each beside the verb that uses it.
///
/// One dialect that SQLite and PostgreSQL both accept: ON CONFLICT, RETURNING, no triggers, parameters by position.
enum SQL {}

/// A value that can be bound to a parameter.
typealias Argument = (any DatabaseValueConvertible)?

extension Database {
    /// Runs a statement and returns how many rows it changed. Statements stay prepared.
    @discardableResult
    func run(_ sql: String, _ arguments: Argument...) throws -> Int {
        let statement = try cachedStatement(sql: sql)
        try statement.execute(arguments: StatementArguments(arguments))
        return changesCount
    }

    /// The first row of a query, or of a statement with RETURNING.
    func row(_ sql: String, _ arguments: Argument...) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
    }

    func rows(_ sql: String, _ arguments: Argument...) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
    }

    /// The same for parameters whose number is known when it runs.
    func rows(_ sql: String, arguments: [Argument]) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
    }

    /// Walks the rows without keeping them; `body` returns whether to go on. The row is only valid inside it.
    func forEachRow(_ sql: String, _ arguments: Argument..., body: (Row) throws -> Bool) throws {
        let rows = try Row.fetchCursor(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
        while let row = try rows.next() {
            guard try body(row) else { return }
        }
    }
}

/// Columns by position; a value of another type than the schema's is damage and throws.
extension Row {
    func int(_ column: Int) throws -> Int64 {
        try require(Int64.fromDatabaseValue(self[column]), column)
    }

    func flag(_ column: Int) throws -> Bool { try int(column) != 0 }

    func text(_ column: Int) throws -> String {
        try require(String.fromDatabaseValue(self[column]), column)
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        try Array(require(Data.fromDatabaseValue(self[column]), column))
    }

    func digest(_ column: Int) throws -> Digest {
        try require(Digest(storageBytes: bytes(column)), column)
    }

    func optionalInt(_ column: Int) throws -> Int64? { try isNull(column) ? nil : int(column) }

    func optionalText(_ column: Int) throws -> String? { try isNull(column) ? nil : text(column) }

    func optionalBytes(_ column: Int) throws -> [UInt8]? { try isNull(column) ? nil : bytes(column) }

    func optionalDigest(_ column: Int) throws -> Digest? { try isNull(column) ? nil : digest(column) }

    func repositoryName(_ column: Int) throws -> RepositoryName {
        try require(RepositoryName(text(column)), column)
    }

    func optionalRepositoryName(_ column: Int) throws -> RepositoryName? {
        try isNull(column) ? nil : repositoryName(column)
    }

    func tag(_ column: Int) throws -> Tag {
        try require(Tag(text(column)), column)
    }

    func mediaType(_ column: Int) throws -> MediaType {
        try require(MediaType(text(column)), column)
    }

    func optionalMediaType(_ column: Int) throws -> MediaType? { try isNull(column) ? nil : mediaType(column) }

    private func isNull(_ column: Int) throws -> Bool {
        let value: DatabaseValue = self[column]
        return value.isNull
    }

    private func require<Value>(_ value: Value?, _ column: Int) throws -> Value {
        guard let value else {
            throw CatalogError(.inconsistent, "column \(Array(columnNames)[column]) holds a value that cannot be there")
        }
        return value
    }
}

extension Digest {
    /// The form of a digest in SQL: the algorithm's byte, then the hash.
    var key: Data { Data(storageBytes) }

    /// Sorts before every digest.
    static var beforeFirst: Data { Data() }
}
