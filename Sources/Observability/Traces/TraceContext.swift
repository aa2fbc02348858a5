// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Tracing

/// Where in which trace something happens, and whether the trace is kept (W3C Trace Context).
package struct TraceContext: Hashable, Sendable {
    package let traceID: TraceID
    /// The span that what follows is a child of.
    package let spanID: SpanID
    /// Whether whoever began the trace keeps it. Everyone after him does as he decided.
    package let isSampled: Bool
    /// What other systems say of the trace: passed on as it came.
    package let state: TraceState

    package init(traceID: TraceID, spanID: SpanID, isSampled: Bool, state: TraceState = TraceState()) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// The context of what was decided not to be kept, and has no ids yet: they are made up where it is passed on.
    static let unsampled = TraceContext(
        traceID: TraceID(high: 0, low: 0),
        spanID: SpanID(bits: 0),
        isSampled: false
    )

    /// Reads a `traceparent` field, strictly: version, trace, span and flags in lower-case hexadecimal digits, none of
    /// the ids zero. What a later version has after these is not looked at.
    ///
    /// - Returns: nil for anything else: the field is then as good as absent.
    package init?(traceparent: String, state: TraceState = TraceState()) {
        let bytes = Array(traceparent.utf8.prefix(Self.traceparentBytes + 1))
        guard bytes.count >= Self.traceparentBytes else { return nil }
        let dash = UInt8(ascii: "-")
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Hexadecimal.value(bytes[0..<2]), let flags = Hexadecimal.value(bytes[53..<55]),
            let high = Hexadecimal.value(bytes[3..<19]), let low = Hexadecimal.value(bytes[19..<35]),
            let span = Hexadecimal.value(bytes[36..<52])
        else { return nil }
        guard version != 0xff, high | low != 0, span != 0 else { return nil }
        if bytes.count > Self.traceparentBytes {
            guard version != 0, bytes[Self.traceparentBytes] == dash else { return nil }
        }
        self.init(
            traceID: TraceID(high: high, low: low),
            spanID: SpanID(bits: span),
            isSampled: flags & 1 == 1,
            state: state
        )
    }

    /// The context as a `traceparent` field.
    package var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    /// Bytes of a `traceparent` of version 00.
    private static let traceparentBytes = 55
}

extension ServiceContext {
    private enum TraceKey: ServiceContextKey {
        typealias Value = TraceContext
        static let nameOverride: String? = "trace"
    }

    /// The trace that the work of a task belongs to.
    package var trace: TraceContext? {
        get { self[TraceKey.self] }
        set { self[TraceKey.self] = newValue }
    }

    /// The context of what was decided not to be traced.
    static let unsampled: ServiceContext = {
        var context = ServiceContext.topLevel
        context.trace = .unsampled
        return context
    }()
}
