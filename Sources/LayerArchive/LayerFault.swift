// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why reading a layer stopped.
package struct LayerFault: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// A form that cannot be read here, such as a zstd window that is too large.
        case unsupported
        /// The compressed stream or the archive ends too early.
        case truncated
        /// The compressed stream or the archive contradicts its format.
        case damaged
        /// A bound on size, ratio, entries or names was met.
        case tooLarge = "too-large"
        /// Reading the blob failed.
        case unreadable
        /// There is no memory.
        case notStarted = "not-started"
    }

    package let reason: Reason
    /// A sentence for people. It quotes nothing from the layer.
    package let message: String

    package var description: String { "\(reason.rawValue): \(message)" }

    package init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}
