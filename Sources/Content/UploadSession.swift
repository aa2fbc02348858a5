// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Glibc
internal import OCI
internal import Synchronization

/// The life of an upload.
package enum UploadState: Hashable, Sendable {
    /// Between requests.
    case open
    /// A request has it.
    case receiving
    /// Its last request was given the digest; it can no longer be cancelled.
    case finalizing
    case committed
    /// Cancelled, or dead of an error. Its file is gone.
    case aborted
}

/// What a request gets when it asks for a session.
package enum Claim: Sendable {
    case claimed(UploadClaim)
    /// Another request has it.
    case busy
    /// It was committed, cancelled, or died.
    case ended
}

/// One upload: bytes that arrive in order, over one or many requests, until they are committed under a digest.
///
/// Bytes are gathered in memory and handed over in batches; a worker hashes and writes one batch at a time, in order,
/// while the next is received. Memory is bounded by the batches in flight and by the pool that all uploads share. A
/// failed write or sync kills the session: its file is deleted, its next call throws the error, and the client starts
/// again with a new file, because what the kernel says about the old one can no longer be trusted.
///
/// In a crash the bytes up to the last noted durable offset survive, for `ContentStore.resume`.
package final class UploadSession: Sendable {
    /// Under `state`'s lock. Nothing here waits: what follows from a change is done after the lock is let go.
    struct State {
        var phase: UploadState
        var file: OwnedDescriptor?
        /// Bytes accepted from the client.
        var accepted: Int64
        /// Bytes that survive a power cut.
        var durable: Int64
        /// Up to where blocks were reserved.
        var reservedEnd: Int64 = 0
        var lastUsed: Int64
        var gathered = UploadBatch()
        /// Whether the pool knows that there may be gathered bytes.
        var parked = false
        /// Handed over, not yet begun.
        var queue = Deque<UploadBatch>()
        /// A worker has a batch.
        var writing = false
        /// A thread waits in `fdatasync`.
        var syncing = false
        /// How much was written when the last `fdatasync` began.
        var syncMark: Int64
        var failure: ContentError?
        var waiters: [Waiter] = []
        let batchesInFlight: Int

        var inFlight: Int { queue.count + (writing ? 1 : 0) }
        var hasEnded: Bool { phase == .committed || phase == .aborted }
    }

    /// What a task can wait for.
    enum Condition {
        /// There is room for another batch.
        case room
        /// Everything that was handed over is written.
        case written
        /// And no `fdatasync` is under way.
        case quiet
    }

    struct Waiter {
        let condition: Condition
        let continuation: CheckedContinuation<Void, Never>
    }

    package let id: UploadID
    let path: String
    let hint: Digest.Algorithm?
    let environment: UploadEnvironment
    let state: Mutex<State>
    /// Used by one worker at a time; the lock is never contended, it only proves that.
    let writer: Mutex<UploadWriter>

    init(
        id: UploadID,
        file: OwnedDescriptor,
        hint: Digest.Algorithm?,
        durableOffset: Int64,
        environment: UploadEnvironment
    ) throws(ContentError) {
        self.id = id
        path = file.path
        self.hint = hint
        self.environment = environment
        state = Mutex(
            State(
                phase: .open,
                file: file,
                accepted: durableOffset,
                durable: durableOffset,
                lastUsed: environment.serviceTime(),
                syncMark: durableOffset,
                batchesInFlight: environment.limits.batchesInFlight
            )
        )
        writer = Mutex(
            try UploadWriter(
                hint: hint,
                filesystem: environment.filesystem,
                limits: environment.limits,
                metrics: environment.metrics
            )
        )
    }

    /// Bytes accepted so far: where the client goes on.
    package var offset: Int64 { state.withLock { $0.accepted } }

    /// Bytes that a restart will find.
    package var durableOffset: Int64 { state.withLock { $0.durable } }

    package var phase: UploadState { state.withLock { $0.phase } }

    /// Service time, in seconds, at which a request last took it or let it go.
    package var lastUsed: Int64 { state.withLock { $0.lastUsed } }

    /// Exclusive use for one request.
    package func claim() -> Claim {
        let now = environment.serviceTime()
        let refusal = state.withLock { state -> Claim? in
            if state.hasEnded { return .ended }
            guard state.phase == .open else { return .busy }
            state.phase = .receiving
            state.lastUsed = now
            return nil
        }
        return refusal ?? .claimed(UploadClaim(session: self))
    }

    func release() {
        let now = environment.serviceTime()
        state.withLock { state in
            state.lastUsed = now
            if state.phase == .receiving { state.phase = .open }
        }
        handOverGathered()
    }

    /// Ends the session by force, for a DELETE or because it expired, also while a request has it: that request's next
    /// call throws `.sessionEnded`. The file is deleted. False: it is being committed, or has ended already.
    package func cancel() async -> Bool {
        let ended = end(.sessionEnded(id), if: { $0.phase == .open || $0.phase == .receiving })
        guard ended else { return false }
        do {
            try await environment.threads.sync.run { () throws(ContentError) in self.deleteFile() }
        } catch {
            // The store is shut down; the file is a stray that the next start removes.
        }
        return true
    }

    /// Kills the session for an error. To be called on a file thread.
    func fail(_ error: ContentError) {
        if error.isFullDisk { environment.gauge.noteFullBlocking() }
        // The file goes first, so that whoever is told of the error finds nothing left. Nobody else can have given the
        // path a meaning by now: it is this session's alone, and a commit fails only through here.
        if state.withLock({ $0.hasEnded }) { return }
        deleteFile()
        _ = end(error, if: { !$0.hasEnded })
    }

    private func deleteFile() {
        do { try environment.filesystem.unlink(path) } catch { /* The next start removes it as a stray. */  }
    }

    /// Marks the session as ended by an error if the condition holds; gives back its memory and wakes who waits.
    private func end(_ error: ContentError, if condition: (State) -> Bool) -> Bool {
        let outcome = state.withLock { state -> (charge: Int, waiters: [Waiter])? in
            guard condition(state) else { return nil }
            state.phase = .aborted
            state.failure = error
            state.file = nil
            let charge = state.queue.reduce(state.gathered.charge) { $0 + $1.charge }
            state.queue = []
            state.gathered = UploadBatch()
            return (charge, Self.takeReady(&state))
        }
        guard let outcome else { return false }
        environment.pool.give(outcome.charge)
        environment.pool.unpark(id)
        environment.registry.remove(id)
        for waiter in outcome.waiters { waiter.continuation.resume() }
        return true
    }

    // MARK: Waiting

    /// Waits for a condition; throws what killed the session, if something did.
    func wait(for condition: Condition) async throws(ContentError) {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                if Self.holds(condition, state) { return true }
                state.waiters.append(Waiter(condition: condition, continuation: continuation))
                return false
            }
            if ready { continuation.resume() }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private static func holds(_ condition: Condition, _ state: State) -> Bool {
        switch condition {
        case .room: state.failure != nil || state.inFlight <= state.batchesInFlight
        case .written: state.failure != nil || state.inFlight == 0
        case .quiet: state.failure != nil || (state.inFlight == 0 && !state.syncing)
        }
    }

    static func takeReady(_ state: inout State) -> [Waiter] {
        if state.waiters.isEmpty { return [] }
        let ready = state.waiters.filter { holds($0.condition, state) }
        state.waiters = state.waiters.filter { !holds($0.condition, state) }
        return ready
    }
}
