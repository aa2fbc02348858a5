// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Dispatch
import GRDB
import Metrics
import MetricsTestKit
import OCI
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct WriterTests {
    /// Holds the writer inside an operation until it is let go.
    private struct Plug: Sendable {
        private let release = DispatchSemaphore(value: 0)

        /// Returns once the writer is inside the operation.
        func plug(_ catalog: Catalog) async -> Task<Void, any Error> {
            let (entered, enter) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await catalog.write { _ in
                    enter.finish()
                    release.wait()
                }
            }
            for await _ in entered {}
            return task
        }

        func letGo() { release.signal() }
    }

    private static func waitForDepth(_ depth: Int, _ catalog: Catalog) async {
        while catalog.writerQueueDepth < depth { await Task.yield() }
    }

    @Test func operationsThatWaitShareACommit() async throws {
        let metrics = TestMetrics()
        let fixture = try withMetricsFactory(metrics) { try CatalogFixture() }
        let catalog = try fixture.catalog
        let plug = Plug()
        let holder = await plug.plug(catalog)
        try await withThrowingTaskGroup { group in
            for seed in 1...300 { group.addTask { _ = try await catalog.link(seed) } }
            await WriterTests.waitForDepth(300, catalog)
            plug.letGo()
            try await group.waitForAll()
        }
        try await holder.value
        #expect(try fixture.count("SELECT COUNT(*) FROM repo_blob") == 300)
        // The plug and 255 others, then the rest.
        #expect(try metrics.expectCounter("cairn_catalog_commits_total").totalValue == 2)
        #expect(try metrics.expectRecorder("cairn_catalog_batch_operations").values == [256, 45])
    }

    /// With many results to hand out, the first are out long before the last: the caches must know by then.
    @Test func cachesAreInvalidBeforeResultsGoOut() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        let plug = Plug()
        let holder = await plug.plug(catalog)
        let stale = try await withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 1...200 {
                let mark = catalog.mark(of: name)
                group.addTask {
                    try await catalog.link(seed)
                    return mark.isCurrent
                }
            }
            await WriterTests.waitForDepth(200, catalog)
            plug.letGo()
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        try await holder.value
        #expect(stale == 0)
    }

    @Test func anOperationThatFailsLeavesTheOthersOfItsBatch() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let plug = Plug()
        let holder = await plug.plug(catalog)
        let before = Task { try await catalog.link(1) }
        await WriterTests.waitForDepth(1, catalog)
        let failing = Task {
            try await catalog.write { transaction in
                try transaction.database.execute(sql: "INSERT INTO usage VALUES (77, 1, 1, 1)")
                try transaction.database.execute(sql: "INSERT INTO repo_blob VALUES (1, x'01', 0, 0, 0)")
            }
        }
        await WriterTests.waitForDepth(2, catalog)
        let after = Task { try await catalog.link(2) }
        await WriterTests.waitForDepth(3, catalog)
        plug.letGo()
        try await holder.value
        _ = try await (before.value, after.value)
        let error = await #expect(throws: CatalogError.self) { try await failing.value }
        #expect(error?.code == .inconsistent)
        #expect(try fixture.count("SELECT COUNT(*) FROM repo_blob") == 2)
        #expect(try fixture.count("SELECT COUNT(*) FROM usage WHERE repo_id = 77") == 0)
        #expect(fixture.fatalErrors.withLock { $0.isEmpty })
    }

    /// Another connection sees the row at the moment the result is out, so the result came after COMMIT.
    @Test func aResultIsDurableWhenItIsOut() async throws {
        let fixture = try CatalogFixture()
        for seed in 1...50 {
            try await fixture.catalog.link(seed)
            #expect(try fixture.count("SELECT COUNT(*) FROM repo_blob") == seed)
        }
    }

    @Test func whatChangesNothingIsNotCommitted() async throws {
        let metrics = TestMetrics()
        let fixture = try withMetricsFactory(metrics) { try CatalogFixture() }
        for seed in 1...20 {
            let mounted = try await fixture.catalog.mount(
                Sample.digest(seed),
                from: nil,
                to: Sample.repository(),
                isReadable: { _ in true },
                context: Sample.context
            )
            #expect(mounted == .notMountable)
        }
        #expect(try metrics.expectCounter("cairn_catalog_commits_total").totalValue == 0)
    }

    @Test func aFullQueueRefuses() async throws {
        let fixture = try CatalogFixture { $0.writerQueue = 8 }
        let catalog = try fixture.catalog
        let plug = Plug()
        let holder = await plug.plug(catalog)
        let refused = Flag()
        try await withThrowingTaskGroup { group in
            for seed in 1...8 { group.addTask { _ = try await catalog.link(seed) } }
            await WriterTests.waitForDepth(8, catalog)
            group.addTask {
                let error = await #expect(throws: CatalogError.self) { try await catalog.link(9) }
                #expect(error?.code == .overloaded)
                refused.raise()
            }
            while catalog.writerQueueDepth == 8, !refused.isRaised { await Task.yield() }
            plug.letGo()
            try await group.waitForAll()
        }
        try await holder.value
        try await catalog.link(9)
        #expect(try fixture.count("SELECT COUNT(*) FROM repo_blob") == 9)
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)

        var isRaised: Bool { value.load(ordering: .acquiring) }

        func raise() { value.store(true, ordering: .releasing) }
    }

    @Test func aFullDatabaseRefusesTheBatchAndRecovers() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        try await catalog.write { transaction in
            let pages = try Int.fetchOne(transaction.database, sql: "PRAGMA page_count") ?? 0
            try transaction.database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        let big = try SampleManifest.image(1, annotations: ["filler": String(repeating: "x", count: 100_000)])
        let plug = Plug()
        let holder = await plug.plug(catalog)
        // In one batch with it, an operation that had room: it was told nothing yet and must fail too.
        let small = Task { try await catalog.link(5) }
        await WriterTests.waitForDepth(1, catalog)
        let large = Task { try await catalog.put(big, tags: ["big"]) }
        await WriterTests.waitForDepth(2, catalog)
        plug.letGo()
        for error in [
            await #expect(throws: CatalogError.self) { try await holder.value },
            await #expect(throws: CatalogError.self) { _ = try await small.value },
            await #expect(throws: CatalogError.self) { _ = try await large.value },
        ] {
            #expect(error?.code == .storageFull)
        }
        #expect(catalog.isWritable)
        #expect(fixture.fatalErrors.withLock { $0.isEmpty })
        #expect(try await catalog.get("big") == nil)
        #expect(try await catalog.blob(Sample.digest(5), in: Sample.repository()) == .absent)

        try await catalog.write { try $0.database.execute(sql: "PRAGMA max_page_count = 1000000") }
        try await catalog.link(5)
        #expect(try await catalog.put(big, tags: ["big"]).isStored)
        #expect(try await fixture.problems() == [])
    }

    /// A commit that came back while the file system shut itself down may be lost, so nobody is told that it is there.
    @Test func aCommitOnStorageThatIsGoneIsNotAcknowledged() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.link(1)
        fixture.storageFault.withLock { $0 = "the file system has shut down" }
        // What changes nothing promises nothing.
        #expect(try await catalog.blob(Sample.digest(1), in: Sample.repository()) != .absent)
        let error = await #expect(throws: CatalogError.self) { try await catalog.link(2) }
        #expect(error?.code == .unavailable)
        #expect(fixture.fatalErrors.withLock { $0.map(\.code) } == [.unavailable])
        #expect(!catalog.isWritable)
        await catalog.close()
    }

    @Test func aFailedCommitStopsTheWriter() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.link(1)
        let plug = Plug()
        let holder = await plug.plug(catalog)
        let sound = Task { try await catalog.link(2) }
        await WriterTests.waitForDepth(1, catalog)
        // A violation that only COMMIT looks at stands for a disk that fails there.
        let broken = Task {
            try await catalog.write { transaction in
                try transaction.database.execute(sql: "CREATE TEMP TABLE parent(id INTEGER PRIMARY KEY)")
                try transaction.database.execute(
                    sql: "CREATE TEMP TABLE child(id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
                )
                try transaction.database.execute(sql: "INSERT INTO child VALUES (1)")
            }
        }
        await WriterTests.waitForDepth(2, catalog)
        plug.letGo()
        await #expect(throws: CatalogError.self) { try await holder.value }
        await #expect(throws: CatalogError.self) { _ = try await sound.value }
        await #expect(throws: CatalogError.self) { try await broken.value }
        #expect(fixture.fatalErrors.withLock { $0.map(\.code) } == [.unavailable])
        #expect(!catalog.isWritable)
        let error = await #expect(throws: CatalogError.self) { try await catalog.link(3) }
        #expect(error?.code == .unavailable)
        #expect(try await catalog.blob(Sample.digest(2), in: Sample.repository()) == .absent)
        await catalog.close()
        #expect(try await fixture.reopen().link(2) == Sample.digest(2))
        #expect(try await fixture.problems() == [])
    }

    @Test func operationsRunInTheOrderTheyCame() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let plug = Plug()
        let holder = await plug.plug(catalog)
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask {
                    try await catalog.write { transaction in
                        try transaction.database.execute(
                            sql: "INSERT INTO usage_delta(repo_id, bytes, manifests, tags) VALUES (1, \(number), 0, 0)"
                        )
                    }
                }
                await WriterTests.waitForDepth(number + 1, catalog)
            }
            plug.letGo()
            try await group.waitForAll()
        }
        try await holder.value
        let order = try fixture.raw { try Int.fetchAll($0, sql: "SELECT bytes FROM usage_delta ORDER BY id") }
        #expect(order == Array(0..<20))
    }

    @Test func closingEndsWhatWasAccepted() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let plug = Plug()
        let holder = await plug.plug(catalog)
        let linked = Task { try await catalog.link(1) }
        await WriterTests.waitForDepth(1, catalog)
        let closed = Task { await catalog.close() }
        plug.letGo()
        try await holder.value
        _ = try await linked.value
        await closed.value
        #expect(try fixture.count("SELECT COUNT(*) FROM repo_blob") == 1)
    }
}
