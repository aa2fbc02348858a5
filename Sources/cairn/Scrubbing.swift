// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Logging
import Maintenance
import ServiceLifecycle

/// Reads all blobs over while the server runs.
struct Scrubbing: Service {
    let scrubber: Scrubber

    init(store: Store, settings: ScrubSettings) {
        scrubber = Scrubber(
            content: store.content,
            catalog: store.catalog,
            settings: settings,
            environment: Scrubber.Environment(
                now: { Int64(Date().timeIntervalSince1970) },
                monotonic: { DispatchTime.now().uptimeNanoseconds },
                sleep: { try await Task.sleep(for: $0) },
                timeout: { try await Task.sleep(for: $0) }
            ),
            logger: Logger(label: "scrub")
        )
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await scrubber.run() }
    }
}
