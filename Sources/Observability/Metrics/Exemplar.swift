// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization
internal import Tracing

/// A value with the trace that it came from.
struct Exemplar: Sendable {
    let trace: TraceContext
    let value: Double
    /// Since 1970.
    let nanoseconds: UInt64
}

/// The last traced value of each bucket of a series.
///
/// Costs a look at the current task where nothing is traced, and no memory before the first traced value. Of two values
/// that come at one time one is left out: nobody waits for an example.
final class Exemplars: Sendable {
    private let slots = Mutex<[Exemplar?]>([])
    private let count: Int
    private let now: @Sendable () -> UInt64

    init(_ count: Int, _ now: @escaping @Sendable () -> UInt64) {
        self.count = count
        self.now = now
    }

    /// Empty before the first one.
    var all: [Exemplar?] { slots.withLock { $0 } }

    /// Takes the value as the example of its bucket, if the current task is part of a trace that is kept.
    func note(_ value: Double, at bucket: Int) {
        guard let trace = ServiceContext.current?.trace else { return }
        note(value, at: bucket, in: trace)
    }

    func note(_ value: Double, at bucket: Int, in trace: TraceContext) {
        guard trace.isSampled else { return }
        let exemplar = Exemplar(trace: trace, value: value, nanoseconds: now())
        _ = slots.withLockIfAvailable { slots in
            if slots.isEmpty { slots = [Exemplar?](repeating: nil, count: count) }
            slots[bucket] = exemplar
        }
    }
}
