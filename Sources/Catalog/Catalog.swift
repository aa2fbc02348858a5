// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import Logging

/// The rows of the registry: which repository holds which blobs, manifests and tags, and the events of every change.
///
/// One writer commits in groups; readers see committed states. A verb that changes something returns once that is
/// durable: committed with the WAL synced. Foreign keys forbid references that dangle. Outcomes that a client can cause
/// are values; `CatalogError` is overload, a full disk, shutdown or damage.
///
/// The bytes of blobs are not its business: a caller makes them durable before it records them here, and asks here
/// before it lets them go.
package final class Catalog: Sendable {
    package let settings: Settings
    /// The version of the SQLite library in use.
    package let sqliteVersion: String
    let readers: Readers
    let writer: Writer
    let epochs: Epochs
    /// Events that no checkpoint covers yet.
    package let unsealed = UnsealedEvents()
    private let pool: any DatabaseWriter
    private let serviceClock: ServiceClock

    private init(pool: any DatabaseWriter, settings: Settings, environment: Environment) throws {
        self.pool = pool
        self.settings = settings
        epochs = Epochs()
        readers = Readers(
            pool: pool,
            readers: settings.readers,
            queueLimit: settings.readerQueue,
            runner: environment.runner
        )
        var checkpointer = Checkpointer(logger: environment.logger)
        let (version, time, last) = try pool.writeWithoutTransaction { database in
            if pool is DatabasePool { try checkpointer.start(database, path: pool.path) }
            guard let time = try database.row(SQL.serviceTime)?.int(0) else {
                throw CatalogError(.inconsistent, "the service time is missing")
            }
            let last = max(
                try database.row(SQL.lastEventTime)?.int(0) ?? 0,
                try database.row(SQL.observedTime)?.int(0) ?? 0
            )
            return (try Connection.version(database), ServiceTime(seconds: time), HybridTimestamp(rawValue: last))
        }
        sqliteVersion = version
        serviceClock = ServiceClock(base: time, monotonicNanoseconds: environment.monotonicNanoseconds)
        writer = Writer(
            pool: pool,
            settings: settings,
            environment: environment,
            epochs: epochs,
            serviceClock: serviceClock,
            hybridClock: HybridClock(after: last, wallMilliseconds: environment.wallMilliseconds),
            unsealed: unsealed,
            checkpointer: checkpointer
        )
        environment.logger.info(
            "The catalog is open.",
            metadata: ["sqlite": "\(version)", "service_seconds": "\(time.seconds)"]
        )
    }

    /// Opens the database at a path, creates it if it is absent, and brings its schema up to date.
    ///
    /// Blocks the calling thread. The caller holds the store's lock: one process at a time. After a crash SQLite first
    /// reads the WAL, which is at most about 64 MiB.
    package static func open(
        path: String,
        settings: Settings = Settings(),
        environment: Environment
    ) throws(CatalogError) -> Catalog {
        do {
            let pool = try Connection.open(
                path: path,
                readers: settings.readers,
                trace: environment.statementTrace
            )
            try migrate(pool, origin: settings.origin)
            return try Catalog(pool: pool, settings: settings, environment: environment)
        } catch {
            throw Failure.ofRead(error)
        }
    }

    /// A catalog over a database in memory: what it committed is what a store has after a crash. For tests that run
    /// everything themselves; nothing of it is durable.
    package static func open(
        over database: MemoryDatabase,
        settings: Settings = Settings(),
        environment: Environment
    ) throws(CatalogError) -> Catalog {
        do {
            return try Catalog(pool: database.queue, settings: settings, environment: environment)
        } catch {
            throw Failure.ofRead(error)
        }
    }

    static func migrate(_ pool: some DatabaseWriter, origin: String) throws {
        let migrator = Schema.migrator(origin: origin)
        if try pool.writeWithoutTransaction({ try migrator.hasBeenSuperseded($0) }) {
            throw CatalogError(.newerFormat, "the database was written by a newer version")
        }
        try migrator.migrate(pool)
    }

    /// Accepts nothing more, ends what was accepted, persists service time and closes. May be called again.
    package func close() async {
        await housekeepLast()
        await writer.close()
        await readers.close()
        try? pool.close()
    }

    /// A planned stop loses no second of service time; one that fails loses those since the last commit.
    private func housekeepLast() async {
        try? await housekeep()
    }

    /// Seconds of service so far. Memory only.
    package var serviceTime: ServiceTime { serviceClock.now }

    /// Operations that wait for the writer.
    package var writerQueueDepth: Int { writer.depth }

    /// False once the writer has stopped.
    package var isWritable: Bool { writer.failure == nil }

    /// Accepts no change any more and says why; reads go on. For a catalog that must not go on from where it stands.
    package func freeze(reason: String) { writer.freeze(CatalogError(.readOnly, reason)) }

    /// Runs an operation of the caller's own in the writer's next batch, in its savepoint: for tools and tests.
    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (Transaction) throws -> Value
    ) async throws(CatalogError) -> Value {
        try await writer.submit(body)
    }
}

