// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// How many samples of one region and source there were in one minute, and how many of them were good.
package struct AvailabilityRow: Sendable, Hashable {
    /// Since 1970.
    package let minute: Int64
    package let region: String
    package let source: String
    package let good: Int64
    package let total: Int64

    package init(minute: Int64, region: String, source: String, good: Int64, total: Int64) {
        self.minute = minute
        self.region = region
        self.source = source
        self.good = good
        self.total = total
    }
}

/// How the process that has the catalog open came to run.
package struct ServerRun: Sendable, Hashable {
    /// Whether the one before has ended as it should, or there was none.
    package let isClean: Bool
    /// When the last one began that is `isClean`: this one, or one that was killed since. Seconds since 1970; 0 where
    /// that is not known.
    package let cleanAt: Int64
}

extension SQL {
    static let addAvailability = """
        INSERT INTO availability(minute, region, source, good, total) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT(minute, region, source) DO UPDATE SET good = availability.good + excluded.good,
            total = availability.total + excluded.total
        """
    static let availabilityAfter = """
        SELECT minute, region, source, good, total FROM availability WHERE (minute, region, source) > (?, ?, ?)
        ORDER BY minute, region, source LIMIT ?
        """
    static let oldestAvailability = "SELECT MIN(minute) FROM availability"
    static let dropAvailability = "DELETE FROM availability WHERE minute < ?"
    static let serverRun = "SELECT is_clean, clean_at FROM server_run WHERE one = 1"
    static let beginServerRun = """
        INSERT INTO server_run(one, is_clean, changed_at, clean_at) VALUES (1, 0, ?, ?)
        ON CONFLICT(one) DO UPDATE SET is_clean = 0, changed_at = excluded.changed_at, clean_at = excluded.clean_at
        """
    static let endServerRun = "UPDATE server_run SET is_clean = 1, changed_at = ? WHERE one = 1"
}

extension Catalog {
    /// Adds samples to what their minutes have, in one transaction. Durable on return.
    ///
    /// - Parameter rows: At most `CatalogLimits.availabilityRows`.
    /// - Throws: `CatalogError`.
    package func addAvailability(_ rows: [AvailabilityRow]) async throws(CatalogError) {
        precondition(rows.count <= CatalogLimits.availabilityRows)
        try await writer.submit { transaction in
            for row in rows {
                try transaction.database.run(
                    SQL.addAvailability,
                    row.minute,
                    Context.cut(row.region, to: CatalogLimits.contextBytes),
                    Context.cut(row.source, to: CatalogLimits.contextBytes),
                    min(row.good, row.total),
                    row.total
                )
            }
        }
    }

    /// Samples by minute, region and source.
    ///
    /// - Parameters:
    ///   - last: The last one of the page before; nil for the oldest.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: In that order.
    /// - Throws: `CatalogError`.
    package func availability(
        after last: AvailabilityRow?,
        limit: Int
    ) async throws(CatalogError) -> [AvailabilityRow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.availabilityAfter, last?.minute ?? 0, last?.region ?? "", last?.source ?? "", limit)
                .map { row in
                    AvailabilityRow(
                        minute: try row.int(0),
                        region: try row.text(1),
                        source: try row.text(2),
                        good: try row.int(3),
                        total: try row.int(4)
                    )
                }
        }
    }

    /// Drops samples of before a minute: those of a day at most, the oldest first. Declared maintenance that had ended
    /// by then goes too.
    ///
    /// - Throws: `CatalogError`.
    package func trimAvailability(before minute: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            try database.run(SQL.dropMaintenance, minute * 60, CatalogLimits.maintenanceRows)
            guard let oldest = try database.row(SQL.oldestAvailability)?.optionalInt(0), oldest < minute else { return }
            try database.run(SQL.dropAvailability, min(minute, oldest + CatalogLimits.trimmedMinutes))
        }
    }

    /// Notes that a process has begun to serve. Durable on return.
    ///
    /// - Returns: How it came to run.
    /// - Throws: `CatalogError`.
    package func beginRun() async throws(CatalogError) -> ServerRun {
        try await writer.submit { transaction in
            let former = try transaction.database.row(SQL.serverRun)
            let isClean = try former?.flag(0) ?? true
            let cleanAt = isClean ? transaction.wallSeconds : try former?.int(1) ?? 0
            try transaction.database.run(SQL.beginServerRun, transaction.wallSeconds, cleanAt)
            return ServerRun(isClean: isClean, cleanAt: cleanAt)
        }
    }

    /// Notes that the process ends as it should. Durable on return.
    ///
    /// - Throws: `CatalogError`.
    package func endRun() async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.endServerRun, transaction.wallSeconds)
        }
    }
}
