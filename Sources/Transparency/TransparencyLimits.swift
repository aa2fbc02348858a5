// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the log's formats.
package enum TransparencyLimits: Sendable {
    /// Bytes of an entry: its length is written in 16 bits (tlog-tiles, "Log entries").
    package static let entryBytesLimit = 65_535
    /// Bytes of a signed note, text and signatures together: 64 KiB.
    package static let noteBytesLimit = 64 << 10
    /// Signature lines of a note. Readers must accept 16 (signed-note, "Signatures").
    package static let noteSignaturesLimit = 64
    /// Bytes of a key's name or a log's origin.
    package static let nameBytesLimit = 1_024
    /// Bytes of one signature of a note, after its key id. The largest in use has some 2,500.
    package static let signatureBytesLimit = 8_192
    /// Hashes of an inclusion proof: a tree of at most 2^63 - 1 entries is no deeper.
    package static let inclusionHashesLimit = 63
    /// Hashes of a consistency proof: one for each level, and one to begin with.
    package static let consistencyHashesLimit = 64
    /// Hashes of the consistency proof in a request to a witness (tlog-witness, "add-checkpoint").
    package static let witnessHashesLimit = 63
    /// Bytes of a `.tlog-proof` file: a note, an entry in base64, and the hashes.
    package static let proofBytesLimit = 192 << 10
    /// Bytes of a request to a witness: a note and the hashes.
    package static let requestBytesLimit = 72 << 10
    /// Bytes of a policy file: 64 KiB.
    package static let policyBytesLimit = 64 << 10
    /// Logs, witnesses and groups of a policy file, each.
    package static let policyEntriesLimit = 256
}