extension Catalog {
    package struct Settings: Sendable {
        /// The origin of the log, in every leaf and in the stamp of every change.
        package var origin = "cairn"
        /// The grace period in seconds of service time: what a client is promised about a blob it was told of.
        package var grace: Int64 = 86_400
        /// Seconds of service time for which a trashed manifest can be brought back.
        package var undo: Int64 = 604_800
        /// Reading connections, each with a thread.
        package var readers = 4
        /// Operations that may wait for the writer, and reads that may wait for a reader.
        package var writerQueue = 4_096
        package var readerQueue = 4_096
        /// A batch ends after this many operations or this much time, whichever comes first.
        package var batchOperations = 256
        package var batchMilliseconds = 20
        package var tagsPerRepository = 1_000_000
        package var referrersPerSubject = 10_000
        /// Levels of indexes over an image.
        package var indexDepth = 4
        /// Denials kept: the oldest go first.
        package var denialRows = 100_000

        package init() {}

        /// Seconds that a lease is granted for: the grace period, and half of it as reserve.
        var lease: Int64 { grace + (grace + 1) / 2 }
    }

    /// Runs a closure once, at some time.
    package typealias Runner = @Sendable (@escaping @Sendable () -> Void) -> Void

    /// Everything that is not a function of the input.
    package struct Environment: Sendable {
        /// Milliseconds since 1970.
        package var wallMilliseconds: @Sendable () -> Int64
        package var monotonicNanoseconds: @Sendable () -> UInt64
        package var randomBytes: @Sendable (Int) -> [UInt8]
        /// Must stop the process: a commit or a sync has failed and what is durable is unknown. Called on the writer's
        /// thread, before any result of the batch goes out.
        package var fatal: @Sendable (CatalogError) -> Void
        package var logger: Logger
        /// Says after each commit why the storage is not to be trusted; nil where it is. A commit that comes back while
        /// the file system shuts itself down may not be on the disk. Called on the writer's thread.
        package var storageFault: (@Sendable () -> String?)?
        /// Sees every statement, without its arguments.
        package var statementTrace: (@Sendable (String) -> Void)?
        /// Runs what else the writer's thread and the readers' run; nil for threads of the catalog's own.
        package var runner: Runner?

        package init(
            wallMilliseconds: @escaping @Sendable () -> Int64,
            monotonicNanoseconds: @escaping @Sendable () -> UInt64,
            randomBytes: @escaping @Sendable (Int) -> [UInt8],
            fatal: @escaping @Sendable (CatalogError) -> Void,
            logger: Logger,
            storageFault: (@Sendable () -> String?)? = nil,
            statementTrace: (@Sendable (String) -> Void)? = nil
        ) {
            self.wallMilliseconds = wallMilliseconds
            self.monotonicNanoseconds = monotonicNanoseconds
            self.randomBytes = randomBytes
            self.fatal = fatal
            self.logger = logger
            self.storageFault = storageFault
            self.statementTrace = statementTrace
        }
    }
}
