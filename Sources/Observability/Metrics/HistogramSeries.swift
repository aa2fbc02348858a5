// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CoreMetrics
internal import Synchronization

/// How often a value was at most so and so large. Shared by everybody who asked for the same name and labels.
///
/// A record is a search among the bounds and two atomic additions. The number of values is not kept on its own: it is
/// the sum of the buckets, so that count and buckets agree in every scrape. The sum of values may be ahead of or
/// behind them by the records under way.
package final class HistogramSeries: Sendable {
    private let buckets: Buckets
    /// One for each bound and one for +Inf; the rest is never touched.
    private let counts = InlineArray<32, Atomic<UInt64>> { _ in Atomic(0) }
    /// Of timers. Overflows after 584 years of recorded time.
    private let sumOfNanoseconds = Atomic<UInt64>(0)
    /// The bits of a `Double`: the sum of everything else.
    private let sum = Atomic<UInt64>(0)

    private let exemplars: Exemplars?

    /// `now` is the clock of exemplars; nil for none.
    init(_ buckets: Buckets, _ now: (@Sendable () -> UInt64)? = nil) {
        self.buckets = buckets
        exemplars = now.map { Exemplars(buckets.bounds.count + 1, $0) }
    }

    /// NaN and infinities are ignored: they would poison the sum for ever.
    package func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = buckets.bounds.partition { $0 >= value }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.update { $0 + value }
        exemplars?.note(value, at: bucket)
    }

    package func record(_ value: Int) { record(Double(value)) }

    package func record(_ value: Int64) { record(Double(value)) }

    /// Into the family's seconds. A clock that went backwards gives zero.
    package func recordNanoseconds(_ duration: Int64) {
        let bucket = count(max(0, duration))
        exemplars?.note(Double(max(0, duration)) / 1e9, at: bucket)
    }

    /// As part of a trace that is not the current task's.
    package func recordNanoseconds(_ duration: Int64, in trace: TraceContext?) {
        let bucket = count(max(0, duration))
        if let trace { exemplars?.note(Double(max(0, duration)) / 1e9, at: bucket, in: trace) }
    }

    private func count(_ nanoseconds: Int64) -> Int {
        let bucket = buckets.nanoseconds.partition { $0 >= nanoseconds }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sumOfNanoseconds.wrappingAdd(UInt64(nanoseconds), ordering: .relaxed)
        return bucket
    }

    var snapshot: Snapshot {
        var running: UInt64 = 0
        var cumulative: [UInt64] = []
        cumulative.reserveCapacity(buckets.bounds.count + 1)
        for index in 0...buckets.bounds.count {
            running &+= counts[index].load(ordering: .relaxed)
            cumulative.append(running)
        }
        let seconds = Double(sumOfNanoseconds.load(ordering: .relaxed)) / 1e9
        return Snapshot(
            bounds: buckets.bounds,
            cumulative: cumulative,
            sum: seconds + Double(bitPattern: sum.load(ordering: .relaxed)),
            exemplars: exemplars?.all ?? []
        )
    }

    struct Snapshot: Sendable {
        var bounds: [Double]
        /// For each bound the values up to it, then all values.
        var cumulative: [UInt64]
        var sum: Double
        /// For each bucket the last traced value in it; empty where none of them has one.
        var exemplars: [Exemplar?]
    }
}

extension HistogramSeries: RecorderHandler, TimerHandler {}

extension Array {
    /// The first index whose element is on the right side of a sorted array; the count if there is none.
    fileprivate func partition(_ isRight: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isRight(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
