// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

struct ReleaseInspectionTests {
    private func lastGood(_ record: Record, otherThan other: String? = nil, service: String? = nil) throws -> Digest? {
        ReleaseInspection.lastGood(
            repository: try RepositoryName(parsing: "acme/shop"),
            environment: try PlaceName(parsing: "prod"),
            service: try service.map { try PlaceName(parsing: $0) },
            otherThan: try other.map(Record.digest),
            in: record.entries
        )?.digest
    }

    /// Three images, each healthy after the other.
    private func threeRollouts() throws -> Record {
        var record = Record()
        for (number, image) in ["a", "b", "c"].enumerated() {
            try record.step(Int64(number) * 10, .started, "d-\(image)", image: image)
            try record.step(Int64(number) * 10 + 1, .healthy, "d-\(image)", image: image)
        }
        return record
    }

    @Test func itIsTheLastThatWasHealthy() throws {
        var record = try threeRollouts()
        #expect(try lastGood(record) == Record.digest("c"))
        #expect(try lastGood(record, otherThan: "c") == Record.digest("b"))
        try record.step(30, .healthy, "d-a", image: "a")
        #expect(try lastGood(record, otherThan: "c") == Record.digest("a"))
        #expect(try lastGood(Record()) == nil)
    }

    @Test func otherPlacesAndInstancesSayNothing() throws {
        var record = try threeRollouts()
        try record.step(30, .healthy, "x", image: "x", target: "host")
        try record.step(31, .failed, "d-b", image: "b", target: "host")
        record.environment = "staging"
        try record.step(32, .healthy, "x", image: "x")
        record.environment = "prod"
        record.service = "web"
        try record.step(33, .healthy, "x", image: "x")
        record.service = nil
        record.repository = "acme/pay"
        try record.step(34, .healthy, "x", image: "x")
        #expect(try lastGood(record, otherThan: "c") == Record.digest("b"))
        #expect(try lastGood(record, service: "web") == Record.digest("x"))
    }

    @Test func whatFailedLaterIsNotGoodUntilItIsHealthyAgain() throws {
        var record = try threeRollouts()
        try record.step(30, .failed, "again", image: "b")
        #expect(try lastGood(record, otherThan: "c") == Record.digest("a"))
        try record.step(31, .healthy, "once-more", image: "b")
        #expect(try lastGood(record, otherThan: "c") == Record.digest("b"))
    }

    @Test func whatWasRolledBackFromIsNotGood() throws {
        var record = try threeRollouts()
        try record.step(30, .rollbackOrdered, "r", image: "a")
        // The image that is to run again is not good by being ordered, and c is not good any more.
        #expect(try lastGood(record) == Record.digest("b"))
        try record.step(31, .rolledBack, "r", image: "a")
        #expect(try lastGood(record, otherThan: "a") == Record.digest("b"))
    }

    @Test func aRolloutThatGoesBackByItselfIsNotGood() throws {
        for phase in [DeploymentStep.Phase.rollbackOrdered, .rolledBack] {
            var record = try threeRollouts()
            try record.step(30, phase, "d-c", image: "b")
            #expect(try lastGood(record) == Record.digest("b"))
        }
    }
}
