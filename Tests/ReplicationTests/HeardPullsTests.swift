// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Replication
import TestSupport
import Testing

/// What was pulled in another region counts here, and never goes back.
@Suite struct HeardPullsTests {
    private static let origin = "eu.example/log"
    private static let repository = RepositoryName("team/app") ?? { preconditionFailure("a name") }()

    /// Two registries with the same images.
    private func withPair(
        _ images: Int,
        _ body: (TestStore, TestStore, [Digest]) async throws -> Void
    ) async throws {
        try await TestStore.with { here in
            try await TestStore.with { there in
                var digests: [Digest] = []
                for seed in 1...images {
                    let stored = try await here.putImage(seed: UInt64(seed), tag: "t\(seed)")
                    _ = try await there.putImage(seed: UInt64(seed), tag: "t\(seed)")
                    digests.append(stored)
                }
                _ = try await here.catalog.addPeer(origin: Self.origin, region: "eu")
                try await body(here, there, digests)
            }
        }
    }

    private func hear(_ here: TestStore, _ there: TestStore, pages: Pages = Pages()) async throws {
        let reader = RegionStateReader(there.catalog)
        let heard = HeardPulls(here.catalog, of: Self.origin) { since, last in
            await pages.count()
            return try await reader.pulls(since: since, after: last?.pull.at, last?.id ?? 0)
        }
        try await heard.hear(now: here.clock.wallSeconds)
    }

    private actor Pages {
        private(set) var asked = 0
        func count() { asked += 1 }
    }

    private func pulled(_ digests: [Digest], at time: Int64) -> [PulledManifest] {
        digests.map { PulledManifest(repository: Self.repository, digest: $0, at: time) }
    }

    @Test func theLatestPullCounts() async throws {
        try await withPair(3) { here, there, digests in
            let now = here.clock.wallSeconds
            try await there.catalog.recordPulls(pulled([digests[0], digests[1]], at: now - 50))
            try await here.catalog.recordPulls(pulled([digests[1]], at: now - 10))
            try await there.catalog.notePullTracking(now: now - 5)
            try await hear(here, there)
            var times: [Int64?] = []
            for digest in digests {
                times.append(try await here.catalog.lastPull(of: digest, in: Self.repository))
            }
            #expect(times == [now - 50, now - 10, nil])
            let until = try await here.catalog.pullsUntil(of: Self.origin)
            #expect(until == now - 5)
        }
    }

    /// A region whose clock is ahead, or that lies, makes nothing count as pulled in the future.
    @Test func theFutureCountsAsNow() async throws {
        try await withPair(1) { here, there, digests in
            let now = here.clock.wallSeconds
            try await there.catalog.recordPulls(pulled(digests, at: now + 1_000_000))
            try await there.catalog.notePullTracking(now: now + 1_000_000)
            try await hear(here, there)
            let time = try await here.catalog.lastPull(of: digests[0], in: Self.repository)
            let until = try await here.catalog.pullsUntil(of: Self.origin)
            #expect(time == now && until == now)
        }
    }

    @Test func aListThatDoesNotGoOnIsRefused() async throws {
        try await withPair(1) { here, _, digests in
            let told = ToldPull(id: 1, pull: pulled(digests, at: 100)[0])
            let heard = HeardPulls(here.catalog, of: Self.origin) { _, _ in
                (200, Array(repeating: told, count: ReplicationLimits.toldPulls))
            }
            let error = await #expect(throws: RegionError.self) { try await heard.hear(now: 1_000) }
            #expect(error?.code == .misbehaved)
            let until = try await here.catalog.pullsUntil(of: Self.origin)
            #expect(until == 0, "what was not heard to its end is not known")
        }
    }
}
