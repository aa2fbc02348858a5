// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// What was reported to run somewhere is protected, with its predecessors, until its reporter has been silent for too
/// long; and nobody's report takes another's away.
@Suite struct DeploymentTests {
    private static let day = DeploymentFixture.day

    @Test func anImageIsAnEventOnlyWhenItChanges() async throws {
        let world = try await DeploymentFixture()
        let first = try await world.report(1)
        #expect(first != nil)
        world.fixture.clock.advance(seconds: 120)
        let again = try await world.report(1)
        let other = try await world.report(2)
        #expect(again == nil && other != nil)
        #expect(try world.fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'deploy.report'") == 2)
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployment") == 1)
    }

    @Test func aHeartbeatWithinAMinuteWritesNothing() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        let start = world.now
        for seconds in [30, 29, 1] as [Int64] {
            world.fixture.clock.advance(seconds: seconds)
            try await world.report(1)
            let reported = try world.fixture.count("SELECT reported_at FROM deployment")
            #expect(Int64(reported) == (seconds == 1 ? start + 60 : start))
        }
        // A report that holds longer is written at once.
        try await world.report(1, expires: 2 * Self.day)
        #expect(try world.fixture.count("SELECT stale_at - reported_at FROM deployment") == 2 * 86_400)
    }

    @Test func whatTheRepositoryLacksIsNotReported() async throws {
        let world = try await DeploymentFixture()
        for name in ["team/app", "other"] {
            let outcome = try await world.catalog.reportDeployment(
                DeploymentReport(
                    place: DeploymentFixture.place("web-1"),
                    repository: Sample.repository(name),
                    digest: name == "other" ? world.images[0] : Sample.digest(77),
                    deployment: nil,
                    expires: 60
                ),
                grace: 0,
                context: Sample.context
            )
            #expect(outcome == .unknownImage)
        }
    }

    @Test func aDeletedManifestIsReportedWithAWarning() async throws {
        let world = try await DeploymentFixture()
        _ = try await world.catalog.delete(world.images[0])
        let outcome = try await world.catalog.reportDeployment(
            DeploymentReport(
                place: DeploymentFixture.place("web-1"),
                repository: Sample.repository(),
                digest: world.images[0],
                deployment: nil,
                expires: 60
            ),
            grace: 0,
            context: Sample.context
        )
        guard case .recorded(_, let isTrashed, _, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(isTrashed)
        let reason = try await world.isProtected(1)
        #expect(reason == "runs in prod on web-1")
    }

    @Test func aSilentReporterProtectsThroughTheGrace() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        world.fixture.clock.advance(seconds: Self.day - 1)
        #expect(try await world.protected() == [1: .running])
        world.fixture.clock.advance(seconds: 1)
        #expect(try await world.protected() == [1: .stale])
        #expect(try await world.catalog.staleDeployments(now: world.now) == 1)
        world.fixture.clock.advance(seconds: 11 * Self.day)
        let reason = try await world.isProtected(1)
        #expect(reason == "runs in prod on web-1, last reported 12 days ago")
        world.fixture.clock.advance(seconds: 19 * Self.day - 1)
        #expect(try await world.protected() == [1: .stale])
        #expect(try await world.catalog.expireDeployments(limit: 10) == 0)
        world.fixture.clock.advance(seconds: 1)
        #expect(try await world.protected() == [:])
        #expect(try await world.catalog.expireDeployments(limit: 10) == 1)
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployment") == 0)
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployed") == 0)
    }

    @Test func aStepOfTheWallClockEndsNothing() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        try await world.report(2)
        world.fixture.clock.setWall(milliseconds: 4_000_000_000_000)
        #expect(try await world.protected() == [2: .stale, 1: .previous])
        #expect(try await world.isProtected(1) != nil)
        #expect(try await world.catalog.expireDeployments(limit: 10) == 0)
    }

    @Test func formerImagesStayForTheWayBack() async throws {
        let world = try await DeploymentFixture()
        for number in 1...5 { try await world.report(number) }
        #expect(try await world.protected(previous: 2) == [5: .running, 4: .previous, 3: .previous])
        #expect(try await world.protected(previous: 0) == [5: .running])
        // Back to an older one: what came between is what ran before.
        try await world.report(3)
        #expect(try await world.protected(previous: 2) == [3: .running, 5: .previous, 4: .previous])
        for number in 1...6 {
            let reason = try await world.isProtected(number)
            #expect((reason != nil) == [3, 4, 5].contains(number), "\(number)")
        }
        #expect(try await world.isProtected(4) == "ran in prod before; kept for rollback")
    }

    @Test func aRolloutUnderWayCountsBothItsImagesAsRunning() async throws {
        let world = try await DeploymentFixture()
        for number in 1...3 {
            for target in ["web-1", "web-2"] { try await world.report(number, on: target) }
        }
        try await world.report(4, on: "web-1")
        #expect(
            try await world.protected(previous: 2) == [4: .running, 3: .running, 2: .previous, 1: .previous]
        )
    }

    @Test func servicesAndEnvironmentsHaveTheirOwnFormerImages() async throws {
        let world = try await DeploymentFixture()
        for number in 1...2 { try await world.report(number, service: "shop") }
        for number in 3...4 { try await world.report(number, env: "test") }
        #expect(
            try await world.protected(previous: 1) == [2: .running, 1: .previous, 4: .running, 3: .previous]
        )
        #expect(try await world.isProtected(1) == "ran in prod (shop) before; kept for rollback")
        #expect(try await world.isProtected(2) == "runs in prod on web-1 (shop)")
    }

    @Test func twentyFormerImagesAreKeptOfAService() async throws {
        let world = try await DeploymentFixture(images: 24)
        for number in 1...24 { try await world.report(number) }
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployed") == 20)
        #expect(try await world.protected(previous: 100).keys.sorted() == Array(5...24))
    }

    // MARK: Who reports

    @Test func aForgedReportTakesNothingAway() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        try await world.report(2)
        for number in [3, 4, 5, 6] { try await world.report(number, by: "mallory") }
        let kinds = try await world.protected(previous: 1)
        #expect(kinds[2] == .running && kinds[1] == .previous)
        #expect(try await world.end(by: "mallory", ofAnyone: false) != .notFound)
        #expect(try await world.protected(previous: 1)[2] == .running)
    }

    @Test func onesOwnReportEndsAndAnothersDoesNot() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        #expect(try await world.end(by: "mallory") == .notFound)
        #expect(try await world.end(of: 2) == .otherImage(current: world.images[0]))
        #expect(try await world.protected() == [1: .running])
        guard case .ended = try await world.end(of: 1) else {
            Issue.record("it did not end")
            return
        }
        #expect(try await world.end() == .notFound)
    }

    @Test func whoMayRetainEndsWhatAnyoneReported() async throws {
        let world = try await DeploymentFixture()
        for actor in ["a", "b"] { try await world.report(1, by: actor) }
        guard case .ended = try await world.end(by: "admin", ofAnyone: true) else {
            Issue.record("it did not end")
            return
        }
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployment WHERE ended_at IS NULL") == 0)
    }

    @Test func whatEndedStaysForTheWayBackThroughTheGrace() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1)
        try await world.report(2)
        _ = try await world.end()
        #expect(try await world.protected(previous: 2) == [2: .previous, 1: .previous])
        #expect(try await world.protected(previous: 1) == [2: .previous])
        #expect(try await world.catalog.staleDeployments(now: world.now + 1) == 0)
        world.fixture.clock.advance(seconds: DeploymentFixture.grace)
        #expect(try await world.protected(previous: 2) == [:])
        #expect(try await world.catalog.expireDeployments(limit: 10) == 1)
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployed") == 0)
    }

    @Test func targetsThatComeAndGoLeaveOneRow() async throws {
        let world = try await DeploymentFixture()
        for number in 1...20 {
            try await world.report(1, on: "pod-\(number)")
            _ = try await world.end(on: "pod-\(number)")
        }
        #expect(try world.fixture.count("SELECT COUNT(*) FROM deployment") == 1)
        // It starts again, and that is an event.
        let event = try await world.report(1, on: "pod-20")
        #expect(event != nil)
        #expect(try await world.protected() == [1: .running])
    }

    @Test func reportsAreListedByPages() async throws {
        let world = try await DeploymentFixture()
        try await world.report(1, on: "a")
        try await world.report(2, on: "b", env: "test", service: "s")
        try await world.catalog.recordPulls([
            PulledManifest(repository: Sample.repository(), digest: world.images[0], at: 5)
        ])
        let first = try await world.catalog.deployments(in: nil, environment: nil, after: 0, limit: 1)
        let second = try await world.catalog.deployments(in: nil, environment: nil, after: first[0].id, limit: 9)
        #expect(first.map(\.digest) == [world.images[0]] && second.map(\.digest) == [world.images[1]])
        #expect(first[0].lastPull == 5 && first[0].isLive && second[0].lastPull == nil)
        let test = try await world.catalog.deployments(
            in: Sample.repository(),
            environment: PlaceName(parsing: "test"),
            after: 0,
            limit: 9
        )
        #expect(test == second)
        let other = try Sample.repository("x")
        #expect(try await world.catalog.deployments(in: other, environment: nil, after: 0, limit: 9) == [])
    }
}
