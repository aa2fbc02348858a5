// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOHTTP1
import OCI
import Observability
import Tracing

/// How a request is traced: by a span of its own where its trace is kept, else not at all. What its sender has decided
/// not to keep is passed on as that.
struct RequestTrace {
    private let span: SampledSpan?
    private let context: ServiceContext?

    /// nil where nothing is traced.
    init(_ tracer: SamplingTracer?, _ request: Request) {
        guard let tracer else {
            (span, context) = (nil, nil)
            return
        }
        // Two fields of the name are one with a comma, which is malformed: the trace begins here then.
        switch tracer.arrival(
            request.method.rawValue,
            traceparent: request.headers[Header.traceparent],
            tracestate: request.headers[Header.tracestate]
        ) {
        case .untraced: (span, context) = (nil, nil)
        case .unsampled(let context): (span, self.context) = (nil, context)
        case .sampled(let span): (self.span, context) = (span, span.context)
        }
    }

    /// The trace where it is kept.
    var kept: TraceContext? { span?.trace }

    /// Runs the work of the request as part of its trace.
    func within<Result>(_ work: () async throws -> Result) async rethrows -> Result {
        guard let context else { return try await work() }
        return try await ServiceContext.withValue(context) { try await work() }
    }

    /// Ends the span with what became of the request.
    func end(_ outcome: Outcome, _ request: Request, _ transport: Responder.Transport) {
        guard let span else { return }
        span.describe(outcome)
        let (host, port) = Self.halves(of: request.head.authority ?? "")
        span.updateAttributes { attributes in
            attributes["http.request.method_original"] =
                outcome.method == "other" ? String(request.method.rawValue.prefix(HTTPLimits.loggedString)) : nil
            attributes["url.scheme"] = transport == .http1 ? "http" : "https"
            attributes["network.protocol.version"] = transport.isHTTP1 ? "1.1" : "2"
            attributes["server.address"] = host.isEmpty ? nil : host
            attributes["server.port"] = port
            attributes["user_agent.original"] = request.headers[.userAgent].map {
                String($0.prefix(HTTPLimits.loggedString))
            }
        }
        span.end()
    }

    /// Host and port of an authority.
    private static func halves(of authority: String) -> (host: String, port: Int?) {
        guard authority.utf8.count <= HTTPLimits.loggedString, let colon = authority.lastIndex(of: ":"),
            let port = Int(authority[authority.index(after: colon)...])
        else { return (String(authority.prefix(HTTPLimits.loggedString)), nil) }
        return (String(authority[..<colon]), port)
    }
}

extension SampledSpan {
    /// The name and attributes that OpenTelemetry's conventions give the span of a request, and Cairn's own. The query
    /// of the target is left out: it may hold what proves who asks.
    fileprivate func describe(_ outcome: Outcome) {
        let template = outcome.named?.template
        operationName = outcome.method == "other" ? "HTTP" : outcome.method
        if let template { operationName += " \(template)" }
        updateAttributes { attributes in
            attributes["http.request.method"] = outcome.method == "other" ? "_OTHER" : outcome.method
            attributes["http.route"] = template
            attributes["http.response.status_code"] = outcome.status
            attributes["http.request.body.size"] = outcome.received
            attributes["http.response.body.size"] = outcome.sent
            attributes["url.path"] = String(outcome.target.prefix { $0 != "?" && $0 != "#" })
            attributes["client.address"] = outcome.address
            attributes["cairn.request_id"] = outcome.requestID
            attributes["cairn.repository"] = outcome.repository?.description
            attributes["cairn.digest"] = outcome.digest
            attributes["cairn.error_code"] = outcome.errorCode
            if outcome.status >= 500 || outcome.failure != nil {
                attributes["error.type"] = outcome.status >= 500 ? String(outcome.status) : "broken_off"
            }
        }
        if outcome.status >= 500 || outcome.failure != nil { setStatus(SpanStatus(code: .error)) }
    }
}

extension Responder {
    /// The span of a request that the hot lane has answered. Begun and ended here: nothing was waited for.
    func traceHot(_ head: HTTPRequestHead, _ outcome: Outcome) -> TraceContext? {
        guard let tracer else { return nil }
        let now = DefaultTracerClock.now.nanosecondsSinceEpoch
        let (seconds, attoseconds) = outcome.elapsed.components
        let elapsed = UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
        let parents = head.headers["traceparent"]
        let arrival = tracer.arrival(
            outcome.method,
            traceparent: parents.count == 1 ? parents[0] : nil,
            tracestate: nil,
            at: now - min(now, elapsed)
        )
        guard case .sampled(let span) = arrival else { return nil }
        span.describe(outcome)
        span.attributes["cairn.hot"] = true
        span.end()
        return span.trace
    }
}
