// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// Maintenance that somebody declared, as it is shown. Times are seconds since 1970.
package struct MaintenanceNote: Sendable, Hashable {
    package let id: String
    /// The name of the region that it is about; nil for this one.
    package let region: String?
    /// nil for the whole region.
    package let environment: String?
    package let start: Int64
    /// When it ends, or has ended.
    package let end: Int64
    package let reason: String
    package let actor: String
}

extension Registry {
    /// Declares maintenance of this region from now on. Durable on return.
    ///
    /// - Parameters:
    ///   - environment: What it is about; nil for the whole region.
    ///   - seconds: How long.
    ///   - reason: Why.
    ///   - caller: Who.
    /// - Returns: What was declared, with the id of the event.
    /// - Throws: `RegistryError.badReport` for a span that is none or too long; `.recordConflict` where as much is
    ///   declared as may be at once.
    package func startMaintenance(
        of environment: PlaceName?,
        seconds: Int64,
        reason: String,
        caller: Caller
    ) async throws -> (note: MaintenanceNote, event: String) {
        let longest = CatalogLimits.maintenanceSeconds
        guard (1...longest).contains(seconds) else {
            throw RegistryError.badReport("maintenance lasts from 1 to \(longest) seconds, not \(seconds)")
        }
        guard !reason.isEmpty else { throw RegistryError.badReport("maintenance has a reason, for those who ask") }
        return try await translating {
            switch try await catalog.startMaintenance(
                of: environment,
                seconds: seconds,
                reason: reason,
                context: caller.context
            ) {
            case .started(let window, let event): return (MaintenanceNote(window, region: nil), event.description)
            case .tooMany(let limit):
                throw RegistryError.recordConflict("maintenance is declared \(limit) times already; end one first")
            }
        }
    }

    /// Ends maintenance of this region before its time. Durable on return.
    ///
    /// - Parameters:
    ///   - environment: Of which environment; nil for that of the whole region.
    ///   - id: Only the one that has this id; nil for all.
    ///   - caller: Who.
    /// - Returns: What was ended, with the id of the last event.
    /// - Throws: `RegistryError.notInLog` where none is declared.
    package func endMaintenance(
        of environment: PlaceName?,
        id: String?,
        caller: Caller
    ) async throws -> (notes: [MaintenanceNote], event: String) {
        try await translating {
            let ended = try await catalog.endMaintenance(of: environment, id: id, context: caller.context)
            guard let last = ended.last else {
                let place = environment.map { "of the environment \($0)" } ?? "of the region"
                throw RegistryError.notInLog("no maintenance \(id ?? place) is declared")
            }
            return (ended.map { MaintenanceNote($0.window, region: nil) }, last.event.description)
        }
    }

    /// Maintenance of all regions that was declared to end after a time, the latest end first.
    ///
    /// - Parameters:
    ///   - time: Seconds since 1970.
    ///   - limit: How many at most.
    /// - Returns: What was ended early has its real end.
    /// - Throws: `RegistryError`.
    package func maintenance(endingAfter time: Int64, limit: Int) async throws -> [MaintenanceNote] {
        try await translating {
            let windows = try await catalog.maintenance(endingAfter: time, limit: limit)
            let peers = try await catalog.peers()
            return windows.map { window in
                guard window.origin != catalog.settings.origin else { return MaintenanceNote(window, region: nil) }
                let peer = peers.first { $0.origin == window.origin }
                return MaintenanceNote(window, region: peer?.region ?? window.origin)
            }
        }
    }
}

extension MaintenanceNote {
    fileprivate init(_ window: MaintenanceWindow, region: String?) {
        self.init(
            id: window.id,
            region: region,
            environment: window.environment,
            start: window.start,
            end: window.end,
            reason: window.reason,
            actor: window.actor
        )
    }
}
