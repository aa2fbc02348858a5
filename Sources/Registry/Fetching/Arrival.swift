// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Synchronization

/// How far the bytes of a flight have come, for who reads them while they do.
///
/// A fetch that has to begin anew begins a new attempt; whoever was given bytes of the former must be given no more.
final class Arrival: Sendable {
    /// What has come: of which attempt, and how many bytes of it.
    struct Stand: Sendable {
        let attempt: Int
        let view: UploadView
        let count: Int64
    }

    private struct Waiter {
        let attempt: Int
        let offset: Int64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var attempt = 0
        var view: UploadView?
        var count: Int64 = 0
        var hasEnded = false
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0

        func isOver(_ waiter: Waiter) -> Bool {
            hasEnded || attempt != waiter.attempt || count > waiter.offset
        }
    }

    private let state = Mutex(State())

    func begin(_ view: UploadView?) {
        change { state in
            state.attempt += 1
            (state.view, state.count) = (view, 0)
        }
    }

    func advance(to count: Int64) { change { $0.count = count } }

    func end() { change { $0.hasEnded = true } }

    /// The attempt that is under way, and how far it is; nil before the first.
    var stand: Stand? {
        state.withLock { state in
            state.view.map { Stand(attempt: state.attempt, view: $0, count: state.count) }
        }
    }

    /// Waits until an attempt, 0 for none yet, is over, or has bytes after an offset. The flight's end ends it too.
    func wait(attempt: Int, beyond offset: Int64) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waiter = Waiter(attempt: attempt, offset: offset, continuation: continuation)
                let known = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.isOver(waiter) { return .success(()) }
                    state.waiters[id] = waiter
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let ready = state.withLock { state in
            body(&state)
            let ready = state.waiters.filter { state.isOver($0.value) }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }
}
