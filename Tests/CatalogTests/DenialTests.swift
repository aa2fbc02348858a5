// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import Metrics
import MetricsTestKit
import OCI
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct DenialTests {
    private static func note(
        _ principal: String = "user:eve",
        address: String? = "192.0.2.9",
        action: String = "push",
        repository: String = "team/app",
        rule: String? = "rule 3 (line 12)",
        subject: String? = "v1",
        request: String = "r-1"
    ) throws -> DenialNote {
        DenialNote(
            context: Catalog.Context(actor: principal, requestID: request, method: "basic", address: address),
            action: action,
            repository: try Sample.repository(repository),
            subject: subject,
            rule: rule,
            reason: "no rule allows it"
        )
    }

    private static func recorder(_ fixture: CatalogFixture) throws -> DenialRecorder {
        DenialRecorder(
            catalog: try fixture.catalog,
            wallMilliseconds: { [clock = fixture.clock] in clock.wallMilliseconds },
            sleep: { _ in throw CancellationError() }
        )
    }

    private static func all(_ fixture: CatalogFixture) async throws -> [DenialRow] {
        try await fixture.catalog.denials(.after(0), limit: 10_000)
    }

    // MARK: - Rows

    @Test func aRowHasAllThatWasKnown() async throws {
        let fixture = try CatalogFixture()
        let recorder = try DenialTests.recorder(fixture)
        recorder.record(try DenialTests.note())
        recorder.record(
            DenialNote(
                context: Catalog.Context(actor: "anonymous", requestID: "r-2"),
                action: "audit",
                repository: nil,
                subject: nil,
                rule: nil,
                reason: "log in"
            )
        )
        #expect(try await DenialTests.all(fixture) == [])
        await recorder.flush()
        let rows = try await DenialTests.all(fixture)
        #expect(rows.map(\.id) == [1, 2] && rows.map(\.at) == [1_700_000_000, 1_700_000_000])
        #expect(rows.map(\.principal) == ["user:eve", "anonymous"] && rows.map(\.method) == ["basic", "none"])
        #expect(rows.map(\.address) == ["192.0.2.9", nil] && rows.map(\.request) == ["r-1", "r-2"])
        #expect(rows.map(\.action) == ["push", "audit"] && rows.map(\.count) == [1, 1])
        #expect(try rows.map(\.repository) == [Sample.repository(), nil] && rows.map(\.subject) == ["v1", nil])
        #expect(rows.map(\.rule) == ["rule 3 (line 12)", nil])
        #expect(rows.map(\.reason) == ["no rule allows it", "log in"])
        // A denial is no event.
        #expect(try fixture.count("SELECT COUNT(*) FROM event") == 0)
    }

    /// What differs, and whether two such denials are one row.
    @Test func equalDenialsOfASecondAreOneRow() async throws {
        let others: [(what: String, note: DenialNote, isEqual: Bool)] = [
            ("nothing", try DenialTests.note(), true), ("the request", try DenialTests.note(request: "r-9"), true),
            ("the subject", try DenialTests.note(subject: "v2"), true),
            ("the principal", try DenialTests.note("user:mallory"), false),
            ("the address", try DenialTests.note(address: "192.0.2.10"), false),
            ("no address", try DenialTests.note(address: nil), false),
            ("the action", try DenialTests.note(action: "delete"), false),
            ("the repository", try DenialTests.note(repository: "team/b"), false),
            ("the rule", try DenialTests.note(rule: nil), false),
        ]
        for (what, other, isEqual) in others {
            let fixture = try CatalogFixture()
            let recorder = try DenialTests.recorder(fixture)
            recorder.record(try DenialTests.note())
            for _ in 0..<10 { recorder.record(other) }
            await recorder.flush()
            let rows = try await DenialTests.all(fixture)
            #expect(rows.map(\.count) == (isEqual ? [11] : [1, 10]), "\(what)")
            #expect(rows.first?.request == "r-1" && rows.first?.subject == "v1", "\(what)")
        }
    }

    @Test func anotherSecondIsAnotherRow() async throws {
        let fixture = try CatalogFixture()
        let recorder = try DenialTests.recorder(fixture)
        for _ in 0..<3 {
            for _ in 0..<5 { recorder.record(try DenialTests.note()) }
            fixture.clock.advance(seconds: 1)
        }
        await recorder.flush()
        #expect(try await DenialTests.all(fixture).map(\.count) == [5, 5, 5])
        #expect(try await DenialTests.all(fixture).map(\.at) == [1_700_000_000, 1_700_000_001, 1_700_000_002])
    }

    @Test func longTextsAreCut() async throws {
        let fixture = try CatalogFixture()
        let recorder = try DenialTests.recorder(fixture)
        let long = String(repeating: "é", count: 5_000)
        recorder.record(
            DenialNote(
                context: Catalog.Context(actor: long, requestID: long, method: long, address: long),
                action: long,
                repository: nil,
                subject: long,
                rule: long,
                reason: long
            )
        )
        await recorder.flush()
        let row = try #require(try await DenialTests.all(fixture).first)
        let texts = [row.principal, row.request, row.method, row.address ?? "", row.action]
        #expect((texts + [row.subject ?? "", row.rule ?? ""]).allSatisfy { $0.utf8.count == 256 })
        #expect(row.reason.utf8.count == 512)
    }

    // MARK: - Bounds

    @Test func theTableKeepsTheNewest() async throws {
        let fixture = try CatalogFixture { $0.denialRows = 100 }
        let recorder = try DenialTests.recorder(fixture)
        var largest = 0
        for round in 0..<40 {
            for number in 0..<7 { recorder.record(try DenialTests.note("user:\(round * 7 + number)")) }
            await recorder.flush()
            largest = max(largest, try fixture.count("SELECT COUNT(*) FROM denial"))
        }
        #expect((95...100).contains(largest))
        let rows = try await DenialTests.all(fixture)
        #expect(rows.last?.principal == "user:279" && rows.count >= 90)
        #expect(rows.map(\.principal) == (280 - rows.count..<280).map { "user:\($0)" })
        // More at once than the table may hold.
        for number in 0..<250 { recorder.record(try DenialTests.note("robot:\(number)")) }
        await recorder.flush()
        #expect(try await DenialTests.all(fixture).map(\.principal) == (160..<250).map { "robot:\($0)" })
    }

    @Test func theQueueIsBoundedAndCountsWhatItDrops() async throws {
        let metrics = TestMetrics()
        let fixture = try CatalogFixture()
        let recorder = try withMetricsFactory(metrics) { try DenialTests.recorder(fixture) }
        for number in 0..<4_100 { recorder.record(try DenialTests.note("user:\(number)")) }
        // What is in the queue already is counted, not dropped.
        for _ in 0..<100 { recorder.record(try DenialTests.note("user:7")) }
        await recorder.flush()
        #expect(try metrics.expectCounter("cairn_denials_dropped_total").totalValue == 4)
        let rows = try await DenialTests.all(fixture)
        #expect(rows.count == 4_096 && rows[7].count == 101)
        #expect(try fixture.count("SELECT SUM(count) FROM denial") == 4_196)
    }

    @Test func whatCouldNotBeWrittenIsTriedAgain() async throws {
        let metrics = TestMetrics()
        let fixture = try CatalogFixture()
        let recorder = try withMetricsFactory(metrics) { try DenialTests.recorder(fixture) }
        try await fixture.catalog.write {
            try $0.database.execute(
                sql: "CREATE TEMP TRIGGER broken BEFORE INSERT ON denial BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        }
        recorder.record(try DenialTests.note())
        await recorder.flush()
        recorder.record(try DenialTests.note())
        #expect(try await DenialTests.all(fixture) == [])
        try await fixture.catalog.write { try $0.database.execute(sql: "DROP TRIGGER broken") }
        await recorder.flush()
        #expect(try await DenialTests.all(fixture).map(\.count) == [2])
        #expect(try metrics.expectCounter("cairn_denials_dropped_total").totalValue == 0)
    }

    @Test func manyWritersLoseNothing() async throws {
        let fixture = try CatalogFixture()
        let recorder = try DenialTests.recorder(fixture)
        await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        recorder.record(try DenialTests.note("user:\(number % 50)"))
                        if number % 100 == writer { await recorder.flush() }
                    }
                }
            }
        }
        await recorder.flush()
        #expect(try fixture.count("SELECT SUM(count) FROM denial") == 4_000)
    }

    // MARK: - The loop and pages

    @Test func theLoopWritesOnceASecondUntilItIsCancelled() async throws {
        let fixture = try CatalogFixture()
        let slept = Mutex<[Duration]>([])
        let (ticks, tick) = AsyncStream.makeStream(of: Void.self)
        let recorder = DenialRecorder(
            catalog: try fixture.catalog,
            wallMilliseconds: { 5_000 },
            sleep: { duration in
                slept.withLock { $0.append(duration) }
                for await _ in ticks { return }
                throw CancellationError()
            }
        )
        recorder.record(try DenialTests.note())
        let loop = Task { await recorder.run() }
        tick.yield()
        while try await DenialTests.all(fixture).isEmpty { await Task.yield() }
        loop.cancel()
        await loop.value
        #expect(slept.withLock { $0.allSatisfy { $0 == .seconds(1) } })
        recorder.record(try DenialTests.note("user:late"))
        await recorder.flush()
        #expect(try await DenialTests.all(fixture).map(\.principal) == ["user:eve", "user:late"])
    }

    @Test func pagesCanBeNarrowed() async throws {
        let fixture = try CatalogFixture()
        let recorder = try DenialTests.recorder(fixture)
        for number in 0..<30 {
            recorder.record(
                try DenialTests.note(
                    "user:\(number % 3)",
                    action: "a\(number)",
                    repository: number % 2 == 0 ? "even" : "odd"
                )
            )
        }
        await recorder.flush()
        let catalog = try fixture.catalog
        let even = try Sample.repository("even")
        #expect(try await catalog.denials(.before(nil), limit: 4).map(\.action) == ["a29", "a28", "a27", "a26"])
        #expect(try await catalog.denials(.before(3), limit: 4).map(\.action) == ["a1", "a0"])
        #expect(try await catalog.denials(.after(28), limit: 4).map(\.action) == ["a28", "a29"])
        #expect(try await catalog.denials(.after(0), limit: 100, principal: "user:1").count == 10)
        #expect(try await catalog.denials(.after(0), limit: 100, repository: even).count == 15)
        let both = try await catalog.denials(.before(nil), limit: 2, principal: "user:1", repository: even)
        #expect(both.map(\.action) == ["a28", "a22"])
    }
}
