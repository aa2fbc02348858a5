// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What all series of one name have in common, written down once, where the metric is defined.
///
/// Names are final: counters end in `_total`, times are in seconds and end in `_seconds`, sizes in `_bytes`.
/// A name outside the grammar is a mistake in the program, and stops it.
package struct MetricFamily: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case counter, gauge, histogram
    }

    package let name: String
    package let kind: Kind
    /// What its series are told apart by.
    package let labels: [MetricLabel]
    /// One sentence for the person who reads the graph. Empty for a family that nobody declared.
    package let help: String
    /// Of a histogram; nil otherwise.
    package let buckets: Buckets?
    /// Whether its series keep an example of a traced operation. Histograms do.
    package let hasExemplars: Bool

    /// A number that only grows. A name without `_total` at its end is a mistake in the program.
    package static func counter(
        _ name: String,
        labels: [MetricLabel] = [],
        help: String,
        hasExemplars: Bool = false
    ) -> MetricFamily {
        precondition(name.hasSuffix("_total"), "the counter \(name) must end in _total")
        return MetricFamily(checked: name, .counter, labels, help: help, hasExemplars: hasExemplars)
    }

    /// A number that goes up and down.
    package static func gauge(_ name: String, labels: [MetricLabel] = [], help: String) -> MetricFamily {
        MetricFamily(checked: name, .gauge, labels, help: help)
    }

    /// How often a value was at most so and so large, with the sum of all values.
    package static func histogram(
        _ name: String,
        labels: [MetricLabel] = [],
        help: String,
        buckets: Buckets = .seconds
    ) -> MetricFamily {
        MetricFamily(checked: name, .histogram, labels, help: help, buckets: buckets)
    }

    /// A family that comes into being with its first series. The name is in the grammar already.
    init(undeclared name: String, _ kind: Kind) {
        let buckets: Buckets =
            switch MetricName.unit(of: name) {
            case "seconds": .seconds
            case "bytes": .bytes
            default: .counts
            }
        self.init(checked: name, kind, [], help: "", buckets: kind == .histogram ? buckets : nil)
    }

    private init(
        checked name: String,
        _ kind: Kind,
        _ labels: [MetricLabel],
        help: String,
        buckets: Buckets? = nil,
        hasExemplars: Bool = false
    ) {
        precondition(MetricName.isName(name, colon: true), "\(name) is not a metric's name")
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        self.buckets = buckets
        self.hasExemplars = hasExemplars || kind == .histogram
    }

    /// The unit that OpenMetrics shows: the last word of the name, if it is a base unit.
    package var unit: String? { MetricName.unit(of: name) }

    /// What OpenMetrics calls the family: a counter's name is without `_total`.
    var openMetricsName: String {
        kind == .counter ? String(name.dropLast("_total".count)) : name
    }

    /// Every name that this family claims in either format. Two families must not share one.
    var claimedNames: [String] {
        switch kind {
        case .counter: [name, openMetricsName]
        case .gauge: [name]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
        }
    }
}

/// The upper bounds of a histogram's buckets, inclusive, ascending. The last one, +Inf, is not written down.
package struct Buckets: Hashable, Sendable {
    package let bounds: [Double]
    /// The bounds in nanoseconds, for a timer's integers; bounds beyond 292 years are the largest integer.
    let nanoseconds: [Int64]

    /// Bounds that are not finite, not ascending or more than `MetricsLimits.buckets` are a mistake in the program.
    package init(_ bounds: [Double]) {
        precondition(!bounds.isEmpty && bounds.count <= MetricsLimits.buckets, "1 to \(MetricsLimits.buckets) bounds")
        precondition(bounds.allSatisfy(\.isFinite), "+Inf is implied")
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds must ascend")
        self.bounds = bounds
        nanoseconds = bounds.map { Int64(exactly: ($0 * 1e9).rounded()) ?? ($0 < 0 ? .min : .max) }
    }

    /// From 250 microseconds to 5 minutes: a cached manifest to a large layer.
    package static let seconds = Buckets([
        0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ])
    /// From 1 KiB to 16 GiB, by fours.
    package static let bytes = Buckets((5...17).map { Double(sign: .plus, exponent: 2 * $0, significand: 1) })
    /// From 10 seconds to a week, in seconds: what people and rollouts take.
    package static let releases = Buckets([
        10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 604_800,
    ])
    /// From 1 to 4096, by twos.
    package static let counts = Buckets((0...12).map { Double(sign: .plus, exponent: $0, significand: 1) })
}
