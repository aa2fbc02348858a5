// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// M2 and M10: what a deployment is, how it is decided, and whether telemetry of it was seen.
struct DeploymentFigureTests {
    typealias Phase = DeploymentStep.Phase

    @Test(arguments: [
        (Phase.healthy, 1, 0), (.failed, 0, 1), (.rolledBack, 0, 1), (.rollbackOrdered, 0, 1), (.unhealthy, 0, 0),
    ])
    func aDeploymentIsDecidedByItsWholeSteps(phase: Phase, good: Int, bad: Int) throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(minute, phase)
        // What comes after the decision changes nothing.
        try record.step(2 * minute, good == 1 ? .failed : .healthy)
        let expected =
            good + bad == 0 ? ["good": 1, "bad": 0, "pending": 0] : ["good": good, "bad": bad, "pending": 0]
        #expect(try counts(.deployments, record.figures()) == expected)
    }

    @Test func aStepOfAnInstanceDecidesNothing() throws {
        var record = Record()
        try record.step(0, .healthy, target: "host")
        #expect(try counts(.deployments, record.figures(at: hour - 1)) == ["good": 0, "bad": 0, "pending": 1])
        #expect(try counts(.deployments, record.figures(at: hour)) == ["good": 0, "bad": 1, "pending": 0])
    }

    @Test(arguments: [(hour, 1), (hour + 1, 0)])
    func theDecisionComesWithinTheHour(time: Int64, good: Int) throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(time, .healthy)
        #expect(
            try counts(.deployments, record.figures(at: 2 * hour)) == ["good": good, "bad": 1 - good, "pending": 0]
        )
    }

    @Test func aRollbackIsADeploymentToo() throws {
        for (end, good) in [(Phase.healthy, 1), (.rolledBack, 1), (.failed, 0)] {
            var record = Record()
            try record.step(0, .rollbackOrdered, "r1")
            try record.step(1, .rollbackOrdered, "r1")
            try record.step(minute, end, "r1")
            let figures = try record.figures()
            #expect(try counts(.deployments, figures) == ["good": good, "bad": 1 - good, "pending": 0])
        }
    }

    @Test func aRollbackMarksTheCurrentDeploymentThatIsUndecided() throws {
        var record = Record()
        try record.step(0, .started, "d1", image: "a")
        try record.step(minute, .started, "d2", image: "b")
        try record.step(2 * minute, .rollbackOrdered, "r1", image: "a")
        try record.step(3 * minute, .healthy, "d1", image: "a")
        try record.step(3 * minute, .healthy, "d2", image: "b")
        try record.step(4 * minute, .rolledBack, "r1", image: "a")
        let figures = try record.figures()
        #expect(try counts(.deployments, figures) == ["good": 2, "bad": 1, "pending": 0])
        #expect(figures[.deployments]?.exemplars.map(\.deployment?.description) == ["d2"])
    }

    @Test func aRollbackLeavesWhatWasDecidedAndWhatIsElsewhere() throws {
        var record = Record()
        try record.step(0, .started, "d1")
        try record.step(1, .healthy, "d1")
        record.service = "web"
        try record.step(2, .started, "d2")
        record.service = nil
        try record.step(3, .rollbackOrdered, "r1", image: "b")
        try record.step(4, .rolledBack, "r1", image: "b")
        record.service = "web"
        try record.step(5, .healthy, "d2")
        #expect(try counts(.deployments, record.figures()) == ["good": 3, "bad": 0, "pending": 0])
    }

    @Test func theWindowIsThatOfTheBeginning() throws {
        var record = Record()
        try record.step(-1, .started, "before")
        try record.step(0, .started, "first")
        try record.step(1, .healthy, "before")
        try record.step(day - 1, .started, "last")
        try record.step(day, .started, "after")
        try record.step(day + 1, .healthy, "last")
        try record.step(day + 1, .healthy, "after")
        #expect(try counts(.deployments, record.figures(at: 2 * day)) == ["good": 1, "bad": 1, "pending": 0])
    }

    @Test(arguments: [(7 * day, false, 1), (7 * day + 1, false, 2), (30 * day, true, 1)])
    func whatWasSilentForAWeekIsForgottenUnlessItIsCurrent(gap: Int64, isCurrent: Bool, number: Int) throws {
        var record = Record()
        try record.step(0, .started, "d1")
        try record.step(1, .healthy, "d1")
        if !isCurrent {
            try record.step(1, .started, "d2")
            try record.step(1, .healthy, "d2")
        }
        try record.step(1 + gap, .unhealthy, "d1", target: "host")
        let figures = try record.figures(to: 60 * day)
        let others = isCurrent ? 0 : 1
        #expect(try counts(.deployments, figures) == ["good": 1 + others, "bad": number - 1, "pending": 0])
    }

    @Test func telemetryIsSeenWithinTheHourByWhichever() throws {
        var record = Record()
        for deployment in ["d0", "d1", "d2"] { try record.step(0, .started, deployment) }
        try record.step(hour, .telemetrySeen, "d0")
        try record.step(hour, .telemetrySeen, "d1", target: "host")
        try record.step(hour + 1, .telemetrySeen, "d2")
        let figures = try record.figures()
        #expect(try counts(.telemetry, figures) == ["seen": 2, "unseen": 1, "pending": 0])
        #expect(figures[.telemetry]?.isMet == false)
        #expect(figures[.telemetry]?.exemplars.map(\.deployment?.description) == ["d2"])
    }

    @Test func telemetryMayComeUntilTheHourIsOver() throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(1, .healthy)
        #expect(try counts(.telemetry, record.figures(at: hour - 1)) == ["seen": 0, "unseen": 0, "pending": 1])
        #expect(try record.figures(at: hour - 1)[.telemetry]?.value == nil)
        #expect(try counts(.telemetry, record.figures(at: hour)) == ["seen": 0, "unseen": 1, "pending": 0])
    }
}
