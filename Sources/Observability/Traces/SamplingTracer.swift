// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Tracing

/// Begins spans, of which it keeps those of traces that were decided to be kept.
///
/// The decision falls at the head: a trace that comes from outside goes on as its beginner decided; one that begins
/// here is kept at the sampler's rate. What is not kept costs a look at the decision and no memory. A request to
/// another server that belongs to nothing begins no trace of its own.
package final class SamplingTracer: Tracer {
    package typealias Span = SampledSpan

    /// How a request came.
    package enum Arrival: Sendable {
        /// It begins a trace that is not kept: nothing of it is to be passed on.
        case untraced
        /// It belongs to a trace that its sender does not keep; the context is passed on.
        case unsampled(ServiceContext)
        case sampled(SampledSpan)
    }

    private let sampler: HeadSampler
    private let queue: SpanQueue
    private let random: RandomBits

    package init(sampler: HeadSampler, queue: SpanQueue, random: RandomBits) {
        self.sampler = sampler
        self.queue = queue
        self.random = random
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> SampledSpan {
        let context = context()
        if let parent = context.trace {
            guard parent.isSampled else { return SampledSpan(context, nil) }
            return child(of: parent, isRemote: false, operationName, kind, instant().nanosecondsSinceEpoch, context)
        }
        guard kind != .client else { return SampledSpan(.unsampled, nil) }
        let low = random.next()
        guard sampler.keeps(low) else { return SampledSpan(.unsampled, nil) }
        return root(low, operationName, kind, instant().nanosecondsSinceEpoch, context)
    }

    /// Begins the span of a request that came.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - traceparent: The field of that name; malformed ones count as absent.
    ///   - tracestate: The field of that name.
    ///   - start: When it came; nil for this moment.
    /// - Returns: Whether it is traced, and its span then.
    package func arrival(
        _ name: String,
        traceparent: String?,
        tracestate: @autoclosure () -> String?,
        at start: UInt64? = nil
    ) -> Arrival {
        if let traceparent,
            let parent = TraceContext(traceparent: traceparent, state: TraceState(parsing: tracestate()))
        {
            guard parent.isSampled else {
                var context = ServiceContext.topLevel
                context.trace = parent
                return .unsampled(context)
            }
            let start = start ?? DefaultTracerClock.now.nanosecondsSinceEpoch
            return .sampled(child(of: parent, isRemote: true, name, .server, start, .topLevel))
        }
        let low = random.next()
        guard sampler.keeps(low) else { return .untraced }
        return .sampled(root(low, name, .server, start ?? DefaultTracerClock.now.nanosecondsSinceEpoch, .topLevel))
    }

    private func root(
        _ low: UInt64,
        _ name: String,
        _ kind: SpanKind,
        _ start: UInt64,
        _ context: ServiceContext
    ) -> SampledSpan {
        let trace = TraceContext(
            traceID: TraceID(high: random.next(), low: low),
            spanID: SpanID(bits: random.next()),
            isSampled: true
        )
        return recording(trace, parent: nil, isRemote: false, name, kind, start, context)
    }

    private func child(
        of parent: TraceContext,
        isRemote: Bool,
        _ name: String,
        _ kind: SpanKind,
        _ start: UInt64,
        _ context: ServiceContext
    ) -> SampledSpan {
        let trace = TraceContext(
            traceID: parent.traceID,
            spanID: SpanID(bits: random.next()),
            isSampled: true,
            state: parent.state
        )
        return recording(trace, parent: parent.spanID, isRemote: isRemote, name, kind, start, context)
    }

    private func recording(
        _ trace: TraceContext,
        parent: SpanID?,
        isRemote: Bool,
        _ name: String,
        _ kind: SpanKind,
        _ start: UInt64,
        _ context: ServiceContext
    ) -> SampledSpan {
        var context = context
        context.trace = trace
        let record = SpanRecord(
            context: trace,
            parent: parent,
            isParentRemote: isRemote,
            name: name,
            kind: kind,
            start: start
        )
        return SampledSpan(context, SpanRecorder(record, queue))
    }
}

extension SamplingTracer {
    package func startAnySpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> any Tracing.Span {
        startSpan(
            operationName,
            context: context(),
            ofKind: kind,
            at: instant(),
            function: function,
            file: fileID,
            line: line
        )
    }

    package func forceFlush() {}

    /// Reads `traceparent` and `tracestate`.
    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let traceparent = extractor.extract(key: "traceparent", from: carrier) else { return }
        let state = TraceState(parsing: extractor.extract(key: "tracestate", from: carrier))
        if let trace = TraceContext(traceparent: traceparent, state: state) { context.trace = trace }
    }

    /// Writes `traceparent` and `tracestate`. What is not kept says so, by ids of its own, so that whoever is asked
    /// keeps nothing of it either.
    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard var trace = context.trace else { return }
        if trace == .unsampled {
            trace = TraceContext(
                traceID: TraceID(high: random.next(), low: random.next()),
                spanID: SpanID(bits: random.next()),
                isSampled: false
            )
        }
        injector.inject(trace.traceparent, forKey: "traceparent", into: &carrier)
        if !trace.state.text.isEmpty { injector.inject(trace.state.text, forKey: "tracestate", into: &carrier) }
    }
}
