// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// Why a batch as a whole cannot go on.
struct BatchFailure: Error {
    let cause: Failure
}

/// One transaction of the writer: BEGIN IMMEDIATE, a savepoint for each operation, COMMIT.
///
/// Belongs to the writer's thread. Every operation that enters leaves exactly once: by `release` after the commit, or
/// by `refuse`.
final class Batch {
    private struct Entry {
        let operation: Writer.Operation
        let outcome: Result<@Sendable () -> Void, CatalogError>
    }

    private let database: Database
    private let now: ServiceTime
    private let clock: HybridClock
    private let settings: Catalog.Settings
    private let environment: Catalog.Environment
    private var entries: [Entry] = []
    private var changesAtBegin = 0
    private(set) var touched: Set<RepositoryName> = []
    private(set) var touchesAll = false
    /// Events that the operations wrote.
    private(set) var events = 0
    /// What holds once the batch is committed.
    private(set) var ledger: QuotaLedger

    init(
        database: Database,
        now: ServiceTime,
        clock: HybridClock,
        settings: Catalog.Settings,
        environment: Catalog.Environment,
        ledger: QuotaLedger
    ) {
        self.database = database
        self.now = now
        self.clock = clock
        self.settings = settings
        self.environment = environment
        self.ledger = ledger
    }

    var count: Int { entries.count }

    func begin() throws(BatchFailure) {
        do {
            try database.run("BEGIN IMMEDIATE TRANSACTION")
            changesAtBegin = database.totalChangesCount
        } catch {
            throw BatchFailure(cause: Failure(error))
        }
    }

    /// Runs an operation in its savepoint. Throws only when the batch as a whole is lost; the operation is then among
    /// those that `refuse` ends.
    func run(_ operation: Writer.Operation) throws(BatchFailure) {
        let transaction = Transaction(
            database: database,
            now: now,
            clock: clock,
            settings: settings,
            environment: environment,
            ledger: ledger
        )
        do {
            try database.run("SAVEPOINT operation")
            let release = try operation.run(transaction)
            try transaction.judgeLoosened()
            try database.run("RELEASE SAVEPOINT operation")
            touched.formUnion(transaction.touched)
            touchesAll = touchesAll || transaction.touchesAll
            events += transaction.events
            ledger = transaction.ledger
            entries.append(Entry(operation: operation, outcome: .success(release)))
        } catch {
            let failure = Failure(error)
            guard case .operation(let reason) = failure, database.isInsideTransaction else {
                entries.append(
                    Entry(operation: operation, outcome: .failure(CatalogError(.unavailable, "rolled back")))
                )
                throw BatchFailure(cause: failure)
            }
            entries.append(Entry(operation: operation, outcome: .failure(reason)))
            try undo()
        }
    }

    private func undo() throws(BatchFailure) {
        do {
            try database.run("ROLLBACK TO SAVEPOINT operation")
            try database.run("RELEASE SAVEPOINT operation")
        } catch {
            throw BatchFailure(cause: Failure(error))
        }
    }

    /// Persists service time with the changes and commits. Returns whether there were any changes: without, COMMIT
    /// writes nothing and syncs nothing.
    func commit() throws(BatchFailure) -> Bool {
        let wrote = database.totalChangesCount != changesAtBegin
        do {
            if wrote { try database.run(SQL.persistServiceTime, now.seconds, now.seconds) }
        } catch {
            throw BatchFailure(cause: Failure(error))
        }
        do {
            try database.run("COMMIT TRANSACTION")
        } catch {
            throw BatchFailure(cause: Failure(commit: error))
        }
        if wrote, let fault = environment.storageFault?() {
            throw BatchFailure(cause: .fatal(CatalogError(.unavailable, "COMMIT may not be durable: \(fault)")))
        }
        return wrote
    }

    /// Rolls everything back. An error here leaves the connection in an unknown state.
    func rollback() -> CatalogError? {
        do {
            try database.rollback()
            return nil
        } catch {
            return CatalogError(.unavailable, "ROLLBACK failed: \(Failure.describe(error))")
        }
    }

    /// Hands every result out, after COMMIT. Returns how many operations are done and how many failed alone.
    func release() -> (done: Int, failed: Int) {
        var failed = 0
        for entry in entries {
            switch entry.outcome {
            case .success(let release):
                release()
            case .failure(let error):
                failed += 1
                entry.operation.refuse(error)
            }
        }
        return (entries.count - failed, failed)
    }

    /// Ends every operation with an error: those that failed alone with their own, the others with the batch's. The
    /// first one counts even where the batch never began.
    func refuse(_ reason: CatalogError, first: Writer.Operation) -> Int {
        if entries.isEmpty {
            first.refuse(reason)
            return 1
        }
        for entry in entries { entry.operation.refuse(reason) }
        return entries.count
    }
}
