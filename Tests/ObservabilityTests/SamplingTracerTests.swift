// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Testing
import Tracing

struct SamplingTracerTests {
    private struct Carrier: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    private let queue = SpanQueue()
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

    private func tracer(_ rate: Double) -> SamplingTracer {
        SamplingTracer(sampler: HeadSampler(rate: rate), queue: queue, random: RandomBits(seed: 42))
    }

    private func sampled(_ tracer: SamplingTracer, _ parent: String? = nil) throws -> SampledSpan {
        guard case .sampled(let span) = tracer.arrival("GET", traceparent: parent, tracestate: "a=1") else {
            throw NotSampled()
        }
        return span
    }

    private struct NotSampled: Error {}

    @Test func atRateZeroNothingBegins() {
        let tracer = tracer(0)
        for _ in 0..<1_000 {
            guard case .untraced = tracer.arrival("GET", traceparent: nil, tracestate: nil) else {
                Issue.record("a trace began")
                return
            }
        }
        let span = tracer.startSpan("work", context: .topLevel)
        #expect(!span.isRecording && span.trace == nil)
        span.attributes["a"] = 1
        span.end()
        #expect(queue.totals.ended == 0)
    }

    @Test func theRateHoldsOverMany() {
        let tracer = tracer(0.1)
        var kept = 0
        for _ in 0..<20_000 {
            if case .sampled = tracer.arrival("GET", traceparent: nil, tracestate: nil) { kept += 1 }
        }
        #expect((1_800...2_200).contains(kept))
    }

    @Test func theSendersDecisionHolds() throws {
        let span = try sampled(tracer(0), Self.parent + "01")
        #expect(span.trace?.traceID.description == "0af7651916cd43dd8448eb211c80319c")
        #expect(span.trace?.state.text == "a=1")
        span.end()
        let record = try #require(queue.take(1).first)
        #expect(record.parent?.description == "b7ad6b7169203331" && record.isParentRemote)
        guard case .unsampled(let context) = tracer(1).arrival("GET", traceparent: Self.parent + "00", tracestate: nil)
        else {
            Issue.record("what its sender does not keep was kept")
            return
        }
        #expect(!tracer(1).startSpan("work", context: context).isRecording)
        var fields: [String: String] = [:]
        tracer(1).inject(context, into: &fields, using: Carrier())
        #expect(fields["traceparent"] == Self.parent + "00", "and is passed on as that")
    }

    @Test func malformedFieldsBeginAnew() throws {
        let span = try sampled(tracer(1), Self.parent + "1")
        span.end()
        let record = try #require(queue.take(1).first)
        #expect(record.parent == nil)
        #expect(record.context.traceID.description != "0af7651916cd43dd8448eb211c80319c")
    }

    @Test func childrenBelongToTheirParents() throws {
        let tracer = tracer(1)
        let root = try sampled(tracer)
        let child = tracer.startSpan("child", context: root.context, ofKind: .client)
        let grandchild = tracer.startSpan("grandchild", context: child.context)
        for span in [grandchild, child, root] { span.end() }
        root.end()
        let records = queue.take(10)
        #expect(records.map(\.name) == ["grandchild", "child", "GET"], "each once")
        #expect(Set(records.map(\.context.traceID)).count == 1)
        #expect(records[0].parent == records[1].context.spanID && records[1].parent == records[2].context.spanID)
        #expect(records.allSatisfy { $0.end >= $0.start })
    }

    @Test func requestsToOthersBeginNoTrace() {
        let tracer = tracer(1)
        let span = tracer.startSpan("GET", context: .topLevel, ofKind: .client)
        #expect(!span.isRecording)
        var fields: [String: String] = [:]
        tracer.inject(span.context, into: &fields, using: Carrier())
        #expect(fields["traceparent"].flatMap { TraceContext(traceparent: $0) }?.isSampled == false)
        #expect(tracer.startSpan("work", context: .topLevel, ofKind: .consumer).isRecording)
    }

    @Test func whatIsInjectedIsExtracted() throws {
        let tracer = tracer(1)
        let span = try sampled(tracer, Self.parent + "01")
        var fields: [String: String] = [:]
        tracer.inject(span.context, into: &fields, using: Carrier())
        var context = ServiceContext.topLevel
        tracer.extract(fields, into: &context, using: Carrier())
        #expect(context.trace == span.trace && fields["tracestate"] == "a=1")
    }

    @Test func spansAreBounded() throws {
        let span = try sampled(tracer(1))
        for number in 0..<100 {
            span.addEvent(SpanEvent(name: "e\(number)"))
            span.addLink(SpanLink(context: span.context, attributes: [:]))
        }
        span.addLink(SpanLink(context: .topLevel, attributes: [:]))
        span.end()
        span.setStatus(SpanStatus(code: .error))
        let record = try #require(queue.take(1).first)
        #expect(record.events.count == 32 && record.dropped.events == 68)
        #expect(record.links.count == 32 && record.dropped.links == 68)
        #expect(record.status == nil, "what comes after the end is left out")
    }

    @Test func errorsShowTheirTypeAlone() throws {
        struct Failure: Error, CustomStringConvertible { let description = "password hunter2" }
        let span = try sampled(tracer(1))
        span.recordError(Failure())
        span.end()
        let body = String(decoding: OTLP.body(queue.take(1)), as: UTF8.self)
        #expect(body.contains("Failure") && !body.contains("hunter2"))
    }
}

struct SpanQueueTests {
    private func spans(_ count: Int, _ queue: SpanQueue) {
        let tracer = SamplingTracer(sampler: HeadSampler(rate: 1), queue: queue, random: RandomBits(seed: 1))
        for number in 0..<count { tracer.startSpan("\(number)", context: .topLevel).end() }
    }

    @Test func theOldestGo() {
        let queue = SpanQueue(capacity: 10)
        spans(25, queue)
        #expect(queue.count == 10 && queue.totals == (25, 15))
        #expect(queue.take(3).map(\.name) == ["15", "16", "17"])
    }

    @Test func whatIsGivenBackIsOldest() {
        let queue = SpanQueue(capacity: 4)
        spans(4, queue)
        let taken = queue.take(2)
        spans(1, queue)
        queue.putBack(taken)
        #expect(queue.take(9).map(\.name) == ["1", "2", "3", "0"])
        #expect(queue.totals.dropped == 1)
    }
}
