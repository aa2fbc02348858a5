// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Observability
import Testing
import Tracing

/// Bodies of OTLP, and what they say.
enum OTLP {
    static let resource = TelemetryResource(
        service: "cairn",
        version: "1.2",
        instance: "i",
        more: [.init("service.name", "other"), .init("x", "\"\n")]
    )

    static func body(_ spans: [SpanRecord]) -> [UInt8] { OTLPSpans.body(spans, of: resource) }

    /// The value at a path of keys and indexes.
    static func value(_ body: [UInt8], _ path: Any...) throws -> Any {
        var value = try JSONSerialization.jsonObject(with: Data(body))
        for step in path {
            if let index = step as? Int {
                value = try #require((value as? [Any])?[index])
            } else {
                value = try #require((value as? [String: Any])?[step as? String ?? ""])
            }
        }
        return value
    }

    /// `attributes` as names and the values' texts.
    static func attributes(_ value: Any) -> [String: String] {
        var found: [String: String] = [:]
        for attribute in (value as? [String: Any])?["attributes"] as? [[String: Any]] ?? [] {
            let value = (attribute["value"] as? [String: Any])?.map { "\($0.key) \($0.value)" }.first
            found[attribute["key"] as? String ?? ""] = value
        }
        return found
    }
}

struct OTLPTests {
    @Test func spansAreWrittenAsTheProtocolWants() throws {
        let queue = SpanQueue()
        let tracer = SamplingTracer(sampler: HeadSampler(rate: 1), queue: queue, random: RandomBits(seed: 7))
        let root = tracer.startSpan(
            "root",
            context: .topLevel,
            ofKind: .server,
            at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_001)
        )
        root.attributes = [
            "url.full": "https://h/p?secret=1", "url.query": "secret=1", "http.status_code": 201, "flag": true,
            "half": 0.5, "list": .stringArray(["a", "b"]),
        ]
        let child = tracer.startSpan("child", context: root.context)
        child.addLink(SpanLink(context: root.context, attributes: [:]))
        child.setStatus(SpanStatus(code: .error, message: "m"))
        child.end()
        root.end(at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_003))
        let records = queue.take(2)
        let body = OTLP.body(records)
        #expect(!String(decoding: body, as: UTF8.self).contains("secret"))
        let found = try OTLP.value(body, "resourceSpans", 0, "scopeSpans", 0, "spans", 1)
        let span = try #require(found as? [String: Any])
        #expect(span["traceId"] as? String == records[1].context.traceID.description)
        #expect(span["startTimeUnixNano"] as? String == "1700000000000000001")
        #expect(span["endTimeUnixNano"] as? String == "1700000000000000003")
        #expect(span["kind"] as? Int == 2 && span["parentSpanId"] == nil && span["status"] == nil)
        let attributes = OTLP.attributes(span)
        #expect(attributes["url.full"] == "stringValue https://h/p")
        #expect(attributes["http.response.status_code"] == "intValue 201")
        #expect(attributes["half"] == "doubleValue 0.5" && attributes["flag"]?.hasPrefix("boolValue") == true)
        let other = try OTLP.value(body, "resourceSpans", 0, "scopeSpans", 0, "spans", 0)
        #expect(try OTLP.value(body, "resourceSpans", 0, "scopeSpans", 0, "spans", 0, "status", "code") as? Int == 2)
        #expect((other as? [String: Any])?["parentSpanId"] as? String == records[1].context.spanID.description)
        let resource = OTLP.attributes(try OTLP.value(body, "resourceSpans", 0, "resource"))
        #expect(resource["service.name"] == "stringValue other" && resource["x"] == "stringValue \"\n")
        #expect(resource["service.instance.id"] == "stringValue i")
    }

    @Test func metricsAreWhatTheyAre() throws {
        let registry = PrometheusRegistry(now: { 5 })
        registry.declare([
            .counter("a_bytes_total", help: "A.", hasExemplars: true), .gauge("b_ratio", help: "B."),
            .histogram("c_seconds", help: "C.", buckets: Buckets([0.5, 1])),
        ])
        let trace = TraceContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(bits: 3), isSampled: true)
        registry.counter("a_bytes_total", labels: [("k", "v\"")]).increment(by: Int64.max)
        registry.gauge("b_ratio").set(-.infinity)
        for value in [0.25, 0.75, 0.8, 9] { registry.histogram("c_seconds").record(value) }
        registry.histogram("c_seconds").recordNanoseconds(100_000_000, in: trace)
        let body = OTLPMetrics(start: 1, now: 2).body(registry, of: OTLP.resource)
        let metrics = try OTLP.value(body, "resourceMetrics", 0, "scopeMetrics", 0, "metrics") as? [[String: Any]]
        #expect(
            metrics?.compactMap { $0["name"] as? String } == [
                "a_bytes_total", "b_ratio", "c_seconds", "metrics_dropped_total",
            ]
        )
        #expect(metrics?.compactMap { $0["unit"] as? String } == ["By", "1", "s"])
        let path: (Int, String) throws -> [String: Any] = { index, kind in
            let point = try OTLP.value(
                body,
                "resourceMetrics",
                0,
                "scopeMetrics",
                0,
                "metrics",
                index,
                kind,
                "dataPoints",
                0
            )
            return try #require(point as? [String: Any])
        }
        let sum = try path(0, "sum")
        #expect(sum["asInt"] as? String == "9223372036854775807" && sum["startTimeUnixNano"] as? String == "1")
        #expect(OTLP.attributes(sum) == ["k": "stringValue v\""])
        #expect(try path(1, "gauge")["asDouble"] as? String == "-Infinity")
        let histogram = try path(2, "histogram")
        #expect(histogram["count"] as? String == "5" && histogram["bucketCounts"] as? [String] == ["2", "2", "1"])
        #expect(histogram["explicitBounds"] as? [Double] == [0.5, 1])
        let exemplar = (histogram["exemplars"] as? [[String: Any]])?.first
        #expect(exemplar?["traceId"] as? String == trace.traceID.description)
        #expect(exemplar?["asDouble"] as? Double == 0.1 && exemplar?["timeUnixNano"] as? String == "5")
    }
}
