// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import Metrics
import MetricsTestKit
import OCI
import Testing

@Suite struct DurabilityTests {
    /// GRDB turns WAL on with `synchronous=NORMAL`; a commit could then be lost with the power.
    @Test(arguments: [
        ("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1"), ("trusted_schema", "0"),
        ("cell_size_check", "1"), ("mmap_size", "0"), ("wal_autocheckpoint", "0"), ("journal_size_limit", "67108864"),
        ("busy_timeout", "0"),
    ])
    func settingsOfTheWriterReadBack(pragma: String, value: String) async throws {
        let fixture = try CatalogFixture()
        let actual = try await fixture.catalog.write { transaction in
            // A file that cannot be mapped answers nothing.
            try String.fetchOne(transaction.database, sql: "PRAGMA \(pragma)") ?? "0"
        }
        #expect(actual == value)
    }

    @Test func everythingIsThereAfterACrash() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await fixture.catalog.put(image, tags: ["latest"]).isStored)
        let reopened = try fixture.reopen()
        #expect(try await reopened.get("latest") == image.digest)
        #expect(try await fixture.problems() == [])
    }

    @Test func aClosedCatalogRefusesAndClosesAgain() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        await catalog.close()
        await catalog.close()
        await #expect(throws: CatalogError.self) { try await catalog.link(1) }
        await #expect(throws: CatalogError.self) { try await catalog.statistics() }
        #expect(try await fixture.reopen().statistics().blobs == 0)
    }

    @Test func aDatabaseOfANewerVersionIsRefused() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.close()
        try fixture.raw { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9-later')") }
        let error = #expect(throws: CatalogError.self) { try fixture.reopen() }
        #expect(error?.code == .newerFormat)
    }

    @Test func theVersionOfSQLiteIsKnown() throws {
        #expect(try CatalogFixture().catalog.sqliteVersion.hasPrefix("3."))
    }

    private static func checkpoints(_ metrics: TestMetrics, _ mode: String) -> Int64 {
        let counter = try? metrics.expectCounter("cairn_catalog_checkpoints_total", [("mode", mode)])
        return counter?.totalValue ?? 0
    }

    private static func fill(_ catalog: Catalog, mebibytes: Int) async throws {
        for _ in 0..<mebibytes {
            try await catalog.write { transaction in
                try transaction.database.execute(sql: "CREATE TABLE IF NOT EXISTS filler(bytes BLOB)")
                try transaction.database.execute(sql: "INSERT INTO filler VALUES (zeroblob(1048576))")
            }
        }
    }

    /// A checkpoint moves pages, never answers: the WAL is copied back while all goes on, and starts again.
    @Test func checkpointsKeepTheWALShort() async throws {
        let metrics = TestMetrics()
        let fixture = try withMetricsFactory(metrics) { try CatalogFixture() }
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["t"]).isStored)
        try await DurabilityTests.fill(catalog, mebibytes: 20)
        #expect((4...6).contains(DurabilityTests.checkpoints(metrics, "passive")))
        #expect(DurabilityTests.checkpoints(metrics, "restart") == 0)
        let size = try FileManager.default.attributesOfItem(atPath: fixture.path + "-wal")[.size] as? Int
        #expect(try #require(size) < 8 << 20)
        #expect(try await catalog.get("t") == image.digest)
        try fixture.raw { try $0.execute(sql: "DROP TABLE filler") }
        #expect(try await fixture.problems() == [])
    }

    /// A reader in the way keeps the WAL from starting again. No commit may wait for it, which only a restart of the
    /// WAL would; once it is gone the WAL shrinks.
    @Test func aReaderThatStaysHoldsUpNoCommit() async throws {
        let metrics = TestMetrics()
        let fixture = try withMetricsFactory(metrics) { try CatalogFixture() }
        let catalog = try fixture.catalog
        try await catalog.link(1)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: fixture.path, configuration: configuration)
        try await reader.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN; SELECT * FROM repo")
        }
        try await DurabilityTests.fill(catalog, mebibytes: 72)
        #expect(DurabilityTests.checkpoints(metrics, "restart") == 0)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try await DurabilityTests.fill(catalog, mebibytes: 8)
        #expect(DurabilityTests.checkpoints(metrics, "restart") == 1)
        let size = try FileManager.default.attributesOfItem(atPath: fixture.path + "-wal")[.size] as? Int
        #expect(try #require(size) <= 64 << 20)
    }
}
