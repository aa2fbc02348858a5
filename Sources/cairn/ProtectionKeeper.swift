// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import Logging
import Metrics
import Registry
import ServiceLifecycle

/// Writes the times of pulls once a minute and at the shutdown, and lets go reports of deployments whose grace is over
/// and rows of the release record that are old.
struct ProtectionKeeper: Service {
    /// Seconds between two looks at whether much waits, and between two turns.
    private static let tick: Int64 = 1
    private static let turnSeconds: Int64 = 60
    /// Reports that one transaction drops.
    private static let page = 500

    let registry: Registry
    let logger: Logger
    private let stale = Gauge(label: "cairn_deployment_reports_stale")

    init(registry: Registry, logger: Logger) {
        self.registry = registry
        self.logger = logger
    }

    func run() async throws {
        await registry.pullTimes?.flush()
        await expire()
        try? await cancelWhenGracefulShutdown {
            var seconds: Int64 = 0
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(Self.tick))
                seconds += Self.tick
                let isTurn = seconds % Self.turnSeconds == 0
                if isTurn || registry.pullTimes?.wantsFlush ?? false { await registry.pullTimes?.flush() }
                if isTurn {
                    await expire()
                    await trim()
                }
            }
        }
        await registry.pullTimes?.flush()
    }

    private func trim() async {
        let time = (Int64(Date().timeIntervalSince1970) - ReleaseLimits.keptSeconds) * 1_000
        do {
            while registry.catalog.isWritable,
                try await registry.catalog.trimReleases(before: time) == ReleaseLimits.trimmed
            {}
            let traffic = Int64(Date().timeIntervalSince1970) - ReleaseLimits.trafficSeconds
            while registry.catalog.isWritable,
                try await registry.catalog.trimTraffic(before: traffic) == ReleaseLimits.trimmed
            {}
        } catch {
            logger.warning("the release record was not trimmed", metadata: ["error": "\(error)"])
        }
    }

    private func expire() async {
        let catalog = registry.catalog
        do {
            // A catalog that is only read lets nothing go.
            while catalog.isWritable, try await catalog.expireDeployments(limit: Self.page) == Self.page {}
            stale.record(try await catalog.staleDeployments(now: Int64(Date().timeIntervalSince1970)))
        } catch {
            logger.warning("reports of deployments were not looked through", metadata: ["error": "\(error)"])
        }
    }
}
