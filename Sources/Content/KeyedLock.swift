// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Synchronization

/// One lock for each key, asynchronous and first come, first served. Not re-entrant.
///
/// Waiting suspends the task and cannot be cancelled: holders do bounded work, and a commit that is under way is
/// finished whether or not anybody still waits for its answer. A key that nobody holds takes no memory.
final class KeyedLock<Key: Hashable & Sendable>: Sendable {
    /// A key that is present is held; its queue is who comes next.
    private let queues = Mutex<[Key: Deque<CheckedContinuation<Void, Never>>]>([:])

    init() {}

    func withLock<T: Sendable, E: Error>(_ key: Key, _ body: () async throws(E) -> T) async throws(E) -> T {
        await acquire(key)
        defer { release(key) }
        return try await body()
    }

    /// As above, for several keys: sorted, each once. Everyone who takes more than one takes them in that order, so no
    /// two can wait for one another. While one key is waited for, those before it are held.
    func withLocks<T: Sendable, E: Error>(_ keys: [Key], _ body: () async throws(E) -> T) async throws(E) -> T
    where Key: Comparable {
        precondition(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }, "locks are taken in order, each once")
        for key in keys { await acquire(key) }
        defer { for key in keys { release(key) } }
        return try await body()
    }

    private func acquire(_ key: Key) async {
        await withCheckedContinuation { continuation in
            let acquired = queues.withLock { queues in
                guard queues[key] != nil else {
                    queues[key] = []
                    return true
                }
                queues[key]?.append(continuation)
                return false
            }
            if acquired { continuation.resume() }
        }
    }

    private func release(_ key: Key) {
        let next = queues.withLock { queues -> CheckedContinuation<Void, Never>? in
            guard let next = queues[key]?.popFirst() else {
                queues[key] = nil
                return nil
            }
            return next
        }
        next?.resume()
    }

    /// How many tasks wait for the key. For tests and diagnosis; it may have changed on return.
    func waiting(for key: Key) -> Int { queues.withLock { $0[key]?.count ?? 0 } }
}

/// At most so many at once, asynchronous and first come, first served.
final class FIFOSemaphore: Sendable {
    private struct State {
        var permits: Int
        var waiters = Deque<CheckedContinuation<Void, Never>>()
    }

    private let state: Mutex<State>

    init(permits: Int) {
        state = Mutex(State(permits: permits))
    }

    func withPermit<T: Sendable, E: Error>(_ body: () async throws(E) -> T) async throws(E) -> T {
        await acquire()
        defer { release() }
        return try await body()
    }

    private func acquire() async {
        await withCheckedContinuation { continuation in
            let acquired = state.withLock { state in
                guard state.permits == 0 else {
                    state.permits -= 1
                    return true
                }
                state.waiters.append(continuation)
                return false
            }
            if acquired { continuation.resume() }
        }
    }

    private func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let next = state.waiters.popFirst() { return next }
            state.permits += 1
            return nil
        }
        next?.resume()
    }
}
