// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
import Synchronization
package import Tracing

/// Tells whoever seals the log that there is something to seal. One task at a time may wait.
///
/// The count is a hint, kept in memory: what is unsealed stands in the event table.
package final class UnsealedEvents: Sendable {
    private struct State {
        var count = 0
        var isUrgent = false
        var waiter: (threshold: Int, continuation: CheckedContinuation<Void, Never>)?
        var isCancelled = false
        var traced = Deque<(event: EventID, context: ServiceContext)>()

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

    /// Remembers the trace of what wrote an event, until the event is sealed; of more than
    /// `CatalogLimits.tracedEvents` the oldest are forgotten.
    func trace(_ event: EventID, in context: ServiceContext) {
        state.withLock { state in
            if state.traced.count >= CatalogLimits.tracedEvents { state.traced.removeFirst() }
            state.traced.append((event, context))
        }
    }

    /// The event was not written after all.
    func forget(_ event: EventID) {
        state.withLock { $0.traced.removeAll { $0.event == event } }
    }

    /// Hands out the traces of events up to one, which has been sealed.
    package func takeTraced(upTo last: EventID) -> [(event: EventID, context: ServiceContext)] {
        state.withLock { state in
            guard !state.traced.isEmpty else { return [] }
            let taken = state.traced.filter { $0.event <= last }
            state.traced.removeAll { $0.event <= last }
            return Array(taken)
        }
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
