// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of this module.
package enum TrustLimits {
    /// Bytes of a bundle, an envelope or a plain report: 16 MiB. Inventories of large images have several.
    package static let documentBytesLimit = 16 << 20
    /// Values in a JSON document of a report or an inventory.
    package static let documentNodesLimit = 1_000_000
    /// Containers open at once in a report or an inventory.
    package static let documentDepthLimit = 64
    /// Bytes of a simple signing payload.
    package static let payloadBytesLimit = 64 << 10
    /// Bytes of a short text of a document: a type, a name, a key's hint, an address.
    package static let textBytesLimit = 2048
    /// Signatures of one envelope.
    package static let signaturesLimit = 16
    /// Subjects of one statement.
    package static let subjectsLimit = 1024
    /// Bytes of one signature.
    package static let signatureBytesLimit = 1024
    /// Layers of a manifest that holds signatures or attestations under a tag.
    package static let legacyLayersLimit = 256
    /// Findings of one report; a report with more is refused.
    package static let findingsLimit = 100_000

    /// Bytes of a policy's text.
    package static let policyBytesLimit = 1 << 20
    /// Keys of a policy.
    package static let keysLimit = 256
    /// Rules of a policy.
    package static let rulesLimit = 1024
    /// Requirements of one rule.
    package static let requirementsLimit = 32
    /// Bytes of a key's text in PEM.
    package static let keyBytesLimit = 8192

    /// Pieces of evidence that one evaluation looks at; those after them do not count.
    package static let evidenceLimit = 1024
    /// Bytes of evidence that one evaluation looks at: 256 MiB. Whoever gathers evidence need not fetch more.
    package static let evidenceBytesLimit = 256 << 20
    /// Bytes of evidence that one evaluation reads although nobody known signed it, where a rule asks for such: 64 MiB.
    package static let unsignedBytesLimit = 64 << 20
    /// Seconds that the clock of a scanner or a builder may be ahead.
    package static let clockSkewSeconds: Int64 = 300
    /// Bytes of a stored verdict.
    package static let verdictBytesLimit = 1 << 20
    /// Keys that one requirement names, and attachments that a verdict names for it.
    package static let namedLimit = 32
}
