// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization
package import Tracing

/// A span of the sampling tracer: one that is kept, or a stand-in for one that is not, which has no state at all.
package struct SampledSpan: Span {
    package let context: ServiceContext
    private let recorder: SpanRecorder?

    init(_ context: ServiceContext, _ recorder: SpanRecorder?) {
        self.context = context
        self.recorder = recorder
    }

    package var isRecording: Bool { recorder != nil }

    /// What is recorded as the trace of values that belong to this span; nil where it is not kept.
    package var trace: TraceContext? { recorder?.context }

    package var operationName: String {
        get { recorder?.read { $0.name } ?? "" }
        nonmutating set { recorder?.change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { recorder?.read { $0.attributes } ?? [:] }
        nonmutating set { recorder?.change { $0.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) { recorder?.change { $0.status = status } }

    package func addEvent(_ event: SpanEvent) {
        recorder?.change { record in
            if record.events.count < TelemetryLimits.eventsPerSpan {
                record.events.append(event)
            } else {
                record.dropped.events += 1
            }
        }
    }

    /// The error's type and no more: its text may hold what is not to leave this process.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        guard recorder != nil else { return }
        var attributes = attributes
        attributes["exception.type"] = String(reflecting: type(of: error))
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    package func addLink(_ link: SpanLink) {
        guard let trace = link.context.trace, trace.isSampled else { return }
        recorder?.change { record in
            if record.links.count < TelemetryLimits.linksPerSpan {
                record.links.append((trace, link.attributes))
            } else {
                record.dropped.links += 1
            }
        }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        recorder?.end(at: instant().nanosecondsSinceEpoch)
    }
}

/// What is known of a span that is kept, until it ends. Later changes are left out.
final class SpanRecorder: Sendable {
    let context: TraceContext
    private let record: Mutex<SpanRecord?>
    private let queue: SpanQueue

    init(_ record: SpanRecord, _ queue: SpanQueue) {
        context = record.context
        self.record = Mutex(record)
        self.queue = queue
    }

    func read<Value>(_ body: (SpanRecord) -> Value) -> Value? where Value: Sendable {
        record.withLock { $0.map(body) }
    }

    func change(_ body: (inout SpanRecord) -> Void) {
        record.withLock { record in
            guard var changed = record.take() else { return }
            body(&changed)
            record = changed
        }
    }

    func end(at nanoseconds: UInt64) {
        guard var ended = record.withLock({ $0.take() }) else { return }
        // A clock that was set back gives a span of no length.
        ended.end = max(ended.start, nanoseconds)
        queue.append(ended)
    }
}
