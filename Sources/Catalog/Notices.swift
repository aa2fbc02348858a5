// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// What is worth telling: an event of the log, or a notice of what happened beside it.
package struct ToldEvent: Sendable, Hashable {
    package enum Source: String, Sendable, Hashable, CaseIterable {
        case event
        case notice
    }

    package let source: Source
    /// Rises within its source.
    package let id: Int64
    /// As the log calls it, or `conflict.open`, `budget.burn` and so on.
    package let kind: String
    /// Milliseconds since 1970.
    package let time: Int64
    package let repository: RepositoryName?
    /// Who did it, as the audit has it; nil of a notice.
    package let actor: String?
    package let request: String?
    package let subject: String?
    /// A JSON object.
    package let body: JSONValue

    package init(
        source: Source,
        id: Int64,
        kind: String,
        time: Int64,
        repository: RepositoryName?,
        actor: String?,
        request: String?,
        subject: String?,
        body: JSONValue
    ) {
        self.source = source
        self.id = id
        self.kind = kind
        self.time = time
        self.repository = repository
        self.actor = actor
        self.request = request
        self.subject = subject
        self.body = body
    }
}

extension SQL {
    static let insertNotice = "INSERT INTO notice(kind, repo_id, subject, body, at) VALUES (?, ?, ?, ?, ?) RETURNING id"
    private static let noticeColumns = """
        SELECT n.id, n.kind, r.name, n.subject, n.body, n.at FROM notice n LEFT JOIN repo r ON r.id = n.repo_id
        """
    static let noticesAfter = noticeColumns + " WHERE n.id > ? ORDER BY n.id LIMIT ?"
    static let noticeOf = noticeColumns + " WHERE n.id = ?"
    static let lastNotice = "SELECT MAX(id) FROM notice"
    static let trimNotices = "DELETE FROM notice WHERE id <= ?"
    private static let toldColumns = """
        SELECT e.id, e.leaf, e.subject, (SELECT a.principal FROM audit a WHERE a.event_id = e.id LIMIT 1) FROM event e
        """
    static let eventsAfter = toldColumns + " WHERE e.id > ? ORDER BY e.id LIMIT ?"
    static let eventOf = toldColumns + " WHERE e.id = ?"
    static let lastEvent = "SELECT MAX(id) FROM event"
}

extension Transaction {
    /// Something happened beside the log that is worth telling.
    func notice(_ kind: String, _ repository: Repository?, subject: String, _ body: [String: CanonicalJSON]) throws {
        let text = CanonicalJSON.object(body).text
        let row = try database.row(SQL.insertNotice, kind, repository?.id, subject, text, wallSeconds)
        guard let id = try row?.int(0) else { throw CatalogError(.inconsistent, "a notice without an id") }
        try database.run(SQL.trimNotices, id - WebhookLimits.notices)
    }
}

extension Catalog {
    /// Something happened beside the log that is worth telling: `body` has texts alone.
    package func notice(_ kind: String, subject: String, _ body: [String: String]) async throws(CatalogError) {
        try await writer.submit { transaction in
            try transaction.notice(kind, nil, subject: subject, body.mapValues { .string($0) })
        }
    }

    /// The newest notices, in their order.
    package func lastNotices(limit: Int) async throws(CatalogError) -> [ToldEvent] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            let last = try database.row(SQL.lastNotice)?.optionalInt(0) ?? 0
            return try database.rows(SQL.noticesAfter, last - Int64(limit), limit).map { try ToldEvent(notice: $0) }
        }
    }

    /// Events or notices after an id, in their order.
    package func toldEvents(
        _ source: ToldEvent.Source,
        after id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [ToldEvent] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            switch source {
            case .event: try database.rows(SQL.eventsAfter, id, limit).map { try ToldEvent(event: $0) }
            case .notice: try database.rows(SQL.noticesAfter, id, limit).map { try ToldEvent(notice: $0) }
            }
        }
    }

    /// One of them; nil where it is not there any more.
    package func toldEvent(_ source: ToldEvent.Source, _ id: Int64) async throws(CatalogError) -> ToldEvent? {
        try await readers.readOne { database in
            switch source {
            case .event: try database.row(SQL.eventOf, id).map { try ToldEvent(event: $0) }
            case .notice: try database.row(SQL.noticeOf, id).map { try ToldEvent(notice: $0) }
            }
        }
    }
}

extension ToldEvent {
    fileprivate init(event row: Row) throws {
        let change = try LoggedChange(parsing: row.bytes(1))
        self.init(
            source: .event,
            id: try row.int(0),
            kind: change.kind,
            time: change.timestamp.milliseconds,
            repository: change.repository,
            actor: try row.optionalText(3),
            request: change.requestID,
            subject: try row.optionalText(2),
            body: change.body ?? .object([])
        )
    }

    fileprivate init(notice row: Row) throws {
        guard let body = try? JSONValue(parsing: Array(row.text(4).utf8)) else {
            throw CatalogError(.inconsistent, "a notice is no JSON")
        }
        self.init(
            source: .notice,
            id: try row.int(0),
            kind: try row.text(1),
            time: try row.int(5) * 1_000,
            repository: try row.optionalRepositoryName(2),
            actor: nil,
            request: nil,
            subject: try row.text(3),
            body: body
        )
    }
}
