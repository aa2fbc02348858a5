// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// A file that proves, without any server, that an entry is in a log (tlog-proof): its index, the inclusion proof and
/// the log's checkpoint with its cosignatures.
package struct TransparencyProof: Hashable, Sendable, CustomStringConvertible {
    /// What the log's users agreed on, such as the entry itself. Nothing vouches for it.
    package let extra: [UInt8]?
    package let inclusion: InclusionProof
    /// The note of the checkpoint, of the size that the inclusion proof is for.
    package let note: SignedNote
    /// The text of the note, which is not verified yet.
    package let checkpoint: Checkpoint

    private static let header = "c2sp.org/tlog-proof@v1"

    /// - Throws: `invalidCheckpoint` for a note that is none; `outOfRange` for an index that its tree does not have;
    ///   `invalidProof` for too many hashes or too much else.
    package init(
        extra: [UInt8]? = nil,
        index: Int64,
        hashes: [TreeHash],
        note: SignedNote
    ) throws(TransparencyError) {
        checkpoint = try Checkpoint(note)
        inclusion = try InclusionProof(index: index, size: checkpoint.size, hashes: hashes)
        self.extra = extra
        self.note = note
        guard description.utf8.count <= TransparencyLimits.proofBytesLimit else { throw TransparencyProof.tooLarge }
    }

    /// Reads a file, all bytes of it.
    ///
    /// - Throws: `invalidProof`, `invalidNote`, `invalidCheckpoint` or `outOfRange`.
    package init(parsing bytes: [UInt8]) throws(TransparencyError) {
        guard bytes.count <= TransparencyLimits.proofBytesLimit else { throw TransparencyProof.tooLarge }
        var reader = LineReader(bytes)
        guard reader.line() == TransparencyProof.header else {
            throw TransparencyProof.malformed("its first line is \(TransparencyProof.header)")
        }
        var extra: [UInt8]?
        if let text = reader.line(after: "extra ") {
            guard let decoded = Base64.decode(text) else { throw TransparencyProof.malformed("its extra is base64") }
            extra = decoded
        }
        guard let index = reader.line(after: "index ").flatMap({ Decimal.read($0) }) else {
            throw TransparencyProof.malformed("the index of its entry is a line \"index <decimal>\"")
        }
        guard let hashes = reader.hashes(limit: TransparencyLimits.inclusionHashesLimit) else {
            throw TransparencyProof.malformed("its hashes are lines of base64, and an empty line follows")
        }
        let note = try SignedNote(parsing: Array(reader.rest))
        try self.init(extra: extra, index: index, hashes: hashes, note: note)
    }

    /// Reads a file, the whole text.
    ///
    /// - Throws: As of `init(parsing:)` for bytes.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        try self.init(parsing: Array(text.utf8))
    }

    private static func malformed(_ rule: String) -> TransparencyError {
        TransparencyError(code: .invalidProof, reason: "this is no proof of a log: \(rule)")
    }

    private static let tooLarge = malformed("it has at most \(TransparencyLimits.proofBytesLimit) bytes")

    /// The whole file.
    package var description: String {
        let extraLine = extra.map { "extra \(Base64.encode($0))\n" } ?? ""
        let hashLines = inclusion.hashes.map { "\($0)\n" }.joined()
        return "\(TransparencyProof.header)\n\(extraLine)index \(inclusion.index)\n\(hashLines)\n\(note)"
    }

    /// Verifies that an entry is in the log of a key.
    ///
    /// - Parameters:
    ///   - leafHash: The hash of the entry (`MerkleTree.leafHash`), which the caller has read or computed.
    ///   - log: The key of the log.
    /// - Returns: The checkpoint, which the log has signed.
    /// - Throws: `badSignature` or `untrusted` for the checkpoint; `invalidProof` for an entry that is not there.
    package func verify(leafHash: TreeHash, log: NoteVerifier) throws(TransparencyError) -> Checkpoint {
        let checkpoint = try Checkpoint(note, signedBy: log)
        try verifyInclusion(leafHash)
        return checkpoint
    }

    /// Verifies that an entry is in a log that a policy trusts, with the cosignatures that it asks for.
    ///
    /// - Parameters:
    ///   - leafHash: The hash of the entry (`MerkleTree.leafHash`), which the caller has read or computed.
    ///   - policy: The logs and witnesses.
    /// - Returns: The checkpoint, and who vouches for it.
    /// - Throws: `badSignature` or `untrusted` for the checkpoint; `invalidProof` for an entry that is not there.
    package func verify(
        leafHash: TreeHash,
        policy: TrustedLogs
    ) throws(TransparencyError) -> TrustedLogs.Verdict {
        let verdict = try policy.verdict(on: note)
        try verifyInclusion(leafHash)
        return verdict
    }

    private func verifyInclusion(_ leafHash: TreeHash) throws(TransparencyError) {
        guard inclusion.isValid(leafHash: leafHash, root: checkpoint.root) else {
            throw TransparencyError(
                code: .invalidProof,
                reason: "the entry is not at index \(inclusion.index) of \(checkpoint.origin)"
            )
        }
    }
}

extension LineReader {
    /// Reads hashes in base64, a line each, and the empty line after them. Nil for anything else or more of them.
    mutating func hashes(limit: Int) -> [TreeHash]? {
        var hashes: [TreeHash] = []
        while let line = line() {
            if line.isEmpty { return hashes }
            guard hashes.count < limit, let hash = TreeHash(base64: line) else { return nil }
            hashes.append(hash)
        }
        return nil
    }
}
