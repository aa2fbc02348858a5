// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Synchronization

/// Ended spans that wait to be sent. Where more wait than it holds the oldest go, and are counted.
package final class SpanQueue: Sendable {
    private struct State {
        var spans = Deque<SpanRecord>()
        var waiter: (id: UInt64, threshold: Int, continuation: CheckedContinuation<Void, Never>)?
        var nextWaiter: UInt64 = 0
        var ended: UInt64 = 0
        var dropped: UInt64 = 0

        mutating func due() -> CheckedContinuation<Void, Never>? {
            guard let waiter, spans.count >= waiter.threshold else { return nil }
            self.waiter = nil
            return waiter.continuation
        }

        mutating func trim(to capacity: Int) {
            while spans.count > capacity {
                spans.removeFirst()
                dropped += 1
            }
        }
    }

    private let state = Mutex(State())
    private let capacity: Int

    package init(capacity: Int = TelemetryLimits.spansWaiting) {
        self.capacity = capacity
    }

    package var count: Int { state.withLock { $0.spans.count } }

    /// Spans that were put in so far, and that were dropped because of those.
    package var totals: (ended: UInt64, dropped: UInt64) { state.withLock { ($0.ended, $0.dropped) } }

    package func append(_ span: SpanRecord) {
        state.withLock { state in
            state.ended += 1
            state.spans.append(span)
            state.trim(to: capacity)
            return state.due()
        }?.resume()
    }

    /// The oldest so many.
    package func take(_ count: Int) -> [SpanRecord] {
        state.withLock { state in
            let taken = Array(state.spans.prefix(count))
            state.spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Gives back what could not be sent now.
    package func putBack(_ spans: [SpanRecord]) {
        state.withLock { state in
            state.spans.prepend(contentsOf: spans)
            state.trim(to: capacity)
        }
    }

    /// Returns once so many wait, or the task is cancelled. One task at a time may wait.
    func wait(for threshold: Int) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let due = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    if Task.isCancelled { return continuation }
                    precondition(state.waiter == nil, "two tasks wait for spans")
                    state.waiter = (id, threshold, continuation)
                    return state.due()
                }
                due?.resume()
            }
        } onCancel: {
            state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let waiter = state.waiter, waiter.id == id else { return nil }
                state.waiter = nil
                return waiter.continuation
            }?.resume()
        }
    }
}
