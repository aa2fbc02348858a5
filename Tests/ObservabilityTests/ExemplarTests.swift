// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics
import Observability
import Testing
import Tracing

struct ExemplarTests {
    private static let trace = TraceContext(
        traceID: TraceID(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c),
        spanID: SpanID(bits: 0xb7ad_6b71_6920_3331),
        isSampled: true
    )

    private func context(isSampled: Bool) -> ServiceContext {
        var context = ServiceContext.topLevel
        context.trace = TraceContext(
            traceID: Self.trace.traceID,
            spanID: Self.trace.spanID,
            isSampled: isSampled
        )
        return context
    }

    private func registry() -> PrometheusRegistry {
        let registry = PrometheusRegistry(now: { 1_700_000_000_123_456_789 })
        registry.declare([
            .counter("asked_total", help: "A.", hasExemplars: true), .counter("plain_total", help: "P."),
            .histogram("wait_seconds", help: "W.", buckets: Buckets([0.1, 1])),
        ])
        return registry
    }

    private func samples(_ registry: PrometheusRegistry) throws -> [ExpositionParser.Sample] {
        try ExpositionParser.parse(registry.render(.openMetrics), .openMetrics).flatMap(\.samples)
    }

    @Test func tracedValuesLeaveAnExample() throws {
        let registry = registry()
        ServiceContext.withValue(context(isSampled: true)) {
            registry.counter("asked_total").increment()
            registry.counter("plain_total").increment()
            Timer(label: "wait_seconds", factory: registry).recordMilliseconds(50)
            registry.histogram("wait_seconds").record(0.25)
            registry.histogram("wait_seconds").record(0.5)
        }
        let examples = try samples(registry).compactMap { sample in sample.exemplar.map { (sample, $0) } }
        #expect(examples.map(\.0.name) == ["asked_total", "wait_seconds_bucket", "wait_seconds_bucket"])
        #expect(examples.map(\.1.value) == [1, 0.05, 0.5], "the last of each bucket")
        #expect(examples.map { $0.0.labels["le"] } == [nil, "0.1", "1.0"])
        for (_, exemplar) in examples {
            #expect(exemplar.seconds == 1_700_000_000.123)
            #expect(
                exemplar.labels
                    == ["trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"]
            )
        }
        #expect(!String(decoding: registry.render(.text), as: UTF8.self).contains(" # {"))
        _ = try ExpositionParser.parse(registry.render(.text), .text)
    }

    @Test func whatIsNotKeptLeavesNone() throws {
        let registry = registry()
        registry.histogram("wait_seconds").record(0.25)
        ServiceContext.withValue(context(isSampled: false)) {
            registry.histogram("wait_seconds").record(0.25)
            registry.counter("asked_total").increment()
        }
        #expect(try samples(registry).allSatisfy { $0.exemplar == nil })
    }

    @Test func aTraceCanBeGiven() throws {
        let registry = registry()
        registry.counter("asked_total").increment(in: Self.trace)
        registry.histogram("wait_seconds").recordNanoseconds(2_000_000_000, in: Self.trace)
        registry.histogram("wait_seconds").recordNanoseconds(3_000_000_000, in: nil)
        let examples = try samples(registry).compactMap(\.exemplar)
        #expect(examples.map(\.value) == [1, 2])
    }
}
