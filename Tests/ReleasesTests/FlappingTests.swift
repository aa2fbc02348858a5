// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

struct FlappingTests {
    private func cases(_ record: Record, at: Int64) -> [Flapping.Case] {
        var flapping = Flapping()
        for entry in record.entries { flapping.add(entry) }
        return flapping.cases(at: start + at)
    }

    private func alternating(_ times: [Int64], target: String? = "host") throws -> Record {
        var record = Record()
        for (number, time) in times.enumerated() {
            try record.step(time, number % 2 == 0 ? .healthy : .unhealthy, target: target)
        }
        return record
    }

    @Test func threeFlipsInAnHourFlap() throws {
        // The first says how it is, and is no flip.
        #expect(try cases(alternating([0, 1, 2]), at: 2).isEmpty)
        let flapping = try cases(alternating([0, 1, 2, 3]), at: 3)
        #expect(flapping.map(\.flips) == [3])
        #expect(flapping.first?.target?.description == "host")
        #expect(flapping.first?.deployment.description == "d1")
        #expect(flapping.first?.lastFlip == start + 3)
        #expect(try cases(alternating([0, 1, 2, 3], target: nil), at: 3).count == 1)
    }

    @Test func flipsAreForgottenAfterAnHour() throws {
        let record = try alternating([0, 1, 2, 3])
        #expect(cases(record, at: hour).count == 1)
        #expect(cases(record, at: hour + 1).isEmpty)
        #expect(try cases(alternating([0, 1, 2, hour + 1]), at: hour + 1).isEmpty)
        #expect(try cases(alternating([0, 1, 2, hour]), at: hour).count == 1)
    }

    @Test func whatIsSaidAgainIsNoFlip() throws {
        var record = Record()
        for time in 0..<Int64(5) { try record.step(time, .healthy, target: "host") }
        try record.step(5, .unhealthy, target: "host")
        try record.step(6, .unhealthy, target: "host")
        try record.step(7, .healthy, target: "other")
        try record.step(8, .healthy, "d2", target: "host")
        #expect(cases(record, at: 8).isEmpty)
    }

    @Test(arguments: [(day, 3), (day + 1, nil)] as [(Int64, Int?)])
    func healthIsForgottenAfterADay(gap: Int64, flips: Int?) throws {
        let record = try alternating([0, gap, gap + 1, gap + 2])
        #expect(cases(record, at: gap + 2).first?.flips == flips)
    }

    @Test func theWorstComeFirstAndAllIsBounded() throws {
        var record = Record()
        for time in 0..<Int64(4_000) {
            try record.step(time, time % 2 == 0 ? .healthy : .unhealthy, target: "often")
            if time < 5 { try record.step(time, time % 2 == 0 ? .healthy : .unhealthy, target: "seldom") }
        }
        let flapping = cases(record, at: 4_000)
        #expect(flapping.map(\.target?.description) == ["often", "seldom"])
        #expect(flapping.map(\.flips) == [ReleaseFiguresLimits.flipsLimit, 4])
        var few = Flapping(openLimit: 1)
        for entry in record.entries { few.add(entry) }
        #expect(few.uncounted == 5)
    }
}
