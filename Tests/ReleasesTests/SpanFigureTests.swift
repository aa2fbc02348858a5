// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// M3, M6 and M8: what takes time, and when it is given up.
struct SpanFigureTests {
    @Test func aReplacementTakesFromItsFirstOrderToHealthy() throws {
        var record = Record()
        try record.step(0, .replacementOrdered, target: "host")
        try record.step(minute, .replacementOrdered, target: "host")
        try record.step(minute, .healthy)
        try record.step(minute, .healthy, target: "other")
        try record.step(2 * minute + 500, .healthy, target: "host")
        try record.step(3 * minute, .healthy, target: "host")
        let figures = try record.figures()
        #expect(try counts(.replacements, figures) == ["count": 1, "within": 1, "never": 0, "open": 0])
        let figure = try #require(figures[.replacements])
        #expect(figure.statistic("mean") == 120.5)
        #expect(figure.statistic("max") == 120.5)
        #expect(figure.statistic("p50") == 120)
        #expect(figure.value == 120)
        #expect(figure.exemplars.first?.value == 120.5)
    }

    @Test func aReplacementIsGivenUpAfterAnHour() throws {
        var record = Record()
        try record.step(0, .replacementOrdered, target: "just")
        try record.step(0, .replacementOrdered, target: "late")
        try record.step(0, .replacementOrdered, target: "none")
        try record.step(hour, .healthy, target: "just")
        try record.step(hour + 1, .healthy, target: "late")
        try record.step(hour + 1, .replacementOrdered, target: "none")
        let figures = try record.figures(at: 2 * hour)
        #expect(try counts(.replacements, figures) == ["count": 1, "within": 0, "never": 2, "open": 1])
        #expect(try counts(.replacements, record.figures(at: 2 * hour + 1))["never"] == 3)
        #expect(figures[.replacements]?.exemplars.map(\.target?.description) == ["none", "late", "just"])
        #expect(figures[.replacements]?.exemplars.map(\.value) == [nil, nil, 3600])
    }

    @Test(arguments: [(19, 0, true), (18, 0, false), (19, 1, false)])
    func thoseThatNeverEndAreNotInTime(quick: Int, never: Int, isMet: Bool) throws {
        var record = Record()
        for number in 0..<20 { try record.step(0, .replacementOrdered, target: "host\(number)") }
        for number in 0..<never { try record.step(0, .replacementOrdered, target: "never\(number)") }
        for number in 0..<quick { try record.step(5 * minute - 1, .healthy, target: "host\(number)") }
        for number in quick..<20 { try record.step(5 * minute, .healthy, target: "host\(number)") }
        #expect(try record.figures()[.replacements]?.isMet == isMet)
    }

    @Test func percentilesAreByNearestRank() throws {
        var record = Record()
        for number in 1...41 { try record.step(0, .replacementOrdered, target: "host\(number)") }
        for number in 1...41 { try record.step(Int64(number) * second + 999, .healthy, target: "host\(number)") }
        let figure = try #require(try record.figures()[.replacements])
        #expect(figure.statistic("p50") == 21)
        #expect(figure.statistic("p95") == 39)
        #expect(figure.statistic("max") == 41.999)
        #expect(figure.exemplars.map(\.value) == [41.999, 40.999, 39.999, 38.999, 37.999])
    }

    @Test func aRollbackEndsWhenTheImageServes() throws {
        var record = Record()
        try record.step(0, .rollbackOrdered, "r1", image: "a")
        try record.step(minute, .rollbackOrdered, "r2", image: "a")
        try record.step(2 * minute, .healthy, "r2", image: "b")
        try record.step(2 * minute, .healthy, "r2", image: "a", target: "host")
        record.service = "web"
        try record.step(2 * minute, .healthy, "r2", image: "a")
        record.service = nil
        try record.step(5 * minute, .rolledBack, "r3", image: "a")
        try record.step(6 * minute, .healthy, "r1", image: "a")
        let figures = try record.figures()
        #expect(try counts(.rollbacks, figures) == ["count": 1, "within": 1, "never": 0, "open": 0])
        #expect(figures[.rollbacks]?.value == 300)
        #expect(figures[.rollbacks]?.isMet == true)
        #expect(figures[.rollbacks]?.exemplars.map(\.deployment?.description) == ["r1"])
    }

    @Test func aRollbackThatNeverEndsMissesTheTarget() throws {
        var record = Record()
        try record.step(0, .rollbackOrdered, "r1", image: "a")
        try record.step(0, .rollbackOrdered, "r2", image: "b")
        try record.step(1, .healthy, "r1", image: "a")
        var figures = try record.figures(at: day - 1)
        #expect(try counts(.rollbacks, figures) == ["count": 1, "within": 1, "never": 0, "open": 1])
        #expect(figures[.rollbacks]?.isMet == true)
        figures = try record.figures(at: day)
        #expect(try counts(.rollbacks, figures) == ["count": 1, "within": 1, "never": 1, "open": 0])
        #expect(figures[.rollbacks]?.isMet == false)
        try record.step(day + 1, .healthy, "r2", image: "b")
        #expect(try counts(.rollbacks, record.figures(at: day + 1))["never"] == 1)
    }

    @Test func aBootEndsWithItsFirstResult() throws {
        var record = Record()
        for target in ["booted", "healthy", "failed", "late", "silent"] {
            try record.step(0, .bootAttempted, target: target)
        }
        try record.step(minute, .booted, target: "booted")
        try record.step(minute, .healthy, target: "healthy")
        try record.step(minute, .bootFailed, target: "failed")
        try record.step(minute, .booted, target: "failed")
        try record.step(10 * minute, .booted, target: "late")
        try record.step(10 * minute, .healthy, target: "booted")
        let figures = try record.figures(at: 10 * minute)
        #expect(try counts(.boots, figures) == ["good": 3, "bad": 2, "open": 0])
        #expect(figures[.boots]?.value == 0.4)
        #expect(figures[.boots]?.isMet == false)
        let targets = figures[.boots]?.exemplars.map(\.target?.description)
        #expect(targets == ["silent", "failed"])
        record.entries.removeLast(2)
        #expect(try counts(.boots, record.figures(at: 10 * minute - 1))["open"] == 2)
    }

    @Test(arguments: [(10 * minute + 1, 0, 1), (20 * minute, 0, 1), (20 * minute + 1, 1, 1)])
    func aLateResultIsOfTheBootThatWasGivenUp(time: Int64, good: Int, bad: Int) throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(time, .booted, target: "host")
        #expect(try counts(.boots, record.figures()) == ["good": good, "bad": bad, "open": 0])
    }

    @Test func whoBootsAgainDidNotComeUp() throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(minute, .bootAttempted, target: "host")
        try record.step(2 * minute, .booted, target: "host")
        #expect(try counts(.boots, record.figures()) == ["good": 1, "bad": 1, "open": 0])
    }

    @Test func resultsWithoutABeginningAreBootsOfTheirOwn() throws {
        var record = Record()
        try record.step(0, .healthy, target: "host")
        try record.step(1, .bootFailed, target: "host")
        try record.step(2, .bootFailed, target: "host")
        try record.step(3, .booted, target: "host")
        #expect(try counts(.boots, record.figures()) == ["good": 1, "bad": 2, "open": 0])
    }
}
