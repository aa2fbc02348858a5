// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import Releases
import TestSupport
import Testing

/// What figures read: the whole record, so not more often than is needed.
@Suite(.serialized, .timeLimit(.minutes(1))) struct FigureTests {
    private let statements = EventLog()

    private func count(_ part: String) -> Int { statements.all.count { $0.contains(part) } }

    /// Runs a test on a store with an image that is to run in two environments.
    private func with(_ body: (TestStore) async throws -> Void) async throws {
        var options = TestStore.Options()
        options.statementTrace = { [statements] in
            if $0.contains("FROM release x") || $0.contains("FROM desired") { statements.add($0) }
        }
        try await TestStore.with(options: options) { store in
            let image = try await store.putImage(seed: 1)
            for environment in ["prod", "staging"] {
                _ = try await store.registry.promote(
                    image,
                    PromotionReport(environment: PlaceName(parsing: environment)),
                    in: Sample.repository(),
                    caller: TestStore.caller
                )
            }
            try await body(store)
        }
    }

    @Test func whoAsksForTheSameWaitsForOneReading() async throws {
        try await with { store in
            let (registry, now) = (store.registry, store.clock.wallMilliseconds)
            let request = FigureRequest(span: 86_400_000)
            let figures = try await withThrowingTaskGroup(of: FigureSet.self) { group in
                for _ in 0..<8 { group.addTask { try await registry.figures(request, ReleaseSettings(), at: now) } }
                return try await group.reduce(into: Set<FigureSet>()) { $0.insert($1) }
            }
            #expect(figures.count == 1)
            #expect(count("ORDER BY x.at, x.id LIMIT") == 1)
            for _ in 0..<2 { _ = try await registry.flapping(at: now) }
            #expect(count("ORDER BY x.at, x.id LIMIT") == 2, "what flaps is kept as well")
            _ = try await registry.flapping(at: now + 30_000)
            #expect(count("ORDER BY x.at, x.id LIMIT") == 3)
        }
    }

    @Test func whoAsksForOthersWaitsForTheirTurn() async throws {
        try await with { store in
            let (registry, now) = (store.registry, store.clock.wallMilliseconds)
            let figures = try await withThrowingTaskGroup(of: FigureSet.self) { group in
                for days in 1...8 {
                    let request = FigureRequest(span: Int64(days) * 86_400_000)
                    group.addTask { try await registry.figures(request, ReleaseSettings(), at: now) }
                }
                return try await group.reduce(into: Set<FigureSet>()) { $0.insert($1) }
            }
            #expect(figures.count == 8)
        }
    }

    @Test func onlyTheEnvironmentThatIsAskedForIsLookedAt() async throws {
        try await with { store in
            let now = store.clock.wallMilliseconds
            let prod = FigureRequest(span: 86_400_000, environment: try PlaceName(parsing: "prod"))
            _ = try await store.registry.figures(prod, ReleaseSettings(), at: now)
            #expect(count("SELECT DISTINCT repo_id, digest FROM desired") == 1)
            #expect(count("SELECT env FROM desired") == 0)
            let all = FigureRequest(span: 86_400_000)
            _ = try await store.registry.figures(all, ReleaseSettings(), at: now)
            // Those of production are looked at whether something is to run there or not.
            #expect(count("SELECT DISTINCT repo_id, digest FROM desired") == 1 + 3)
        }
    }
}
