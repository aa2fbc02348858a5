// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A request that the rules or the credentials turned away.
package struct DenialNote: Sendable, Hashable {
    package let context: Catalog.Context
    package let action: String
    package let repository: RepositoryName?
    /// The tag or digest, where the request names one.
    package let subject: String?
    /// The rule that denied it; nil where none allowed it.
    package let rule: String?
    package let reason: String

    /// Cuts the texts, so that what waits to be written stays within a bound.
    package init(
        context: Catalog.Context,
        action: String,
        repository: RepositoryName?,
        subject: String?,
        rule: String?,
        reason: String
    ) {
        self.context = context
        self.action = Catalog.Context.cut(action, to: CatalogLimits.contextBytes)
        self.repository = repository
        self.subject = subject.map { Catalog.Context.cut($0, to: CatalogLimits.contextBytes) }
        self.rule = rule.map { Catalog.Context.cut($0, to: CatalogLimits.contextBytes) }
        self.reason = Catalog.Context.cut(reason, to: CatalogLimits.reasonBytes)
    }
}

/// Equal denials within a second: the first of them, and how many there were.
package struct CountedDenial: Sendable, Hashable {
    package let note: DenialNote
    /// Seconds since 1970.
    package let at: Int64
    package internal(set) var count: Int64

    package init(note: DenialNote, at: Int64, count: Int64) {
        self.note = note
        self.at = at
        self.count = count
    }
}

/// All columns of the denial table.
package struct DenialRow: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Int64
    package let principal: String
    package let method: String
    package let address: String?
    package let request: String
    package let action: String
    package let repository: RepositoryName?
    package let subject: String?
    package let rule: String?
    package let reason: String
    /// How many such denials the second had.
    package let count: Int64
}

extension SQL {
    static let insertDenial = """
        INSERT INTO denial(at, principal, method, address, request, action, repo, subject, rule, reason, count)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let firstDenial = "SELECT MIN(id) FROM denial"
    static let lastDenial = "SELECT MAX(id) FROM denial"
    static let dropDenials = "DELETE FROM denial WHERE id <= ?"
    static let denialColumns =
        "id, at, principal, method, address, request, action, repo, subject, rule, reason, count"
}

extension Catalog {
    /// Writes denials, as one operation, and drops the oldest beyond the bound in the same.
    package func recordDenials(_ denials: [CountedDenial]) async throws(CatalogError) {
        guard !denials.isEmpty else { return }
        try await writer.submit { transaction in
            for denial in denials { try transaction.insert(denial) }
            try transaction.dropOldDenials()
        }
    }

    /// A page of the denial table, of one principal or one repository where given.
    package func denials(
        _ order: PageOrder,
        limit: Int,
        principal: String? = nil,
        repository: RepositoryName? = nil
    ) async throws(CatalogError) -> [DenialRow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.page(
                SQL.denialColumns,
                of: "denial",
                order,
                principal: principal,
                repository: repository,
                limit: limit
            ).map(DenialRow.init)
        }
    }
}

extension Transaction {
    fileprivate func insert(_ denial: CountedDenial) throws {
        let note = denial.note
        try database.run(
            SQL.insertDenial,
            denial.at,
            note.context.actor,
            note.context.method,
            note.context.address,
            note.context.requestID,
            note.action,
            note.repository?.description,
            note.subject,
            note.rule,
            note.reason,
            denial.count
        )
    }

    /// Ids ascend without gaps and only the lowest are ever dropped, so the ends of the table say how many there are.
    fileprivate func dropOldDenials() throws {
        guard let first = try database.row(SQL.firstDenial)?.optionalInt(0),
            let last = try database.row(SQL.lastDenial)?.optionalInt(0)
        else { return }
        let limit = Int64(settings.denialRows)
        guard last - first + 1 > limit else { return }
        let chunk = min(Int64(CatalogLimits.denialChunk), limit / 10)
        try database.run(SQL.dropDenials, last - limit + chunk)
    }
}

extension DenialRow {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try row.int(0),
            at: try row.int(1),
            principal: try row.text(2),
            method: try row.text(3),
            address: try row.optionalText(4),
            request: try row.text(5),
            action: try row.text(6),
            repository: try row.optionalRepositoryName(7),
            subject: try row.optionalText(8),
            rule: try row.optionalText(9),
            reason: try row.text(10),
            count: try row.int(11)
        )
    }
}
