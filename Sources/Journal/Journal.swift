// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import Content
internal import Logging
internal import Metrics
internal import Synchronization
package import Transparency

/// The transparency log of one store: its events in a Merkle tree, sealed by signed checkpoints.
///
/// The catalog's rows are the truth until they are sealed; from then on the signed checkpoint is, and rows, tiles and
/// bundles are held against it. Everything that the log shows lies below the published size.
package final class Journal: Sendable {
    /// A checkpoint that was signed, and its note.
    package struct Published: Sendable, Hashable {
        package let checkpoint: Checkpoint
        package let note: [UInt8]
        /// The last event that it covers.
        let lastEvent: EventID
    }

    private struct Waiter {
        let isCovered: @Sendable (Published) -> Bool
        /// Whether it waits for a change that was made, and not for whatever comes.
        let isHurried: Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var published: Published?
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
        /// Whether the process is about to end.
        var isEnding = false
    }

    let catalog: Catalog
    let files: LogFiles
    let signer: LogSigner
    let threads: FileThreads
    let logger: Logger
    let metrics = JournalMetrics()
    /// Of the last entries that have any.
    package let traces = SealTraces()
    /// The event that says which key follows, until the next key signs.
    let rotation = Mutex<EventID?>(nil)
    /// The last reading of the whole log.
    let scrubbed = Mutex<Scrubbed?>(nil)
    /// Those who are asked to cosign; nil where nobody is.
    let cosigners: Cosigners?
    /// The size of the checkpoint that the file has; held while it is written.
    private let written = Mutex<Int64>(0)
    /// Whether witnesses are being asked.
    let isAsking = Atomic<Bool>(false)
    private let state: Mutex<State>

    init(
        catalog: Catalog,
        files: LogFiles,
        signer: LogSigner,
        threads: FileThreads,
        cosigners: Cosigners?,
        logger: Logger,
        published: Published?
    ) {
        self.catalog = catalog
        self.files = files
        self.signer = signer
        self.threads = threads
        self.cosigners = cosigners
        self.logger = logger
        state = Mutex(State(published: published))
        if let published { metrics.published(published.checkpoint.size) }
    }

    /// The newest checkpoint; nil before the first change was sealed.
    package var published: Published? { state.withLock { $0.published } }

    /// The last reading of the whole log; nil before the first of this process has ended.
    package var lastScrub: Scrubbed? { scrubbed.withLock { $0 } }

    /// The keys that the log signs with, as verifiers take them (C2SP signed-note), the current one first.
    package var keys: [String] { signer.keys }

    package var origin: String { signer.origin }

    /// Runs work on the log's files where it may block.
    func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(JournalError) -> Value {
        do { return try await threads.call(body) } catch { throw JournalError(error) }
    }

    /// Puts a note into the checkpoint file, unless that has a newer one. Blocks.
    func write(_ note: [UInt8], ofSize size: Int64) throws {
        try written.withLock { last in
            guard size >= last else { return }
            try files.replaceCheckpoint(note)
            last = size
        }
    }

    // MARK: Waiting

    /// Requests that wait for a checkpoint.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    /// Returns once a published checkpoint covers the event; false when that does not happen in time.
    package func waitForCheckpoint(of event: EventID) async -> Bool {
        await wait(at: JournalLimits.waitForCheckpoint, isHurried: true) { $0.lastEvent >= event }
    }

    /// Returns once a published checkpoint has more entries than that; false when that does not happen in time, or too
    /// many wait already.
    package func waitForCheckpoint(over size: Int64) async -> Bool {
        await wait(at: JournalLimits.waitForGrowth, isHurried: false) { $0.checkpoint.size > size }
    }

    private func wait(
        at most: Duration,
        isHurried: Bool,
        for isCovered: @escaping @Sendable (Published) -> Bool
    ) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.untilPublished(isHurried, isCovered) }
            group.addTask { try? await Task.sleep(for: most) }
            await group.next()
            group.cancelAll()
        }
        return published.map(isCovered) ?? false
    }

    private func untilPublished(_ isHurried: Bool, _ isCovered: @escaping @Sendable (Published) -> Bool) async {
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if let published = state.published, isCovered(published) { return true }
                    if Task.isCancelled || state.waiters.count >= JournalLimits.waiters { return true }
                    if state.isEnding, !isHurried { return true }
                    state.waiters[id] = Waiter(
                        isCovered: isCovered,
                        isHurried: isHurried,
                        continuation: continuation
                    )
                    return false
                }
                if isDone { continuation.resume() } else if isHurried { catalog.unsealed.hurry() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    /// Answers those who wait for the log to grow: a process that is about to end does not wait for them. Who waits for
    /// a change of his own gets its checkpoint.
    package func endWaitingForGrowth() {
        let idle = state.withLock { state in
            state.isEnding = true
            let ids = state.waiters.filter { !$0.value.isHurried }.map(\.key)
            return ids.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in idle { waiter.continuation.resume() }
    }

    /// Shows the same checkpoint with more signatures, if it is still the newest.
    func show(_ note: [UInt8], insteadOf former: [UInt8]) {
        state.withLock { state in
            guard let published = state.published, published.note == former else { return }
            state.published = Published(
                checkpoint: published.checkpoint,
                note: note,
                lastEvent: published.lastEvent
            )
        }
    }

    /// Shows a checkpoint to the world and lets those go on who waited for it.
    func publish(_ new: Published) {
        let done = state.withLock { state in
            state.published = new
            let ids = state.waiters.filter { $0.value.isCovered(new) }.map(\.key)
            return ids.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in done { waiter.continuation.resume() }
        metrics.published(new.checkpoint.size)
    }
}

/// What the log measures of itself.
struct JournalMetrics: Sendable {
    private let size = Meter(label: "cairn_log_entries")
    private let sealed = Counter(label: "cairn_log_sealed_entries_total")
    private let seconds = Timer(label: "cairn_log_seal_seconds")
    private let failures = Counter(label: "cairn_log_seal_failures_total")
    private let findings = Counter(label: "cairn_log_scrub_findings_total")
    private let scrubs = Counter(label: "cairn_log_scrubs_total")

    func published(_ entries: Int64) { size.set(entries) }

    func sealed(_ entries: Int, in duration: Duration) {
        sealed.increment(by: entries)
        seconds.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    func failed() { failures.increment() }

    func scrubbed(findings count: Int) {
        scrubs.increment()
        findings.increment(by: count)
    }
}
