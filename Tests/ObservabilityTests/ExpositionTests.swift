// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Testing

struct ExpositionTests {
    static func text(_ registry: PrometheusRegistry, _ format: ExpositionFormat = .text) -> String {
        String(decoding: registry.render(format), as: UTF8.self)
    }

    /// Without the registry's own family, which every exposition has.
    static func body(_ registry: PrometheusRegistry, _ format: ExpositionFormat) -> String {
        text(registry, format).split(separator: "\n").filter { !$0.contains("metrics_dropped") }
            .joined(separator: "\n")
    }

    private func filled() -> PrometheusRegistry {
        let registry = PrometheusRegistry()
        registry.declare([
            .counter("cairn_requests_total", help: "Requests, by \"route\"\\code."),
            .gauge("cairn_free_bytes", help: "Two\nlines."),
            .histogram("cairn_wait_seconds", help: "Waiting.", buckets: Buckets([0.01, 1, 2.5])),
        ])
        registry.counter("cairn_requests_total", labels: [("route", "blob"), ("code", "200")]).increment(by: 41)
        registry.counter("cairn_requests_total", labels: [("code", "404"), ("route", "blob")]).increment()
        registry.gauge("cairn_free_bytes").set(Int64(1) << 40)
        let wait = registry.histogram("cairn_wait_seconds", labels: [("queue", "a")])
        wait.recordNanoseconds(10_000_000)
        wait.recordNanoseconds(10_000_001)
        wait.recordNanoseconds(9_000_000_000)
        return registry
    }

