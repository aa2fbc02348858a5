// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What an attestation says, by the address that names its form.
package struct PredicateType: Sendable, Hashable, CustomStringConvertible {
    /// The address, as it was written.
    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { text }

    /// That an image is signed; the predicate is empty.
    package static let imageSignature = PredicateType("https://sigstore.dev/cosign/sign/v1")
    package static let provenance = PredicateType("https://slsa.dev/provenance/v1")
    /// Read, but not made.
    package static let provenanceV02 = PredicateType("https://slsa.dev/provenance/v0.2")
    package static let spdx = PredicateType("https://spdx.dev/Document")
    package static let cyclonedx = PredicateType("https://cyclonedx.org/bom")
    package static let vulnerabilities = PredicateType("https://cosign.sigstore.dev/attestation/vuln/v1")
    package static let custom = PredicateType("https://cosign.sigstore.dev/attestation/v1")

    /// The short names of the types that are made, in the order in which help lists them.
    package static let named: [(name: String, type: PredicateType)] = [
        ("slsaprovenance", .provenance), ("spdx", .spdx), ("cyclonedx", .cyclonedx), ("vuln", .vulnerabilities),
        ("custom", .custom),
    ]

    /// The type of a short name such as `spdx`; nil for a name that is none.
    package init?(named name: String) {
        guard let type = Self.named.first(where: { $0.name == name })?.type else { return nil }
        self = type
    }

    /// The short name, where there is one.
    package var name: String? { Self.named.first { $0.type == self }?.name }

    /// The type itself, or a version of it: `https://cyclonedx.org/bom/v1.5`.
    func isVersion(of type: PredicateType) -> Bool { self == type || text.hasPrefix("\(type.text)/") }
}
