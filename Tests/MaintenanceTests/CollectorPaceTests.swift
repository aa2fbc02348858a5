// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Maintenance
import TestSupport
import Testing

@Suite("When and how fast the collector works")
struct CollectorPaceTests {
    @Test("a turn takes as long as its rates say")
    func rates() async throws {
        var options = CollectionOptions()
        options.linksPerSecond = 40
        options.unlinksPerSecond = 20
        try await CollectorFixture.with { fixture in
            for seed in 1...60 { try await fixture.store.push(Sample.bytes(8, seed: UInt64(seed))) }
            fixture.advance(CollectorFixture.lease + 1)
            let clock = FineClock()
            let collector = CollectorFixture.collector(over: fixture.store, options, clock)
            let turn = await collector.turn()
            #expect(turn.work.removedBlobs == 60)
            // The last batch need not be paid for.
            #expect((2.9...3.2).contains(Double(turn.nanoseconds) / 1e9), "\(turn.nanoseconds)")
        }
    }

    @Test("it sleeps until something is due, at least a second, and a request wakes it")
    func wakes() async throws {
        try await CollectorFixture.with { fixture in
            let clock = FineClock(stops: true)
            let collector = CollectorFixture.collector(over: fixture.store, .fastest, clock)
            let running = Task { await collector.run() }
            let first = try await clock.nextSleep()
            #expect(first == .seconds(60))
            try await fixture.store.push(Sample.bytes(8))
            let number = collector.requestTurn()
            let second = try await clock.nextSleep()
            #expect(second == .seconds(60), "the lease is longer than the longest pause")
            let status = try await collector.status()
            #expect(status.turns >= number && status.backlog.queuedLinks == 1 && status.backlog.dueLinks == 0)
            fixture.advance(CollectorFixture.lease)
            collector.requestTurn()
            let third = try await clock.nextSleep()
            #expect(third == .seconds(1))
            running.cancel()
            await running.value
        }
    }

    @Test("where collection is switched off nothing runs")
    func disabled() async throws {
        var options = CollectionOptions.fastest
        options.isEnabled = false
        try await CollectorFixture.with(options: options) { fixture in
            await fixture.collector.runAll()
            let status = try await fixture.collector.status()
            #expect(status.turns == 0 && !status.options.isEnabled)
        }
    }
}
