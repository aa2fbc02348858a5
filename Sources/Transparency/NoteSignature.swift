// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// A signature line of a note (signed-note, "Signatures"): `— <key name> <base64 of key id and signature>`.
package struct NoteSignature: Hashable, Sendable, CustomStringConvertible {
    package let name: KeyName
    /// The first four bytes of a hash over name and key: it tells keys apart and proves nothing.
    package let keyID: UInt32
    /// What the key made, in the form of its kind.
    package let signature: [UInt8]

    init(name: KeyName, keyID: UInt32, signature: [UInt8]) {
        self.name = name
        self.keyID = keyID
        self.signature = signature
    }

    /// Reads a line without its line feed.
    ///
    /// - Throws: `invalidNote`.
    package init(parsing line: some StringProtocol) throws(TransparencyError) {
        guard let rest = line.after(NoteSignature.dash) else { throw NoteSignature.malformed }
        let parts = rest.split(separator: " ", omittingEmptySubsequences: false)
        let limit = (TransparencyLimits.signatureBytesLimit + 4) * 4 / 3 + 4
        guard parts.count == 2, parts[1].utf8.count <= limit, let bytes = Base64.decode(String(parts[1])),
            (5...(TransparencyLimits.signatureBytesLimit + 4)).contains(bytes.count)
        else { throw NoteSignature.malformed }
        do { name = try KeyName(parsing: parts[0]) } catch { throw NoteSignature.malformed }
        keyID = bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        signature = Array(bytes.dropFirst(4))
    }

    /// Reads lines, each with its line feed, as a witness answers them.
    ///
    /// - Throws: `invalidNote` for anything else than 1 to 64 such lines.
    package static func lines(from bytes: [UInt8]) throws(TransparencyError) -> [NoteSignature] {
        var reader = LineReader(bytes)
        var signatures: [NoteSignature] = []
        while !reader.rest.isEmpty {
            guard signatures.count < TransparencyLimits.noteSignaturesLimit else {
                throw TransparencyError(
                    code: .invalidNote,
                    reason: "a note has at most \(TransparencyLimits.noteSignaturesLimit) signatures"
                )
            }
            guard let line = reader.line() else { throw malformed }
            signatures.append(try NoteSignature(parsing: line))
        }
        guard !signatures.isEmpty else {
            throw TransparencyError(code: .invalidNote, reason: "a note has at least one signature")
        }
        return signatures
    }

    private static let dash = "\u{2014} "

    private static let malformed = TransparencyError(
        code: .invalidNote,
        reason: "a signature line is an em dash, a key's name, and base64 of a key id and a signature"
    )

    /// The line without its line feed.
    package var description: String {
        let id = (0..<4).map { UInt8(truncatingIfNeeded: keyID >> (24 - 8 * $0)) }
        return "\(NoteSignature.dash)\(name) \(Base64.encode(id + signature))"
    }
}
