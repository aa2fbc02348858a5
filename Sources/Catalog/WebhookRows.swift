// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// The bounds of what webhooks keep.
package enum WebhookLimits {
    /// Notices that are kept, the newest ones.
    static let notices: Int64 = 100_000
    /// Dead letters that a hook keeps; what it gives up beyond is counted and lost.
    package static let deadLetters = 10_000
}

/// How far a hook has told.
package struct WebhookPosition: Sendable, Hashable {
    /// The last event and the last notice that were told, or passed over.
    package var event: Int64
    package var notice: Int64
    /// How many were accepted since the hook is there.
    package var delivered: Int64

    package init(event: Int64, notice: Int64, delivered: Int64 = 0) {
        self.event = event
        self.notice = notice
        self.delivered = delivered
    }
}

/// What a hook gave up.
package struct DeadLetter: Sendable, Hashable {
    package let id: Int64
    package let source: ToldEvent.Source
    package let sourceID: Int64
    package let kind: String
    package let attempts: Int
    package let reason: String
    /// Seconds since 1970.
    package let at: Int64
}

extension SQL {
    static let webhook = "SELECT event_id, notice_id, delivered FROM webhook WHERE name = ?"
    static let insertWebhook = """
        INSERT INTO webhook(name, event_id, notice_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let moveWebhook = """
        UPDATE webhook SET event_id = ?, notice_id = ?, delivered = ? WHERE name = ?
        """
    static let insertDeadLetter = """
        INSERT INTO dead_letter(hook, source, source_id, kind, attempts, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(hook, source, source_id) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason,
            at = excluded.at
        """
    static let countDeadLetters = """
        SELECT COUNT(*) FROM (SELECT 1 FROM dead_letter WHERE hook = ? LIMIT ?) AS bounded
        """
    static let deadLetters = """
        SELECT id, source, source_id, kind, attempts, reason, at FROM dead_letter WHERE hook = ? AND id > ?
        ORDER BY id LIMIT ?
        """
    static let dropDeadLetter = "DELETE FROM dead_letter WHERE id = ? AND hook = ?"
}

extension Catalog {
    /// How far a hook has told. One that is new begins with what happens from now on.
    package func webhook(_ name: String) async throws(CatalogError) -> WebhookPosition {
        try await writer.submit { transaction in
            let database = transaction.database
            let event = try database.row(SQL.lastEvent)?.optionalInt(0) ?? 0
            let notice = try database.row(SQL.lastNotice)?.optionalInt(0) ?? 0
            try database.run(SQL.insertWebhook, name, event, notice)
            guard let row = try database.row(SQL.webhook, name) else {
                throw CatalogError(.inconsistent, "a webhook without a position")
            }
            return WebhookPosition(event: try row.int(0), notice: try row.int(1), delivered: try row.int(2))
        }
    }

    /// Keeps how far a hook has told, and what it gave up on the way, in one transaction.
    ///
    /// - Returns: false where there are too many dead letters: the one given is lost.
    @discardableResult
    package func moveWebhook(
        _ name: String,
        to position: WebhookPosition,
        givingUp event: ToldEvent? = nil,
        attempts: Int = 0,
        reason: String = ""
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let database = transaction.database
            try database.run(SQL.moveWebhook, position.event, position.notice, position.delivered, name)
            guard let event else { return true }
            let limit = WebhookLimits.deadLetters
            let count = try database.row(SQL.countDeadLetters, name, limit)?.int(0) ?? 0
            guard count < Int64(limit) else { return false }
            try database.run(
                SQL.insertDeadLetter,
                name,
                event.source.rawValue,
                event.id,
                event.kind,
                attempts,
                Catalog.Context.cut(reason, to: CatalogLimits.contextBytes),
                transaction.wallSeconds
            )
            return true
        }
    }

    /// What a hook gave up, after an id.
    package func deadLetters(
        of name: String,
        after id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [DeadLetter] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.deadLetters, name, id, limit).compactMap { row in
                guard let source = ToldEvent.Source(rawValue: try row.text(1)) else { return nil }
                return DeadLetter(
                    id: try row.int(0),
                    source: source,
                    sourceID: try row.int(2),
                    kind: try row.text(3),
                    attempts: Int(try row.int(4)),
                    reason: try row.text(5),
                    at: try row.int(6)
                )
            }
        }
    }

    /// How many dead letters a hook has.
    package func deadLetterCount(of name: String) async throws(CatalogError) -> Int {
        try await readers.readOne { database in
            Int(try database.row(SQL.countDeadLetters, name, WebhookLimits.deadLetters)?.int(0) ?? 0)
        }
    }

    /// Forgets a dead letter: it was told after all, or its event is gone.
    package func dropDeadLetter(_ id: Int64, of name: String) async throws(CatalogError) -> Bool {
        try await writer.submit { try $0.database.run(SQL.dropDeadLetter, id, name) == 1 }
    }
}
