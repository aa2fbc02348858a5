// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A change, with who made it and how he came in: all columns of the audit table.
package struct AuditRow: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Int64
    /// The event of the change; a mount and the delete of a blob have none.
    package let event: EventID?
    package let kind: String
    package let principal: String
    package let method: String
    package let address: String?
    package let request: String
    package let repository: RepositoryName?
    /// The tag, digest or name that changed.
    package let subject: String?
    package let digest: String?
}

/// Which end of a table a page is read from.
package enum PageOrder: Sendable, Hashable {
    /// Ascending, after this id; 0 is before the first.
    case after(Int64)
    /// Descending, before this id; nil begins with the newest.
    case before(Int64?)

    var isNewestFirst: Bool { if case .before = self { true } else { false } }

    /// The id that the page's rows lie beyond.
    var bound: Int64 {
        switch self {
        case .after(let id): id
        case .before(let id): id ?? .max
        }
    }
}

/// Changes that the log does not speak of.
enum UnloggedChange: String {
    case blobDeleted = "blob.delete"
    case blobMounted = "blob.mount"
}

extension SQL {
    static let insertAudit = """
        INSERT INTO audit(at, event_id, kind, principal, method, address, request, repo, subject, digest)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let auditColumns = "id, at, event_id, kind, principal, method, address, request, repo, subject, digest"

    /// A page of the audit or denial table. Its parameters: principal and repository where asked for, id, limit.
    static func page(
        _ columns: String,
        of table: String,
        _ order: PageOrder,
        byPrincipal: Bool,
        byRepository: Bool
    ) -> String {
        "SELECT \(columns) FROM \(table) WHERE "
            + (byPrincipal ? "principal = ? AND " : "") + (byRepository ? "repo = ? AND " : "")
            + (order.isNewestFirst ? "id < ? ORDER BY id DESC LIMIT ?" : "id > ? ORDER BY id LIMIT ?")
    }
}

extension Database {
    func page(
        _ columns: String,
        of table: String,
        _ order: PageOrder,
        principal: String?,
        repository: RepositoryName?,
        limit: Int
    ) throws -> [Row] {
        let sql = SQL.page(
            columns,
            of: table,
            order,
            byPrincipal: principal != nil,
            byRepository: repository != nil
        )
        var arguments: [Argument] = []
        if let principal { arguments.append(principal) }
        if let repository { arguments.append(repository.description) }
        return try rows(sql, arguments: arguments + [order.bound, limit])
    }
}

extension Transaction {
    /// Writes who made a change, in the change's own savepoint.
    func audit(
        _ kind: String,
        _ repository: Repository?,
        _ context: Catalog.Context,
        subject: String?,
        digest: Digest?,
        event: EventID?
    ) throws {
        try database.run(
            SQL.insertAudit,
            wallSeconds,
            event?.rawValue,
            kind,
            context.actor,
            context.method,
            context.address,
            context.requestID,
            repository?.name.description,
            subject,
            digest?.description
        )
    }

    /// The same for a change of a blob's link that is no event.
    func audit(
        _ change: UnloggedChange,
        _ repository: Repository,
        _ context: Catalog.Context,
        _ digest: Digest
    ) throws {
        try audit(
            change.rawValue,
            repository,
            context,
            subject: digest.description,
            digest: digest,
            event: nil
        )
    }
}

extension Catalog {
    /// A page of the audit table, of one principal or one repository where given.
    package func audit(
        _ order: PageOrder,
        limit: Int,
        principal: String? = nil,
        repository: RepositoryName? = nil
    ) async throws(CatalogError) -> [AuditRow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.page(
                SQL.auditColumns,
                of: "audit",
                order,
                principal: principal,
                repository: repository,
                limit: limit
            ).map(AuditRow.init)
        }
    }
}

extension AuditRow {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try row.int(0),
            at: try row.int(1),
            event: try row.optionalInt(2).map(EventID.init(rawValue:)),
            kind: try row.text(3),
            principal: try row.text(4),
            method: try row.text(5),
            address: try row.optionalText(6),
            request: try row.text(7),
            repository: try row.optionalRepositoryName(8),
            subject: try row.optionalText(9),
            digest: try row.optionalText(10)
        )
    }
}