    @Test func writesTheTextFormat() {
        #expect(
            Self.body(filled(), .text) == """
                # TYPE cairn_free_bytes gauge
                # HELP cairn_free_bytes Two\\nlines.
                cairn_free_bytes 1099511627776
                # TYPE cairn_requests_total counter
                # HELP cairn_requests_total Requests, by "route"\\\\code.
                cairn_requests_total{code="200",route="blob"} 41
                cairn_requests_total{code="404",route="blob"} 1
                # TYPE cairn_wait_seconds histogram
                # HELP cairn_wait_seconds Waiting.
                cairn_wait_seconds_bucket{queue="a",le="0.01"} 1
                cairn_wait_seconds_bucket{queue="a",le="1"} 2
                cairn_wait_seconds_bucket{queue="a",le="2.5"} 2
                cairn_wait_seconds_bucket{queue="a",le="+Inf"} 3
                cairn_wait_seconds_sum{queue="a"} 9.020000001
                cairn_wait_seconds_count{queue="a"} 3
                """
        )
    }

    @Test func writesOpenMetrics() {
        #expect(
            Self.body(filled(), .openMetrics) == """
                # TYPE cairn_free_bytes gauge
                # UNIT cairn_free_bytes bytes
                # HELP cairn_free_bytes Two\\nlines.
                cairn_free_bytes 1099511627776
                # TYPE cairn_requests counter
                # HELP cairn_requests Requests, by \\"route\\"\\\\code.
                cairn_requests_total{code="200",route="blob"} 41
                cairn_requests_total{code="404",route="blob"} 1
                # TYPE cairn_wait_seconds histogram
                # UNIT cairn_wait_seconds seconds
                # HELP cairn_wait_seconds Waiting.
                cairn_wait_seconds_bucket{queue="a",le="0.01"} 1
                cairn_wait_seconds_bucket{queue="a",le="1.0"} 2
                cairn_wait_seconds_bucket{queue="a",le="2.5"} 2
                cairn_wait_seconds_bucket{queue="a",le="+Inf"} 3
                cairn_wait_seconds_sum{queue="a"} 9.020000001
                cairn_wait_seconds_count{queue="a"} 3
                # EOF
                """
        )
    }

    @Test(arguments: [ExpositionFormat.text, .openMetrics])
    func isAcceptedByTheStrictReader(_ format: ExpositionFormat) throws {
        let registry = filled()
        registry.registerProcessMetrics()
        registry.gauge("cairn_odd", labels: [("x", "1")]).set(.nan)
        registry.gauge("cairn_odd", labels: [("x", "2")]).set(-.infinity)
        registry.gauge("cairn_odd", labels: [("x", "3")]).set(1e300)
        registry.counter("cairn_fraction_total").increment(by: 0.25)
        let families = try ExpositionParser.parse(registry.render(format), format)
        #expect(families.count == 3 + 7 + 2 + 1)
        let help = try #require(families.first { $0.name.hasPrefix("cairn_requests") }?.help)
        #expect(help == "Requests, by \"route\"\\code.")
    }

    @Test(arguments: [ExpositionFormat.text, .openMetrics])
    func keepsHostileLabels(_ format: ExpositionFormat) throws {
        let values = ["\"", "\\", "\n", "a\"b\\n\nc", "\\\"", "é", "\r\u{0}\u{1b}", "{}", "a,b=\"c\"", "# EOF"]
        let registry = PrometheusRegistry()
        for value in values { registry.counter("hostile_total", labels: [("value", value)]).increment() }
        let families = try ExpositionParser.parse(registry.render(format), format)
        let samples = try #require(families.first { $0.name.hasPrefix("hostile") }?.samples)
        #expect(Set(samples.compactMap { $0.labels["value"] }) == Set(values))
    }

    @Test(arguments: [
        ("http.server.requests", "http_server_requests_total"), ("0day", "_0day_total"), ("", "__total"),
        ("a b\nc", "a_b_c_total"), ("ünïcode", "_n_code_total"), ("x_total", "x_total"), ("a:b", "a:b_total"),
    ])
    func bendsNames(_ name: String, _ bent: String) throws {
        let registry = PrometheusRegistry()
        registry.counter(name).increment()
        let families = try ExpositionParser.parse(registry.render(.text), .text)
        #expect(families.contains { $0.name == bent })
    }

    @Test func bendsLabelNames() throws {
        let registry = PrometheusRegistry()
        let labels = [("le", "1"), ("__name__", "x"), ("a.b", "2"), ("a-b", "3"), ("c", "")]
        registry.histogram("h_seconds", labels: labels).record(1.0)
        let families = try ExpositionParser.parse(registry.render(.openMetrics), .openMetrics)
        let sample = try #require(families.first { $0.name == "h_seconds" }?.samples.last)
        #expect(sample.labels == ["label_le": "1", "label___name__": "x", "a_b": "2"])
    }

    @Test func anEmptyRegistryIsValid() throws {
        #expect(try ExpositionParser.parse(PrometheusRegistry().render(.text), .text).count == 1)
        #expect(try ExpositionParser.parse(PrometheusRegistry().render(.openMetrics), .openMetrics).count == 1)
    }
}

struct ExpositionFormatTests {
    static let table: [(String?, ExpositionFormat)] = [
        (nil, .text), ("", .text), ("*/*", .text), ("text/plain", .text), ("application/json", .text),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
        ("APPLICATION/OpenMetrics-Text;Version=\"1.0.0\"", .openMetrics),
        ("application/openmetrics-text;version=0.0.1", .text),
        ("application/openmetrics-text;version=2.0.0,*/*;q=0.1", .text),
        ("application/openmetrics-text;q=0", .text),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.5", .openMetrics),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", .text),
        ("application/openmetrics-text;q=nonsense", .text),
        ("application/openmetrics-text;q=0.4,text/plain;version=1.0.0;q=0.5", .openMetrics),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
                + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
        ),
        (",,;;=,q=1", .text), (String(repeating: ",", count: 100_000), .text),
    ]

    @Test(arguments: table)
    func chooses(_ accept: String?, _ format: ExpositionFormat) {
        #expect(ExpositionFormat(accept: accept) == format)
    }

    @Test func namesItsVersion() {
        #expect(ExpositionFormat.text.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            ExpositionFormat.openMetrics.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
    }
}
