// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

struct RolloutOutcomesTests {
    /// What entries decide that come in at their times, none of which was heard of before.
    private func outcomes(_ record: Record, _ outcomes: inout RolloutOutcomes) -> [RolloutOutcomes.Outcome] {
        record.entries.flatMap { outcomes.add($0, first: nil, at: $0.time) }
    }

    private func verdicts(_ record: Record) -> [Bool] {
        var rollouts = RolloutOutcomes()
        return outcomes(record, &rollouts).map(\.isGood)
    }

    @Test(
        arguments: [(.healthy, true), (.failed, false), (.rolledBack, false), (.rollbackOrdered, false)]
            as [(DeploymentStep.Phase, Bool)]
    )
    func aWholeStepDecidesOnce(phase: DeploymentStep.Phase, isGood: Bool) throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(1, .healthy, target: "host")
        try record.step(2, phase)
        try record.step(3, .healthy)
        try record.step(4, .failed)
        #expect(verdicts(record) == [isGood])
    }

    @Test func whatNobodyDecidesIsBadAfterAnHour() throws {
        var record = Record()
        try record.step(0, .started)
        var rollouts = RolloutOutcomes()
        let environment = try #require(Record.prod)
        #expect(outcomes(record, &rollouts).isEmpty)
        #expect(rollouts.overdue(at: start + hour).isEmpty)
        #expect(rollouts.open(in: environment) == 1)
        #expect(rollouts.overdue(at: start + hour + 1).map(\.isGood) == [false])
        #expect(rollouts.open(in: environment) == 0)
        #expect(rollouts.overdue(at: start + 2 * hour).isEmpty)
    }

    @Test(arguments: [(hour, true), (hour + 1, false)])
    func whatIsSaidAfterAnHourComesTooLate(time: Int64, isGood: Bool) throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(time, .healthy)
        #expect(verdicts(record) == [isGood])
    }

    @Test func aRollbackEndsWhatWasThereAndIsTimed() throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(minute, .rollbackOrdered, "back")
        try record.step(3 * minute, .healthy, "back")
        var rollouts = RolloutOutcomes()
        let found = outcomes(record, &rollouts)
        #expect(found.map(\.isGood) == [false, true])
        #expect(found.map(\.rollbackSeconds) == [nil, 120])
    }

    /// A host of a rollout that was healthy long ago says something, and a day later the rollout is said to be healthy.
    @Test(arguments: [DeploymentStep.Phase.bootAttempted, .unhealthy])
    func anOldRolloutIsNotDecidedAgain(phase: DeploymentStep.Phase) throws {
        var record = Record()
        try record.step(10 * day, phase, target: "host")
        try record.step(10 * day + minute, .healthy)
        try record.step(10 * day + hour, .failed)
        var rollouts = RolloutOutcomes()
        for entry in record.entries {
            let first = rollouts.isNew(entry) ? start : nil
            #expect(rollouts.add(entry, first: first, at: entry.time).isEmpty)
        }
        let environment = try #require(Record.prod)
        #expect(rollouts.open(in: environment) == 0)
        #expect(rollouts.overdue(at: start + 10 * day + 2 * hour).isEmpty)
    }

    @Test(arguments: [(hour, 1), (hour + 1, 0)])
    func anUnknownRolloutIsOpenForAnHourOnly(time: Int64, open: Int) throws {
        var record = Record()
        try record.step(time, .healthy, target: "host")
        var rollouts = RolloutOutcomes()
        let entry = try #require(record.entries.first)
        #expect(rollouts.add(entry, first: start, at: entry.time).isEmpty)
        let environment = try #require(Record.prod)
        #expect(rollouts.open(in: environment) == open)
    }

    /// What is spoken of each day is known all the time, without a look for its first step.
    @Test func whatIsSpokenOfStaysKnown() throws {
        var rollouts = RolloutOutcomes()
        var record = Record()
        try record.step(0, .started)
        try record.step(1, .healthy)
        for number in 1...20 { try record.step(Int64(number) * day, .booted, target: "host") }
        for (number, entry) in record.entries.enumerated() {
            #expect(rollouts.isNew(entry) == (number == 0))
            _ = rollouts.add(entry, first: nil, at: entry.time)
            _ = rollouts.overdue(at: entry.time)
        }
        let last = try #require(record.entries.last)
        _ = rollouts.overdue(at: last.time + 7 * day + 1)
        #expect(rollouts.isNew(last))
    }

    @Test func aRestartTakesUpWhatIsOpenAndCountsNothingAgain() throws {
        var record = Record()
        try record.step(20 * minute, .started, "young")
        try record.step(30 * minute, .unhealthy, "old", target: "host")
        try record.step(31 * minute, .started, "good")
        try record.step(32 * minute, .healthy, "good")
        let since = start + 15 * minute
        var rollouts = RolloutOutcomes()
        for entry in record.entries {
            guard case .step(let step) = entry.fact else { continue }
            let first = step.deployment.description == "old" ? start : nil
            rollouts.recall(entry, first: rollouts.isNew(entry) ? first : nil, since: since)
        }
        let environment = try #require(Record.prod)
        #expect(rollouts.open(in: environment) == 1, "that of which a host spoke began before, and was decided there")
        var later = Record()
        try later.step(76 * minute, .healthy, "old")
        try later.step(76 * minute, .healthy, "good")
        #expect(outcomes(later, &rollouts).isEmpty)
        #expect(rollouts.overdue(at: start + 81 * minute).map(\.isGood) == [false])
    }

    /// A region that was away for days tells all at once: its rollouts are not bad because they are heard of late.
    @Test func whatComesLateHasTimeToComeWhole() throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(5 * minute, .healthy)
        let now = start + 3 * day
        var rollouts = RolloutOutcomes()
        #expect(rollouts.add(record.entries[0], first: nil, at: now).isEmpty)
        #expect(rollouts.overdue(at: now + minute).isEmpty)
        #expect(rollouts.add(record.entries[1], first: nil, at: now + minute).map(\.isGood) == [true])
        #expect(rollouts.overdue(at: now + 2 * hour).isEmpty)
    }

    @Test func whereThereAreTooManyThoseAreKeptThatAreOpen() throws {
        var record = Record()
        for number in 0..<4 {
            try record.step(Int64(number), .started, "d\(number)")
            if number == 1 { try record.step(Int64(number), .healthy, "d\(number)") }
        }
        var rollouts = RolloutOutcomes(limit: 3)
        #expect(outcomes(record, &rollouts).map(\.isGood) == [true])
        let environment = try #require(Record.prod)
        #expect(rollouts.open(in: environment) == 3)
    }
}
