// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Catalog
import Content
import Dispatch
import Foundation
import Journal
import Logging
import OCI
import Registry
import RegistryClient
import Replication
import ServiceLifecycle
import Transparency

/// Follows other regions while the server runs: copies their logs, and applies what they say.
struct FollowingRegions: Service {
    private let peers: [FollowedRegion]
    private let backfill: BlobBackfill
    private let environment: LogFollower.Environment

    /// The copies of the logs lie in `log/mirror/NAME` below the root of the store.
    init(_ settings: [RegionSettings], awaited: [Glob], _ store: Store, cosigner: Cosigner) {
        let logger = Logger(label: "regions")
        let environment = LogFollower.Environment(
            now: { Int64(Date().timeIntervalSince1970) },
            sleep: { try await Task.sleep(for: $0) },
            random: { $0 > 0 ? Int64.random(in: 0..<$0) : 0 },
            logger: logger
        )
        let limiter = RateLimiter { DispatchTime.now().uptimeNanoseconds }
        let made = settings.map { region in
            let follower = LogFollower(name: region.name, origin: region.log, environment: environment)
            return (region, follower, PeerSource(region.name, follower, region.pace(limiter)))
        }
        let sources = made.map(\.2)
        store.registry.setSources(named: sources.map(\.name)) { _ in sources }
        let mirrors = ServedMirrors(store.catalog, cosigner: cosigner, now: environment.now)
        let confirmations = Confirmations(
            store.catalog,
            own: store.registry.journal?.keys.compactMap { try? NoteVerifier(parsing: $0) } ?? [],
            hasConfirmer: settings.contains { $0.cosigner != nil },
            awaited: awaited
        )
        let homes = RepositoryHomes(store.catalog) { push, region in
            guard let source = sources.first(where: { $0.name == region }) else {
                throw SourceError(.unavailable, "the region \(region) is not in the configuration")
            }
            return try await source.hand(push, from: store.catalog.settings.origin)
        }
        let audits = RegionAudits(settings.map(\.name))
        let backfill = BlobBackfill(
            store.catalog,
            content: RegionBytes(registry: store.registry, sources: sources).content,
            environment: environment
        ) {
            for region in settings where region.isFollowedWhole { await confirm(region.log, by: mirrors, environment) }
        }
        self.backfill = backfill
        self.environment = environment
        peers = made.map { region, follower, source in
            let others = sources.filter { $0 !== source }
            return FollowedRegion(
                region,
                follower,
                source,
                others,
                store,
                backfill,
                mirrors,
                confirmations,
                homes,
                audits,
                environment
            )
        }
        regions = RegionControl(
            store.catalog,
            made.map(\.1),
            mirrors: mirrors,
            confirmations: confirmations,
            homes: homes,
            audits: audits,
            now: environment.now
        )
        for peer in peers { regions.onChange(of: peer.name) { peer.stateHasChanged() } }
    }

    let regions: RegionControl

    /// Notes which regions are followed, before anything is served: what they have may not be known here yet.
    func register() async throws {
        for peer in peers { try await peer.register() }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                if !peers.isEmpty {
                    group.addTask { await backfill.run() }
                    group.addTask { await RegionGauges(regions, environment).run() }
                }
                for peer in peers { group.addTask { await peer.run() } }
            }
        }
        try? await gracefulShutdown()
    }
}
