// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import DequeModule
internal import Synchronization
package import Tracing

/// The traces of the last entries that were written by something that is traced: the seal of each is a span of its
/// trace, and other regions go on with the trace when they take the entry.
package final class SealTraces: Sendable {
    private let entries = Mutex<Deque<(index: Int64, context: ServiceContext)>>([])

    /// Those of entries in a range of the log.
    package func contexts(of range: Range<Int64>) -> [(index: Int64, context: ServiceContext)] {
        entries.withLock { entries in
            entries.isEmpty ? [] : entries.filter { range.contains($0.index) }
        }
    }

    /// Notes a seal that is about to be published: who sees its entries finds their traces.
    func note(_ sealed: Sealer.Intended, in journal: Journal) {
        let traced = journal.catalog.unsealed.takeTraced(upTo: sealed.lastEvent)
        guard !traced.isEmpty else { return }
        let now = DefaultTracerClock.now
        for (event, context) in traced {
            guard let place = sealed.events.firstIndex(of: event) else { continue }
            let index = sealed.edge.size - Int64(sealed.events.count) + Int64(place)
            let span = startSpan("log.seal", at: sealed.began, context: context)
            span.attributes["cairn.log.origin"] = journal.origin
            span.attributes["cairn.log.index"] = index
            span.attributes["cairn.log.size"] = sealed.edge.size
            span.attributes["cairn.log.sealed_entries"] = sealed.entries
            span.end(at: now)
            remember(index, context)
        }
    }

    private func remember(_ index: Int64, _ context: ServiceContext) {
        entries.withLock { entries in
            if entries.count >= JournalLimits.tracedEntries { entries.removeFirst() }
            entries.append((index, context))
        }
    }
}
