// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A text and its signatures (signed-note v1.0.0). It proves nothing until `accepted(by:)` has returned.
///
/// Written again, a note that was read has the same bytes.
package struct SignedNote: Hashable, Sendable, CustomStringConvertible {
    /// The signed text with its final line feed.
    package let textBytes: [UInt8]
    /// At least one, and at most 64.
    package let signatures: [NoteSignature]

    /// A note out of its parts.
    ///
    /// - Throws: `invalidNote` for what the format cannot express, or a note of more than 64 KiB.
    package init(text: String, signatures: [NoteSignature]) throws(TransparencyError) {
        try self.init(textBytes: Array(text.utf8), signatures: signatures)
    }

    private init(textBytes: [UInt8], signatures: [NoteSignature]) throws(TransparencyError) {
        let lines = signatures.map { "\($0)\n" }.joined()
        try self.init(parsing: textBytes + Array("\n\(lines)".utf8))
        guard self.textBytes == textBytes else { throw SignedNote.malformed("its text ends in a line feed") }
    }

    /// Reads a note, all bytes of it.
    ///
    /// - Throws: `invalidNote`.
    package init(parsing bytes: [UInt8]) throws(TransparencyError) {
        guard bytes.count <= TransparencyLimits.noteBytesLimit else {
            throw SignedNote.malformed("it has at most \(TransparencyLimits.noteBytesLimit) bytes")
        }
        let feed = UInt8(ascii: "\n")
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == feed }), String(validating: bytes, as: UTF8.self) != nil else {
            throw SignedNote.malformed("it is UTF-8 without control characters other than line feeds")
        }
        // Signature lines are not empty, so that the last empty line of the note ends the text.
        guard let blank = bytes.indices.dropFirst().last(where: { bytes[$0] == feed && bytes[$0 - 1] == feed }) else {
            throw SignedNote.malformed("an empty line is between its text and its signatures")
        }
        signatures = try NoteSignature.lines(from: Array(bytes[(blank + 1)...]))
        textBytes = Array(bytes[..<blank])
    }

    /// Reads a note, the whole text.
    ///
    /// - Throws: `invalidNote`.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        try self.init(parsing: Array(text.utf8))
    }

    private static func malformed(_ rule: String) -> TransparencyError {
        TransparencyError(code: .invalidNote, reason: "this is no signed note: \(rule)")
    }

    /// The signed text with its final line feed.
    package var text: String { String(decoding: textBytes, as: UTF8.self) }

    /// The whole note.
    package var description: String { "\(text)\n\(signatures.map { "\($0)\n" }.joined())" }

    /// The bytes of the whole note.
    package var bytes: [UInt8] { Array(description.utf8) }

    /// The note with more signatures after those it has; one that it has already is not added again.
    ///
    /// - Throws: `invalidNote` where there would be too many.
    package func adding(_ more: [NoteSignature]) throws(TransparencyError) -> SignedNote {
        var all = signatures
        for signature in more where !all.contains(signature) { all.append(signature) }
        return try SignedNote(textBytes: textBytes, signatures: all)
    }

    /// Verifies every signature whose key is among those given; others are ignored.
    ///
    /// - Returns: What was accepted, at least one, in the order of the lines.
    /// - Throws: `badSignature` for a signature that names a given key and is not that key's; `untrusted` where no
    ///   signature names a given key.
    package func accepted(by verifiers: [NoteVerifier]) throws(TransparencyError) -> [NoteAcceptance] {
        var accepted: [NoteAcceptance] = []
        for signature in signatures {
            let named = verifiers.filter { $0.name == signature.name && $0.keyID == signature.keyID }
            guard !named.isEmpty else { continue }
            guard let acceptance = named.lazy.compactMap({ $0.acceptance(of: signature, text: textBytes) }).first else {
                throw TransparencyError(
                    code: .badSignature,
                    reason: "the note's signature by \(signature.name) is not by that key"
                )
            }
            accepted.append(acceptance)
        }
        guard !accepted.isEmpty else {
            throw TransparencyError(code: .untrusted, reason: "no signature of the note is by a trusted key")
        }
        return accepted
    }
}

/// A signature that was verified.
package struct NoteAcceptance: Hashable, Sendable {
    /// The key that made it.
    package let verifier: NoteVerifier
    /// The time that a cosignature states, in seconds since 1970; nil for other signatures.
    package let timestamp: Int64?
}
