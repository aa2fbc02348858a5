// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Results that cost much and were computed a moment ago. Who asks for one that is being computed waits for it.
final class RecentResults<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let until: Int64
    }

    private let entries = Mutex<[Key: Entry]>([:])
    private let tasks = SharedTasks<Key, Value>()

    /// A result that is not older than `RegistryLimits.figuresMilliseconds` at a time in milliseconds since 1970, or
    /// the one of this moment.
    ///
    /// - Throws: `RegistryError.overloaded` where `RegistryLimits.figuresWaiting` others are being computed.
    func result(
        for key: Key,
        at now: Int64,
        _ compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        if let recent = find(key, at: now) { return recent }
        guard tasks.admits(key, most: RegistryLimits.figuresWaiting) else {
            throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
        }
        return try await tasks.run(key) { [self] in
            // One that has come since it was looked for.
            if let recent = find(key, at: now) { return recent }
            let value = try await compute()
            keep(value, for: key, at: now)
            return value
        }
    }

    private func find(_ key: Key, at now: Int64) -> Value? {
        entries.withLock { entries in entries[key].flatMap { $0.until > now ? $0.value : nil } }
    }

    private func keep(_ value: Value, for key: Key, at now: Int64) {
        entries.withLock { entries in
            if entries.count >= RegistryLimits.recentFigures { entries.removeAll() }
            entries[key] = Entry(value: value, until: now + RegistryLimits.figuresMilliseconds)
        }
    }
}

/// Work that runs one at a time, in the order in which it came. It goes on when who waits for it is cancelled.
final class Turns: Sendable {
    private let last = Mutex<Task<Void, Never>?>(nil)

    func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = last.withLock { last in
            let former = last
            let task = Task {
                await former?.value
                return try await work()
            }
            last = Task { _ = await task.result }
            return task
        }
        return try await task.value
    }
}
