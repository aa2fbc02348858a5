// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Logging
import Maintenance
import NIOCore
import OCI
import Registry
import Synchronization

/// What a client learns when the power goes while it waits, and no more.
struct PowerCut: Error {}

/// The server from one start to the next cut of power: the store, the catalog, the registry and the collector that
/// production has, over a disk, a database and an executor of the simulation's own.
final class Life: Sendable {
    let content: ContentStore
    let catalog: Catalog
    let registry: Registry
    let collector: Collector
    /// The store that the collector removes files from.
    let collected: ContentStore
    private let pace = Pace()
    let caller = Caller(principal: "someone", requestID: "request")

    private final class Pace: Sendable {
        private let nanoseconds = Atomic<UInt64>(0)

        var now: UInt64 { nanoseconds.load(ordering: .relaxed) }
        func advance(_ duration: Duration) {
            nanoseconds.add(UInt64(duration / .nanoseconds(1)), ordering: .relaxed)
        }
    }

    static let root = "/proc"
    static let grace: Int64 = 50
    static let undo: Int64 = 70

    /// Opens the store as a start of the server does, recovery of uploads and all.
    init(_ schedule: Schedule) async throws {
        let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        var options = ContentStore.Options()
        options.limits.ballastBytes = 0
        options.limits.bufferPoolBytes = 1 << 20
        options.filesystem = schedule.disk.filesystem
        options.runner = { [executor = schedule.executor] in executor.run($0) }
        options.makeUploadID = { schedule.nextUploadID() }
        options.logger = logger
        content = try await ContentStore.open(root: Self.root, options: options)
        if schedule.mutant == .ownLocks {
            collected = try await ContentStore.open(root: Self.root, options: options)
        } else {
            collected = content
        }
        var settings = Catalog.Settings()
        settings.grace = Self.grace
        settings.undo = Self.undo
        var environment = Catalog.Environment(
            wallMilliseconds: { schedule.wallSeconds * 1_000 },
            monotonicNanoseconds: { UInt64(schedule.elapsed) * 1_000_000_000 },
            randomBytes: { Array(repeating: 0xA5, count: $0) },
            fatal: { _ in },
            logger: logger
        )
        environment.runner = options.runner
        catalog = try Catalog.open(over: schedule.database.memory, settings: settings, environment: environment)
        registry = Registry(content: content, catalog: catalog, blobLimit: 1 << 20, logger: logger)
        // The collector's pace is a matter of fractions of a second, which its pauses let pass.
        let pace = pace
        collector = Collector(
            content: collected,
            catalog: catalog,
            options: .fastest,
            environment: Collector.Environment(
                monotonicNanoseconds: { pace.now },
                wallSeconds: { schedule.wallSeconds },
                sleep: { duration in
                    pace.advance(duration)
                    await Task.yield()
                },
                logger: logger
            )
        )
        _ = try await registry.recover()
    }
}
