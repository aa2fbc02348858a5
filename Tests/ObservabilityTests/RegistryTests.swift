// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Metrics
import Observability
import Testing

struct RegistryTests {
    /// The samples of the text format by name and labels.
    private func samples(_ registry: PrometheusRegistry) throws -> [String: Double] {
        var values: [String: Double] = [:]
        for family in try ExpositionParser.parse(registry.render(.text), .text) {
            for sample in family.samples {
                let labels = sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                values[([sample.name] + labels).joined(separator: " ")] = sample.value
            }
        }
        return values
    }

    @Test func servesSwiftMetrics() throws {
        let registry = PrometheusRegistry()
        Counter(label: "c", dimensions: [("k", "v")], factory: registry).increment(by: 3)
        Counter(label: "c", dimensions: [("k", "v")], factory: registry).increment()
        FloatingPointCounter(label: "f", factory: registry).increment(by: 0.5)
        FloatingPointCounter(label: "f", factory: registry).increment(by: 0.25)
        Gauge(label: "g", factory: registry).record(7)
        Gauge(label: "g", factory: registry).record(2.5)
        let meter = Meter(label: "m", factory: registry)
        meter.set(10)
        meter.increment(by: 5)
        meter.decrement(by: 1)
        Recorder(label: "r", factory: registry).record(3)
        Timer(label: "t", factory: registry).recordMilliseconds(2)
        Timer(label: "u_seconds", factory: registry).recordSeconds(61)
        let samples = try samples(registry)
        #expect(samples["c_total k=v"] == 4)
        #expect(samples["f_total"] == 0.75)
        #expect(samples["g"] == 2.5)
        #expect(samples["m"] == 14)
        #expect(samples["r_bucket le=2"] == 0)
        #expect(samples["r_bucket le=4"] == 1)
        #expect(samples["t_seconds_sum"] == 0.002)
        #expect(samples["t_seconds_bucket le=0.001"] == 0)
        #expect(samples["t_seconds_bucket le=0.0025"] == 1)
        #expect(samples["u_seconds_bucket le=60"] == 0)
        #expect(samples["u_seconds_bucket le=120"] == 1)
    }

    @Test func labelsHaveNoOrder() throws {
        let registry = PrometheusRegistry()
        registry.counter("c", labels: [("a", "1"), ("b", "2")]).increment()
        registry.counter("c", labels: [("b", "2"), ("a", "1"), ("empty", "")]).increment()
        #expect(try samples(registry)["c_total a=1 b=2"] == 2)
    }

    @Test func countersNeverFall() throws {
        let registry = PrometheusRegistry()
        let counter = registry.counter("c")
        counter.increment(by: 5)
        counter.increment(by: Int64(-3))
        counter.increment(by: Int64.min)
        counter.increment(by: -1.5)
        counter.increment(by: .nan)
        counter.increment(by: .infinity)
        #expect(try samples(registry)["c_total"] == 5)
        counter.reset()
        #expect(try samples(registry)["c_total"] == 0)
    }

    @Test func histogramBoundsAreInclusive() throws {
        let registry = PrometheusRegistry()
        registry.declare(.histogram("h", help: "", buckets: Buckets([-1, 0, 1.5])))
        let histogram = registry.histogram("h")
        let values: [Double] = [-2, -1, -0.5, 0, 1, 1.5, 1.5000001, .nan, .infinity, -.infinity]
        for value in values { histogram.record(value) }
        let samples = try samples(registry)
        #expect(samples["h_bucket le=-1"] == 2)
        #expect(samples["h_bucket le=0"] == 4)
        #expect(samples["h_bucket le=1.5"] == 6)
        #expect(samples["h_bucket le=+Inf"] == 7)
        #expect(samples["h_count"] == 7)
    }

    @Test func timersHaveIntegerBounds() throws {
        let registry = PrometheusRegistry()
        registry.declare(.histogram("t_seconds", help: "", buckets: Buckets([1e-9, 0.3, 1e12])))
        let timer = registry.histogram("t_seconds")
        for duration in [Int64.min, -1, 0, 1, 2, 300_000_000, 300_000_001] { timer.recordNanoseconds(duration) }
        let samples = try samples(registry)
        #expect(samples["t_seconds_bucket le=1e-09"] == 4)
        #expect(samples["t_seconds_bucket le=0.3"] == 6)
        #expect(samples["t_seconds_bucket le=1000000000000"] == 7)
        #expect(samples["t_seconds_sum"] == 0.600000004)
    }

    @Test func boundsTheSeriesOfAFamily() throws {
        var limits = MetricsLimits()
        limits.seriesPerFamily = 10
        let registry = PrometheusRegistry(limits: limits)
        for number in 0..<100 { registry.counter("c", labels: [("n", "\(number)")]).increment() }
        // What is known is still found.
        registry.counter("c", labels: [("n", "3")]).increment()
        let samples = try samples(registry)
        #expect(samples.keys.count { $0.hasPrefix("c_total") } == 10)
        #expect(samples["c_total n=3"] == 2)
        #expect(samples["metrics_dropped_total reason=series"] == 90)
    }

    @Test func boundsTheFamilies() throws {
        var limits = MetricsLimits()
        limits.families = 5
        let registry = PrometheusRegistry(limits: limits)
        for number in 0..<50 { registry.gauge("g\(number)").set(1.0) }
        let samples = try samples(registry)
        #expect(samples.keys.count { $0.hasPrefix("g") } == 4)
        #expect(samples["metrics_dropped_total reason=families"] == 46)
    }

    @Test func cutsLongLabels() throws {
        let registry = PrometheusRegistry()
        registry.counter("c", labels: [("x", String(repeating: "é", count: 1000))]).increment()
        #expect(try samples(registry)["c_total x=" + String(repeating: "é", count: 128)] == 1)
    }

