// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Journal
import ServiceLifecycle

/// Seals the log while the server runs, and once more at its end. A log that is only read is left as it is.
struct LogKeeper: Service {
    let log: Journal.Opened?

    func run() async throws {
        guard let log, log.readOnly == nil else {
            try await gracefulShutdown()
            return
        }
        let scrubber = LogScrubber(
            journal: log.journal,
            now: { Int64(Date().timeIntervalSince1970) },
            sleep: { try await Task.sleep(for: $0) }
        )
        async let scrub: Void = scrubber.run()
        try await log.sealer.run()
        try await scrub
    }
}
