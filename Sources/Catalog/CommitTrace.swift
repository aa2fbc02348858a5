// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization
import Tracing

/// The spans of one operation on its way to a commit: how long it waited for the writer, and then for its commit. There
/// is none where the caller belongs to no trace that is kept.
final class CommitTrace: Sendable {
    private struct State {
        var commit: (any Span)?
        /// The last event that the operation wrote.
        var event: EventID?
    }

    private let tracer: any Tracer
    private let context: ServiceContext
    private let queue: any Span
    private let state = Mutex(State())
    private let unsealed: UnsealedEvents

    /// Begins to wait, for the current task.
    init?(_ unsealed: UnsealedEvents) {
        guard let context = ServiceContext.current else { return nil }
        let tracer = InstrumentationSystem.tracer
        let queue = tracer.startSpan("catalog.queue", context: context)
        guard queue.isRecording else { return nil }
        self.tracer = tracer
        self.context = context
        self.queue = queue
        self.unsealed = unsealed
    }

    /// The writer has come to the operation.
    func begin() {
        queue.end()
        let commit = tracer.startSpan("catalog.commit", context: context)
        state.withLock { $0.commit = commit }
    }

    /// The operation has run, and wrote this event last. The seal that will have it is a part of the same trace.
    func run(_ event: EventID?) {
        guard let event else { return }
        state.withLock { $0.event = event }
        unsealed.trace(event, in: context)
    }

    func committed() { state.withLock { $0.commit }?.end() }

    func refused(_ error: CatalogError) {
        let (commit, event) = state.withLock { ($0.commit, $0.event) }
        if let event { unsealed.forget(event) }
        queue.end()
        commit?.setStatus(SpanStatus(code: .error))
        commit?.attributes["error.type"] = "\(error.code)"
        commit?.end()
    }
}
