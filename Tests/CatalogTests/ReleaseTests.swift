// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Releases
import Testing

/// The release record: what is to run where, what was good there, and what is kept for it.
@Suite struct ReleaseTests: ReleaseTelling {
    let deployments: DeploymentFixture
    let name: RepositoryName

    init() async throws {
        deployments = try await DeploymentFixture(images: 5)
        name = try Sample.repository()
    }

    private func protections(previous: Int = 3) async throws -> [Digest: String] {
        let found = try await catalog.protections(of: name, previousImages: previous, now: deployments.now)
        return Dictionary(
            found.compactMap { protection in
                if case .digest(let digest) = protection.subject { (digest, protection.reason) } else { nil }
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    // MARK: Builds

    @Test func aBuildIsRecordedOnceAndTellsOfOthersOfItsCommit() async throws {
        let build = BuildReport(
            succeeded: true,
            source: try Self.name("github.com/acme/shop"),
            revision: try Self.name("abc"),
            build: try Self.name("17")
        )
        let first = try await catalog.recordBuild(build, of: images[0], in: name, context: Sample.context)
        #expect(event(first) != nil)
        let again = try await catalog.recordBuild(build, of: images[0], in: name, context: Sample.context)
        #expect(event(again) == nil)
        let other = BuildReport(succeeded: true, source: build.source, revision: build.revision)
        let second = try await catalog.recordBuild(other, of: images[1], in: name, context: Sample.context)
        guard case .recorded(_, _, let variants) = second else {
            Issue.record("\(second)")
            return
        }
        #expect(variants == [images[0]])
        let elsewhere = BuildReport(succeeded: true, source: try Self.name("other"), revision: build.revision)
        let third = try await catalog.recordBuild(elsewhere, of: images[2], in: name, context: Sample.context)
        guard case .recorded(_, _, let none) = third else {
            Issue.record("\(third)")
            return
        }
        #expect(none.isEmpty, "the commit of another source is another one")
    }

    @Test func aBuildIsFoundHoweverMuchWasSaidOfItsImageSince() async throws {
        let build = BuildReport(succeeded: true, revision: try Self.name("abc"), build: try Self.name("17"))
        _ = try await catalog.recordBuild(build, of: images[0], in: name, context: Sample.context)
        let other = BuildReport(succeeded: true, revision: build.revision, build: try Self.name("18"))
        _ = try await catalog.recordBuild(other, of: images[1], in: name, context: Sample.context)
        for number in 0..<5 {
            try await step(number % 2 == 0 ? .healthy : .unhealthy, 0, "r1", on: "web-1")
        }
        let latest = try await catalog.releases(of: images[0], in: name, before: .max, limit: 5)
        #expect(!latest.map(\.entry.fact).contains(.build(build)), "what was said since comes before it")
        let builds = try await catalog.builds(of: images[0], in: name, limit: 5)
        #expect(builds.map(\.entry.fact) == [.build(build)])
    }

    @Test func aBuildThatFailedNeedsNoImageNorARepository() async throws {
        let new = try Sample.repository("team/new")
        let build = BuildReport(succeeded: false, build: try Self.name("1"))
        let outcome = try await catalog.recordBuild(build, of: nil, in: new, context: Sample.context)
        #expect(event(outcome) != nil)
        let filter = ReleaseFilter(repository: new)
        let records = try await catalog.releases(filter, before: .max, limit: 10)
        #expect(records.map(\.entry.fact) == [.build(build)])
        #expect(records.first?.entry.digest == nil)
    }

    // MARK: Traffic

    private func rollout() throws -> RolloutKey {
        RolloutKey(
            repository: name,
            environment: try Self.name("prod"),
            service: nil,
            deployment: try Self.name("r1")
        )
    }

    private func report(_ requests: Int, errors: Int = 0, by actor: Int) async throws -> Bool {
        let traffic = try #require(RolloutTraffic(requests: requests, errors: errors))
        let context = Catalog.Context(actor: "user:\(actor)", requestID: "r")
        return try await catalog.reportTraffic(traffic, as: .canary, of: rollout(), context: context)
    }

    @Test func whoReportsTrafficGoesOnWhenNobodyElseMayBegin() async throws {
        var reporters = 0
        while try await report(1, by: reporters), reporters < 1_000 { reporters += 1 }
        #expect(reporters == 200, "as many as ReleaseLimits says")
        let renewed = try await report(5, by: 0)
        #expect(renewed)
        let traffic = try await catalog.traffic(of: rollout())
        #expect(traffic[.canary]?.requests == reporters + 4)
    }

    /// Counts that are left out would make a failing canary look like one without requests.
    @Test func whatAllReportersSayTogetherIsJudged() async throws {
        let limit = ReleaseLimits.trafficRequests
        let tooMany = try await report(limit + 1, errors: 1, by: 0)
        #expect(!tooMany)
        var reporters = 0
        while try await report(limit, errors: limit / 2, by: reporters), reporters < 1_000 { reporters += 1 }
        #expect(reporters == 200, "as many as ReleaseLimits says")
        let traffic = try await catalog.traffic(of: rollout())
        #expect(traffic[.canary] == RolloutTraffic(requests: reporters * limit, errors: reporters * (limit / 2)))
        #expect(traffic[.canary] != nil)
    }

    // MARK: What is not there

    @Test func whatIsNotThereIsNotRecorded() async throws {
        let build = BuildReport(succeeded: true)
        let strange = try Sample.digest(99)
        let outcome = try await catalog.recordBuild(build, of: strange, in: name, context: Sample.context)
        #expect(outcome == .unknownImage)
        _ = try await catalog.delete(images[0])
        let deleted = try await promote(0)
        #expect(deleted == .unknownImage, "a deleted image is not promoted")
    }

    // MARK: Promotions

    @Test func thePromotionSaysWhatIsToRun() async throws {
        #expect(event(try await promote(0)) != nil)
        #expect(event(try await promote(0)) == nil)
        let second = try await promote(1)
        guard case .recorded(_, let former, _) = second else {
            Issue.record("\(second)")
            return
        }
        #expect(former == images[0])
        let now = try await desired()
        #expect(now?.digest == images[1])
        #expect(event(try await promote(nil)) != nil)
        let ended = try await desired()
        #expect(ended == nil)
        #expect(event(try await promote(nil)) == nil)
    }

    @Test func onlyWhatIsKnownThereComesFromAnEnvironment() async throws {
        let unknown = try await promote(0, from: "staging")
        guard case .refused = unknown else {
            Issue.record("\(unknown)")
            return
        }
        #expect(event(try await promote(0, to: "staging")) != nil)
        #expect(event(try await promote(0, from: "staging")) != nil)
        try await step(.failed, 1, "s1", in: "staging")
        let failed = try await promote(1, from: "staging")
        guard case .refused = failed else {
            Issue.record("\(failed)")
            return
        }
        try await step(.healthy, 1, "s2", in: "staging")
        #expect(event(try await promote(1, from: "staging")) != nil, "it was healthy there after it failed")
    }

    // MARK: Rollouts

    @Test func aStepThatIsReportedAgainIsRecordedOnce() async throws {
        #expect(try await step(.healthy, 0, "d1", on: "web-1") != nil)
        #expect(try await step(.healthy, 0, "d1", on: "web-1") == nil)
        #expect(try await step(.healthy, 0, "d1", on: "web-2") != nil)
        #expect(try await step(.unhealthy, 0, "d1", on: "web-1") != nil)
        #expect(try await step(.healthy, 0, "d1", on: "web-1") != nil, "it flaps")
    }

    @Test func whatWasHealthyIsGoodToGoBackTo() async throws {
        for (image, rollout) in [(0, "d1"), (1, "d2")] {
            try await step(.started, image, rollout)
            try await step(.healthy, image, rollout)
        }
        try await step(.started, 2, "d3")
        try await step(.healthy, 2, "d3", on: "web-1")
        let here = try await desired()
        #expect(here?.digest == images[2])
        #expect(here?.rollback == [images[1], images[0]], "one instance that is healthy makes no good image")
        try await step(.rollbackOrdered, 1, "r1")
        try await step(.rolledBack, 1, "r1")
        let back = try await desired()
        #expect(back?.digest == images[1])
        #expect(back?.rollback == [images[0]], "what was rolled back from is not good")
        let last = try await catalog.releases(ReleaseFilter(), before: .max, limit: 1).first?.entry.fact
        guard case .step(let done) = last else {
            Issue.record("\(String(describing: last))")
            return
        }
        #expect(done.phase == .healthy, "a rollback that was carried out is healthy")
        try await step(.rolledBack, 0, "d1")
        let rest = try await desired()
        #expect(rest?.rollback == [], "a rollout that was rolled back was given up")
    }

    @Test func aRolloutThatGoesBackByItselfGivesUpTheImageItBeganWith() async throws {
        for (image, rollout) in [(0, "d1"), (1, "d2"), (2, "d3")] {
            try await step(.started, image, rollout)
            try await step(.healthy, image, rollout)
        }
        // Which image a tool names here differs: what it went back to, or what it gave up.
        try await step(.rolledBack, 1, "d3")
        _ = try await promote(3)
        let here = try await desired()
        #expect(here?.rollback == [images[1], images[0]])
        try await step(.healthy, 2, "d4")
        let again = try await desired()
        #expect(again?.rollback == [images[2], images[1], images[0]], "it was healthy after it was given up")
    }

    @Test func otherPlacesSayNothingOfWhatWasGood() async throws {
        try await step(.healthy, 0, "d1")
        try await step(.healthy, 1, "d2", in: "staging")
        try await step(.failed, 0, "d1", in: "staging")
        _ = try await promote(3)
        let here = try await desired()
        #expect(here?.rollback == [images[0]])
    }

    @Test func whereNothingWasReportedHealthyWhatRanThereIsTaken() async throws {
        try await deployments.report(1, service: "web")
        try await deployments.report(2, service: "web")
        let (images, isProven) = try await catalog.rollbackImages(
            from: self.images[1],
            in: Self.name("prod"),
            of: name,
            service: Self.name("web")
        )
        #expect(images == [self.images[0]] && !isProven)
        try await step(.failed, 0, "d0")
        let none = try await catalog.rollbackImages(
            from: self.images[1],
            in: Self.name("prod"),
            of: name,
            service: Self.name("web")
        )
        #expect(none.digests.isEmpty, "what failed is not taken")
    }

    // MARK: Protection

    @Test func whatIsToRunAndWhatItGoesBackToIsKept() async throws {
        for (image, rollout) in [(0, "d1"), (1, "d2"), (2, "d3")] {
            try await step(.started, image, rollout)
            try await step(.healthy, image, rollout)
        }
        var kept = try await protections(previous: 1)
        #expect(kept[images[2]] == "is to run in prod (web)")
        #expect(kept[images[1]] == "was healthy in prod (web); kept for rollback")
        #expect(kept[images[0]] == nil, "one former image is kept, as was asked")
        for (image, previous, isKept) in [(2, 1, true), (1, 1, true), (0, 1, false), (0, 2, true), (1, 0, false)] {
            let digest = images[image]
            let reason = try await catalog.write { transaction in
                try transaction.isProtected(digest, tags: [], in: Sample.repository(), previousImages: previous, now: 0)
            }
            #expect((reason != nil) == isKept, "image \(image), \(previous) former ones")
        }
        _ = try await promote(nil)
        kept = try await protections()
        #expect(kept.isEmpty, "nothing is to run there any more")
    }

    // MARK: Reading

    @Test func theRecordIsReadByTimeAndByPage() async throws {
        for image in 0..<4 {
            deployments.fixture.clock.advance(seconds: 10)
            _ = try await promote(image)
        }
        try await deployments.report(1)
        let all = try await catalog.releases(ReleaseFilter(), before: .max, limit: 10)
        #expect(all.count == 5 && all.map(\.id) == all.map(\.id).sorted(by: >))
        var (found, position): ([ReleaseRecord], ReleasePosition) = ([], ReleasePosition(time: 0))
        while true {
            let page = try await catalog.releases(after: position, before: .max, limit: 2)
            guard let last = page.last else { break }
            found += page
            position = ReleasePosition(time: last.entry.time, id: last.id)
        }
        #expect(found == all.reversed())
        let prod = ReleaseFilter(environment: try Self.name("staging"))
        let none = try await catalog.releases(prod, before: .max, limit: 10)
        #expect(none.isEmpty)
        let trimmed = try await catalog.trimReleases(before: found[2].entry.time)
        #expect(trimmed == 2)
        let rest = try await catalog.releases(after: 0, limit: 10)
        #expect(rest == Array(found[2...]))
    }

    @Test func theConfigurationIsPartOfAReport() async throws {
        let (place, configuration) = (try DeploymentFixture.place("web-1"), try Sample.digest(70))
        for config in [nil, configuration, configuration] {
            let outcome = try await catalog.reportDeployment(
                DeploymentReport(
                    place: place,
                    repository: name,
                    digest: images[0],
                    deployment: nil,
                    configuration: config,
                    expires: 60
                ),
                grace: 60,
                context: Sample.context
            )
            guard case .recorded = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
        let facts = try await catalog.releases(ReleaseFilter(), before: .max, limit: 10).map(\.entry.fact)
        let configurations = facts.map { fact -> Digest? in
            if case .running(let report) = fact { report.configuration } else { nil }
        }
        #expect(configurations == [configuration, nil], "another configuration is another entry")
    }
}
