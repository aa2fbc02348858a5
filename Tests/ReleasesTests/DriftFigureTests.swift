// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// M7: what is desired, what is reported, and when the two differ for too long.
struct DriftFigureTests {
    private func drift(_ record: Record, to: Int64 = day, at: Int64? = nil, after: Int64 = 15 * minute) throws -> [Int]
    {
        let counts = try counts(.drift, record.figures(to: to, at: at, driftAfter: after))
        return [try #require(counts["incidents"]), try #require(counts["open"])]
    }

    @Test(arguments: [(15 * minute - 1, 0), (15 * minute, 1)])
    func itDriftsAfterAWhile(lasts: Int64, incidents: Int) throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b")
        try record.report(lasts, "a")
        #expect(try drift(record) == [incidents, 0])
    }

    @Test func anIncidentIsOpenUntilItEnds() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(minute, "b")
        #expect(try drift(record, at: 16 * minute - 1) == [0, 0])
        #expect(try drift(record, at: 16 * minute) == [1, 1])
        let figures = try record.figures(at: hour)
        let shown = try #require(figures[.drift]?.exemplars.first)
        #expect(shown.time == start + 16 * minute)
        #expect(shown.value == 3_540)
        #expect(shown.target?.description == "host")
    }

    /// Once nothing is to run there any more, what does is no drift, and is scanned for nobody.
    @Test func whatIsWithdrawnDoesNotDrift() throws {
        var record = Record()
        try record.promote(0, "a", service: nil)
        try record.report(minute, "b")
        try record.promote(10 * minute, nil)
        try record.report(11 * minute, "b", hold: 2 * hour)
        #expect(try drift(record, at: 2 * hour) == [0, 0])
        let figures = try record.figures(at: 2 * hour)
        #expect(figures[.vulnerabilities]?.count("images") == 0)
    }

    @Test func theWindowIsThatOfTheIncident() throws {
        var record = Record()
        try record.promote(-day, "a")
        try record.report(-15 * minute - 1, "b")
        #expect(try drift(record) == [0, 0])
        record.entries.removeLast()
        try record.report(-15 * minute, "b", hold: 2 * day)
        #expect(try drift(record) == [1, 1])
        // One that is as old as it must be when the window is over is of the next one.
        record.entries.removeLast()
        try record.report(day - 15 * minute, "b")
        #expect(try drift(record, at: 2 * day) == [0, 0])
    }

    @Test(arguments: [(15 * minute, 1), (15 * minute - 1, 0)])
    func aReportHoldsUntilItRunsOut(hold: Int64, incidents: Int) throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b", hold: hold)
        #expect(try drift(record) == [incidents, 0])
    }

    @Test(arguments: [(10 * minute, 1), (10 * minute + 1, 0)])
    func reportsThatMeetGoOn(next: Int64, incidents: Int) throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b", hold: 10 * minute)
        try record.report(next, "c", hold: 10 * minute)
        #expect(try drift(record) == [incidents, 0])
    }

    @Test func whatIsDesiredMayChangeMeanwhile() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b")
        try record.step(10 * minute, .started, image: "c")
        try record.step(20 * minute, .rollbackOrdered, "r", image: "b")
        #expect(try drift(record) == [1, 0])
        // A moment of being equal begins it anew.
        record = Record()
        try record.promote(0, "a")
        try record.report(0, "b")
        try record.promote(10 * minute, "b")
        try record.promote(10 * minute, "a")
        #expect(try drift(record, at: 20 * minute) == [0, 0])
        #expect(try drift(record, at: 25 * minute) == [1, 1])
    }

    @Test func oneThatRunsNoMoreHasEnded() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b")
        try record.report(minute, "b", isRunning: false)
        try record.report(minute, "b", hold: 15 * minute - 1)
        #expect(try drift(record) == [0, 0])
    }

    @Test func eachReporterSpeaksForItself() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "b", reporter: "one")
        try record.report(1, "a", reporter: "two")
        try record.report(1, "b", target: "other")
        #expect(try drift(record) == [2, 2])
    }

    @Test func aStepOfAnInstanceIsNotWhatIsDesired() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(0, "a")
        try record.step(1, .started, image: "b", target: "host")
        try record.step(1, .healthy, image: "b")
        #expect(try drift(record) == [0, 0])
    }

    /// A place is what the catalog has a row of what is to run for: who runs what is to run in its service does not
    /// drift, whatever is to run in the place without one.
    @Test func aPromotionWithoutAServiceSaysNothingOfServices() throws {
        var record = Record()
        try record.promote(0, "a", service: "web")
        record.service = "web"
        try record.report(1, "a")
        try record.promote(2, "b")
        try record.report(3, "a")
        #expect(try drift(record) == [0, 0])
        // Nor is it for a service of which something is said later.
        record.service = "late"
        try record.report(4, "a")
        try record.step(5, .healthy, image: "a")
        #expect(try drift(record) == [0, 0])
        // It is what is to run where no service is reported.
        record.service = nil
        try record.report(6, "a", target: "other")
        #expect(try drift(record) == [1, 1])
    }

    @Test func aPromotionForAServiceSaysNothingOfThePlaceWithoutOne() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.report(1, "a")
        try record.promote(2, "b", service: "web")
        #expect(try drift(record) == [0, 0])
        try record.report(3, "b")
        #expect(try drift(record) == [1, 1])
    }

    @Test func aWithdrawalIsOfItsPlaceAlone() throws {
        var record = Record()
        try record.promote(0, "a")
        try record.promote(0, "a", service: "web")
        try record.report(1, "b")
        record.service = "web"
        try record.report(1, "b")
        try record.promote(2, nil)
        #expect(try drift(record) == [1, 1])
        try record.promote(3, nil, service: "web")
        #expect(try drift(record) == [0, 0])
    }

    @Test(arguments: [("k1", "k2", 1), ("k1", "k1", 0), ("k1", nil, 0), (nil, "k2", 0)] as [(String?, String?, Int)])
    func configurationsAreComparedWhereBothAreNamed(desired: String?, reported: String?, incidents: Int) throws {
        var record = Record()
        try record.step(0, .started, image: "a", configuration: desired)
        try record.report(1, "a", configuration: reported)
        #expect(try drift(record) == [incidents, incidents])
        // A promotion says nothing of it.
        try record.promote(2, "a")
        #expect(try drift(record) == [0, 0])
    }

    @Test func incidentsAreReckonedForThirtyDays() throws {
        var record = Record()
        #expect(try record.figures()[.drift]?.value == nil)
        try record.promote(0, "a")
        try record.report(0, "b")
        let figure = try #require(try record.figures(to: 10 * day, at: 20 * day)[.drift])
        #expect(figure.value == 3)
        #expect(figure.isMet == false)
        // A window that is not over is as long as it has been.
        #expect(try record.figures(to: 10 * day, at: 5 * day - 1)[.drift]?.value == 6)
    }
}
