// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// A span in which a region, or an environment that it serves, may be away: somebody said so beforehand.
package struct MaintenanceWindow: Sendable, Hashable {
    /// The log of the region that declared it.
    package let origin: String
    package let id: String
    /// nil for the whole region.
    package let environment: String?
    /// Seconds since 1970.
    package let start: Int64
    /// When it ends or has ended.
    package let end: Int64
    package let reason: String
    package let actor: String
}

package enum MaintenanceStart: Sendable, Hashable {
    case started(MaintenanceWindow, event: EventID)
    /// As many are declared as may be at once.
    case tooMany(limit: Int)
}

extension SQL {
    /// Neither what is set nor what ends it needs to come first.
    static let setMaintenance = """
        INSERT INTO maintenance(origin, id, env, start_at, until_at, reason, actor) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(origin, id) DO UPDATE SET env = excluded.env, start_at = excluded.start_at,
            until_at = excluded.until_at, reason = excluded.reason, actor = excluded.actor
        """
    static let endMaintenance = """
        INSERT INTO maintenance(origin, id, env, start_at, until_at, ended_at, reason, actor)
        VALUES (?, ?, '', 0, 0, ?, '', '')
        ON CONFLICT(origin, id) DO UPDATE SET ended_at = CASE
            WHEN maintenance.ended_at IS NULL OR maintenance.ended_at > excluded.ended_at THEN excluded.ended_at
            ELSE maintenance.ended_at END
        """
    static let maintenanceUntil = """
        SELECT origin, id, env, start_at, until_at, ended_at, reason, actor FROM maintenance
        WHERE until_at > ? ORDER BY until_at DESC, origin, id LIMIT ?
        """
    static let dropMaintenance = """
        DELETE FROM maintenance WHERE (origin, id) IN
            (SELECT origin, id FROM maintenance WHERE until_at < ? ORDER BY until_at LIMIT ?)
        """
}

extension Transaction {
    /// Does what an entry says of maintenance: of this log, or of another region's, which speaks for itself alone.
    func applyMaintenance(_ change: LoggedChange, by actor: String) throws {
        guard let id = change.body?["id"]?.text, id.utf8.count <= CatalogLimits.contextBytes else { return }
        switch EventKind(rawValue: change.kind) {
        case .maintenanceSet:
            guard case .integer(let start)? = change.body?["start"], case .integer(let until)? = change.body?["until"],
                CatalogLimits.loggedTimes.contains(start), until > start
            else { return }
            try database.run(
                SQL.setMaintenance,
                change.origin,
                id,
                Catalog.Context.cut(change.body?["environment"]?.text ?? "", to: CatalogLimits.contextBytes),
                start,
                min(until, start + CatalogLimits.maintenanceSeconds),
                Catalog.Context.cut(change.body?["reason"]?.text ?? "", to: CatalogLimits.reasonBytes),
                actor
            )
        case .maintenanceEnded:
            guard case .integer(let at)? = change.body?["at"], CatalogLimits.loggedTimes.contains(at) else { return }
            try database.run(SQL.endMaintenance, change.origin, id, at)
        default: return
        }
    }
}

extension Catalog {
    /// Declares maintenance of this region from now on. Durable on return, with its event.
    ///
    /// - Parameters:
    ///   - environment: What it is about; nil for the whole region.
    ///   - seconds: How long, at most `CatalogLimits.maintenanceSeconds`.
    ///   - reason: Why.
    ///   - context: Who.
    /// - Returns: What was declared.
    /// - Throws: `CatalogError`.
    package func startMaintenance(
        of environment: PlaceName?,
        seconds: Int64,
        reason: String,
        context: Context
    ) async throws(CatalogError) -> MaintenanceStart {
        precondition((1...CatalogLimits.maintenanceSeconds).contains(seconds))
        return try await writer.submit { transaction in
            let (now, database) = (transaction.wallSeconds, transaction.database)
            let open = try database.rows(SQL.maintenanceUntil, now, CatalogLimits.maintenanceRows)
                .map(MaintenanceWindow.init).filter { $0.origin == transaction.settings.origin && $0.end > now }
            guard open.count < CatalogLimits.openMaintenance else {
                return .tooMany(limit: CatalogLimits.openMaintenance)
            }
            let reason = Context.cut(reason, to: CatalogLimits.reasonBytes)
            let window = MaintenanceWindow(
                origin: transaction.settings.origin,
                id: "\(transaction.timestamp.rawValue)",
                environment: environment?.description,
                start: now,
                end: now + seconds,
                reason: reason,
                actor: context.actor
            )
            try database.run(
                SQL.setMaintenance,
                window.origin,
                window.id,
                window.environment ?? "",
                window.start,
                window.end,
                reason,
                window.actor
            )
            let event = try transaction.record(
                .maintenanceSet,
                nil,
                context,
                subject: window.environment ?? MaintenanceWindow.wholeRegion,
                [
                    "id": .string(window.id), "environment": CanonicalJSON(window.environment),
                    "start": .integer(window.start), "until": .integer(window.end), "reason": .string(reason),
                ]
            )
            return .started(window, event: event)
        }
    }

    /// Ends maintenance of this region before its time. Durable on return, with an event for each.
    ///
    /// - Parameters:
    ///   - environment: Of which environment; nil for that of the whole region.
    ///   - id: Only the one that has this id; nil for all.
    ///   - context: Who.
    /// - Returns: What was ended.
    /// - Throws: `CatalogError`.
    package func endMaintenance(
        of environment: PlaceName?,
        id: String?,
        context: Context
    ) async throws(CatalogError) -> [(window: MaintenanceWindow, event: EventID)] {
        try await writer.submit { transaction in
            let (now, database) = (transaction.wallSeconds, transaction.database)
            let open = try database.rows(SQL.maintenanceUntil, now, CatalogLimits.maintenanceRows)
                .map(MaintenanceWindow.init).filter { window in
                    window.origin == transaction.settings.origin && window.end > now
                        && (id.map { $0 == window.id } ?? (window.environment == environment?.description))
                }
            return try open.map { window in
                try database.run(SQL.endMaintenance, window.origin, window.id, now)
                let event = try transaction.record(
                    .maintenanceEnded,
                    nil,
                    context,
                    subject: window.environment ?? MaintenanceWindow.wholeRegion,
                    [
                        "id": .string(window.id), "environment": CanonicalJSON(window.environment),
                        "at": .integer(now),
                    ]
                )
                return (window, event)
            }
        }
    }

    /// Maintenance that was declared to end after a time, of all regions, the latest end first.
    ///
    /// - Parameters:
    ///   - time: Seconds since 1970.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: What was ended early has its real end.
    /// - Throws: `CatalogError`.
    package func maintenance(
        endingAfter time: Int64,
        limit: Int
    ) async throws(CatalogError) -> [MaintenanceWindow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.maintenanceUntil, max(0, time), limit).map(MaintenanceWindow.init)
        }
    }
}

extension MaintenanceWindow {
    /// What its audit row is about where it is of no environment.
    static let wholeRegion = "region"

    fileprivate init(_ row: Row) throws {
        let (environment, until) = (try row.text(2), try row.int(4))
        self.init(
            origin: try row.text(0),
            id: try row.text(1),
            environment: environment.isEmpty ? nil : environment,
            start: try row.int(3),
            end: max(try row.int(3), min(until, try row.optionalInt(5) ?? until)),
            reason: try row.text(6),
            actor: try row.text(7)
        )
    }
}
