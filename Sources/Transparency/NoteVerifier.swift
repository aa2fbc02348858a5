// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
internal import OCI

/// A public key with its name and what its signatures mean (signed-note, "Verifier keys"). Its text, a vkey, is
/// `<name>+<key id in 8 hexadecimal digits>+<base64 of the kind's byte and the key>`.
package struct NoteVerifier: Hashable, Sendable, CustomStringConvertible {
    /// What a key signs (signed-note, "Signature types").
    package enum Kind: UInt8, Hashable, Sendable {
        /// The text of the note.
        case ed25519 = 0x01
        /// A time and the text of a checkpoint (tlog-cosignature).
        case cosignature = 0x04
    }

    package let name: KeyName
    package let kind: Kind
    package let key: VerificationKey
    /// The first four bytes of the SHA-256 of name, line feed, the kind's byte and the key.
    package let keyID: UInt32

    /// - Throws: `invalidKey` unless the key is an Ed25519 key.
    package init(name: KeyName, key: VerificationKey, kind: Kind = .ed25519) throws(TransparencyError) {
        guard let raw = key.raw else {
            throw TransparencyError(
                code: .invalidKey,
                reason: "notes are signed with Ed25519 keys, not \(key.algorithm.rawValue)"
            )
        }
        self.name = name
        self.kind = kind
        self.key = key
        let hash = SHA256Hash.of(name.utf8 + [UInt8(ascii: "\n"), kind.rawValue] + raw)
        keyID = hash.bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Reads a vkey.
    ///
    /// - Throws: `invalidKey`, also for a key of a kind that is not known here, or whose id is not its own.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        // The base64 may have a + of its own.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count == 8, parts[2].utf8.count == 44,
            let bytes = Base64.decode(String(parts[2])), bytes.count == 33
        else {
            throw TransparencyError(
                code: .invalidKey,
                reason: "a verifier key is <name>+<8 hexadecimal digits>+<base64 of a byte and an Ed25519 key>"
            )
        }
        guard let kind = Kind(rawValue: bytes[0]) else {
            throw TransparencyError(code: .invalidKey, reason: "a verifier key of kind \(bytes[0]) is not known here")
        }
        let key: VerificationKey
        do { key = try VerificationKey(ed25519: Array(bytes.dropFirst())) } catch {
            throw TransparencyError(code: .invalidKey, reason: error.reason)
        }
        try self.init(name: KeyName(parsing: parts[0]), key: key, kind: kind)
        guard parts[1].utf8.elementsEqual(keyIDText.utf8) else {
            throw TransparencyError(
                code: .invalidKey,
                reason: "the id of a verifier key is not that of its name and key"
            )
        }
    }

    /// The key id in eight lower-case hexadecimal digits.
    package var keyIDText: String {
        let digits = String(keyID, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The vkey.
    package var description: String {
        "\(name)+\(keyIDText)+\(Base64.encode([kind.rawValue] + (key.raw ?? [])))"
    }

    /// What this key accepts of a note's signature, whose key name and id the caller has compared; nil if it is not a
    /// signature of this text by this key.
    func acceptance(of signature: NoteSignature, text: [UInt8]) -> NoteAcceptance? {
        switch kind {
        case .ed25519:
            guard key.isValid(signature: signature.signature, for: text) else { return nil }
            return NoteAcceptance(verifier: self, timestamp: nil)
        case .cosignature:
            guard let cosignature = Cosignature(bytes: signature.signature),
                key.isValid(signature: cosignature.signature, for: cosignature.message(for: text))
            else { return nil }
            return NoteAcceptance(verifier: self, timestamp: cosignature.timestamp)
        }
    }
}
