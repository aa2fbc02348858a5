// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Tracing

/// Spans as the body of `POST /v1/traces` (OTLP 1.x, ExportTraceServiceRequest as JSON).
package enum OTLPSpans {
    package static func body(_ spans: [SpanRecord], of resource: TelemetryResource) -> [UInt8] {
        var json = OTLPJSON()
        json.object { json in
            json.key("resourceSpans")
            json.array(CollectionOfOne(resource)) { json, resource in
                json.object { json in
                    resource.append(to: &json)
                    json.key("scopeSpans")
                    json.array(CollectionOfOne(spans)) { json, spans in
                        json.object { json in
                            resource.appendScope(to: &json)
                            json.key("spans")
                            json.array(spans) { append($1, to: &$0) }
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    private static func append(_ span: SpanRecord, to json: inout OTLPJSON) {
        json.object { json in
            append(span.context, to: &json)
            if let parent = span.parent {
                json.key("parentSpanId")
                json.string(parent.description)
            }
            json.key("flags")
            // Sampled, and that it is known whether the parent is of another process, and whether it is.
            json.number(0x101 | (span.isParentRemote ? 0x200 : 0))
            json.key("name")
            json.string(span.name)
            json.key("kind")
            json.number(number(of: span.kind))
            json.key("startTimeUnixNano")
            json.integer(span.start)
            json.key("endTimeUnixNano")
            json.integer(span.end)
            append(span.attributes, to: &json)
            if !span.events.isEmpty { append(span.events, dropped: span.dropped.events, to: &json) }
            if !span.links.isEmpty { append(span.links, dropped: span.dropped.links, to: &json) }
            if let status = span.status { append(status, to: &json) }
        }
    }

    private static func append(_ trace: TraceContext, to json: inout OTLPJSON) {
        json.key("traceId")
        json.string(trace.traceID.description)
        json.key("spanId")
        json.string(trace.spanID.description)
        guard !trace.state.text.isEmpty else { return }
        json.key("traceState")
        json.string(trace.state.text)
    }

    private static func append(_ events: [SpanEvent], dropped: Int, to json: inout OTLPJSON) {
        json.key("events")
        json.array(events) { json, event in
            json.object { json in
                json.key("timeUnixNano")
                json.integer(event.nanosecondsSinceEpoch)
                json.key("name")
                json.string(event.name)
                append(event.attributes, to: &json)
            }
        }
        guard dropped > 0 else { return }
        json.key("droppedEventsCount")
        json.number(dropped)
    }

    private static func append(
        _ links: [(TraceContext, SpanAttributes)],
        dropped: Int,
        to json: inout OTLPJSON
    ) {
        json.key("links")
        json.array(links) { json, link in
            json.object { json in
                append(link.0, to: &json)
                append(link.1, to: &json)
            }
        }
        guard dropped > 0 else { return }
        json.key("droppedLinksCount")
        json.number(dropped)
    }

    private static func append(_ status: SpanStatus, to json: inout OTLPJSON) {
        json.key("status")
        json.object { json in
            json.key("code")
            json.number(status.code == .error ? 2 : 1)
            guard let message = status.message else { return }
            json.key("message")
            json.string(message)
        }
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    // MARK: Attributes

    private static func append(_ attributes: SpanAttributes, to json: inout OTLPJSON) {
        var kept: [(name: String, value: SpanAttribute)] = []
        attributes.forEach { name, value in
            if let attribute = named(name, value) { kept.append(attribute) }
        }
        guard !kept.isEmpty else { return }
        kept.sort { $0.name < $1.name }
        let tooMany = max(0, kept.count - TelemetryLimits.attributesPerSpan)
        json.key("attributes")
        json.array(kept.dropLast(tooMany)) { json, attribute in
            json.object { json in
                json.key("key")
                json.string(attribute.name)
                json.key("value")
                append(attribute.value, to: &json)
            }
        }
        guard tooMany > 0 else { return }
        json.key("droppedAttributesCount")
        json.number(tooMany)
    }

    /// An attribute by the name that it has today, and without what may be a secret: a query may hold tokens and
    /// signatures.
    private static func named(_ name: String, _ value: SpanAttribute) -> (name: String, value: SpanAttribute)? {
        switch (name, value) {
        case ("url.query", _): nil
        case ("url.full", .string(let url)): (name, .string(String(url.prefix { $0 != "?" && $0 != "#" })))
        case ("http.status_code", _): ("http.response.status_code", value)
        default: (name, value)
        }
    }

    private static func append(_ value: SpanAttribute, to json: inout OTLPJSON) {
        switch value {
        case .int32Array(let list): append(list.map { .int64(Int64($0)) }, to: &json)
        case .int64Array(let list): append(list.map { .int64($0) }, to: &json)
        case .doubleArray(let list): append(list.map { .double($0) }, to: &json)
        case .boolArray(let list): append(list.map { .bool($0) }, to: &json)
        case .stringArray(let list): append(list.map { .string($0) }, to: &json)
        case .stringConvertibleArray(let list): append(list.map { .string($0.description) }, to: &json)
        default: json.object { appendScalar(value, to: &$0) }
        }
    }

    private static func append(_ list: [SpanAttribute], to json: inout OTLPJSON) {
        json.object { json in
            json.key("arrayValue")
            json.object { json in
                json.key("values")
                json.array(list.prefix(TelemetryLimits.listElements)) { json, element in
                    json.object { appendScalar(element, to: &$0) }
                }
            }
        }
    }

    private static func appendScalar(_ value: SpanAttribute, to json: inout OTLPJSON) {
        switch value {
        case .int32(let integer):
            json.key("intValue")
            json.integer(integer)
        case .int64(let integer):
            json.key("intValue")
            json.integer(integer)
        case .double(let number):
            json.key("doubleValue")
            json.double(number)
        case .bool(let flag):
            json.key("boolValue")
            json.flag(flag)
        case .string(let text):
            json.key("stringValue")
            json.string(text)
        case .stringConvertible(let some):
            json.key("stringValue")
            json.string(some.description)
        default:
            json.key("stringValue")
            json.string("")
        }
    }
}
