// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import Metrics

/// The reading connections, each used by one thread of ours at a time.
///
/// A read is short: it answers from keys, returns at most a bounded page and ends its transaction. A reader never
/// blocks the writer, nor the writer a reader.
final class Readers: Sendable {
    private struct Job: Sendable {
        let run: @Sendable () -> Void
    }

    private let queue: WorkQueue<Job>
    private let pool: any DatabaseWriter
    private let overloaded = Counter(label: "cairn_catalog_overloaded_total", dimensions: [("queue", "reader")])

    init(pool: any DatabaseWriter, readers: Int, queueLimit: Int, runner: Catalog.Runner?) {
        self.pool = pool
        queue = WorkQueue(
            label: "cairn.catalog.readers",
            workerLimit: readers,
            itemLimit: queueLimit,
            runner: runner
        )
    }

    /// Reads with one statement, which sees one committed state without a transaction around it.
    func readOne<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(CatalogError) -> Value {
        let pool = pool
        return try await submit { try pool.unsafeRead(body) }
    }

    /// Reads with several statements that all see the same committed state.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(CatalogError) -> Value {
        let pool = pool
        // A database in memory has one connection, on which nothing comes between.
        guard pool is DatabasePool else { return try await submit { try pool.unsafeRead(body) } }
        return try await submit { try pool.read(body) }
    }

    private func submit<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(CatalogError) -> Value {
        let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
            let job = Job {
                continuation.resume(returning: Result { try body() }.mapError { Failure.ofRead($0) })
            }
            switch queue.push(job, work: { self.work() }) {
            case .accepted:
                break
            case .full:
                overloaded.increment()
                continuation.resume(returning: .failure(CatalogError(.overloaded, "the readers' queue is full")))
            case .closed:
                continuation.resume(returning: .failure(CatalogError(.unavailable, "the catalog is closed")))
            }
        }
        return try result.get()
    }

    private func work() {
        while let job = queue.next() { job.run() }
    }

    func close() async {
        await queue.close()
    }
}
