// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization
internal import Tracing

/// Every metric of the process, and the exposition of them for Prometheus and its kin.
///
/// Recording never takes a lock: a series is a class of atomics that its user keeps. Looking a series up takes the
/// registry's lock for a moment, so hot code does it once. What goes beyond the limits, or asks for a name as another
/// kind, gets a series that counts into nothing, and `metrics_dropped_total` says how often that was.
package final class PrometheusRegistry: Sendable {
    enum Series: Sendable {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    /// What was turned away.
    enum Drop: String, CaseIterable, Sendable {
        case series, families, conflict
    }

    /// A family with its series, in the order of their labels' texts.
    struct FamilySnapshot {
        var family: MetricFamily
        var samples: [(labels: Labels, reading: Reading)]
    }

    enum Reading {
        case value(SampleValue, Exemplar?)
        case histogram(HistogramSeries.Snapshot)
    }

    private struct Entry {
        var series: Series
        /// How many were given out through swift-metrics and not destroyed since.
        var users: Int
    }

    private struct Family {
        var declaration: MetricFamily
        var series: [Labels: Entry] = [:]
    }

    private struct Collector {
        var families: [MetricFamily]
        var labels: Labels
        var read: @Sendable () -> [Double?]
    }

    private struct State {
        var families: [String: Family] = [:]
        /// Which family claims a sample's name.
        var claims: [String: String] = [:]
        var collectors: [Collector] = []
        /// Series of all families.
        var series = 0
    }

    /// What was refused by the registry itself.
    package static let drops = MetricFamily.counter(
        "metrics_dropped_total",
        labels: [.init("reason", Drop.allCases.map(\.rawValue))],
        help: """
            Metrics refused: too many sets of labels in a family or in all (series), too many names (families), or the \
            name is of another kind (conflict).
            """
    )

    private let state = Mutex(State())
    private let dropped: [Drop: CounterSeries]
    let limits: MetricsLimits
    /// Nanoseconds since 1970, of exemplars.
    let now: @Sendable () -> UInt64

    package init(
        limits: MetricsLimits = MetricsLimits(),
        now: @escaping @Sendable () -> UInt64 = { DefaultTracerClock.now.nanosecondsSinceEpoch }
    ) {
        self.limits = limits
        self.now = now
        dropped = Dictionary(uniqueKeysWithValues: Drop.allCases.map { ($0, CounterSeries()) })
        state.withLock { state in
            claim(Self.drops, in: &state)
            state.series = dropped.count
            for (drop, counter) in dropped {
                state.families[Self.drops.name]?.series[Labels([("reason", drop.rawValue)], limits)] =
                    Entry(series: .counter(counter), users: 1)
            }
        }
    }

    /// Gives families their help and buckets. To be called before their first use; to declare a name as two
    /// different things is a mistake in the program, and stops it.
    package func declare(_ families: [MetricFamily]) {
        for family in families { declare(family) }
    }

    /// Gives a family its help and buckets. To be called before its first use.
    package func declare(_ family: MetricFamily) {
        let accepted = state.withLock { state in
            guard let known = state.families[family.name] else { return claim(family, in: &state) }
            return known.declaration == family
        }
        precondition(accepted, "\(family.name) is declared as something else, or was used before, or is one too many")
    }

    /// The counter of this name and these labels, for hot code to keep.
    package func counter(_ name: String, labels: [(String, String)] = []) -> CounterSeries {
        let made = find(MetricName.counter(name), .counter, labels) { [now] family in
            .counter(CounterSeries(family.hasExemplars ? now : nil))
        }
        if case .counter(let series) = made { return series }
        return CounterSeries()
    }

    /// The gauge of this name and these labels, for hot code to keep.
    package func gauge(_ name: String, labels: [(String, String)] = []) -> GaugeSeries {
        let made = find(MetricName.metric(name), .gauge, labels) { _ in .gauge(GaugeSeries()) }
        if case .gauge(let series) = made { return series }
        return GaugeSeries()
    }

    /// The histogram of this name and these labels, for hot code to keep.
    package func histogram(_ name: String, labels: [(String, String)] = []) -> HistogramSeries {
        let made = find(MetricName.metric(name), .histogram, labels) { [now] family in
            .histogram(HistogramSeries(family.buckets ?? .counts, now))
        }
        if case .histogram(let series) = made { return series }
        return HistogramSeries(.counts)
    }

    /// A gauge that is read at each scrape. The closure runs on the scraping thread, outside every lock, and should
    /// not block for long; nil leaves the sample out.
    package func gauge(
        _ name: String,
        help: String,
        labels: [(String, String)] = [],
        read: @escaping @Sendable () -> Double?
    ) {
        collect([.gauge(name, help: help)], labels: labels) { [read()] }
    }

    /// A counter that is read at each scrape, as `gauge(_:help:labels:read:)`.
    package func counter(
        _ name: String,
        help: String,
        labels: [(String, String)] = [],
        read: @escaping @Sendable () -> Double?
    ) {
        collect([.counter(name, help: help)], labels: labels) { [read()] }
    }

    /// Several gauges and counters that come from one look, such as a file of `/proc`. The closure gives a value, or
    /// nil, for each family in order; it runs on the scraping thread, outside every lock.
    package func collect(
        _ families: [MetricFamily],
        labels: [(String, String)] = [],
        read: @escaping @Sendable () -> [Double?]
    ) {
        precondition(families.allSatisfy { $0.kind != .histogram }, "a histogram is recorded, not read")
        declare(families)
        let labels = Labels(labels, limits)
        state.withLock { $0.collectors.append(Collector(families: families, labels: labels, read: read)) }
    }

    /// Everything as of now, families by name and series by labels, ready to be written out.
    func snapshot() -> [FamilySnapshot] {
        let (families, collectors) = state.withLock { (Array($0.families.values), $0.collectors) }
        var collected: [String: [(labels: Labels, reading: Reading)]] = [:]
        for collector in collectors {
            for (family, value) in zip(collector.families, collector.read()) {
                guard let value else { continue }
                collected[family.name, default: []].append((collector.labels, .value(.double(value), nil)))
            }
        }
        return families.compactMap { family in
            var samples = collected[family.declaration.name] ?? []
            for (labels, entry) in family.series { samples.append((labels, entry.series.reading)) }
            guard !samples.isEmpty else { return nil }
            samples.sort { $0.labels.text < $1.labels.text }
            // The same sample twice would void the whole scrape.
            let distinct = samples.indices.filter { $0 == 0 || samples[$0].labels != samples[$0 - 1].labels }
            return FamilySnapshot(family: family.declaration, samples: distinct.map { samples[$0] })
        }.sorted { $0.family.name < $1.family.name }
    }

    /// The series, made if need be; nil if a limit or another kind stands against it.
    func find(
        _ name: String,
        _ kind: MetricFamily.Kind,
        _ dimensions: [(String, String)],
        make: (MetricFamily) -> Series
    ) -> Series? {
        let labels = Labels(dimensions, limits)
        let (found, drop): (Series?, Drop?) = state.withLock { state in
            if state.families[name] == nil {
                if state.families.count >= limits.families { return (nil, .families) }
                if !claim(MetricFamily(undeclared: name, kind), in: &state) { return (nil, .conflict) }
            }
            // Step by step into the dictionary: a copy of the family in hand would have the whole of it copied below.
            guard let family = state.families[name]?.declaration, family.kind == kind else { return (nil, .conflict) }
            if let known = state.families[name]?.series[labels]?.series {
                state.families[name]?.series[labels]?.users += 1
                return (known, nil)
            }
            if state.families[name]?.series.count ?? 0 >= limits.seriesPerFamily { return (nil, .series) }
            if state.series >= limits.series { return (nil, .series) }
            let made = make(family)
            state.series += 1
            state.families[name]?.series[labels] = Entry(series: made, users: 1)
            return (made, nil)
        }
        if let drop { dropped[drop]?.increment() }
        return found
    }

    /// One user less of a series; the last one takes it out of the exposition.
    func release(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let (labels, entry) = family.series.first(where: { $0.value.series.object === handler }) else {
                    continue
                }
                state.families[name]?.series[labels] =
                    entry.users > 1 ? Entry(series: entry.series, users: entry.users - 1) : nil
                if entry.users == 1 { state.series -= 1 }
            }
        }
    }

    /// Takes a family up unless one of its samples' names belongs to another.
    @discardableResult
    private func claim(_ family: MetricFamily, in state: inout State) -> Bool {
        guard state.families.count < limits.families else { return false }
        guard family.claimedNames.allSatisfy({ state.claims[$0] == nil }) else { return false }
        for name in family.claimedNames { state.claims[name] = family.name }
        state.families[family.name] = Family(declaration: family)
        return true
    }
}

extension PrometheusRegistry.Series {
    var reading: PrometheusRegistry.Reading {
        switch self {
        case .counter(let counter): .value(counter.value, counter.exemplar)
        case .gauge(let gauge): .value(.double(gauge.value), nil)
        case .histogram(let histogram): .histogram(histogram.snapshot)
        }
    }

    var object: AnyObject {
        switch self {
        case .counter(let counter): counter
        case .gauge(let gauge): gauge
        case .histogram(let histogram): histogram
        }
    }
}
