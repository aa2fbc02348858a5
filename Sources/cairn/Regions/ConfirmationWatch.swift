// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Logging
import RegistryClient
import Replication
import Transparency

/// Hears from one region how much it has of this registry's log, and of the logs of the others.
struct ConfirmationWatch: Sendable {
    let settings: RegionSettings
    let catalog: Catalog
    let confirmations: Confirmations
    let environment: LogFollower.Environment

    private static let pause: Duration = .seconds(1)
    private static let longestPause: Int64 = 60

    /// Asks until the task is cancelled. Waits at the other side for news.
    func run(_ feed: LogFeed) async {
        var size: Int64 = 0
        var failures: Int64 = 0
        while !Task.isCancelled {
            do {
                let known = size
                if let note = try await feed.confirmation(of: catalog.settings.origin, after: size),
                    let confirmed = try await confirmations.take(
                        note,
                        from: settings.name,
                        peer: settings.log,
                        cosigner: settings.cosigner
                    )
                {
                    size = max(size, confirmed)
                }
                try await hearOfOthers(feed)
                failures = 0
                if size == known { try await environment.sleep(Self.pause) }
            } catch is CancellationError {
                return
            } catch {
                failures += 1
                environment.logger.debug(
                    "a region does not say what it has",
                    metadata: ["region": "\(settings.name)", "why": "\(error)"]
                )
                try? await environment.sleep(.seconds(min(Self.longestPause, 1 << min(failures, 6))))
            }
        }
    }

    /// What it has of other regions' logs decides when what was deleted there may go for good here.
    private func hearOfOthers(_ feed: LogFeed) async throws {
        for peer in try await catalog.peers() where peer.origin != settings.log && peer.state != .retired {
            guard let bytes = try await feed.confirmation(of: peer.origin, after: nil) else { continue }
            let checkpoint = try Checkpoint(SignedNote(parsing: bytes))
            guard checkpoint.origin.description == peer.origin else { continue }
            try await catalog.setPositions([peer.origin: min(checkpoint.size, peer.size)], of: settings.log)
        }
    }
}
