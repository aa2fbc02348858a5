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

    private static let longestPause: Int64 = 60
    /// Seconds between two questions for what it has of others' logs.
    private static let hearingPause: Int64 = 60

    /// Asks until the task is cancelled. Waits at the other side for news.
    func run(_ feed: LogFeed) async {
        var size: Int64 = 0
        var failures: Int64 = 0
        var (heardOthers, heardPulls): (Int64?, Int64?) = (nil, nil)
        while !Task.isCancelled {
            do {
                let confirmed = try await hear(feed, after: size)
                size = max(size, confirmed ?? 0)
                let now = environment.now()
                if heardOthers.map({ now >= $0 + Self.hearingPause }) ?? true {
                    try await hearOfOthers(feed)
                    heardOthers = now
                }
                if heardPulls.map({ now >= $0 + ReplicationLimits.pullsPause }) ?? true {
                    try await hearPulls(feed, now)
                    heardPulls = now
                }
                // A region that does not follow this log answers at once, and is asked ever more slowly.
                failures = confirmed == nil ? failures + 1 : 0
            } catch is CancellationError {
                return
            } catch {
                failures += 1
                environment.logger.debug(
                    "a region does not say what it has",
                    metadata: ["region": "\(settings.name)", "why": "\(error)"]
                )
            }
            if failures > 0 {
                try? await environment.sleep(.seconds(min(Self.longestPause, 1 << min(failures, 6))))
            }
        }
    }

    /// - Returns: The size that it confirms; nil where it does not follow this registry's log.
    private func hear(_ feed: LogFeed, after size: Int64) async throws -> Int64? {
        let origin = catalog.settings.origin
        guard let note = try await feed.confirmation(of: origin, after: size) else { return nil }
        // It follows, and has nothing in full.
        guard !note.isEmpty else { return 0 }
        return try await confirmations.take(
            note,
            from: settings.name,
            peer: settings.log,
            cosigner: settings.cosigner
        )
    }

    private func hearPulls(_ feed: LogFeed, _ now: Int64) async throws {
        let heard = HeardPulls(catalog, of: settings.log) { since, last in
            let (until, pulls) = try await feed.pulls(since: since, after: last.map { ($0.pull.at, $0.id) })
            let told = pulls.map { pull in
                let manifest = PulledManifest(repository: pull.repository, digest: pull.digest, at: pull.at)
                return ToldPull(id: pull.id, pull: manifest)
            }
            return (until, told)
        }
        try await heard.hear(now: now)
    }

    /// What it has of other regions' logs decides when what was deleted there may go for good here.
    private func hearOfOthers(_ feed: LogFeed) async throws {
        for peer in try await catalog.peers() where peer.origin != settings.log && peer.state != .retired {
            guard let bytes = try await feed.confirmation(of: peer.origin, after: nil), !bytes.isEmpty else { continue }
            let checkpoint = try Checkpoint(SignedNote(parsing: bytes))
            guard checkpoint.origin.description == peer.origin else { continue }
            try await catalog.setPositions([peer.origin: min(checkpoint.size, peer.size)], of: settings.log)
        }
    }
}
