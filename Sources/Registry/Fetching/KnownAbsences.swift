// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Synchronization

/// What no source had a moment ago, so that many who ask for what does not exist cost its sources one question.
final class KnownAbsences: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let reference: Reference
    }

    private let until = Mutex<[Key: Duration]>([:])

    func contains(_ key: Key, at now: Duration) -> Bool {
        until.withLock { $0[key].map { now < $0 } ?? false }
    }

    func note(_ key: Key, at now: Duration, limits: FetchLimits) {
        until.withLock { until in
            if until.count >= limits.absences { until = until.filter { now < $0.value } }
            if until.count >= limits.absences { until = [:] }
            until[key] = now + limits.absence
        }
    }
}

/// Work on a key that all who ask for it at one time share. It goes on when they are cancelled, so it has to end soon.
final class SharedTasks<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let tasks = Mutex<[Key: Task<Value, any Error>]>([:])

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
