// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import Logging
import OCI
import Synchronization
import Testing

@Suite struct EventTests {
    private static func leaves(_ fixture: CatalogFixture) throws -> [String] {
        try fixture.raw { try String.fetchAll($0, sql: "SELECT CAST(leaf AS TEXT) FROM event ORDER BY id") }
    }

    private static func kinds(_ fixture: CatalogFixture) throws -> [String] {
        try fixture.raw { try String.fetchAll($0, sql: "SELECT kind FROM event ORDER BY id") }
    }

    @Test func leavesHaveOneForm() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let stored = try await catalog.putManifest(
            image.manifest,
            digest: image.digest,
            in: Sample.repository(),
            tags: [Sample.tag("v1")],
            context: Catalog.Context(actor: "a \"quoted\"\u{1}\u{1F}é", requestID: "r/1")
        ).stored
        let id = try #require(stored?.event)
        let leaf = try fixture.raw {
            try String.fetchOne($0, sql: "SELECT CAST(leaf AS TEXT) FROM event WHERE id = ?", arguments: [id.rawValue])
        }
        let hlc = try #require(stored?.timestamp.rawValue)
        #expect(
            leaf == """
                {"actor":"a-a5a5a5a5a5a5a5a5a5a5","body":{"digest":"\(image.digest)","former":null,"tag":"v1"},\
                "hlc":"\(hlc)","kind":"tag.set","origin":"cairn","repo":"team/app","request":"r/1",\
                "salt":"paWlpaWlpaWlpaWlpaWlpQ==","v":1}
                """
        )
    }

    @Test func eachChangeHasItsEvents() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image, tags: ["a", "b"])
        _ = try await catalog.untag("a")
        _ = try await catalog.delete(image.digest)
        #expect(
            try EventTests.kinds(fixture) == [
                "repo.create", "manifest.put", "tag.set", "tag.set", "tag.delete", "tag.delete", "manifest.trash",
            ]
        )
        for leaf in try EventTests.leaves(fixture) {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(leaf.utf8)) as? [String: Any])
            #expect(
                Set(object.keys) == ["v", "salt", "kind", "origin", "hlc", "repo", "actor", "request", "body"]
            )
        }
    }

    /// An operation that fails after its event was written, and one whose batch fails, leave no event.
    @Test func noEventWithoutItsChange() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        _ = try await catalog.put(SampleManifest.image(1), tags: ["a"], .matches(Sample.digest(77)))
        #expect(try EventTests.kinds(fixture) == ["repo.create"])
        // The tag's row cannot be written: the put has by then recorded the manifest's event.
        try await catalog.write { transaction in
            try transaction.database.execute(
                sql: "CREATE TEMP TRIGGER broken BEFORE INSERT ON tag BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        }
        await #expect(throws: CatalogError.self) { try await catalog.put(SampleManifest.image(1), tags: ["a"]) }
        #expect(try EventTests.kinds(fixture) == ["repo.create"])
        #expect(try fixture.count("SELECT COUNT(*) FROM manifest") == 0)
        try await catalog.write { try $0.database.execute(sql: "DROP TRIGGER broken") }
        #expect(try await catalog.put(SampleManifest.image(1), tags: ["a"]).isStored)
        #expect(try EventTests.kinds(fixture) == ["repo.create", "manifest.put", "tag.set"])
    }

    @Test func longNamesOfActorsAreCut() {
        let long = String(repeating: "é", count: 400)
        let context = Catalog.Context(actor: long, requestID: "short")
        #expect(context.actor == String(repeating: "é", count: 128))
        #expect(context.requestID == "short")
    }

    // MARK: - Hybrid time

    @Test func timestampsRiseThoughTheWallClockFalls() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.linkConfig()
        let image = try SampleManifest.image(1)
        var stamps: [HybridTimestamp] = []
        for wall in [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 0, -5, 1_700_000_000_001] as [Int64] {
            fixture.clock.setWall(milliseconds: wall)
            stamps.append(try #require(try await fixture.catalog.put(image, tags: ["a"]).stored?.timestamp))
        }
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 < $1 })
        #expect(stamps.first?.milliseconds == 1_700_000_000_000)
        #expect(stamps.last?.milliseconds == 1_700_000_000_001 && stamps.last?.counter == 0)

        fixture.clock.setWall(milliseconds: 1_000)
        try fixture.reopen()
        let after = try #require(try await fixture.catalog.put(image, tags: ["a"]).stored?.timestamp)
        #expect(try after > #require(stamps.last))
        #expect(try fixture.count("SELECT hlc FROM tag") == Int(after.rawValue))
    }

    // MARK: - Service time

    /// No time on disk is later than the counter on disk, so what a crash leaves never lies in the future.
    @Test func serviceTimeNeverFallsBehindWhatWasWritten() async throws {
        let fixture = try CatalogFixture()
        var written: Int64 = 0
        for round in 1...5 {
            fixture.clock.advance(seconds: 40)
            try await fixture.catalog.link(round)
            let lease = try fixture.count("SELECT MAX(lease_until_st) FROM repo_blob")
            #expect(try fixture.count("SELECT st FROM service_time") == lease - Int(Sample.lease))
            written = max(written, Int64(lease) - Sample.lease)
            // Seconds that nobody wrote down are lost in the crash; leases only last longer.
            fixture.clock.advance(seconds: 7)
            let reopened = try fixture.reopen()
            #expect(reopened.serviceTime.seconds == written)
        }
        #expect(written == 200)
    }

    @Test func aPlannedStopLosesNoSecond() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.link(1)
        fixture.clock.advance(seconds: 33)
        try await fixture.catalog.close()
        fixture.clock.advance(seconds: 1_000)
        #expect(try fixture.reopen().serviceTime.seconds == 33)
        fixture.clock.advance(seconds: 5)
        try await fixture.catalog.housekeep()
        #expect(try fixture.count("SELECT st FROM service_time") == 38)
    }

    @Test func housekeepingFoldsUsage() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for round in 1...3 {
            try await catalog.linkConfig()
            try await catalog.link(10 * round)
            #expect(try await catalog.put(SampleManifest.image(round), tags: ["t\(round)"]).isStored)
            try await catalog.housekeep()
            #expect(try fixture.count("SELECT COUNT(*) FROM usage_delta") == 0)
            #expect(try fixture.count("SELECT manifests FROM usage") == round)
            #expect(try fixture.count("SELECT tags FROM usage") == round)
            #expect(try await fixture.problems() == [])
        }
    }

    /// A second may end between two looks at the clock: a row has the second of its entry, as after a replay.
    @Test func rowsHaveTheSecondOfTheirEntry() async throws {
        let wall = Mutex<Int64>(1_700_000_000_000)
        let database = try MemoryDatabase()
        var environment = Catalog.Environment(
            wallMilliseconds: {
                wall.withLock { wall in
                    wall += 300
                    return wall
                }
            },
            monotonicNanoseconds: { 0 },
            randomBytes: { count in Array(repeating: 0xA5, count: count) },
            fatal: { _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        environment.runner = { work in work() }
        let catalog = try Catalog.open(over: database, settings: Catalog.Settings(), environment: environment)
        try await catalog.linkConfig()
        for number in 1...20 { _ = try await catalog.put(SampleManifest.image(number)) }
        let (all, others) = try await database.queue.read { database in
            let query = "SELECT COUNT(*) FROM manifest"
            let other = query + " WHERE pushed_at <> (touch_hlc >> 16) / 1000"
            return (try Int.fetchOne(database, sql: query), try Int.fetchOne(database, sql: other))
        }
        #expect(all == 20 && others == 0)
    }
}
