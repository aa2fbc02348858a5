// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Releases
import Testing

/// What of the release record counts: orders that stand, places with an image, and what was said first.
@Suite struct ReleaseOrderTests: ReleaseTelling {
    let deployments: DeploymentFixture
    let name: RepositoryName

    init() async throws {
        deployments = try await DeploymentFixture(images: 5)
        name = try Sample.repository()
    }

    /// A followed region may say anything of when a build began.
    @Test func aBuildBeganWithinTimesThatThereAre() async throws {
        let fixture = try CatalogFixture()
        let starts: [Int64] = [-1, .min, .max, 1 << 53 + 1, 1 << 53, 5]
        let leaves = starts.map { start in
            ReplayTests.leaf("build.report", "\"digest\":null,\"outcome\":\"failed\",\"started_ms\":\(start)")
        }
        try await fixture.catalog.replay(leaves.map { try ReplayTests.entry($0) }, from: 0)
        let facts = try await fixture.catalog.releases(after: 0, limit: 10).map(\.entry.fact)
        let began = facts.map { fact -> Int64? in
            if case .build(let build) = fact { build.startedAt } else { nil }
        }
        let expected: [Int64?] = [nil, nil, nil, nil, 1 << 53, 5]
        #expect(began == expected)
    }

    @Test func theFirstBuildPromotionAndStepAreFound() async throws {
        let prod = try Self.name("prod")
        func now() -> Int64 { deployments.fixture.clock.wallMilliseconds }
        let none = try await catalog.firstBuildTime(of: images[0], in: name)
        #expect(none == nil)
        var times: [Int64] = []
        for (run, succeeded) in [("1", false), ("2", true), ("3", true)] {
            deployments.fixture.clock.advance(seconds: 10)
            let build = BuildReport(succeeded: succeeded, build: try Self.name(run))
            _ = try await catalog.recordBuild(build, of: images[0], in: name, context: Sample.context)
            times.append(now())
        }
        let built = try await catalog.firstBuildTime(of: images[0], in: name)
        #expect(built == times[1], "one that failed is none")
        for image in [0, 1, 0] { _ = try await promote(image) }
        _ = try await promote(0, to: "staging")
        let records = try await catalog.releases(ReleaseFilter(environment: prod), before: .max, limit: 10)
        let first = try await catalog.firstPromotion(of: images[0], in: name, to: [prod, Self.name("other")])
        #expect(first?.id == records.last?.id && records.count == 3)
        let never = try await catalog.firstPromotion(of: images[2], in: name, to: [prod])
        #expect(never == nil)
        deployments.fixture.clock.advance(seconds: 10)
        try await step(.booted, 0, "d1", on: "web-1")
        let began = now()
        deployments.fixture.clock.advance(seconds: 10)
        try await step(.started, 0, "d1")
        let time = try await catalog.firstStepTime(of: Self.name("d1"), in: prod, of: name, service: Self.name("web"))
        #expect(time == began)
        let other = try await catalog.firstStepTime(of: Self.name("d2"), in: prod, of: name, service: Self.name("web"))
        #expect(other == nil)
    }

    /// As with an environment for each change that is proposed: what was withdrawn leaves room for others.
    @Test func placesWithoutAnImageDoNotCount() async throws {
        let places = ReleaseLimits.placesPerRepository
        try deployments.fixture.raw { database in
            try database.execute(
                sql: """
                    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                    INSERT INTO desired(env, repo_id, service, digest, config, kind, deployment, actor, at, hlc, region)
                    SELECT 'change-' || i, r.id, 'web', NULL, NULL, 'image.promote', '', 'ci', 1, 1, 'cairn'
                    FROM n, repo r
                    """,
                arguments: [places]
            )
        }
        #expect(event(try await promote(0)) != nil)
        #expect(event(try await promote(0, to: "staging")) != nil)
        let environments = try await catalog.environments(after: "", limit: 5)
        #expect(try environments == [Self.name("prod"), Self.name("staging")])
        let found = try await catalog.desiredDigests(in: Self.name("prod"), of: nil, limit: 5)
        #expect(found.map { $0.digest } == [images[0]] && found.map { $0.repository } == [name])
        let others = try await catalog.desiredDigests(in: Self.name("change-1"), of: name, limit: 5)
        #expect(others.isEmpty)
        // One that was withdrawn keeps the time of its withdrawal: an older entry, of another region, changes nothing.
        #expect(try deployments.fixture.count("SELECT COUNT(*) FROM desired WHERE digest IS NULL") == places)
    }

    @Test func repositoriesOfAServiceAreThoseThatPass() async throws {
        _ = try await promote(0)
        let other = try Sample.repository("team/other")
        try await catalog.linkConfig(in: other.description)
        let image = try SampleManifest.image(40)
        _ = try await catalog.put(image, in: other.description)
        let promotion = PromotionReport(environment: try Self.name("prod"), service: try Self.name("web"))
        _ = try await catalog.promote(image.digest, promotion, in: other, context: Sample.context)
        let (web, prod) = (try Self.name("web"), try Self.name("prod"))
        let all = try await catalog.repositories(of: web, in: prod) { _ in true }
        #expect(all == [name, other])
        let one = try await catalog.repositories(of: web, in: prod) { $0 == other }
        #expect(one == [other])
        let none = try await catalog.repositories(of: web, in: prod) { _ in false }
        #expect(none.isEmpty)
    }

    @Test func anOrderIsGivenAnewOnceSomethingElseIsToRun() async throws {
        try await step(.started, 0, "d1")
        #expect(try await step(.started, 0, "d1") == nil)
        try await step(.started, 1, "d2")
        #expect(try await step(.started, 0, "d1") != nil, "it says again what is to run")
        let back = try await desired()
        #expect(back?.digest == images[0])
        let configuration = try Sample.digest(70)
        #expect(try await step(.started, 0, "d1", config: configuration) != nil)
        #expect(try await step(.started, 0, "d1", config: configuration) == nil)
        #expect(try await step(.started, 0, "d1") == nil, "it leaves the configuration open")
        let configured = try await desired()
        #expect(configured?.configuration == configuration)
        _ = try await promote(nil)
        #expect(try await step(.started, 0, "d1", config: configuration) != nil, "nothing was to run")
    }

    /// A deployment begins with its first step, of the rollout or of an instance.
    @Test func aRolloutThatOnlyItsInstancesToldOfGivesUpTheImageItBeganWith() async throws {
        try await step(.healthy, 1, "d1")
        _ = try await promote(2)
        try await step(.booted, 2, "d2", on: "web-1")
        try await step(.rolledBack, 1, "d2")
        _ = try await promote(3)
        let here = try await desired()
        #expect(here?.rollback == [images[1]], "the image that it went back to is not bad")
        try await step(.booted, 1, "r1", on: "web-1")
        try await step(.rollbackOrdered, 1, "r1")
        try await step(.rolledBack, 2, "r1")
        _ = try await promote(3)
        let last = try await desired()
        #expect(last?.rollback == [], "one that did not begin with the order is no rollback")
    }

    @Test func anImageThatManyReportIsOneToGoBackTo() async throws {
        try await deployments.report(2, on: "web-0", service: "web", by: "agent-0")
        for agent in 1...6 {
            try await deployments.report(1, on: "web-\(agent)", service: "web", by: "agent-\(agent)")
        }
        let (found, isProven) = try await catalog.rollbackImages(
            from: images[2],
            in: Self.name("prod"),
            of: name,
            service: Self.name("web")
        )
        #expect(found == [images[0], images[1]] && !isProven, "where the first may not go, the second is taken")
    }
}
