// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation
import Journal
import Logging
import RegistryClient
import Replication
import ServiceLifecycle

/// Follows the logs of other regions while the server runs.
struct FollowingRegions: Service {
    private struct Peer: Sendable {
        let settings: RegionSettings
        let follower: LogFollower
    }

    private let peers: [Peer]
    private let root: String
    private let logger: Logger

    /// The copies lie in `log/mirror/NAME` below the root of the store.
    init(_ settings: [RegionSettings], root: String) {
        self.root = root
        let logger = Logger(label: "regions")
        self.logger = logger
        peers = settings.map { region in
            let environment = LogFollower.Environment(
                now: { Int64(Date().timeIntervalSince1970) },
                sleep: { try await Task.sleep(for: $0) },
                random: { $0 > 0 ? Int64.random(in: 0..<$0) : 0 },
                logger: logger
            )
            return Peer(settings: region, follower: LogFollower(name: region.name, environment: environment))
        }
    }

    var followers: [LogFollower] { peers.map(\.follower) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                for peer in peers { group.addTask { await follow(peer) } }
            }
        }
        try? await gracefulShutdown()
    }

    private func follow(_ peer: Peer) async {
        let threads = FileThreads(count: 1)
        do {
            let mirror = try await LogMirror(
                of: peer.settings.log,
                in: "\(root)/log/mirror/\(peer.settings.name)",
                keys: peer.settings.keys,
                filesystem: .live,
                threads: threads
            )
            try await follow(peer, mirror)
        } catch {
            peer.follower.stop("\(error)")
            logger.critical(
                "the copy of a region's log cannot be used",
                metadata: ["region": "\(peer.settings.name)", "why": "\(error)"]
            )
        }
        await threads.shutDown()
    }

    private func follow(_ peer: Peer, _ mirror: LogMirror) async throws(ClientError) {
        var options = Transport.Options()
        options.caFile = peer.settings.authorities
        try await Transport.with(options) { transport async throws(ClientError) in
            let registry = try RemoteRegistry(
                origin: peer.settings.origin,
                credentials: CredentialSource(given: peer.settings.credentials, environment: [:]),
                transport: transport
            )
            let feed = LogFeed(registry)
            let source = LogFollower.Source { after in
                try await feed.checkpoint(after: after)
            } bundles: { paths in
                try await feed.entries(paths)
            }
            await peer.follower.run(mirror, from: source) { mirror in
                logger.debug(
                    "a log has grown",
                    metadata: ["region": "\(peer.settings.name)", "entries": "\(mirror.size)"]
                )
            }
        }
    }
}
