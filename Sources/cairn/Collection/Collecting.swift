// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Logging
import Maintenance
import ServiceLifecycle

/// Collects what nothing refers to while the server runs. A shutdown ends it after the batch that runs.
struct Collecting: Service {
    let collector: Collector

    init(_ store: Store, _ settings: CollectionSettings) {
        collector = Collector(
            content: store.content,
            catalog: store.catalog,
            options: settings.options,
            environment: Collector.Environment(
                monotonicNanoseconds: { DispatchTime.now().uptimeNanoseconds },
                wallSeconds: { Int64(Date().timeIntervalSince1970) },
                sleep: { try await Task.sleep(for: $0) },
                logger: Logger(label: "collection")
            )
        )
    }

    func run() async throws {
        guard collector.options.isEnabled else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown { await collector.runAll() }
    }
}
