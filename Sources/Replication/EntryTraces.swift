// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Synchronization
package import Tracing

/// Which traces the entries of a peer's log belong to, as far as the peer has said: what is done here about an entry
/// goes on with the trace of the push that wrote it there.
///
/// Nothing rests on it. Kept in memory, the newest `ReplicationLimits.tracedEntries` of them.
package final class EntryTraces: Sendable {
    private let entries = Mutex<Deque<(index: Int64, context: ServiceContext)>>([])

    package init() {}

    package func note(_ index: Int64, _ context: ServiceContext) {
        entries.withLock { entries in
            entries.removeAll { $0.index == index }
            if entries.count >= ReplicationLimits.tracedEntries { entries.removeFirst() }
            entries.append((index, context))
        }
    }

    func context(of index: Int64) -> ServiceContext? {
        entries.withLock { entries in entries.first { $0.index == index }?.context }
    }
}

/// The spans of entries that are merged together: one in the trace of each that has one, else one for all of them.
struct MergeSpans {
    private let spans: [any Span]

    init(_ indexes: [Int64], of origin: String, region: String, _ traces: EntryTraces) {
        var spans: [any Span] = []
        for index in indexes {
            guard let context = traces.context(of: index) else { continue }
            let span = startSpan("region.merge", context: context, ofKind: .consumer)
            span.attributes["cairn.log.index"] = index
            spans.append(span)
        }
        if spans.isEmpty, let first = indexes.first {
            let span = startSpan("region.merge", context: .topLevel, ofKind: .consumer)
            if span.isRecording {
                span.attributes["cairn.log.index"] = first
                span.attributes["cairn.log.entries"] = indexes.count
            }
            spans.append(span)
        }
        for span in spans where span.isRecording {
            span.attributes["cairn.log.origin"] = origin
            span.attributes["cairn.region"] = region
        }
        self.spans = spans
    }

    func end(_ failure: (any Error)? = nil) {
        for span in spans {
            if failure != nil { span.setStatus(SpanStatus(code: .error)) }
            span.end()
        }
    }
}
