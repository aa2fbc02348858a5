// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics
import MetricsTestKit
import OCI
import Registry
import Releases
import TestSupport
import Testing

/// What of the release record is counted and shown, over restarts and withdrawals.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ReleaseGaugesTests {
    /// A process that looks at the record of a store.
    private struct Watch {
        let store: TestStore
        let metrics = TestMetrics()
        let gauges: ReleaseGauges

        init(_ store: TestStore) {
            self.store = store
            gauges = ReleaseGauges(store.registry, ReleaseSettings(), logger: TestStore.silent)
        }

        func look() async {
            let now = store.clock.wallMilliseconds
            await withMetricsFactory(metrics) { await gauges.look(at: now) { 0 } }
        }

        func count(_ name: String, _ outcome: String, in environment: String = "prod") throws -> Int64 {
            try metrics.expectCounter(name, [("environment", environment), ("outcome", outcome)]).totalValue
        }

        /// The values of a gauge by one of its labels.
        func values(_ name: String, by label: String = "environment") -> [String: Double] {
            var values: [String: Double] = [:]
            for meter in metrics.meters(label: name) {
                guard let pair = meter.dimensions.first(where: { $0.0 == label }) else { continue }
                values[pair.1] = meter.lastValue
            }
            return values
        }
    }

    private static func step(
        _ store: TestStore,
        _ phase: DeploymentStep.Phase,
        _ image: Digest,
        _ deployment: String = "rollout-1",
        on target: String? = nil
    ) async throws {
        let step = DeploymentStep(
            deployment: try PlaceName(parsing: deployment),
            environment: try PlaceName(parsing: "prod"),
            service: try PlaceName(parsing: "web"),
            target: try target.map { try PlaceName(parsing: $0) },
            phase: phase
        )
        _ = try await store.registry.recordStep(step, of: image, in: Sample.repository(), caller: TestStore.caller)
    }

    private static func promote(_ store: TestStore, _ image: Digest?, to environment: String = "prod") async throws {
        let promotion = PromotionReport(environment: try PlaceName(parsing: environment))
        _ = try await store.registry.promote(image, promotion, in: Sample.repository(), caller: TestStore.caller)
    }

    @Test func whatAHostOfAnOldRolloutSaysDecidesNothing() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1)
            try await Self.step(store, .started, image)
            try await Self.step(store, .healthy, image)
            store.clock.advance(seconds: 7_200)
            let watch = Watch(store)
            await watch.look()
            try await Self.step(store, .bootAttempted, image, on: "web-1")
            try await Self.step(store, .booted, image, on: "web-1")
            try await Self.step(store, .unhealthy, image)
            try await Self.step(store, .healthy, image)
            await watch.look()
            store.clock.advance(seconds: 3_700)
            await watch.look()
            #expect(try watch.count("cairn_deployments_total", "good") == 0)
            #expect(try watch.count("cairn_deployments_total", "bad") == 0)
            #expect(try watch.count("cairn_boots_total", "good") == 1)
        }
    }

    @Test func aRestartReadsAllOfTheLastHour() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1)
            for batch in 0..<21 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<50 {
                        group.addTask {
                            try await Self.step(store, .booted, image, "old", on: "web-\(batch)-\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await Self.step(store, .started, image, "new")
            try await Self.step(store, .healthy, image, "new")
            let watch = Watch(store)
            await watch.look()
            try await Self.step(store, .unhealthy, image, "new")
            try await Self.step(store, .healthy, image, "new")
            await watch.look()
            #expect(try watch.count("cairn_deployments_total", "good") == 0, "that was counted before")
            try await Self.step(store, .started, image, "newer")
            try await Self.step(store, .healthy, image, "newer")
            await watch.look()
            #expect(try watch.count("cairn_deployments_total", "good") == 1)
        }
    }

    @Test func anEnvironmentThatIsNotShownAnyMoreHasNoValue() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1)
            let watch = Watch(store)
            for number in 10..<30 { try await Self.promote(store, image, to: "env-\(number)") }
            await watch.look()
            let shown = 20 + ReleaseSettings().production.count
            #expect(watch.values("cairn_drift_open").count == shown, "production is shown, with or without images")
            #expect(watch.values("cairn_critical_vulnerabilities")["env-29"] == 0)
            try await Self.promote(store, image, to: "another")
            try await Self.promote(store, nil, to: "env-15")
            try await Self.promote(store, nil, to: "env-16")
            try await Self.promote(store, image, to: "aside")
            try await Self.promote(store, image, to: "apart")
            try await Self.promote(store, image)
            store.clock.advance(seconds: 61)
            await watch.look()
            for name in ["cairn_drift_open", "cairn_critical_vulnerabilities", "cairn_deployments_open"] {
                #expect(watch.values(name)["another"] == 0, "\(name)")
            }
            #expect(watch.values("cairn_critical_vulnerabilities")["env-15"] == nil, "nothing is to run there")
            #expect(watch.values("cairn_drift_open")["env-29"] == nil, "there are 20 before it")
            #expect(watch.values("cairn_critical_vulnerabilities")["prod"] == 0, "whatever else is shown")
            let promotions = try watch.metrics.expectCounter("cairn_promotions_total", [("environment", "prod")])
            #expect(promotions.totalValue == 1)
        }
    }

    @Test func aBootThatHangsIsCounted() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1)
            try await Self.step(store, .started, image)
            let watch = Watch(store)
            await watch.look()
            #expect(try watch.count("cairn_boots_total", "bad") == 0, "the counter is there before it counts")
            try await Self.step(store, .bootAttempted, image, on: "web-1")
            await watch.look()
            store.clock.advance(seconds: 601)
            await watch.look()
            #expect(try watch.count("cairn_boots_total", "bad") == 1)
            let next = Watch(store)
            await next.look()
            #expect(try next.count("cairn_boots_total", "bad") == 0, "that was counted before the restart")
        }
    }

    @Test func theFirstPromotionOfAnImageIsTimed() async throws {
        try await TestStore.with { store in
            let images = [try await store.putImage(seed: 1), try await store.putImage(seed: 2)]
            let watch = Watch(store)
            await watch.look()
            _ = try await store.registry.recordBuild(
                BuildReport(succeeded: true),
                of: images[0],
                in: Sample.repository(),
                caller: TestStore.caller
            )
            for image in [0, 1, 0] {
                store.clock.advance(seconds: 60)
                try await Self.promote(store, images[image])
                await watch.look()
            }
            store.clock.advance(seconds: 60)
            try await Self.promote(store, images[0], to: "production")
            await watch.look()
            let times = watch.metrics.timers(label: "cairn_promotion_seconds").flatMap(\.values)
            #expect(times == [60_000_000_000])
        }
    }

    @Test func whatFlapsIsKnownAfterARestart() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1)
            try await Self.step(store, .started, image)
            let watch = Watch(store)
            await watch.look()
            for phase in [DeploymentStep.Phase.healthy, .unhealthy, .healthy, .unhealthy] {
                store.clock.advance(seconds: 15)
                try await Self.step(store, phase, image, on: "web-1")
                await watch.look()
            }
            let next = Watch(store)
            await next.look()
            for watch in [watch, next] {
                #expect(watch.values("cairn_deployment_flapping", by: "deployment") == ["rollout-1": 3])
            }
            store.clock.advance(seconds: 3_601)
            await watch.look()
            #expect(watch.values("cairn_deployment_flapping", by: "deployment").isEmpty)
        }
    }
}
