// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import OCI
import Registry
import TestSupport
import Testing

/// All who want a blob share one fetch; it ends with the last of them, and clients come first.
@Suite(.timeLimit(.minutes(1))) struct SharedFetchTests {
    private let bytes = Sample.bytes(10_000)
    private let time = FetchTime()

    private func options(_ change: (inout FetchLimits) -> Void = { _ in }) -> TestStore.Options {
        var options = TestStore.Options()
        var limits = FetchLimits()
        change(&limits)
        options.fetching = time.options(limits)
        return options
    }

    private static func fetch(
        _ bytes: [UInt8],
        from source: any ContentSource,
        priority: FetchPriority = .backfill,
        in name: String = "team/app",
        _ store: TestStore
    ) async throws -> FetchOutcome {
        try await store.registry.fetchBlob(
            Sample.digest(bytes),
            size: Int64(bytes.count),
            in: Sample.repository(name),
            from: [source],
            priority: priority
        )
    }

    /// Returns once so many wait for results of fetches.
    private static func waitForInterest(_ count: Int, _ store: TestStore) async {
        while store.registry.fetchesAwaited < count { await Task.yield() }
    }

    @Test func allWhoAskShareOneFetch() async throws {
        try await TestStore.with(options: options()) { store in
            let gate = TestGate()
            let source = try ScriptedSource("there", [bytes], .wait(gate))
            let outcomes = try await withThrowingTaskGroup(of: FetchOutcome.self) { group in
                for _ in 0..<20 { group.addTask { try await Self.fetch(bytes, from: source, store) } }
                await Self.waitForInterest(20, store)
                gate.open()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let blob = FetchedBlob(size: 10_000, sources: ["there"])
            #expect(outcomes.count { $0 == .joined(blob) } == 19)
            #expect(outcomes.count { $0 == .fetched(blob) } == 1)
            #expect(source.asked == [0])
            #expect(store.registry.fetchesAwaited == 0)
        }
    }

    @Test func aFailureIsEverybodys() async throws {
        try await TestStore.with(options: options()) { store in
            let gate = TestGate()
            let liar = try ScriptedSource("liar", [bytes], .wait(gate))
            let digest = try Sample.digest(bytes)
            let failed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        do {
                            _ = try await store.registry.fetchBlob(
                                digest,
                                size: 9_999,
                                in: Sample.repository(),
                                from: [liar]
                            )
                            return false
                        } catch is FetchError {
                            return true
                        }
                    }
                }
                await Self.waitForInterest(5, store)
                gate.open()
                return try await group.reduce(true) { $0 && $1 }
            }
            #expect(failed)
            #expect(liar.asked == [0])
        }
    }

    @Test func theFetchEndsWithTheLastWhoWaits() async throws {
        try await TestStore.with(options: options()) { store in
            let gate = TestGate()
            let source = try ScriptedSource("there", [bytes], .wait(gate))
            let first = Task { try await Self.fetch(bytes, from: source, store) }
            await source.events.wait()
            let second = Task { try await Self.fetch(bytes, from: source, store) }
            await Self.waitForInterest(2, store)
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            // It goes on for the second.
            #expect(store.content.uploads.count == 1)
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            while !store.content.uploads.isEmpty { await Task.yield() }
            // The next begins anew, and gets it.
            let outcome = try await Self.fetch(bytes, from: source, store)
            #expect(outcome == .fetched(FetchedBlob(size: 10_000, sources: ["there"])))
            #expect(source.asked == [0, 0])
        }
    }

    /// Bytes that another repository is given prove nothing about this one.
    @Test func aRepositoryWithoutALinkFetchesForItself() async throws {
        try await TestStore.with(options: options()) { store in
            let gate = TestGate()
            let source = try ScriptedSource("there", [bytes], .wait(gate))
            let empty = try ScriptedSource("empty")
            let first = Task { try await Self.fetch(bytes, from: source, store) }
            await source.events.wait()
            await #expect(throws: FetchError.self) {
                try await Self.fetch(bytes, from: empty, in: "team/other", store)
            }
            gate.open()
            _ = try await first.value
            let other = try await refusal {
                _ = try await store.registry.openBlob(Sample.digest(bytes), in: Sample.repository("team/other"))
            }
            #expect(other == "nameUnknown")
        }
    }

    @Test func repositoriesWithALinkShare() async throws {
        try await TestStore.with(options: options()) { store in
            let digest = try await store.push(bytes)
            try await store.push(bytes, in: "team/other")
            try await store.makeRemote(digest)
            let gate = TestGate()
            let source = try ScriptedSource("there", [bytes], .wait(gate))
            async let first = Self.fetch(bytes, from: source, store)
            async let second = Self.fetch(bytes, from: source, in: "team/other", store)
            await Self.waitForInterest(2, store)
            gate.open()
            _ = try await (first, second)
            #expect(source.asked == [0])
            for name in ["team/app", "team/other"] {
                let size = try await store.registry.statBlob(digest, in: Sample.repository(name))
                #expect(size == 10_000)
            }
        }
    }

    @Test func clientsComeBeforeWhatNobodyWaitsFor() async throws {
        let options = options {
            $0.atOnce = 2
            $0.backfillAtOnce = 1
        }
        try await TestStore.with(options: options) { store in
            let blobs = (0..<5).map { Sample.bytes(100, seed: UInt64(10 + $0)) }
            let gates = blobs.map { _ in TestGate() }
            let sources = try zip(blobs, gates).map { try ScriptedSource("there", [$0], .wait($1)) }
            try await withThrowingTaskGroup(of: FetchOutcome.self) { group in
                func ask(_ index: Int, _ priority: FetchPriority) {
                    group.addTask {
                        try await Self.fetch(blobs[index], from: sources[index], priority: priority, store)
                    }
                }
                ask(0, .backfill)
                await sources[0].events.wait()
                // One at a time is fetched ahead; the other place is for clients.
                ask(1, .backfill)
                ask(2, .backfill)
                await Self.waitForInterest(3, store)
                #expect(sources[1].asked.isEmpty && sources[2].asked.isEmpty)
                ask(3, .client)
                await sources[3].events.wait()
                // Both places are taken. A client wants what waited to be fetched ahead: it is next.
                ask(2, .client)
                await Self.waitForInterest(5, store)
                gates[0].open()
                await sources[2].events.wait()
                #expect(sources[1].asked.isEmpty)
                for gate in gates { gate.open() }
                try await group.waitForAll()
            }
            #expect(sources[1].asked == [0])
            #expect(sources[2].asked == [0])
        }
    }

    @Test func tooManyThatWaitAreRefused() async throws {
        let options = options {
            $0.atOnce = 1
            $0.waiting = 1
        }
        try await TestStore.with(options: options) { store in
            let gate = TestGate()
            let blobs = (0..<3).map { Sample.bytes(100, seed: UInt64(20 + $0)) }
            let source = try ScriptedSource("there", blobs, .wait(gate))
            let first = Task { try await Self.fetch(blobs[0], from: source, store) }
            await source.events.wait()
            let second = Task { try await Self.fetch(blobs[1], from: source, store) }
            await Self.waitForInterest(2, store)
            let third = try await refusal { _ = try await Self.fetch(blobs[2], from: source, store) }
            #expect(third == "overloaded")
            gate.open()
            _ = try await (first.value, second.value)
        }
    }
}
