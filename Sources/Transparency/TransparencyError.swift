// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why a text, a proof or a key of the log's formats is refused.
package struct TransparencyError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// Not a tile's path, or not the content that the path promises.
        case invalidTile
        /// Not an entry bundle, or an entry too long for one.
        case invalidEntry
        /// A size, an index or a range that no tree has.
        case outOfRange
        /// Not a signed note (signed-note).
        case invalidNote
        /// Not a verifier key, or one of a kind that is not known here.
        case invalidKey
        /// A note whose text is not a checkpoint (tlog-checkpoint).
        case invalidCheckpoint
        /// Not a proof file (tlog-proof), or hashes that prove something else.
        case invalidProof
        /// Not a request to a witness (tlog-witness).
        case invalidRequest
        /// Not a policy file (tlog-policy).
        case invalidPolicy
        /// A signature by a known key that does not verify.
        case badSignature
        /// No signature by a key that is trusted, or too few cosignatures.
        case untrusted
        /// The library that signs failed.
        case signingFailed
    }

    package let code: Code
    /// A sentence for people.
    package let reason: String

    package var description: String { "\(code.rawValue): \(reason)" }
}
