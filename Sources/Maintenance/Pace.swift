// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Keeps a kind of work at its rate: after a batch the next one may begin when the batch is paid for. What was not used
/// is not saved up, so no pause is followed by a burst.
struct Pace: Sendable {
    private let unitsPerSecond: Int
    /// Monotonic time, in nanoseconds, from which the next batch may begin.
    private(set) var next: UInt64 = 0

    init(unitsPerSecond: Int) {
        precondition(unitsPerSecond > 0)
        self.unitsPerSecond = unitsPerSecond
    }

    /// The units of one batch.
    func batch(atMost limit: Int) -> Int {
        min(limit, max(1, unitsPerSecond / CollectionLimits.batchesPerSecond))
    }

    func isReady(at now: UInt64) -> Bool { now >= next }

    /// Books a batch that began at `start`.
    mutating func charge(_ units: Int, startedAt start: UInt64) {
        next = max(next, start) + UInt64(max(0, units)) * 1_000_000_000 / UInt64(unitsPerSecond)
    }
}
