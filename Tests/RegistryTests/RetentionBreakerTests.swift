// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Registry
import TestSupport
import Testing

/// What makes a run one that somebody has to look at, and what is refused.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RetentionBreakerTests {
    private func fill(_ store: TestStore, _ count: Int) async throws {
        for number in 0..<count {
            _ = try await store.putImage(seed: UInt64(number + 1), tag: "t\(number)")
            store.clock.advance(seconds: 60)
        }
        store.clock.advance(seconds: 60)
    }

    @Test func muchOfARepositoryHasToBeConfirmed() async throws {
        try await RunSupport.with { store, runner in
            try await fill(store, 13)
            let plan = try await RunSupport.plan(runner)
            #expect(plan.warnings.count == 1 && plan.warnings[0].contains("11 of the 13 tags"))
            let refusal = try await RunSupport.refusal {
                _ = try await RunSupport.apply(plan, runner, isConfirmed: false)
            }
            #expect(refusal == .needsConfirmation)
            let applied = try await RunSupport.apply(plan, runner, isConfirmed: true)
            #expect(RunSupport.outcome(applied, "done") == 22)
        }
    }

    @Test func muchAtOnceHasToBeConfirmed() async throws {
        let limited = RunSupport.rules + "\nlimits: {tags-percent: 100, items: 7}"
        try await RunSupport.with(limited) { store, runner in
            try await fill(store, 6)
            let plan = try await RunSupport.plan(runner)
            #expect(plan.warnings.count == 1 && plan.warnings[0].contains("8 tags and images"))
        }
    }

    @Test func aClockThatWasMovedHasToBeConfirmed() async throws {
        try await RunSupport.with { store, runner in
            try await fill(store, 5)
            let plan = try await RunSupport.plan(runner)
            #expect(plan.warnings.isEmpty)
            store.clock.setWall(seconds: store.clock.wallSeconds + 3601)
            let refusal = try await RunSupport.refusal {
                _ = try await RunSupport.apply(plan, runner, isConfirmed: false)
            }
            #expect(refusal == .needsConfirmation)
            let later = try await RunSupport.plan(runner)
            #expect(later.warnings.contains { $0.contains("the clock was moved by 3601 seconds") })
            store.clock.setWall(seconds: store.clock.wallSeconds - 3 * 3601)
            let earlier = try await RunSupport.plan(runner)
            #expect(earlier.warnings.contains { $0.contains("behind the latest change") })
        }
    }

    @Test func timesOfPullsThatAreNotKnownHaveToBeConfirmed() async throws {
        let byPulls = """
            policies:
              - name: p
                repositories: ["**"]
                rules: [{name: unused, delete: {tags: ["*"], pulled-before: 10m}}]
            """
        try await RunSupport.with(byPulls) { store, runner in
            try await fill(store, 2)
            let unknown = try await RunSupport.plan(runner)
            #expect(unknown.warnings.contains { $0.contains("no pulls are known yet") })
            await store.registry.pullTimes?.flush()
            store.clock.advance(seconds: 300)
            await store.registry.pullTimes?.flush()
            let short = try await RunSupport.plan(runner)
            #expect(short.warnings.contains { $0.contains("known only for 300 seconds") })
            store.clock.advance(seconds: 301)
            await store.registry.pullTimes?.flush()
            let known = try await RunSupport.plan(runner)
            #expect(known.warnings.isEmpty && known.counts.map(\.count).prefix(3) == [0, 2, 2])
            store.clock.advance(seconds: 3601)
            let stale = try await RunSupport.plan(runner)
            #expect(stale.warnings.contains { $0.contains("known only until 3601 seconds ago") })
        }
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        try await RunSupport.with { store, runner in
            try await fill(store, 4)
            let unknown = try await RunSupport.refusal { _ = try await runner.report(99) }
            #expect(unknown == .unknownRun)
            let plan = try await RunSupport.plan(runner)
            let wrong = try await RunSupport.refusal {
                _ = try await runner.apply(
                    plan.id,
                    hash: "0123456789ab",
                    isConfirmed: true,
                    caller: TestStore.caller
                )
            }
            #expect(wrong == .wrongPlan)
            let early = try await RunSupport.refusal { _ = try await RunSupport.restore(plan.id, runner) }
            #expect(early == .wrongState)
            // Other rules than those that were planned by.
            _ = try await runner.replace(with: RunSupport.settings(RunSupport.rules + "\nprevious-images: 5"))
            let changed = try await RunSupport.refusal { _ = try await RunSupport.apply(plan, runner) }
            #expect(changed == .wrongPlan)
            _ = try await runner.replace(with: RunSupport.settings(RunSupport.rules))
            try await RunSupport.apply(plan, runner)
            let twice = try await RunSupport.refusal { _ = try await RunSupport.apply(plan, runner) }
            #expect(twice == .wrongState)
            store.clock.advance(seconds: 8 * 86_400)
            let late = try await RunSupport.refusal { _ = try await RunSupport.restore(plan.id, runner) }
            #expect(late == .tooLate)
            _ = try await runner.replace(with: nil)
            let none = try await RunSupport.refusal { _ = try await RunSupport.plan(runner) }
            #expect(none == .noRules)
        }
    }

    /// A repository that the caller may not retain is left out, and the plan says so.
    @Test func whatTheCallerMayNotRetainIsLeftOut() async throws {
        try await RunSupport.with { store, runner in
            try await fill(store, 4)
            for seed in 1...4 {
                _ = try await store.putImage(seed: UInt64(seed), tag: "o\(seed)", in: "team/other")
                store.clock.advance(seconds: 60)
            }
            let begun = try await runner.plan(
                scope: Glob(parsing: "**"),
                mayRetain: { $0.description == "team/app" },
                caller: TestStore.caller
            )
            let plan = try await RunSupport.settled(begun.id, runner)
            let repositories = try await runner.repositories(of: plan.id).map(\.description)
            #expect(repositories == ["team/app"])
            #expect(plan.warnings.contains { $0.contains("1 repositories were left out") })
        }
    }

    /// What was pulled in another region is known here, or somebody has to look.
    @Test func pullsElsewhereThatAreNotKnownHaveToBeConfirmed() async throws {
        let byPulls = """
            policies:
              - name: p
                repositories: ["team/**"]
                rules: [{name: idle, delete: {tags: ["*"], pulled-before: 1h}}]
            """
        try await RunSupport.with(byPulls) { store, runner in
            try await fill(store, 2)
            let catalog = store.registry.catalog
            try await catalog.notePullTracking(now: store.clock.wallSeconds)
            store.clock.advance(seconds: 7_300)
            try await catalog.notePullTracking(now: store.clock.wallSeconds)
            let alone = try await RunSupport.plan(runner)
            #expect(alone.warnings == [])
            _ = try await catalog.addPeer(origin: "eu.example/log", region: "eu")
            let unknown = try await RunSupport.plan(runner)
            #expect(unknown.warnings == ["it is not known what runs in eu, and what was pulled there"])
            try await catalog.notePullsHeard(of: "eu.example/log", until: store.clock.wallSeconds - 7_000)
            let known = try await RunSupport.plan(runner)
            #expect(known.warnings == [])
            store.clock.advance(seconds: 600)
            try await catalog.notePullTracking(now: store.clock.wallSeconds)
            let late = try await RunSupport.plan(runner)
            #expect(late.warnings.count == 1)
            _ = try await catalog.setPeer("eu.example/log", state: .retired, reason: "")
            let without = try await RunSupport.plan(runner)
            #expect(without.warnings == [])
        }
    }

    /// The rules of a repository are applied in its home: what goes there goes everywhere.
    @Test func whatHasItsHomeElsewhereIsLeftAlone() async throws {
        try await RunSupport.with { store, runner in
            try await fill(store, 5)
            let catalog = store.registry.catalog
            let before = try await RunSupport.plan(runner)
            #expect(before.counts.map(\.count).prefix(3) == [4, 3, 3])
            _ = try await catalog.addPeer(origin: "eu.example/log", region: "eu")
            _ = try await catalog.setHome(
                of: RepositoryName(parsing: "team/app"),
                to: "eu.example/log",
                isTakeover: false,
                context: TestStore.caller.context
            )
            let away = try await RunSupport.plan(runner)
            #expect(away.counts.map(\.count).prefix(3) == [0, 0, 0])
            _ = try await catalog.setPeer("eu.example/log", state: .retired, reason: "")
            let lost = try await RunSupport.plan(runner)
            let found = lost.counts.map(\.count).prefix(3)
            #expect(found == [4, 3, 3], "a region that will not come back looks after nothing")
        }
    }
}
