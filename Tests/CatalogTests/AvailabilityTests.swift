// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// Samples of availability, how the last process ended, and declared maintenance.
@Suite struct AvailabilityTests {
    private static func row(_ minute: Int64, good: Int64 = 1, total: Int64 = 2) -> AvailabilityRow {
        AvailabilityRow(minute: minute, region: "eu", source: "probe", good: good, total: total)
    }

    @Test func samplesOfOneMinuteAddUpAndSurvive() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.addAvailability([Self.row(5), Self.row(6)])
        try await catalog.addAvailability([Self.row(5, good: 2, total: 2)])
        let again = try fixture.reopen()
        let rows = try await again.availability(after: nil, limit: 10)
        #expect(rows == [Self.row(5, good: 3, total: 4), Self.row(6)])
        let rest = try await again.availability(after: rows[0], limit: 10)
        #expect(rest == [Self.row(6)])
    }

    @Test func oldSamplesGoADayAtATime() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let day: Int64 = 1_440
        try await catalog.addAvailability([0, day - 1, day, 3 * day].map { Self.row($0) })
        try await catalog.trimAvailability(before: 2 * day)
        var minutes = try await catalog.availability(after: nil, limit: 10).map(\.minute)
        #expect(minutes == [day, 3 * day])
        try await catalog.trimAvailability(before: 2 * day)
        minutes = try await catalog.availability(after: nil, limit: 10).map(\.minute)
        #expect(minutes == [3 * day])
    }

    @Test func theLastNoticesAreKnown() async throws {
        let fixture = try CatalogFixture()
        let none = try await fixture.catalog.lastNotices(limit: 2)
        #expect(none.isEmpty)
        for number in 1...3 {
            try await fixture.catalog.notice("budget.burn", subject: "s\(number)", ["objective": "o\(number)"])
        }
        let last = try await fixture.reopen().lastNotices(limit: 2)
        #expect(last.map(\.subject) == ["s2", "s3"])
        #expect(last.map { $0.body["objective"]?.text } == ["o2", "o3"])
    }

    @Test func aRunThatDidNotEndIsSeen() async throws {
        let fixture = try CatalogFixture()
        let first = try await fixture.catalog.beginRun()
        #expect(first.isClean, "there was none before")
        fixture.clock.advance(seconds: 7)
        let second = try await fixture.reopen().beginRun()
        #expect(!second.isClean)
        #expect(second.cleanAt == first.cleanAt, "the last clean start is that of the one before")
        try await fixture.catalog.endRun()
        let third = try await fixture.reopen().beginRun()
        #expect(third.isClean && third.cleanAt == first.cleanAt + 7)
    }

    private func start(_ catalog: Catalog, _ environment: String? = nil, seconds: Int64 = 1_800) async throws
        -> MaintenanceWindow?
    {
        let started = try await catalog.startMaintenance(
            of: environment.map { try PlaceName(parsing: $0) },
            seconds: seconds,
            reason: "new disks",
            context: Sample.context
        )
        guard case .started(let window, _) = started else { return nil }
        return window
    }

    @Test func maintenanceIsDeclaredAndEnded() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let now = fixture.clock.wallMilliseconds / 1_000
        let region = try await start(catalog)
        fixture.clock.advance(seconds: 1)
        let prod = try await start(catalog, "prod")
        #expect(region?.start == now && region?.end == now + 1_800)
        var open = try await catalog.maintenance(endingAfter: now, limit: 10)
        #expect(open.map(\.environment) == ["prod", nil])

        fixture.clock.advance(seconds: 9)
        let ended = try await catalog.endMaintenance(of: nil, id: nil, context: Sample.context)
        #expect(ended.map(\.window.id) == [region?.id])
        let none = try await catalog.endMaintenance(of: nil, id: nil, context: Sample.context)
        #expect(none.isEmpty)
        open = try await catalog.maintenance(endingAfter: now, limit: 10)
        #expect(open.first { $0.environment == nil }?.end == now + 10, "its end is when it was ended")
        let byID = try await catalog.endMaintenance(of: nil, id: prod?.id, context: Sample.context)
        #expect(byID.count == 1)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'maintenance.set'") == 2)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'maintenance.end'") == 2)
    }

    @Test func thereIsABoundToIt() async throws {
        let fixture = try CatalogFixture()
        for _ in 0..<CatalogLimits.openMaintenance {
            fixture.clock.advance(seconds: 1)
            let window = try await start(fixture.catalog)
            #expect(window != nil)
        }
        let more = try await start(fixture.catalog)
        #expect(more == nil)
    }

    /// Entries of one log come in any order; a region speaks for itself alone, and for a day at most.
    @Test func maintenanceOfOtherRegionsIsHeard() async throws {
        let (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        try await here.meet(there)
        let window = try await start(there.catalog, seconds: 1_000)
        there.clock.advance(seconds: 5)
        _ = try await there.catalog.endMaintenance(of: nil, id: nil, context: Sample.context)
        try await there.seal()
        here.clock.advance(seconds: 10)
        for order in [[1], [0], [0, 1]] {
            let report = try await here.merge(order, of: there, manifests: [:])
            #expect(report.outcomes.allSatisfy { $0 == .applied || $0 == .known }, "\(report.outcomes)")
        }
        let heard = try await here.catalog.maintenance(endingAfter: 0, limit: 10)
        #expect(heard.map(\.origin) == [there.origin])
        #expect(heard.first?.end == window.map { $0.start + 5 })
    }

    @Test func aReplayMakesTheSameRows() async throws {
        let fixture = try CatalogFixture()
        let leaves = [
            ReplayTests.leaf(
                "maintenance.set",
                "\"environment\":null,\"id\":\"1\",\"reason\":\"r\",\"start\":100,\"until\":9000000",
                repository: nil
            ),
            ReplayTests.leaf("maintenance.end", "\"at\":150,\"environment\":null,\"id\":\"1\"", repository: nil),
            ReplayTests.leaf(
                "maintenance.set",
                "\"environment\":\"prod\",\"id\":\"2\",\"reason\":\"r\",\"start\":100,\"until\":9000000",
                repository: nil
            ),
        ]
        try await fixture.catalog.replay(leaves.map { try ReplayTests.entry($0) }, from: 0)
        let windows = try await fixture.catalog.maintenance(endingAfter: 0, limit: 10)
        let ends = Dictionary(uniqueKeysWithValues: windows.map { ($0.id, $0.end) })
        #expect(ends == ["1": 150, "2": 100 + CatalogLimits.maintenanceSeconds], "a day at most")
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE subject = 'region'") == 2)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE subject = 'prod'") == 1)
    }

    @Test func numbersThatAreNoTimesAreLeftOut() async throws {
        let fixture = try CatalogFixture()
        let latest = Int64.max
        let spans: [(Int64, Int64)] = [(latest - 1, latest), (1 << 53 + 1, latest), (-1, 100), (.min, 100)]
        var leaves = spans.enumerated().map { number, span in
            ReplayTests.leaf(
                "maintenance.set",
                "\"environment\":null,\"id\":\"\(number)\",\"reason\":\"r\",\"start\":\(span.0),\"until\":\(span.1)",
                repository: nil
            )
        }
        leaves.append(
            ReplayTests.leaf(
                "maintenance.set",
                "\"environment\":null,\"id\":\"last\",\"reason\":\"r\",\"start\":\(Int64(1) << 53),\"until\":\(latest)",
                repository: nil
            )
        )
        leaves.append(
            ReplayTests.leaf("maintenance.end", "\"at\":-1,\"environment\":null,\"id\":\"last\"", repository: nil)
        )
        try await fixture.catalog.replay(leaves.map { try ReplayTests.entry($0) }, from: 0)
        let windows = try await fixture.catalog.maintenance(endingAfter: 0, limit: 10)
        #expect(windows.map(\.id) == ["last"])
        #expect(windows.first?.end == Int64(1) << 53 + CatalogLimits.maintenanceSeconds)
    }
}
