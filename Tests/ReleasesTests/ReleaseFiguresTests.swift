// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// What all figures have in common: filters, order, moments, bounds and form.
struct ReleaseFiguresTests {
    @Test func nothingHasNoValue() throws {
        let figures = try Record().figures()
        #expect(figures.figures.map(\.kind) == FigureKind.allCases)
        for figure in figures.figures {
            #expect(figure.value == nil)
            #expect(figure.isMet == nil)
            #expect(figure.exemplars.isEmpty)
        }
    }

    @Test func entriesOfOthersAreLeftOut() throws {
        var record = Record()
        for repository in ["acme/shop", "acme/pay"] {
            record.repository = repository
            try record.build(0, "a")
            for environment in ["prod", "staging"] {
                record.environment = environment
                try record.step(0, .started)
                try record.step(0, .healthy)
            }
        }
        for (repository, environment, builds, deployments) in [
            (nil, nil, 2, 4), ("acme/pay", nil, 1, 2), (nil, "prod", 2, 2), ("acme/pay", "staging", 1, 1),
        ] as [(String?, String?, Int, Int)] {
            let figures = try record.figures(repository: repository, environment: environment)
            #expect(try counts(.builds, figures)["succeeded"] == builds)
            #expect(try counts(.deployments, figures)["good"] == deployments)
        }
    }

    @Test func anEntryWithoutAnImageSaysNothing() throws {
        var record = Record()
        try record.step(0, .started, image: nil)
        try record.step(0, .healthy, image: nil)
        #expect(try counts(.deployments, record.figures()) == ["good": 0, "bad": 0, "pending": 0])
    }

    @Test func equalTimesCountInTheirOrder() throws {
        var record = Record()
        try record.step(0, .started)
        try record.step(0, .failed)
        try record.step(0, .healthy)
        #expect(try counts(.deployments, record.figures())["bad"] == 1)
        record.entries.swapAt(1, 2)
        #expect(try counts(.deployments, record.figures())["bad"] == 0)
    }

    @Test func figuresMayBeAskedForAtAnyTime() throws {
        var record = Record()
        try record.step(0, .started)
        try record.promote(0, "a")
        try record.report(0, "b")
        try record.scan(0, "a", critical: 1)
        try record.step(1, .healthy)
        let scope = FigureScope(from: start, to: start + hour, production: [])
        var once = ReleaseFigures(scope)
        var often = ReleaseFigures(scope)
        for entry in record.entries {
            once.add(entry)
            often.add(entry)
            _ = often.finish(at: entry.time)
            _ = often.finish(at: start + day)
        }
        #expect(once.finish(at: start + hour) == often.finish(at: start + hour))
        // The time of the last entry stands for an earlier one.
        #expect(once.finish(at: 0).evaluatedAt == start + 1)
    }

    @Test func exemplarsAreTheLatestFive() throws {
        var record = Record()
        for number in 0..<8 {
            record.repository = "r\(number)"
            try record.build(number < 4 ? 0 : Int64(number), nil, succeeded: false)
        }
        let figure = try #require(try record.figures()[.builds])
        #expect(figure.exemplars.map(\.repository.description) == ["r7", "r6", "r5", "r4", "r3"])
        #expect(ReleaseFiguresLimits.exemplarsLimit == 5)
    }

    @Test func whatFindsNoRoomIsNotCountedAndSaid() throws {
        var record = Record()
        for number in 0..<8 {
            try record.step(0, .replacementOrdered, target: "host\(number)")
            try record.step(0, .bootAttempted, target: "host\(number)")
            try record.report(0, "a", target: "host\(number)")
            try record.step(0, .rollbackOrdered, "r\(number)", image: "a\(number)")
            try record.build(0, "a\(number)")
        }
        let figures = try record.figures(openLimit: 5)
        // Three of each of: deployments (and one more, of the id that the instances have), orders, boots, reports,
        // rollbacks and images.
        #expect(figures.uncounted == 4 + 3 * 5)
        #expect(try counts(.replacements, figures)["never"] == 5)
        #expect(try record.figures(openLimit: 100).uncounted == 0)
    }

    @Test func memoryIsBoundedByWhatIsOpen() throws {
        let scope = FigureScope(from: start, to: start + 400 * day, production: [])
        var figures = ReleaseFigures(scope)
        var most = 0
        for number in 0..<40_000 {
            var record = Record()
            let time = Int64(number) * 10 * minute
            record.service = "s\(number % 3)"
            let name = "d\(number)"
            let image = "a\(number)"
            try record.build(time, image)
            try record.step(time, .started, name, image: image)
            try record.step(time, .replacementOrdered, name, image: image, target: "host")
            try record.step(time, .bootAttempted, name, image: image, target: "host")
            try record.report(time, image, target: "host\(number)", hold: hour)
            try record.step(time, .rollbackOrdered, name, image: image)
            for entry in record.entries { figures.add(entry) }
            most = max(most, figures.heldCount)
        }
        // Ninety days of images, seven of deployments, one of rollbacks, an hour of the rest; twice between sweeps.
        let open = 90 * 144 + 7 * 144 + 144 + 3 * 6 + 20
        #expect(most < 2 * open + 6 * 1_024)
        let set = figures.finish(at: start + 400 * day)
        #expect(try counts(.deployments, set)["bad"] == 40_000)
        #expect(try counts(.replacements, set)["never"] == 40_000)
        #expect(try counts(.boots, set)["bad"] == 40_000)
        #expect(try counts(.rollbacks, set)["never"] == 40_000)
    }

    @Test func theyAreWrittenAsJSON() throws {
        var record = Record()
        try record.build(0, "a")
        record.service = "web"
        try record.step(1, .started)
        try record.step(2, .failed)
        try record.scan(3, "a", critical: 1)
        var writer = JSONWriter()
        try record.figures(environment: "prod").write(to: &writer)
        let json = try JSONValue(parsing: writer.bytes)
        #expect(json["environment"]?.text == "prod")
        #expect(json["repository"] == .null)
        #expect(json["to"]?.number == start + day)
        let names = json.members?.map(\.key).filter { $0.hasPrefix("m") }
        #expect(names == ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m10"])
        #expect(json["m1"]?["value"] == .decimal("1.0"))
        #expect(json["m1"]?["unit"]?.text == "ratio")
        #expect(json["m1"]?["met"] == .bool(true))
        #expect(json["m1"]?["target"]?["comparison"]?.text == "at-least")
        #expect(json["m1"]?["target"]?["bound"] == .decimal("0.99"))
        #expect(json["m1"]?["counts"]?["succeeded"]?.number == 1)
        #expect(json["m2"]?["met"] == .bool(false))
        let exemplar = try #require(json["m2"]?["exemplars"]?.elements?.first)
        #expect(exemplar["repository"]?.text == "acme/shop")
        #expect(exemplar["digest"]?.text == (try Record.digest("a")).description)
        #expect(exemplar["service"]?.text == "web")
        #expect(exemplar["deployment"]?.text == "d1")
        #expect(exemplar["time"]?.number == start + 1)
        #expect(exemplar["value"] == .null)
        #expect(json["m3"]?["value"] == .null)
        #expect(json["m3"]?["met"] == .null)
        #expect(json["m3"]?["statistics"]?["p50"] == .null)
        #expect(json["m5"]?["environments"]?.elements?.first?["worst"]?["value"] == .decimal("1.0"))
        #expect(json["m7"]?["name"]?.text == "configuration drift incidents in 30 days")
    }
}
