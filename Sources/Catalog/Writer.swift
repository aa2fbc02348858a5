// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import Logging
import Metrics
import Synchronization

/// The one writer: a queue, a thread, and group commit.
///
/// While one batch is committed (an fsync), the operations that arrive wait in the queue and form the next batch. There
/// is no delay when idle. Each operation runs in a savepoint of its own, so one that fails leaves the others alone.
/// Results go out only after COMMIT has returned and the cache epochs are bumped.
final class Writer: Sendable {
    /// An operation on its way to a commit.
    struct Operation: Sendable {
        /// Runs inside the savepoint; returns what to do once the result is durable.
        let run: @Sendable (Transaction) throws -> @Sendable () -> Void
        /// Ends the operation with an error; nothing of it is on disk.
        let refuse: @Sendable (CatalogError) -> Void
    }

    private let queue: WorkQueue<Operation>
    private let pool: any DatabaseWriter
    private let settings: Catalog.Settings
    private let environment: Catalog.Environment
    private let epochs: Epochs
    private let serviceClock: ServiceClock
    private let hybridClock: HybridClock
    private let unsealed: UnsealedEvents
    private let metrics = WriterMetrics()
    /// Why the writer has stopped for good; set once, by the writer's thread.
    private let stopped = Mutex<CatalogError?>(nil)
    /// What prefixes of repositories held after the last commit.
    private let ledger = Mutex(QuotaLedger())
    /// Held by the writer's thread while it works between batches.
    private let checkpointer: Mutex<Checkpointer>

    init(
        pool: any DatabaseWriter,
        settings: Catalog.Settings,
        environment: Catalog.Environment,
        epochs: Epochs,
        serviceClock: ServiceClock,
        hybridClock: HybridClock,
        unsealed: UnsealedEvents,
        checkpointer: Checkpointer
    ) {
        queue = WorkQueue(
            label: "cairn.catalog.writer",
            workerLimit: 1,
            itemLimit: settings.writerQueue,
            runner: environment.runner
        )
        self.pool = pool
        self.settings = settings
        self.environment = environment
        self.epochs = epochs
        self.serviceClock = serviceClock
        self.hybridClock = hybridClock
        self.unsealed = unsealed
        self.checkpointer = Mutex(checkpointer)
    }

    var depth: Int { queue.depth }

    /// Bytes that a prefix held after the last commit, if the writer has had to know.
    func knownUse(of prefix: String) -> Int64? { ledger.withLock { $0[prefix] } }

    var failure: CatalogError? { stopped.withLock { $0 } }

    /// Refuses every operation from now on, with this error; what was accepted before ends.
    func freeze(_ error: CatalogError) { stopped.withLock { $0 = $0 ?? error } }

