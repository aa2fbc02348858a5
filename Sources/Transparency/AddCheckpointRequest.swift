// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a log sends to a witness in order to have its checkpoint cosigned (tlog-witness, "add-checkpoint").
package struct AddCheckpointRequest: Hashable, Sendable, CustomStringConvertible {
    /// The size that the log believes the witness to have cosigned last; 0 for none.
    package let oldSize: Int64
    /// The consistency proof from that size.
    package let hashes: [TreeHash]
    /// The note of the checkpoint.
    package let note: SignedNote
    /// The text of the note, which is not verified yet.
    package let checkpoint: Checkpoint

    /// - Throws: `invalidCheckpoint` for a note that is none, `invalidRequest` for a negative size or more than 63
    ///   hashes.
    package init(oldSize: Int64, hashes: [TreeHash], note: SignedNote) throws(TransparencyError) {
        guard oldSize >= 0, hashes.count <= TransparencyLimits.witnessHashesLimit else {
            throw AddCheckpointRequest.malformed
        }
        checkpoint = try Checkpoint(note)
        self.oldSize = oldSize
        self.hashes = hashes
        self.note = note
    }

    /// Reads the body of a request, all bytes of it.
    ///
    /// - Throws: `invalidRequest`, `invalidNote` or `invalidCheckpoint`.
    package init(parsing bytes: [UInt8]) throws(TransparencyError) {
        var reader = LineReader(bytes)
        guard bytes.count <= TransparencyLimits.requestBytesLimit,
            let oldSize = reader.line(after: "old ").flatMap({ Decimal.read($0) }),
            let hashes = reader.hashes(limit: TransparencyLimits.witnessHashesLimit)
        else { throw AddCheckpointRequest.malformed }
        try self.init(oldSize: oldSize, hashes: hashes, note: SignedNote(parsing: Array(reader.rest)))
    }

    private static let malformed = TransparencyError(
        code: .invalidRequest,
        reason:
            "a request is a line \"old <size>\", at most \(TransparencyLimits.witnessHashesLimit) hashes in base64, "
            + "an empty line and a checkpoint"
    )

    /// The body of the request.
    package var description: String { "old \(oldSize)\n\(hashes.map { "\($0)\n" }.joined())\n\(note)" }

    /// The proof that is claimed, from the old size to the checkpoint's.
    ///
    /// - Throws: `outOfRange` for an old size larger than the checkpoint's.
    package func consistency() throws(TransparencyError) -> ConsistencyProof {
        try ConsistencyProof(oldSize: oldSize, newSize: checkpoint.size, hashes: hashes)
    }
}
