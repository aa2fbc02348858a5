// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Time in the hands of a test. It stands unless it is moved.
package final class ManualClock: Sendable {
    private let monotonic = Mutex<UInt64>(1_000_000_000)
    private let wall = Mutex<Int64>(1_700_000_000_000)

    package init() {}

    package var monotonicNanoseconds: UInt64 { monotonic.withLock { $0 } }
    package var wallMilliseconds: Int64 { wall.withLock { $0 } }
    package var wallSeconds: Int64 { wallMilliseconds / 1000 }

    package func advance(seconds: Int64) {
        monotonic.withLock { $0 += UInt64(seconds) * 1_000_000_000 }
        wall.withLock { $0 += seconds * 1000 }
    }

    package func setWall(seconds: Int64) { wall.withLock { $0 = seconds * 1000 } }
}

/// Lines that callbacks wrote, each of which a test can wait for.
package final class EventLog: Sendable {
    private let lines = Mutex<[String]>([])
    private let stream = AsyncStream<String>.makeStream()

    package init() {}

    package var all: [String] { lines.withLock { $0 } }

    package func add(_ line: String) {
        lines.withLock { $0.append(line) }
        stream.continuation.yield(line)
    }

    /// Returns when a line that was not waited for before satisfies the condition.
    package func wait(for condition: (String) -> Bool = { _ in true }) async {
        for await line in stream.stream where condition(line) { return }
    }
}
