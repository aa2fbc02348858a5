// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Samples of one region and source, minute by minute: the last 30 days.
struct MinuteSeries: Sendable {
    /// A minute without a row. One with a total of 0 was looked at and says nothing: it counts neither way.
    private static let absent = UInt32.max

    private var good: [UInt32]
    private var total: [UInt32]
    /// The oldest minute that has a sample, in minutes since 1970; nil where none has one.
    private(set) var first: Int64?
    /// The newest minute that is in the ring.
    private var last: Int64?

    init() {
        good = Array(repeating: 0, count: ObjectivesLimits.minutes)
        total = Array(repeating: Self.absent, count: ObjectivesLimits.minutes)
    }

    private static func slot(_ minute: Int64) -> Int { Int(minute % Int64(ObjectivesLimits.minutes)) }

    /// Adds to what a minute has. What is older than the ring says only since when there are samples.
    mutating func add(good added: UInt32, total addedTotal: UInt32, at minute: Int64) {
        if addedTotal > 0 { first = min(first ?? minute, minute) }
        advance(to: minute)
        guard let last, minute > last - Int64(ObjectivesLimits.minutes) else { return }
        let slot = Self.slot(minute)
        if total[slot] == Self.absent { (good[slot], total[slot]) = (0, 0) }
        good[slot] = min(good[slot] &+ added, Self.absent - 1)
        total[slot] = min(total[slot] &+ addedTotal, Self.absent - 1)
    }

    /// Empties the slots of minutes that the ring has not held yet.
    private mutating func advance(to minute: Int64) {
        guard let newest = last else {
            last = minute
            return
        }
        guard minute > newest else { return }
        for next in max(newest + 1, minute - Int64(ObjectivesLimits.minutes) + 1)...minute {
            (good[Self.slot(next)], total[Self.slot(next)]) = (0, Self.absent)
        }
        last = minute
    }

    /// What a minute has; nil where it has no row.
    subscript(minute: Int64) -> (good: UInt32, total: UInt32)? {
        guard let last, minute <= last, minute > last - Int64(ObjectivesLimits.minutes) else { return nil }
        let slot = Self.slot(minute)
        return total[slot] == Self.absent ? nil : (good[slot], total[slot])
    }

    /// How minutes are added up.
    enum Weighing {
        /// Each sample weighs the same, and minutes without any do not count.
        case bySample
        /// Each minute weighs the same. One without a row is bad from the first one on, where `isExpected` says that
        /// there should be one.
        case byMinute(isExpected: (Int64) -> Bool)
    }

    /// Adds up the minutes of each window that ends before `now`.
    ///
    /// - Parameters:
    ///   - lengths: In minutes, ascending.
    ///   - now: The first minute that does not count.
    ///   - weighing: How.
    ///   - exempt: Minutes that do not count.
    /// - Returns: One for each length.
    func tallies(
        _ lengths: [Int64],
        before now: Int64,
        _ weighing: Weighing,
        exempt: MinuteSet
    ) -> [Tally] {
        var results: [Tally] = []
        var sum = Tally()
        guard let first else { return lengths.map { _ in Tally() } }
        var minute = now - 1
        for length in lengths {
            let end = max(now - min(length, Int64(ObjectivesLimits.minutes)), first)
            while minute >= end {
                defer { minute -= 1 }
                guard !exempt.contains(minute) else { continue }
                switch (self[minute], weighing) {
                case (.some(let row), .bySample): sum.add(good: Double(row.good), total: Double(row.total))
                case (.some(let row), .byMinute) where row.total > 0:
                    sum.add(good: Double(row.good) / Double(row.total), total: 1)
                case (.none, .byMinute(let isExpected)) where isExpected(minute): sum.add(good: 0, total: 1)
                default: continue
                }
            }
            results.append(sum)
        }
        return results
    }
}

/// Minutes since 1970 that do not count: spans that are sorted and do not touch.
struct MinuteSet: Sendable {
    private var spans: [ClosedRange<Int64>] = []

    init(_ unsorted: [ClosedRange<Int64>] = []) {
        for span in unsorted.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = spans.last, span.lowerBound <= last.upperBound + 1 {
                spans[spans.count - 1] = last.lowerBound...max(last.upperBound, span.upperBound)
            } else {
                spans.append(span)
            }
        }
    }

    func contains(_ minute: Int64) -> Bool {
        var (low, high) = (0, spans.count)
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].upperBound < minute { low = middle + 1 } else { high = middle }
        }
        return low < spans.count && spans[low].contains(minute)
    }
}
