// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import GRDB
import Maintenance
import OCI
import Registry
import Synchronization
import TestSupport

/// A store with a collector over it. Service time stands until a test moves it.
final class CollectorFixture: Sendable {
    static let grace: Int64 = 1_000
    static let lease: Int64 = 1_500
    static let undo: Int64 = 7_000

    let store: TestStore
    let collector: Collector

    private init(_ store: TestStore, _ options: CollectionOptions) {
        self.store = store
        collector = Self.collector(over: store, options, FineClock())
    }

    /// A collector whose pauses move a clock of its own; the wall clock is that of the files, moved by `ahead` seconds.
    static func collector(
        over store: TestStore,
        _ options: CollectionOptions,
        _ clock: FineClock,
        ahead: Int64 = 0
    ) -> Collector {
        Collector(
            content: store.content,
            catalog: store.catalog,
            options: options,
            environment: Collector.Environment(
                monotonicNanoseconds: { clock.now },
                wallSeconds: { Int64(Date().timeIntervalSince1970) + ahead },
                sleep: { try await clock.pass($0) },
                logger: TestStore.silent
            )
        )
    }

    static func with(
        in directory: TemporaryDirectory? = nil,
        clock: ManualClock = ManualClock(),
        options: CollectionOptions = .fastest,
        filesystem: Filesystem = .live,
        _ body: (CollectorFixture) async throws -> Void
    ) async throws {
        var storeOptions = TestStore.Options()
        storeOptions.settings.grace = grace
        storeOptions.settings.undo = undo
        storeOptions.filesystem = filesystem
        try await TestStore.with(in: directory, clock: clock, options: storeOptions) { store in
            try await body(CollectorFixture(store, options))
        }
    }

    func advance(_ seconds: Int64) { store.clock.advance(seconds: seconds) }

    /// Turns until one does nothing, with the time of the longest promise between them.
    func collectAll() async throws {
        for _ in 0..<4 {
            advance(Self.undo + Self.lease + 2)
            await collector.turn()
        }
    }

    var files: Set<String> { Set(store.directory.files(in: "blobs/sha256")) }

    func sql<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await store.catalog.write { try body($0.database) }
    }

    func count(_ query: String) async throws -> Int {
        try await sql { try Int.fetchOne($0, sql: query) ?? -1 }
    }

    /// Whatever a sound catalog must not have.
    func problems() async throws -> [String] {
        let catalog = store.catalog
        return try await catalog.foreignKeyViolations(limit: 10) + catalog.ruleViolations(limit: 10)
            + collector.audit().findings
    }
}

/// A clock that the collector's sleeps move, or that tells of them and never ends them.
final class FineClock: Sendable {
    private let nanoseconds = Mutex<UInt64>(0)
    private let sleeps = AsyncStream<Duration>.makeStream()
    private let stops: Bool

    init(stops: Bool = false) { self.stops = stops }

    var now: UInt64 { nanoseconds.withLock { $0 } }

    func pass(_ duration: Duration) async throws {
        try Task.checkCancellation()
        nanoseconds.withLock { $0 += UInt64(duration / .nanoseconds(1)) }
        sleeps.continuation.yield(duration)
        guard stops else { return await Task.yield() }
        let never = AsyncStream<Void>.makeStream()
        for await _ in never.stream {}
        throw CancellationError()
    }

    /// The next sleep that nobody has waited for yet.
    func nextSleep() async throws -> Duration {
        for await duration in sleeps.stream { return duration }
        throw CancellationError()
    }
}
