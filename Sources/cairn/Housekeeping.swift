// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import HTTPAPI
import Journal
import Logging
import Registry
import Replication
import ServiceLifecycle

/// What is done at intervals while the server runs: looks at free space, ends forgotten uploads, persists service time.
struct Housekeeping: Service {
    /// Seconds between two turns of the catalog's housekeeping.
    private static let catalogSeconds: Int64 = 60

    let store: Store
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var seconds: Int64 = 0
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(RegistryLimits.housekeepingSeconds))
                seconds += RegistryLimits.housekeepingSeconds
                await turn(withCatalog: seconds % Self.catalogSeconds == 0)
            }
        }
    }

    private func turn(withCatalog: Bool) async {
        do {
            _ = try await store.content.gauge.refresh()
            await store.registry.expireUploads()
            if withCatalog { try await store.catalog.housekeep() }
        } catch {
            logger.warning("housekeeping failed; it is tried again", metadata: ["error": "\(error)"])
        }
    }
}

/// Turns `/readyz` to 503 as soon as the shutdown begins, and answers those who wait for news of the log. The last
/// service of its group: a group shuts down from its end, so this one hears of it before the server stops listening.
struct DrainNotice: Service {
    let health: Health
    let journal: Journal?
    let regions: RegionControl
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        health.beginDraining()
        journal?.endWaitingForGrowth()
        regions.endWaiting()
        logger.info("draining")
    }
}