    @Test func refusesANameThatIsTaken() throws {
        let registry = PrometheusRegistry()
        registry.counter("a").increment()
        registry.gauge("a_total").set(9.0)
        registry.gauge("a").set(9.0)
        registry.histogram("h").record(1.0)
        registry.gauge("h_sum").set(9.0)
        registry.gauge("h_count").set(9.0)
        registry.gauge("k_bucket").set(9.0)
        registry.histogram("k").record(1.0)
        let samples = try samples(registry)
        #expect(samples["a_total"] == 1)
        #expect(samples["h_sum"] == 1)
        #expect(samples["k_bucket"] == 9)
        #expect(samples["metrics_dropped_total reason=conflict"] == 5)
        _ = try ExpositionParser.parse(registry.render(.openMetrics), .openMetrics)
    }

    @Test func forgetsWhatItsLastUserDestroys() throws {
        let registry = PrometheusRegistry()
        let first = Counter(label: "c", factory: registry)
        let second = Counter(label: "c", factory: registry)
        first.increment()
        first.destroy()
        second.increment()
        #expect(try samples(registry)["c_total"] == 2)
        second.destroy()
        #expect(try samples(registry)["c_total"] == nil)
        Counter(label: "c", factory: registry).increment()
        #expect(try samples(registry)["c_total"] == 1)
    }

    @Test func readsCallbacksAtEachScrape() throws {
        let registry = PrometheusRegistry()
        // A callback may use the registry itself: it runs outside its locks.
        registry.gauge("read", help: "Read.", labels: [("disk", "a")]) {
            registry.counter("scrapes").increment()
            return 42
        }
        registry.gauge("absent", help: "Nothing.") { nil }
        registry.counter("counted_total", help: "Also read.") { 7.5 }
        _ = registry.render(.text)
        let samples = try samples(registry)
        #expect(samples["read disk=a"] == 42)
        #expect(samples["counted_total"] == 7.5)
        #expect(samples["absent"] == nil)
        #expect(try #require(samples["scrapes_total"]) >= 1)
    }

    @Test func readsSeveralAtOnce() throws {
        let registry = PrometheusRegistry()
        registry.collect([.gauge("a", help: "A."), .counter("b_total", help: "B.")], labels: [("k", "v")]) { [1, 2] }
        // Two who read the same sample do not void the scrape.
        registry.collect([.gauge("a", help: "A.")], labels: [("k", "v")]) { [3] }
        registry.collect([.gauge("a", help: "A.")], labels: [("k", "w")]) { [4] }
        let samples = try samples(registry)
        #expect(samples["a k=w"] == 4)
        #expect(samples["b_total k=v"] == 2)
    }

    @Test func declaringTwiceTheSameIsFine() throws {
        let registry = PrometheusRegistry()
        registry.declare(.gauge("g", help: "G."))
        registry.declare(.gauge("g", help: "G."))
        registry.gauge("g").set(1.0)
        #expect(try ExpositionParser.parse(registry.render(.text), .text).first { $0.name == "g" }?.help == "G.")
    }

    @Test func mistakesInDeclarationsStopTheProgram() async {
        await #expect(processExitsWith: .failure) { _ = MetricFamily.counter("requests", help: "No _total.") }
        await #expect(processExitsWith: .failure) { _ = MetricFamily.gauge("a.b", help: "No name.") }
        await #expect(processExitsWith: .failure) { _ = Buckets([1, 1]) }
        await #expect(processExitsWith: .failure) {
            let registry = PrometheusRegistry()
            registry.declare(.gauge("a", help: "One."))
            registry.declare(.gauge("a", help: "Two."))
        }
    }

    @Test func losesNothingUnderThreads() async throws {
        let registry = PrometheusRegistry()
        await withTaskGroup { group in
            for worker in 0..<8 {
                group.addTask {
                    for number in 0..<2000 {
                        registry.counter("c", labels: [("n", "\(number % 50)")]).increment()
                        registry.gauge("g").increment()
                        registry.histogram("h").record(Double(worker))
                        registry.counter("f").increment(by: 0.5)
                        if number % 500 == 0 { _ = registry.render(.text) }
                    }
                }
            }
        }
        let samples = try samples(registry)
        let counted = samples.filter { $0.key.hasPrefix("c_total") }
        #expect(counted.count == 50)
        #expect(counted.values.reduce(0, +) == 16_000)
        #expect(samples["g"] == 16_000)
        #expect(samples["h_count"] == 16_000)
        #expect(samples["h_sum"] == 56_000)
        #expect(samples["f_total"] == 8000)
    }

    @Test func losesNothingOfOneSeries() throws {
        let registry = PrometheusRegistry()
        let gauge = registry.gauge("g")
        let histogram = registry.histogram("h")
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<50_000 {
                gauge.increment()
                histogram.record(1)
            }
        }
        let samples = try samples(registry)
        #expect(samples["g"] == 200_000)
        #expect(samples["h_sum"] == 200_000)
    }

    @Test func cachesSeries() async throws {
        struct Key: Hashable { var route: Int, status: Int }
        let registry = PrometheusRegistry()
        let cache = SeriesCache<Key, CounterSeries>(capacity: 4) { key in
            registry.counter("c", labels: [("route", "\(key.route)"), ("status", "\(key.status)")])
        }
        for number in 0..<100 { cache[Key(route: number % 2, status: number % 5)].increment() }
        let samples = try samples(registry)
        #expect(samples.keys.count { $0.hasPrefix("c_total") } == 10)
        #expect(samples["c_total route=1 status=4"] == 10)
    }
}