    /// Runs an operation in the next batch and returns its value once that is durable.
    ///
    /// The operation must not call out and must end soon: all others wait for it. Cancelling the caller does not take
    /// the operation back.
    func submit<Value: Sendable>(
        _ body: @escaping @Sendable (Transaction) throws -> Value
    ) async throws(CatalogError) -> Value {
        if let failure { throw failure }
        let trace = CommitTrace(unsealed)
        let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
            let operation = Operation(
                run: { transaction in
                    trace?.begin()
                    let value = try body(transaction)
                    trace?.run(transaction.lastEvent)
                    return {
                        trace?.committed()
                        continuation.resume(returning: .success(value))
                    }
                },
                refuse: { error in
                    trace?.refused(error)
                    continuation.resume(returning: .failure(error))
                }
            )
            switch queue.push(operation, work: { self.work() }) {
            case .accepted:
                metrics.depth(queue.depth)
            case .full:
                metrics.overloaded()
                operation.refuse(
                    CatalogError(.overloaded, "the writer's queue holds \(settings.writerQueue) operations")
                )
            case .closed:
                operation.refuse(CatalogError(.unavailable, "the catalog is closed"))
            }
        }
        return try result.get()
    }

    /// Accepts nothing more and returns once all that was accepted is committed or refused.
    func close() async {
        await queue.close()
    }

    // MARK: - The writer's thread

    private func work() {
        while let first = queue.next() {
            if let failure {
                first.refuse(failure)
            } else {
                pool.writeWithoutTransaction { runBatch(startingWith: first, $0) }
            }
            metrics.depth(queue.depth)
        }
    }

    private func runBatch(startingWith first: Operation, _ database: Database) {
        let batch = Batch(
            database: database,
            now: serviceClock.now,
            clock: hybridClock,
            settings: settings,
            environment: environment,
            ledger: ledger.withLock { $0 }
        )
        let deadline = environment.monotonicNanoseconds() + UInt64(settings.batchMilliseconds) * 1_000_000
        do {
            try batch.begin()
            var operation: Operation? = first
            while let current = operation {
                try batch.run(current)
                let isFull =
                    batch.count >= settings.batchOperations || environment.monotonicNanoseconds() >= deadline
                operation = isFull ? nil : queue.nextIfPresent()
            }
            let start = environment.monotonicNanoseconds()
            let wrote = try batch.commit()
            if wrote { metrics.committed(batch.count, nanoseconds: environment.monotonicNanoseconds() - start) }
        } catch {
            abort(batch, startingWith: first, error.cause)
            if case .batch(let reason) = error.cause, reason.code == .storageFull {
                // What is in the WAL may fit into the database, and the WAL then starts again in the room it has.
                checkpoint(database) { try $0.runIfNeeded(database) }
            }
            return
        }
        let committed = batch.ledger
        ledger.withLock { $0 = committed }
        bump(batch)
        metrics.finished(batch.release())
        if batch.events > 0 { unsealed.add(batch.events) }
        checkpoint(database) { try $0.runIfDue(database) }
    }

    private func checkpoint(_ database: Database, _ body: (inout Checkpointer) throws -> Void) {
        do {
            try checkpointer.withLock { try body(&$0) }
        } catch {
            stop(CatalogError(.unavailable, "a checkpoint failed: \(Failure.describe(error))"))
        }
    }

    private func bump(_ batch: Batch) {
        if batch.touchesAll {
            epochs.bumpAll()
        } else {
            for repository in batch.touched { epochs.stripe(of: repository).bump() }
        }
    }

    private func abort(_ batch: Batch, startingWith first: Operation, _ failure: Failure) {
        let reason: CatalogError
        switch failure {
        case .operation(let error), .batch(let error):
            reason = error
            if let error = batch.rollback() { stop(error) }
        case .fatal(let error):
            reason = error
            stop(error)
        }
        metrics.failed(batch.refuse(reason, first: first))
    }

    /// Ends the service of this writer. The handler is expected to stop the process; where it returns, every
    /// operation is refused from now on.
    private func stop(_ error: CatalogError) {
        stopped.withLock { $0 = $0 ?? error }
        environment.logger.critical("The catalog's writer stops.", metadata: ["reason": "\(error.reason)"])
        environment.fatal(error)
    }

    /// Copies the WAL back if anything in it is not yet in the database. Takes its turn between batches.
    func checkpoint() async throws(CatalogError) {
        let result: Result<Void, CatalogError> = await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                do {
                    try self.checkpointer.withLock { try $0.runIfNeeded(database) }
                    continuation.resume(returning: .success(()))
                } catch {
                    let error = CatalogError(.unavailable, "a checkpoint failed: \(Failure.describe(error))")
                    self.stop(error)
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }
}

/// What the writer counts. Backends see commits that wrote something; an empty one costs nothing.
struct WriterMetrics: Sendable {
    private let commits = Counter(label: "cairn_catalog_commits_total")
    private let done = Counter(label: "cairn_catalog_operations_total", dimensions: [("outcome", "done")])
    private let failed = Counter(label: "cairn_catalog_operations_total", dimensions: [("outcome", "failed")])
    private let refused = Counter(label: "cairn_catalog_overloaded_total", dimensions: [("queue", "writer")])
    private let operations = Recorder(label: "cairn_catalog_batch_operations")
    private let seconds = Timer(label: "cairn_catalog_commit_seconds")
    private let queued = Meter(label: "cairn_catalog_queue_depth")

    func depth(_ count: Int) { queued.set(count) }

    func overloaded() { refused.increment() }

    func committed(_ count: Int, nanoseconds: UInt64) {
        commits.increment()
        operations.record(count)
        seconds.recordNanoseconds(Int64(clamping: nanoseconds))
    }

    func finished(_ counts: (done: Int, failed: Int)) {
        done.increment(by: counts.done)
        failed.increment(by: counts.failed)
    }

    func failed(_ count: Int) { failed.increment(by: count) }
}
