// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography

/// The statement of a witness (tlog-cosignature, Ed25519): at this time, the largest tree of this log that the witness
/// has seen, all of them consistent, is that of the checkpoint.
package struct Cosignature: Hashable, Sendable {
    /// Seconds since 1970.
    package let timestamp: Int64
    /// 64 bytes of Ed25519 over `message(for:)`.
    package let signature: [UInt8]

    init(timestamp: Int64, signature: [UInt8]) {
        self.timestamp = timestamp
        self.signature = signature
    }

    /// Reads the bytes of a note's signature: the time in 64 bits, and the signature. Nil for anything else, and for a
    /// time of 2^63 or more.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 8 + 64 else { return nil }
        let time = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let timestamp = Int64(exactly: time) else { return nil }
        self.init(timestamp: timestamp, signature: Array(bytes.dropFirst(8)))
    }

    /// The form in a note's signature.
    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: timestamp >> (56 - 8 * $0)) } + signature
    }

    /// What is signed, for a checkpoint's text with its final line feed.
    package func message(for text: [UInt8]) -> [UInt8] { Cosignature.message(for: text, at: timestamp) }

    static func message(for text: [UInt8], at timestamp: Int64) -> [UInt8] {
        Array("cosignature/v1\ntime \(timestamp)\n".utf8) + text
    }
}

/// A private key with its name, which cosigns checkpoints.
///
/// The signed message does not name the cosigner, so a key serves one cosigner and nothing else.
package struct Cosigner: Sendable {
    /// The public half, of kind `.cosignature`.
    package let verifier: NoteVerifier
    private let key: SigningKey

    package init(name: KeyName, key: SigningKey) throws(TransparencyError) {
        verifier = try NoteVerifier(name: name, key: key.verificationKey, kind: .cosignature)
        self.key = key
    }

    /// Cosigns a checkpoint that the caller has found consistent with all that were cosigned before.
    ///
    /// - Parameters:
    ///   - note: The note of the checkpoint; its text is signed as it is, extension lines included.
    ///   - timestamp: Seconds since 1970, not negative.
    /// - Returns: The signature, to be added to the note.
    /// - Throws: `invalidCheckpoint` for a note that is none, `outOfRange` for a negative time, `signingFailed` where
    ///   OpenSSL fails.
    package func cosignature(of note: SignedNote, at timestamp: Int64) throws(TransparencyError) -> NoteSignature {
        _ = try Checkpoint(note)
        guard timestamp >= 0 else {
            throw TransparencyError(code: .outOfRange, reason: "a cosignature is made after 1970, not at \(timestamp)")
        }
        let signature = try key.noteSignature(of: Cosignature.message(for: note.textBytes, at: timestamp))
        return NoteSignature(by: verifier, signature: Cosignature(timestamp: timestamp, signature: signature).bytes)
    }
}
