// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
package import Logging
import Synchronization

/// Takes away what nothing refers to and nobody was promised, while everyone goes on pushing and pulling.
///
/// Work is proportional to what changed: the catalog queues a link when it is made, hidden, or loses its last
/// reference, and no walk over everything decides anything. There are three steps, each with its own safety: a trashed
/// manifest is purged when it can no longer be brought back; a link without reference and lease goes, and the last one
/// condemns its blob; a condemned blob's file goes, under the lock of its digest. Each judges in the transaction that
/// acts, so a push between two steps keeps what it needs.
///
/// A crash at any point loses nothing: every step starts from rows, and the last one meets its condemned rows again.
/// Wherever something cannot be read or decided, it is kept.
package final class Collector: Sendable {
    /// Everything that is not a function of the input.
    package struct Environment: Sendable {
        package var monotonicNanoseconds: @Sendable () -> UInt64
        /// Seconds since 1970: for people, and for the age of files that no row speaks of.
        package var wallSeconds: @Sendable () -> Int64
        /// Throws once the task is cancelled.
        package var sleep: @Sendable (Duration) async throws -> Void
        package var logger: Logger

        package init(
            monotonicNanoseconds: @escaping @Sendable () -> UInt64,
            wallSeconds: @escaping @Sendable () -> Int64,
            sleep: @escaping @Sendable (Duration) async throws -> Void,
            logger: Logger
        ) {
            self.monotonicNanoseconds = monotonicNanoseconds
            self.wallSeconds = wallSeconds
            self.sleep = sleep
            self.logger = logger
        }
    }

    private struct State {
        var turns: Int64 = 0
        var isRunning = false
        var isMeasuring = false
        var last: CollectionTurn?
        var total = CollectionWork()
        var audit: AuditSummary?
    }

    package let options: CollectionOptions
    let content: ContentStore
    let catalog: Catalog
    let environment: Environment
    let metrics = CollectionMetrics()
    private let bell = Bell()
    private let state = Mutex(State())

    package init(
        content: ContentStore,
        catalog: Catalog,
        options: CollectionOptions = CollectionOptions(),
        environment: Environment
    ) {
        self.content = content
        self.catalog = catalog
        self.options = options
        self.environment = environment
    }

    /// Begins a turn now, if none runs, else another one after it.
    ///
    /// - Returns: The number of a turn that begins after this call: once as many have ended, everything that was due
    ///   now has been looked at.
    @discardableResult
    package func requestTurn() -> Int64 {
        let number = state.withLock { $0.turns + ($0.isRunning ? 2 : 1) }
        bell.ring()
        return number
    }

    /// What uses the disk, by what keeps it there; nil while another one measures. Reads everything, page by page.
    package func storage() async throws -> StorageReport? {
        let isMine = state.withLock { state in
            defer { state.isMeasuring = true }
            return !state.isMeasuring
        }
        guard isMine else { return nil }
        defer { state.withLock { $0.isMeasuring = false } }
        return try await StorageReport.measure(content, catalog)
    }

    package func status() async throws -> CollectionStatus {
        let backlog = try await catalog.collectionBacklog()
        let stored = try await catalog.storedBytes()
        let state = state.withLock { $0 }
        return CollectionStatus(
            options: options,
            grace: catalog.settings.grace,
            undo: catalog.settings.undo,
            isRunning: state.isRunning,
            turns: state.turns,
            lastTurn: state.last,
            total: state.total,
            backlog: backlog,
            stored: stored,
            audit: state.audit
        )
    }

    /// Works until the task is cancelled: at once where something is due, else when it is, or when somebody asks.
    package func run() async {
        while !Task.isCancelled {
            let turn = await turn()
            let pause = await pause(after: turn)
            guard !Task.isCancelled else { return }
            await bell.wait(atMost: .seconds(pause), sleep: environment.sleep)
        }
    }

    /// Seconds until the next turn.
    private func pause(after turn: CollectionTurn) async -> Int64 {
        let settings = catalog.settings
        // What is queued from now on is due a grace from now at the earliest, or it was hidden, which is no hurry.
        let longest = min(CollectionLimits.longestPause, max(CollectionLimits.shortestPause, settings.grace / 2))
        do {
            let standing = try await catalog.collectionBacklog()
            metrics.stands(standing, try await catalog.storedBytes())
            guard turn.failure == nil, turn.work.failures == 0 else { return CollectionLimits.retryPause }
            guard let due = try await catalog.secondsUntilCollectable() else { return longest }
            return min(max(due, CollectionLimits.shortestPause), longest)
        } catch {
            return CollectionLimits.retryPause
        }
    }

    /// Does everything that is due, at the pace that is set, and returns. One turn runs at a time; cancelling the task
    /// ends it after the batch that runs.
    @discardableResult
    package func turn() async -> CollectionTurn {
        let number = state.withLock { state in
            precondition(!state.isRunning, "two turns of collection at once")
            state.isRunning = true
            return state.turns + 1
        }
        let start = environment.monotonicNanoseconds()
        var sweep = Sweep(self)
        var turn = CollectionTurn(number: number)
        do {
            try await sweep.run()
        } catch is CancellationError {
            // The process ends, and the rows say what is left.
        } catch {
            turn.failure = "\(error)"
            report(error)
        }
        turn.work = sweep.work
        turn.nanoseconds = environment.monotonicNanoseconds() &- start
        end(turn)
        return turn
    }

    private func end(_ turn: CollectionTurn) {
        state.withLock { state in
            state.isRunning = false
            state.turns = turn.number
            if !turn.didNothing || turn.failure != nil { state.last = turn }
        }
        guard !turn.didNothing else { return }
        environment.logger.debug(
            "collected",
            metadata: [
                "manifests": "\(turn.work.purgedManifests)", "links": "\(turn.work.removedLinks)",
                "blobs": "\(turn.work.removedBlobs)", "bytes": "\(turn.work.freedBytes)",
            ]
        )
    }

    /// Counts a part of a turn.
    func did(_ work: CollectionWork) {
        metrics.did(work)
        state.withLock { $0.total += work }
    }

    /// A catalog that takes no changes, or too many, is not a failure of collection.
    private func report(_ error: any Error) {
        if let error = error as? CatalogError, [.readOnly, .overloaded].contains(error.code) { return }
        metrics.failed()
        environment.logger.warning(
            "collection was broken off; it is tried again",
            metadata: ["reason": "\(error)"]
        )
    }

    func keep(_ summary: AuditSummary) { state.withLock { $0.audit = summary } }
}
