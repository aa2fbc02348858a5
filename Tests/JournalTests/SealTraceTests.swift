// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Journal
import Observability
import Testing
import Tracing

@Suite struct SealTraceTests {
    @Test func theSealIsAPartOfTheTraceOfItsEntry() async throws {
        let queue = SpanQueue()
        let tracer = SamplingTracer(sampler: HeadSampler(rate: 1), queue: queue, random: RandomBits(seed: 5))
        let request = tracer.startSpan("request", context: .topLevel)
        let context = Catalog.Context(actor: "someone", requestID: "r")
        try await JournalFixture.with { log in
            try await withTracer(tracer) {
                try await log.change(2)
                try await ServiceContext.withValue(request.context) {
                    _ = try await log.catalog.recordChange(.robotCreated(name: "traced"), context: context)
                }
                try await log.change(2, from: 2)
                try await log.seal()
            }
            let seals = queue.take(100).filter { $0.name == "log.seal" }
            #expect(seals.count == 1)
            #expect(seals.first?.parent == request.trace?.spanID)
            #expect(seals.first?.context.traceID == request.trace?.traceID)
            #expect(seals.first?.attributes.get("cairn.log.index") == .int64(2))
            #expect(seals.first?.attributes.get("cairn.log.size") == .int64(5))
            let traced = log.journal.traces.contexts(of: 0..<5)
            #expect(traced.map(\.index) == [2] && traced.first?.context.trace == request.trace)
            #expect(log.journal.traces.contexts(of: 3..<5).isEmpty)
        }
    }
}
