// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography

/// A private key with its name, which signs notes.
package struct NoteSigner: Sendable {
    /// The public half, of kind `.ed25519`.
    package let verifier: NoteVerifier
    private let key: SigningKey

    package init(name: KeyName, key: SigningKey) throws(TransparencyError) {
        verifier = try NoteVerifier(name: name, key: key.verificationKey, kind: .ed25519)
        self.key = key
    }

    /// Signs a text, which ends in a line feed. The same text always has the same signature.
    ///
    /// - Throws: `signingFailed` where OpenSSL fails.
    package func signature(of text: String) throws(TransparencyError) -> NoteSignature {
        try NoteSignature(by: verifier, signature: key.noteSignature(of: Array(text.utf8)))
    }

    /// Signs a checkpoint and gives the note.
    ///
    /// - Throws: `signingFailed` where OpenSSL fails, `invalidNote` for a note of more than 64 KiB.
    package func note(_ checkpoint: Checkpoint) throws(TransparencyError) -> SignedNote {
        let text = checkpoint.description
        return try SignedNote(text: text, signatures: [signature(of: text)])
    }
}

extension NoteSignature {
    init(by verifier: NoteVerifier, signature: [UInt8]) {
        self.init(name: verifier.name, keyID: verifier.keyID, signature: signature)
    }
}

extension SigningKey {
    /// Signs, with an error of the log's formats.
    func noteSignature(of message: [UInt8]) throws(TransparencyError) -> [UInt8] {
        do { return try signature(of: message) } catch {
            throw TransparencyError(code: .signingFailed, reason: error.reason)
        }
    }
}
