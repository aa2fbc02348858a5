// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CoreMetrics
internal import Synchronization

/// A number that only grows. Shared by everybody who asked for the same name and labels.
///
/// An increment is one atomic addition, without an order against other memory: a scrape sees each counter as of some
/// instant of its own.
package final class CounterSeries: Sendable {
    private let whole = Atomic<UInt64>(0)
    /// The bits of a `Double`: what was added by floating-point increments.
    private let fraction = Atomic<UInt64>(0)
    /// nil where the family has none.
    private let exemplars: Exemplars?

    /// `now` is the clock of exemplars; nil for none.
    init(_ now: (@Sendable () -> UInt64)? = nil) {
        exemplars = now.map { Exemplars(1, $0) }
    }

    /// Negative amounts are ignored: a counter never goes down.
    package func increment(by amount: Int = 1) { increment(by: Int64(amount)) }

    /// Negative amounts are ignored: a counter never goes down.
    package func increment(by amount: Int64) {
        guard amount > 0 else { return }
        whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
        exemplars?.note(Double(amount), at: 0)
    }

    /// As part of a trace that is not the current task's.
    package func increment(in trace: TraceContext?) {
        whole.wrappingAdd(1, ordering: .relaxed)
        if let trace { exemplars?.note(1, at: 0, in: trace) }
    }

    /// Negative amounts, infinities and NaN are ignored.
    package func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        fraction.update { $0 + amount }
    }

    /// To zero, as after a restart of the process.
    package func reset() {
        whole.store(0, ordering: .relaxed)
        fraction.store(0, ordering: .relaxed)
    }

    var exemplar: Exemplar? { exemplars?.all.first ?? nil }

    var value: SampleValue {
        let whole = self.whole.load(ordering: .relaxed)
        let fraction = Double(bitPattern: self.fraction.load(ordering: .relaxed))
        return fraction == 0 ? .integer(whole) : .double(Double(whole) + fraction)
    }
}

/// A number that goes up and down.
package final class GaugeSeries: Sendable {
    /// The bits of a `Double`.
    private let bits = Atomic<UInt64>(0)

    init() {}

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Beyond 2^53 the nearest value that a `Double` can hold.
    package func set(_ value: Int) { set(Double(value)) }

    /// Beyond 2^53 the nearest value that a `Double` can hold.
    package func set(_ value: Int64) { set(Double(value)) }

    package func increment(by amount: Double = 1) { bits.update { $0 + amount } }

    package func decrement(by amount: Double = 1) { bits.update { $0 - amount } }

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// What stands after the name and labels on a line of the exposition.
enum SampleValue: Hashable, Sendable {
    case integer(UInt64)
    case double(Double)
}

extension Atomic where Value == UInt64 {
    /// Replaces the `Double` whose bits are stored, again and again until no other thread came between.
    func update(_ change: (Double) -> Double) {
        var old = load(ordering: .relaxed)
        while true {
            let new = change(Double(bitPattern: old)).bitPattern
            let (exchanged, found) = weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = found
        }
    }
}

extension CounterSeries: CounterHandler, FloatingPointCounterHandler {}

extension GaugeSeries: RecorderHandler, MeterHandler {
    package func record(_ value: Int64) { set(value) }
    package func record(_ value: Double) { set(value) }
}
