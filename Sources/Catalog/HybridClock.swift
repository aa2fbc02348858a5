// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// A hybrid logical time: 48 bits of milliseconds and 16 bits of a counter, ordered as one number.
package struct HybridTimestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package var milliseconds: Int64 { rawValue >> 16 }
    package var counter: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
    package var description: String { String(rawValue) }

    package static func < (left: HybridTimestamp, right: HybridTimestamp) -> Bool { left.rawValue < right.rawValue }
}

/// Hands out timestamps that strictly increase, whatever the wall clock does.
///
/// The last one is persisted by the event that carries it; a start continues after the last event.
final class HybridClock: Sendable {
    private let wallMilliseconds: @Sendable () -> Int64
    private let last: Mutex<Int64>

    /// The largest millisecond whose timestamp is still a positive 64-bit number.
    private static let millisecondsLimit: Int64 = (1 << 47) - 1

    init(after last: HybridTimestamp, wallMilliseconds: @escaping @Sendable () -> Int64) {
        self.wallMilliseconds = wallMilliseconds
        self.last = Mutex(last.rawValue)
    }

    /// Lets what comes next come after a timestamp of the past that is written again.
    func observe(_ timestamp: HybridTimestamp) {
        last.withLock { $0 = max($0, timestamp.rawValue) }
    }

    /// The next timestamp. Past 65 535 in one millisecond the counter carries into the milliseconds.
    func next() -> HybridTimestamp {
        let milliseconds = min(max(wallMilliseconds(), 0), HybridClock.millisecondsLimit)
        return last.withLock { last in
            last = max(milliseconds << 16, last + 1)
            return HybridTimestamp(rawValue: last)
        }
    }
}
