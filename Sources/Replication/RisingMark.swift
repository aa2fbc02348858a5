// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// A number that only rises, and that tasks wait for.
package final class RisingMark: Sendable {
    private struct Waiter {
        let size: Int64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var value: Int64 = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var isClosed = false
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: Tasks that may wait; more are answered at once.
    package init(limit: Int = ReplicationLimits.waiters) { self.limit = limit }

    package var value: Int64 { state.withLock { $0.value } }

    package func raise(to value: Int64) {
        let ready = state.withLock { state -> [Waiter] in
            guard value > state.value else { return [] }
            state.value = value
            let ready = state.waiters.filter { $0.value.size < value }
            for id in ready.keys { state.waiters[id] = nil }
            return Array(ready.values)
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Nobody waits any more, now and later: the server is about to end.
    package func close() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            state.isClosed = true
            return state.waiters.values.map(\.continuation)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until the number is larger than `size`, for as long as `sleep` lasts.
    ///
    /// - Returns: Whether it is.
    package func wait(over size: Int64, _ sleep: @escaping @Sendable () async throws -> Void) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.untilOver(size) }
            group.addTask { try? await sleep() }
            await group.next()
            group.cancelAll()
        }
        return value > size
    }

    private func untilOver(_ size: Int64) async {
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    let hasRoom = state.waiters.count < limit
                    if state.value > size || state.isClosed || Task.isCancelled || !hasRoom { return true }
                    state.waiters[id] = Waiter(size: size, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }
}
