// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// M1, M4 and M5: what is said of images.
struct ImageFigureTests {
    @Test func buildsOfTheWindowCount() throws {
        var record = Record()
        try record.build(-1, "a")
        try record.build(0, "b")
        try record.build(1, nil, succeeded: false)
        try record.build(day - 1, "c")
        try record.build(day, nil, succeeded: false)
        let figures = try record.figures(at: day)
        #expect(try counts(.builds, figures) == ["succeeded": 2, "failed": 1])
        #expect(figures[.builds]?.value == 2.0 / 3)
        #expect(figures[.builds]?.exemplars.map(\.time) == [start + 1])
        #expect(figures[.builds]?.isMet == false)
    }

    @Test func ninetyNineInAHundredMeetTheTarget() throws {
        var record = Record()
        for number in 0..<99 { try record.build(Int64(number), "a\(number)") }
        try record.build(99, nil, succeeded: false)
        #expect(try record.figures()[.builds]?.isMet == true)
        try record.build(100, nil, succeeded: false)
        #expect(try record.figures()[.builds]?.isMet == false)
    }

    @Test func theFirstPromotionToProductionCounts() throws {
        var record = Record()
        try record.build(0, "a")
        try record.build(minute, "a")
        record.environment = "staging"
        try record.promote(2 * minute, "a")
        record.environment = "prod"
        try record.promote(30 * minute + 30 * second, "a", service: "web")
        try record.promote(40 * minute, "a")
        try record.promote(50 * minute, "unbuilt")
        record.repository = "acme/pay"
        try record.promote(60 * minute, "a")
        let figures = try record.figures()
        #expect(try counts(.promotions, figures) == ["count": 1, "within": 1, "unbuilt": 2])
        #expect(figures[.promotions]?.value == 30)
        #expect(figures[.promotions]?.statistic("mean") == 30.5)
        #expect(figures[.promotions]?.exemplars.first?.service?.description == "web")
    }

    @Test func aFailedBuildIsNone() throws {
        var record = Record()
        try record.build(0, "a", succeeded: false)
        try record.promote(1, "a")
        #expect(try counts(.promotions, record.figures()) == ["count": 0, "within": 0, "unbuilt": 1])
    }

    @Test func aPromotionOfBeforeIsTheFirst() throws {
        var record = Record()
        try record.build(-2, "a")
        try record.promote(-1, "a")
        try record.promote(0, "a")
        #expect(try counts(.promotions, record.figures())["count"] == 0)
    }

    @Test(arguments: [(90 * day, 1, 0), (90 * day + 1, 0, 1)])
    func whatWasSaidOfAnImageIsForgotten(gap: Int64, count: Int, unbuilt: Int) throws {
        var record = Record()
        try record.build(0, "a")
        try record.promote(gap, "a")
        let figures = try record.figures(to: 200 * day)
        #expect(try counts(.promotions, figures) == ["count": count, "within": 0, "unbuilt": unbuilt])
    }

    @Test func vulnerabilitiesAreThoseOfWhatIsDesiredAtTheEnd() throws {
        var record = Record()
        try record.scan(0, "old", critical: 9)
        try record.scan(0, "a", critical: 5)
        try record.scan(1, "a", critical: 2)
        try record.promote(1, "old")
        try record.promote(2, "a")
        record.service = "web"
        try record.step(3, .started, image: "b")
        try record.scan(4, "b", critical: 3)
        record.environment = "staging"
        record.service = nil
        try record.promote(5, "b")
        try record.promote(6, "unknown", service: "worker")
        // After the window.
        try record.scan(day, "b", critical: 100)
        let figures = try record.figures(at: 2 * day)
        // What was promoted without a service is desired by itself, beside what is in services.
        #expect(try counts(.vulnerabilities, figures) == ["critical": 5, "images": 3, "unknown": 1])
        let listed = try #require(figures[.vulnerabilities]?.environments)
        #expect(listed.map(\.environment.description) == ["prod", "staging"])
        #expect(listed.map(\.critical) == [5, 3])
        #expect(listed.map(\.unknown) == [0, 1])
        #expect(listed[0].worst?.digest == (try Record.digest("b")))
        #expect(figures[.vulnerabilities]?.isMet == false)
    }

    @Test func whatIsWithdrawnIsNotLookedAt() throws {
        var record = Record()
        try record.scan(0, "a", critical: 2)
        try record.scan(0, "b", critical: 3)
        try record.promote(1, "a", service: "web")
        try record.promote(2, "b")
        #expect(try record.figures()[.vulnerabilities]?.value == 5)
        try record.promote(3, nil)
        #expect(try record.figures()[.vulnerabilities]?.value == 2)
        try record.promote(4, nil, service: "web")
        #expect(try record.figures()[.vulnerabilities]?.count("images") == 0)
    }

    @Test func anImageInTwoPlacesCountsOnce() throws {
        var record = Record()
        try record.scan(0, "a", critical: 2)
        try record.promote(1, "a", service: "web")
        try record.promote(1, "a", service: "worker")
        record.environment = "staging"
        try record.promote(1, "a")
        let figures = try record.figures()
        #expect(figures[.vulnerabilities]?.value == 2)
        #expect(figures[.vulnerabilities]?.environments.map(\.critical) == [2, 2])
        #expect(figures[.vulnerabilities]?.environments.map(\.images) == [1, 1])
    }

    @Test func whatIsUnknownIsNotMet() throws {
        var record = Record()
        try record.promote(0, "a", service: "web")
        #expect(try record.figures()[.vulnerabilities]?.value == nil)
        try record.scan(1, "a", critical: 0)
        #expect(try record.figures()[.vulnerabilities]?.isMet == true)
        try record.promote(2, "b", service: "worker")
        let figure = try #require(try record.figures()[.vulnerabilities])
        #expect(figure.value == 0)
        #expect(figure.isMet == nil)
    }
}
