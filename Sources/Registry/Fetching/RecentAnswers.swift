// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Synchronization

/// Answers of sources that count for a while, so that many who ask for one thing cost its sources one question.
final class RecentAnswers: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let reference: Reference
    }

    private let until = Mutex<[Key: Duration]>([:])

    func contains(_ key: Key, at now: Duration) -> Bool {
        until.withLock { $0[key].map { now < $0 } ?? false }
    }

    func note(_ key: Key, at now: Duration, for span: Duration, most: Int) {
        until.withLock { until in
            if until.count >= most { until = until.filter { now < $0.value } }
            if until.count >= most { until = [:] }
            until[key] = now + span
        }
    }

    func forget(_ key: Key) { until.withLock { $0[key] = nil } }
}

/// Work on a key that all who ask for it at one time share. It goes on when they are cancelled, so it has to end soon.
final class SharedTasks<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let tasks = Mutex<[Key: Task<Value, any Error>]>([:])

    /// Whether there are fewer than `most`, or one of this key.
    func admits(_ key: Key, most: Int) -> Bool { tasks.withLock { $0[key] != nil || $0.count < most } }

    func run(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = tasks.withLock { tasks in
            if let task = tasks[key] { return task }
            let task = Task { [self] in
                defer { tasksDone(key) }
                return try await work()
            }
            tasks[key] = task
            return task
        }
        return try await task.value
    }

    private func tasksDone(_ key: Key) { tasks.withLock { $0[key] = nil } }
}
