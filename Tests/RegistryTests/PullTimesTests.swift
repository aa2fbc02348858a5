// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import NIOCore
import OCI
import Registry
import Synchronization
import TestSupport
import Testing

/// Pulls are known to the minute, and written once a minute at most.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PullTimesTests {
    private static func lastPull(_ digest: Digest, _ store: TestStore) async throws -> Int64? {
        try await store.catalog.lastPull(of: digest, in: Sample.repository())
    }

    private static func pull(_ reference: Reference, _ store: TestStore) async throws {
        let name = try Sample.repository()
        let manifest = try await store.registry.manifest(reference, in: name)
        store.registry.notePull(of: manifest, in: name)
    }

    @Test func aPullIsExactToAMinuteWithoutAWriteForEach() async throws {
        let updates = Mutex(0)
        var options = TestStore.Options()
        options.statementTrace = { statement in
            if statement.hasPrefix("UPDATE manifest SET last_pull") { updates.withLock { $0 += 1 } }
        }
        try await TestStore.with(options: options) { store in
            let digest = try await store.putImage(seed: 1, tag: "v1")
            let times = try #require(store.registry.pullTimes)
            let start = store.clock.wallSeconds
            for second in 0..<150 as Range<Int64> {
                try await Self.pull(.tag(Sample.tag("v1")), store)
                try await Self.pull(.digest(digest), store)
                store.clock.advance(seconds: 1)
                guard second % 60 == 59 || second == 149 else { continue }
                await times.flush()
                let noted = try #require(try await Self.lastPull(digest, store))
                #expect(start + second - noted < 60)
            }
            #expect(updates.withLock { $0 } == 3)
            await times.flush()
            #expect(updates.withLock { $0 } == 3)
        }
    }

    @Test func aTimeNeverGoesBack() async throws {
        try await TestStore.with { store in
            let digest = try await store.putImage(seed: 1)
            let times = try #require(store.registry.pullTimes)
            let start = store.clock.wallSeconds
            try await Self.pull(.digest(digest), store)
            await times.flush()
            store.clock.setWall(seconds: start - 10_000)
            try await Self.pull(.digest(digest), store)
            // Another entry of the cache knows nothing of the first.
            try await store.putImage(seed: 2)
            try await Self.pull(.digest(digest), store)
            await times.flush()
            let noted = try await Self.lastPull(digest, store)
            #expect(noted == start)
        }
    }

    @Test func aPullDoesNotMakeTheCacheForget() async throws {
        try await TestStore.with { store in
            let digest = try await store.putImage(seed: 1)
            try await Self.pull(.digest(digest), store)
            await store.registry.pullTimes?.flush()
            let name = try Sample.repository()
            #expect(store.registry.cachedManifest(.digest(digest), in: name) != nil)
        }
    }

    @Test func whatCannotBeWrittenWaits() async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { store in
            let digest = try await store.putImage(seed: 1)
            try await Self.pull(.digest(digest), store)
            store.catalog.freeze(reason: "a test")
            await store.registry.pullTimes?.flush()
            let pending = store.registry.pullTimes?.pendingCount
            #expect(pending == 1)
        }
    }

    /// So many manifests that the map fills up: it asks to be written, then notes nothing more, and nothing is lost
    /// that is pulled again afterwards.
    @Test func aFullMapAsksToBeWritten() async throws {
        try await TestStore.with { store in
            let times = PullTimes(catalog: store.catalog, now: { 1_000 })
            let name = try Sample.repository()
            var manifests: [ServedManifest] = []
            for number in 0..<RegistryLimits.pullsPending + 5_000 {
                let digest = try Sample.digest(Array("\(number)".utf8))
                manifests.append(ServedManifest(digest: digest, mediaType: .imageManifest, bytes: ByteBuffer()))
            }
            times.record(manifests[0], in: name)
            #expect(!times.wantsFlush && times.pendingCount == 1)
            for manifest in manifests { times.record(manifest, in: name) }
            #expect(times.wantsFlush && times.pendingCount <= RegistryLimits.pullsPending)
            await times.flush()
            #expect(!times.wantsFlush && times.pendingCount == 0)
            for manifest in manifests { times.record(manifest, in: name) }
            let rest = times.pendingCount
            #expect(rest > 0 && rest < 10_000)
        }
    }
}
