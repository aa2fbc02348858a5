// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Synchronization

/// For whom a blob is fetched.
package enum FetchPriority: Sendable, Hashable {
    /// A client waits for it: comes first.
    case client
    /// Nobody waits for it; at the soft limit of the disk it is not begun.
    case backfill
}

/// A blob that was fetched, and whose bytes are durable, verified and linked here.
package struct FetchedBlob: Sendable, Hashable {
    package let size: Int64
    /// Who sent bytes of it; empty where nobody had to.
    package let sources: [String]

    package init(size: Int64, sources: [String]) {
        self.size = size
        self.sources = sources
    }
}

/// The fetch of one blob, which all who want it share.
///
/// It lasts until it has a result, or until nobody waits for it any more.
final class Flight: Sendable {
    /// What is one fetch. Repositories that are linked to a blob share one; another repository shows by a fetch of its
    /// own that its sources have the blob for it, and learns nothing from what others have.
    struct Key: Hashable {
        let digest: Digest
        let size: Int64?
        let repository: RepositoryName?
    }

    typealias Outcome = Result<FetchedBlob, any Error>

    private struct State {
        var outcome: Outcome?
        var waiters: [UInt64: CheckedContinuation<FetchedBlob, any Error>] = [:]
        var nextWaiter: UInt64 = 0
    }

    let key: Key
    let work: @Sendable (Flight) async throws -> FetchedBlob
    /// How far its bytes have come.
    let arrival = Arrival()
    private let state = Mutex(State())

    init(key: Key, work: @escaping @Sendable (Flight) async throws -> FetchedBlob) {
        self.key = key
        self.work = work
    }

    func end(with outcome: Outcome) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume(with: outcome) }
        arrival.end()
    }

    /// nil while it is under way.
    var outcome: Outcome? { state.withLock { $0.outcome } }

    /// Waits for the result. Throws `CancellationError` at once when the task that waits is cancelled.
    func result() async throws -> FetchedBlob {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Outcome? in
                    if let outcome = state.outcome { return outcome }
                    // Whoever cancels sets the mark first and looks for the waiter then, so one of both is seen.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }
}
