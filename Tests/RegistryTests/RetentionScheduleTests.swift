// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Registry
import TestSupport
import Testing

/// Runs that nobody asks for.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RetentionScheduleTests {
    /// The minutes of a runner, which pass when the test says so.
    private struct Minutes {
        private let passing = AsyncStream<Void>.makeStream()
        private let waiting = AsyncStream<Void>.makeStream()

        @Sendable func wait(_: Duration) async throws {
            waiting.continuation.yield()
            for await _ in passing.stream { return }
            throw CancellationError()
        }

        /// Lets the runner look once, or as often, and returns when it has.
        func pass(_ count: Int = 1) async {
            for _ in 0..<count {
                passing.continuation.yield()
                for await _ in waiting.stream { break }
            }
        }
    }

    /// Runs that the schedule asked for, once all that was asked for is done.
    private func scheduled(_ runner: RetentionRunner, _ store: TestStore) async throws -> [String] {
        _ = try await RunSupport.plan(runner)
        return try await store.catalog.retentionRuns(before: nil, limit: 100)
            .filter { $0.actor == "server" }.map(\.state.rawValue)
    }

    @Test func aRunIsDueOnceInItsTime() async throws {
        try await TestStore.with { store in
            let runner = try #require(store.registry.retention)
            let rules = RunSupport.rules + "\nschedule: {every: 1h, jitter: 10m}"
            _ = try await runner.replace(with: RunSupport.settings(rules))
            for number in 0..<3 {
                try await store.putImage(seed: UInt64(number + 1), tag: "t\(number)")
                store.clock.advance(seconds: 1)
            }
            let minutes = Minutes()
            let work = Task { await runner.run(sleep: minutes.wait) { bound in bound / 2 } }
            defer { work.cancel() }
            while !runner.isReady { await Task.yield() }
            await minutes.pass(2)
            store.clock.advance(seconds: 3600 + 296)
            await minutes.pass(2)
            #expect(try await scheduled(runner, store).isEmpty, "the jitter of five minutes is not over")
            store.clock.advance(seconds: 1)
            // More looks than the run takes to begin.
            await minutes.pass(5)
            #expect(try await scheduled(runner, store) == ["applied"])
            await minutes.pass(5)
            #expect(try await scheduled(runner, store) == ["applied"])
            store.clock.advance(seconds: 3600 + 300)
            await minutes.pass(5)
            #expect(try await scheduled(runner, store).count == 2)
        }
    }

    @Test func aRestartChangesNothingOfTheTimes() async throws {
        try await TestStore.with { store in
            let clock = store.clock
            let rules = RunSupport.rules + "\nschedule: {every: 1h, jitter: 1m}"
            for expected in [0, 1, 1, 2] {
                let times = RetentionClock(wall: { clock.wallSeconds }) {
                    Int64(clock.monotonicNanoseconds / 1_000_000_000)
                }
                let runner = RetentionRunner(catalog: store.catalog, clock: times, logger: TestStore.silent)
                _ = try await runner.replace(with: RunSupport.settings(rules))
                let minutes = Minutes()
                let work = Task { await runner.run(sleep: minutes.wait) { _ in 0 } }
                while !runner.isReady { await Task.yield() }
                await minutes.pass(3)
                #expect(try await scheduled(runner, store).count == expected)
                work.cancel()
                await work.value
                store.clock.advance(seconds: expected == 0 ? 3600 : 1800)
            }
        }
    }
}
