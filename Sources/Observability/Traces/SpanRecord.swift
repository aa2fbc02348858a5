// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Tracing

/// A span that has ended.
package struct SpanRecord: Sendable {
    package let context: TraceContext
    /// nil at the root of a trace.
    package let parent: SpanID?
    /// Whether the parent is of another process.
    package let isParentRemote: Bool
    package var name: String
    package let kind: SpanKind
    /// Nanoseconds since 1970.
    package let start: UInt64
    package var end: UInt64 = 0
    package var attributes = SpanAttributes()
    package var events: [SpanEvent] = []
    package var links: [(TraceContext, SpanAttributes)] = []
    package var status: SpanStatus?
    /// Events and links that were too many.
    package var dropped = Dropped()

    package struct Dropped: Sendable, Hashable {
        package var events = 0
        package var links = 0
    }
}
