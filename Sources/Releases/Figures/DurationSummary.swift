// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Durations as they come: their number, mean, greatest and percentiles, in memory that their number does not bound.
///
/// Percentiles are of durations cut to whole units, of which there are few; the other numbers are of the milliseconds.
struct DurationSummary {
    /// Milliseconds of the unit that all results are in.
    private let unit: Int64
    /// Durations below it are counted by `within`.
    private let bound: Int64
    private(set) var count = 0
    private(set) var within = 0
    private var sum: Int64 = 0
    private var greatest: Int64 = 0
    private var numbers: [Int64: Int] = [:]

    init(unit: Int64, bound: Double) {
        self.unit = unit
        self.bound = Int64(bound) * unit
    }

    mutating func add(_ milliseconds: Int64) {
        count += 1
        if milliseconds < bound { within += 1 }
        sum += milliseconds
        greatest = max(greatest, milliseconds)
        numbers[milliseconds / unit, default: 0] += 1
    }

    func value(_ milliseconds: Int64) -> Double { Double(milliseconds) / Double(unit) }

    var mean: Double? { count > 0 ? Double(sum) / Double(count) / Double(unit) : nil }

    /// The nearest rank: the least value that this part of all does not exceed.
    func percentile(_ percent: Int) -> Double? {
        guard count > 0 else { return nil }
        var left = (count * percent + 99) / 100
        for (value, number) in numbers.sorted(by: { $0.key < $1.key }) {
            left -= number
            if left <= 0 { return Double(value) }
        }
        return nil
    }

    var statistics: [FigureStatistic] {
        [
            FigureStatistic("mean", mean), FigureStatistic("p50", percentile(50)),
            FigureStatistic("p95", percentile(95)),
            FigureStatistic("max", count > 0 ? value(greatest) : nil),
        ]
    }

    /// Whether 95 in 100 were below the bound, where those that never ended were not; nil without any.
    func isMet(never: Int) -> Bool? {
        count + never > 0 ? within * 100 >= (count + never) * 95 : nil
    }
}
