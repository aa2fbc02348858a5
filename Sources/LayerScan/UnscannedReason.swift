// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import LayerArchive

/// Why a layer was not scanned, or not to its end.
package enum UnscannedReason: String, Hashable, Sendable, CaseIterable {
    /// The blob is not here.
    case missing
    /// The media type says that the bytes are encrypted.
    case encrypted
    /// A form that cannot be read here, such as a zstd window that is too large.
    case unsupported
    /// The compressed stream or the archive ends too early.
    case truncated
    /// The compressed stream or the archive contradicts its format.
    case damaged
    /// A bound on size, ratio or entries was met.
    case tooLarge = "too-large"
    /// Reading the blob failed.
    case unreadable
    /// The worker could not be started, or could not give up its privileges.
    case notStarted = "not-started"
    /// The worker was not done in time, or used up its processor time.
    case timeout
    /// The worker tried what it must not.
    case forbidden
    /// The worker ended by a signal or with a status other than zero.
    case crashed
    /// The worker's answer is not one.
    case badAnswer = "bad-answer"
}

extension UnscannedReason {
    /// What a fault of the layer means for its scan.
    package init(_ reason: LayerFault.Reason) {
        switch reason {
        case .unsupported: self = .unsupported
        case .truncated: self = .truncated
        case .damaged: self = .damaged
        case .tooLarge: self = .tooLarge
        case .unreadable: self = .unreadable
        case .notStarted: self = .notStarted
        }
    }
}
