// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// Boots as they are counted when their steps come in.
struct BootOutcomesTests {
    private func verdicts(_ record: Record, _ boots: inout BootOutcomes) -> [Bool] {
        record.entries.flatMap { boots.add($0, at: $0.time) }.map(\.isGood)
    }

    @Test func aBootThatHangsIsBad() throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        var boots = BootOutcomes()
        #expect(verdicts(record, &boots).isEmpty)
        #expect(boots.overdue(at: start + 10 * minute).isEmpty)
        #expect(boots.overdue(at: start + 10 * minute + 1).map(\.isGood) == [false])
        #expect(boots.overdue(at: start + 20 * minute).isEmpty)
        var late = Record()
        try late.step(20 * minute, .booted, target: "host")
        #expect(verdicts(late, &boots).isEmpty, "a late result is of the boot that was given up")
    }

    @Test(arguments: [(.booted, true), (.healthy, true), (.bootFailed, false)] as [(DeploymentStep.Phase, Bool)])
    func aBootEndsWithItsFirstResult(phase: DeploymentStep.Phase, isGood: Bool) throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(minute, phase, target: "host")
        try record.step(2 * minute, .booted, target: "host")
        try record.step(3 * minute, .bootFailed, target: "host")
        try record.step(4 * minute, .healthy, target: "host")
        var boots = BootOutcomes()
        #expect(verdicts(record, &boots) == [isGood])
        #expect(boots.overdue(at: start + hour).isEmpty)
    }

    @Test func whoBootsAgainDidNotComeUp() throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(minute, .bootAttempted, target: "host")
        try record.step(2 * minute, .booted, target: "host")
        try record.step(2 * minute, .bootAttempted, target: "other")
        var boots = BootOutcomes()
        #expect(verdicts(record, &boots) == [false, true])
    }

    @Test func whatIsOfTheWholeRolloutIsNoBoot() throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(1, .healthy)
        try record.step(2, .healthy, target: "other")
        var boots = BootOutcomes()
        #expect(verdicts(record, &boots).isEmpty)
    }

    /// The counters say in the end what the figure says.
    @Test(arguments: [0, minute, 10 * minute, 10 * minute + 1, 20 * minute, 20 * minute + 1, hour])
    func theFigureSaysTheSame(time: Int64) throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(time, .booted, target: "host")
        try record.step(time, .bootFailed, target: "unheard")
        try record.step(time + minute, .bootAttempted, target: "host")
        try record.step(time + 30 * minute, .booted, target: "host")
        var boots = BootOutcomes()
        var found = verdicts(record, &boots)
        found += boots.overdue(at: start + day).map(\.isGood)
        let figure = try counts(.boots, record.figures())
        #expect(found.count { $0 } == figure["good"])
        #expect(found.count { !$0 } == figure["bad"])
    }

    @Test func whatComesLateHasTimeToComeWhole() throws {
        var record = Record()
        try record.step(0, .bootAttempted, target: "host")
        try record.step(minute, .booted, target: "host")
        let now = start + day
        var boots = BootOutcomes()
        #expect(boots.add(record.entries[0], at: now).isEmpty)
        #expect(boots.overdue(at: now + minute).isEmpty)
        #expect(boots.add(record.entries[1], at: now + minute).map(\.isGood) == [true])
        #expect(boots.overdue(at: now + hour).isEmpty)
    }

    @Test func whatIsKnownIsBounded() throws {
        var record = Record()
        for number in 0..<4 { try record.step(0, .bootAttempted, target: "host\(number)") }
        var boots = BootOutcomes(limit: 3)
        #expect(verdicts(record, &boots).isEmpty)
        #expect(boots.overdue(at: start + hour).count == 3)
    }
}
