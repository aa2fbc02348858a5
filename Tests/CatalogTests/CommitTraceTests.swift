// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Observability
import Synchronization
import Testing
import Tracing

@Suite struct CommitTraceTests {
    private let queue = SpanQueue()
    private let context = Catalog.Context(actor: "someone", requestID: "r")

    /// Runs a test as part of a trace.
    private func traced<Value>(_ body: (SampledSpan) async throws -> Value) async throws -> Value {
        let tracer = SamplingTracer(sampler: HeadSampler(rate: 1), queue: queue, random: RandomBits(seed: 3))
        let span = tracer.startSpan("request", context: .topLevel)
        return try await withTracer(tracer) {
            try await ServiceContext.withValue(span.context) { try await body(span) }
        }
    }

    @Test func aCommitHasTwoSpansAndItsSealIsExpected() async throws {
        let catalog = try CatalogFixture().catalog
        let (event, request) = try await traced { span in
            (try await catalog.recordChange(.robotCreated(name: "a"), context: context), span)
        }
        let spans = queue.take(10)
        #expect(spans.map(\.name) == ["catalog.queue", "catalog.commit"])
        #expect(spans.allSatisfy { $0.parent == request.trace?.spanID && $0.status == nil })
        #expect(spans[0].end <= spans[1].start)
        #expect(catalog.unsealed.takeTraced(upTo: EventID(rawValue: event.rawValue - 1)).isEmpty)
        let expected = catalog.unsealed.takeTraced(upTo: event)
        #expect(expected.map(\.event) == [event] && expected.first?.context.trace == request.trace)
        #expect(catalog.unsealed.takeTraced(upTo: event).isEmpty, "each once")
    }

    @Test func whatFailsExpectsNoSeal() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        // The event is written, and its trace is remembered; then the batch fails.
        fixture.storageFault.withLock { $0 = "the disk is gone" }
        await #expect(throws: CatalogError.self) {
            try await traced { _ in _ = try await catalog.recordChange(.robotCreated(name: "a"), context: context) }
        }
        let spans = queue.take(10)
        #expect(spans.map(\.name) == ["catalog.queue", "catalog.commit"])
        #expect(spans.last?.status?.code == .error)
        #expect(catalog.unsealed.takeTraced(upTo: EventID(rawValue: .max)).isEmpty)
    }

    @Test func withoutATraceThereIsNothing() async throws {
        let catalog = try CatalogFixture().catalog
        _ = try await catalog.recordChange(.robotCreated(name: "a"), context: context)
        #expect(queue.totals.ended == 0)
        #expect(catalog.unsealed.takeTraced(upTo: EventID(rawValue: .max)).isEmpty)
    }

    @Test func expectedSealsAreBounded() async throws {
        let catalog = try CatalogFixture().catalog
        try await traced { _ in
            for number in 0..<300 {
                _ = try await catalog.recordChange(.robotCreated(name: "r\(number)"), context: context)
            }
        }
        let expected = catalog.unsealed.takeTraced(upTo: EventID(rawValue: .max))
        #expect(expected.count == 256)
        #expect(expected.last?.event.rawValue == expected.map(\.event.rawValue).max())
    }
}
