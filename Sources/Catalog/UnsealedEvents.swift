// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Tells whoever seals the log that there is something to seal. One task at a time may wait.
///
/// The count is a hint, kept in memory: what is unsealed stands in the event table.
package final class UnsealedEvents: Sendable {
    private struct State {
        var count = 0
        var isUrgent = false
        var waiter: (threshold: Int, continuation: CheckedContinuation<Void, Never>)?
        var isCancelled = false

        /// The waiter, if it need not wait any longer.
        mutating func due() -> CheckedContinuation<Void, Never>? {
            guard let waiter, count >= waiter.threshold || isUrgent || isCancelled else { return nil }
            self.waiter = nil
            return waiter.continuation
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// Events have become durable.
    package func add(_ count: Int) {
        state.withLock { state in
            state.count += count
            return state.due()
        }?.resume()
    }

    /// Somebody waits for the next checkpoint.
    package func hurry() {
        state.withLock { state in
            state.isUrgent = true
            return state.due()
        }?.resume()
    }

    /// Forgets what was counted, at the start of a seal: what commits later counts anew.
    package func reset() {
        state.withLock { state in
            state.count = 0
            state.isUrgent = false
        }
    }

    /// Returns once there are so many, somebody is in a hurry, or the task is cancelled.
    package func wait(for threshold: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let due = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    precondition(state.waiter == nil, "two tasks wait for events")
                    state.isCancelled = Task.isCancelled
                    state.waiter = (threshold, continuation)
                    return state.due()
                }
                due?.resume()
            }
        } onCancel: {
            state.withLock { state in
                state.isCancelled = true
                return state.due()
            }?.resume()
        }
    }
}
