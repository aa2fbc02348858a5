// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// Plans, what is made of them, and the way back.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RetentionRunTests {
    /// Pushes images with tags t0, t1, … a minute apart, and waits until the last is old.
    private func fill(_ store: TestStore, _ count: Int) async throws -> [Digest] {
        var digests: [Digest] = []
        for number in 0..<count {
            digests.append(try await store.putImage(seed: UInt64(number + 1), tag: "t\(number)"))
            store.clock.advance(seconds: 60)
        }
        store.clock.advance(seconds: 60)
        return digests
    }

    @Test func aPlanChangesNothingAndItsApplicationIsUndone() async throws {
        try await RunSupport.with { store, runner in
            let digests = try await fill(store, 6)
            let before = try await RunSupport.state(store)
            let plan = try await RunSupport.plan(runner)
            #expect(plan.state == "planned" && plan.warnings.isEmpty)
            #expect(plan.counts.map(\.count).prefix(3) == [4, 4, 4])
            #expect(try await RunSupport.state(store) == before)

            let applied = try await RunSupport.apply(plan, runner, isConfirmed: false)
            #expect(applied.state == "applied" && RunSupport.outcome(applied, "done") == 8)
            let left = try await store.catalog.retainedTags(in: Sample.repository(), after: nil, limit: 9)
            #expect(left.map(\.digest) == Array(digests.suffix(2)))

            store.clock.advance(seconds: 3600)
            let restored = try await RunSupport.restore(plan.id, runner)
            #expect(restored.state == "restored" && RunSupport.outcome(restored, "restored") == 8)
            #expect(try await RunSupport.state(store) == before)
            let problems = try await store.catalog.ruleViolations(limit: 10)
            #expect(problems.isEmpty)
        }
    }

    /// The bytes that a plan promises are those of blobs that only the deleted manifests have.
    @Test func theBytesOfAPlanLeaveOutWhatOthersUse() async throws {
        try await RunSupport.with { store, runner in
            let (config, layer) = (Array("{}".utf8), Sample.bytes(5_000, seed: 9))
            for name in ["team/app", "team/other"] {
                try await store.push(config, in: name)
                try await store.push(layer, in: name)
            }
            let old = try Sample.image(config: config, layers: [layer])
            try await store.put(old, tag: "t0")
            store.clock.advance(seconds: 120)
            _ = try await store.putImage(seed: 1, tag: "a")
            _ = try await store.putImage(seed: 2, tag: "b")
            let alone = try await RunSupport.plan(runner)
            #expect(alone.counts.map(\.count) == [4, 1, 1, Int64(old.count + layer.count)])
            #expect(alone.rules.map(\.name) == ["p/old"])
            #expect(alone.rules.map(\.bytes) == [Int64(old.count + layer.count)])
            // Another repository's image keeps the layer.
            try await store.put(
                Sample.image(config: config, layers: [layer], annotations: ["a": "b"]),
                tag: "x",
                in: "team/other"
            )
            let shared = try await RunSupport.plan(runner)
            #expect(shared.counts.map(\.count).last == Int64(old.count))
        }
    }

    /// A blob that images of two rules have comes back by neither alone.
    @Test func whatSeveralRulesFreeIsOfNone() async throws {
        let rules = """
            policies:
              - name: p
                repositories: ["team/**"]
                rules:
                  - {name: a, delete: {tags: ["a*"], pushed-before: 1m}}
                  - {name: b, delete: {tags: ["b*"], pushed-before: 1m}}
            """
        try await RunSupport.with(rules) { store, runner in
            let (config, layer) = (Array("{}".utf8), Sample.bytes(5_000, seed: 9))
            let own = Sample.bytes(300, seed: 8)
            for blob in [config, layer, own] { try await store.push(blob) }
            let images = try [
                ("a1", Sample.image(config: config, layers: [layer, own])),
                ("b1", Sample.image(config: config, layers: [layer])),
            ]
            for (tag, image) in images { try await store.put(image, tag: tag) }
            store.clock.advance(seconds: 120)
            let plan = try await RunSupport.plan(runner)
            let (first, second) = (Int64(images[0].1.count), Int64(images[1].1.count))
            #expect(plan.rules.map(\.name) == ["p/a", "p/b", nil])
            #expect(plan.rules.map(\.tags) == [1, 1, 0] && plan.rules.map(\.manifests) == [1, 1, 0])
            #expect(plan.rules.map(\.bytes) == [first + 300, second, Int64(config.count + layer.count)])
            #expect(plan.counts.last?.count == first + second + 300 + Int64(config.count + layer.count))
        }
    }

    enum Change: String, CaseIterable {
        case tagMoved, tagDeleted, retagged, pushedAgain, pinned, described, deployed
    }

    /// What has changed since the plan stays, with the reason.
    @Test(arguments: Change.allCases)
    func whatHasChangedSinceIsSkipped(_ change: Change) async throws {
        try await RunSupport.with { store, runner in
            let digests = try await fill(store, 5)
            let plan = try await RunSupport.plan(runner)
            let name = try Sample.repository()
            let manifest = try await store.registry.manifest(.digest(digests[0]), in: name)
            let bytes = Array(manifest.bytes.readableBytesView)
            let expected: String
            switch change {
            case .tagMoved:
                _ = try await store.putImage(seed: 77, tag: "t0")
                expected = "the tag t0 was set since"
            case .tagDeleted:
                try await store.delete(.tag(Sample.tag("t0")))
                expected = "the tag t0 was deleted since"
            case .retagged:
                try await store.put(bytes, tag: "other")
                expected = "was pushed since"
            case .pushedAgain:
                try await store.put(bytes)
                expected = "was pushed since"
            case .pinned:
                _ = try await store.catalog.setPin(
                    .pin,
                    on: .digest(digests[0]),
                    in: name,
                    until: nil,
                    reason: "test",
                    context: TestStore.caller.context
                )
                expected = "pinned"
            case .described:
                try await store.push(Array("{}".utf8))
                try await store.put(Sample.image(subject: bytes, artifactType: "a/b"))
                expected = "describes it since"
            case .deployed:
                let (prod, web) = (try PlaceName(parsing: "prod"), try PlaceName(parsing: "web-3"))
                _ = try await store.registry.report(
                    Deployment(environment: prod, target: web, service: nil),
                    runs: digests[0],
                    of: name,
                    deployment: nil,
                    expires: nil,
                    caller: TestStore.caller
                )
                expected = "runs in prod"
            }
            let applied = try await RunSupport.apply(plan, runner)
            #expect(RunSupport.outcome(applied, "skipped") == 2 && RunSupport.outcome(applied, "done") == 4)
            let reasons = try await RunSupport.reasons(plan.id, runner)
            #expect(reasons.count == 2 && reasons.allSatisfy { $0.contains(expected) })
            let served = try await store.registry.manifest(.digest(digests[0]), in: name)
            #expect(served.digest == digests[0])
        }
    }

    /// An index goes with its images, and an image with what describes it; all of it comes back.
    @Test func wholeFamiliesGoAndComeBack() async throws {
        try await RunSupport.with { store, runner in
            let (config, layer) = (Array("{}".utf8), Sample.bytes(100, seed: 4))
            try await store.push(config)
            try await store.push(layer)
            let image = try Sample.image(config: config, layers: [layer])
            try await store.put(image)
            let index = try Sample.index([image])
            try await store.put(index, tag: "old")
            let signature = try Sample.image(config: config, subject: image, artifactType: "a/signature")
            try await store.put(signature)
            try await store.put(Sample.image(config: config, subject: signature, artifactType: "a/count"))
            let hex = try Sample.digest(index).hex
            try await store.put(Sample.image(config: config, annotations: ["x": "y"]), tag: "sha256-\(hex).sig")
            store.clock.advance(seconds: 120)
            _ = try await store.putImage(seed: 1, tag: "new-1")
            _ = try await store.putImage(seed: 2, tag: "new-2")
            let before = try await RunSupport.state(store)

            let plan = try await RunSupport.plan(runner)
            let applied = try await RunSupport.apply(plan, runner)
            #expect(RunSupport.outcome(applied, "done") == 7 && RunSupport.outcome(applied, "skipped") == 0)
            let left = try await store.catalog.retainedManifests(in: Sample.repository(), after: nil, limit: 20)
            #expect(left.count == 2)
            let referrers = try await store.catalog.referrers(
                of: Sample.digest(image),
                in: Sample.repository(),
                limit: 10
            )
            #expect(referrers.referrers.isEmpty)

            // A layer that somebody deletes meanwhile comes into sight again.
            try await store.registry.deleteBlob(
                Sample.digest(layer),
                in: Sample.repository(),
                caller: TestStore.caller
            )
            let restored = try await RunSupport.restore(plan.id, runner)
            #expect(RunSupport.outcome(restored, "restored") == 7)
            #expect(try await RunSupport.state(store) == before)
            let size = try await store.registry.statBlob(Sample.digest(layer), in: Sample.repository())
            #expect(size == 100)
            #expect(try await store.catalog.ruleViolations(limit: 10).isEmpty)
        }
    }

    @Test func aTagThatWasUsedMeanwhileIsNotOverwritten() async throws {
        try await RunSupport.with { store, runner in
            _ = try await fill(store, 5)
            let plan = try await RunSupport.plan(runner)
            try await RunSupport.apply(plan, runner)
            let other = try await store.putImage(seed: 99, tag: "t1")
            let restored = try await RunSupport.restore(plan.id, runner)
            #expect(RunSupport.outcome(restored, "conflict") == 1 && RunSupport.outcome(restored, "restored") == 5)
            let served = try await store.registry.manifest(.tag(Sample.tag("t1")), in: Sample.repository())
            #expect(served.digest == other)
            let reasons = try await RunSupport.reasons(plan.id, runner)
            #expect(reasons.count == 1 && reasons[0].contains("has another image now"))
        }
    }

    /// What was cut off by the end of the process goes on with the first group that is still to be done.
    @Test(arguments: 0...4)
    func aRunThatWasCutOffGoesOn(_ done: Int) async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let id = try await TestStore.with(in: directory, clock: clock) { store in
            _ = try await fill(store, 6)
            let runner = try #require(store.registry.retention)
            _ = try await runner.replace(with: RunSupport.settings(RunSupport.rules))
            let work = await RunSupport.work(runner)
            let plan = try await RunSupport.plan(runner)
            work.cancel()
            await work.value
            let run = try #require(try await store.catalog.retentionRun(plan.id))
            let context = TestStore.caller.context
            let began = try await store.catalog.beginApplying(run, hash: run.planHash ?? "", now: 1, context: context)
            #expect(began)
            let groups = try await store.catalog.groups(of: run.id, in: .planned, beyond: nil, limit: 100)
            #expect(groups.count == 4)
            for group in groups.prefix(done) {
                let outcome = try await store.catalog.apply(
                    group,
                    of: run.id,
                    unless: { _, _, _, _ in nil },
                    context: context
                )
                #expect(outcome == .done(tags: 1, manifests: 1))
            }
            return run.id
        }
        try await RunSupport.with(in: directory) { store, runner in
            let report = try await RunSupport.settled(id, runner)
            #expect(report.state == "applied" && RunSupport.outcome(report, "done") == 8)
            let left = try await store.catalog.retainedTags(in: Sample.repository(), after: nil, limit: 9)
            #expect(left.map(\.tag.description) == ["t4", "t5"])
        }
    }
}
