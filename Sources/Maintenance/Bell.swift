// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Wakes a task that sleeps until something is due. One task at a time may wait; a ring while nobody does is kept for
/// the next one.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?

        /// The waiter, if it need not wait any longer.
        mutating func due() -> CheckedContinuation<Void, Never>? {
            guard isRung, let waiter else { return nil }
            self.waiter = nil
            isRung = false
            return waiter
        }
    }

    private let state = Mutex(State())

    func ring() {
        state.withLock { state in
            state.isRung = true
            return state.due()
        }?.resume()
    }

    /// Returns when the bell is rung, or the duration has passed, or the task is cancelled.
    func wait(atMost duration: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await sleep(duration) }
            group.addTask { await self.waitForRing() }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForRing() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    precondition(state.waiter == nil, "two tasks wait for a bell")
                    state.waiter = continuation
                    return state.due()
                }?.resume()
                if Task.isCancelled { stopWaiting() }
            }
        } onCancel: {
            stopWaiting()
        }
    }

    private func stopWaiting() {
        state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }?.resume()
    }
}
