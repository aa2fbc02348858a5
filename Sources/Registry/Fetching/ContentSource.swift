// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
package import OCI

/// One registry elsewhere that may have content which is not here: another region, or one that is mirrored.
package protocol ContentSource: Sendable {
    /// What it is called in messages and metrics. Two sources never share a name.
    var name: String { get }

    /// Whether it answered when it was last asked. Never waits: a source that is down costs nothing.
    var isReachable: Bool { get }

    /// Returns once it is known whether it answers, after a start; at once later on, and in a bounded time ever.
    func untilKnown() async

    /// The manifest that a tag or digest names there; nil where it has none. Whoever asks checks the digest.
    ///
    /// - Throws: `SourceError`.
    func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest?

    /// How many bytes a blob has there; nil where it has none.
    ///
    /// - Throws: `SourceError`.
    func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64?

    /// Hands over a blob's bytes from an offset on, in order. It waits for each call of `receive` before the next, ends
    /// at once when its task is cancelled, and passes on what `receive` throws.
    ///
    /// - Throws: `SourceError`.
    func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws
}

/// A manifest as a source served it. Its digest is what the source says until it is compared.
package struct SourceManifest: Sendable {
    package let digest: Digest
    package let mediaType: MediaType
    package let bytes: [UInt8]

    package init(digest: Digest, mediaType: MediaType, bytes: [UInt8]) {
        self.digest = digest
        self.mediaType = mediaType
        self.bytes = bytes
    }
}

/// Why a source does not give what it was asked for.
package struct SourceError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// It has none.
        case absent
        /// It did not answer in the time that it had.
        case silent
        /// It does not answer, or broke off: it may the next time.
        case unavailable
        /// It will not: it knows us not, or not for this.
        case refused
        /// What it answers is not what was asked for.
        case misbehaved
    }

    package let code: Code
    /// A sentence for the operator.
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }

    var fault: SourceFault {
        switch code {
        case .absent: .absent
        case .refused: .refused
        case .silent: .stalled
        case .unavailable, .misbehaved: .brokenOff
        }
    }
}

/// What was wrong with a source while a blob was fetched.
package enum SourceFault: String, Sendable, CaseIterable {
    case absent
    case unreachable
    case refused
    /// It failed before the end.
    case brokenOff = "broken_off"
    /// It sent less than `FetchLimits.windowBytes` within `FetchLimits.window`.
    case stalled
    /// Its bytes do not have the digest.
    case wrongBytes = "wrong_bytes"
    /// It sent more bytes than the blob has.
    case tooLong = "too_long"
}

/// A source that did not give a blob, and why.
package struct SourceFailure: Sendable, CustomStringConvertible {
    package let source: String
    package let fault: SourceFault
    /// A sentence for the operator.
    package let reason: String

    package var description: String { "\(source): \(reason)" }
}

/// No source gave the content. What each of them did wrong is told, at most once for each source and fault.
package struct FetchError: Error, Sendable, CustomStringConvertible {
    package let digest: Digest
    package let failures: [SourceFailure]

    /// Whether every source that was asked has it not, so that nothing is gained by asking again soon.
    package var isAbsence: Bool { failures.allSatisfy { $0.fault == .absent } }

    package var description: String {
        if failures.isEmpty { return "\(digest): there is no source for it" }
        return "\(digest): " + failures.map(\.description).joined(separator: "; ")
    }
}
