// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Replication
import Tracing

/// What a peer says of the traces of its entries. It is believed as far as it is well-formed: nothing but traces rests
/// on it.
extension EntryTraces {
    /// Traces that one answer may name.
    private static let tracesPerAnswer = 32

    /// Takes up `INDEX=TRACEPARENT`, with commas between them.
    func note(_ text: String) {
        for part in text.split(separator: ",").suffix(Self.tracesPerAnswer) {
            let halves = part.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, let index = Int64(halves[0]), index >= 0,
                let trace = TraceContext(traceparent: String(halves[1])), trace.isSampled
            else { continue }
            var context = ServiceContext.topLevel
            context.trace = trace
            note(index, context)
        }
    }
}
