// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One thing that a rule asks of an image.
package enum TrustRequirement: Sendable, Hashable {
    case signed(Signatures)
    case provenance(Provenance)
    case inventory(Inventory)
    case vulnerabilities(Vulnerabilities)
    /// Seconds that the registry has had the image.
    case minimumAge(Int64)
    /// The registry's own scan found no credentials. Layers that could not be scanned fail it unless allowed.
    case noSecrets(allowsUnscanned: Bool)

    /// Signatures of the image by at least so many of these keys.
    package struct Signatures: Sendable, Hashable {
        package let keys: [String]
        package let threshold: Int
    }

    /// A provenance that one of these keys signed, and that says all of this.
    package struct Provenance: Sendable, Hashable {
        package let keys: [String]
        /// Any of these; empty: any at all.
        package let builders: [Glob]
        package let source: Glob?
        /// Seconds since the build.
        package let maxAge: Int64?
        /// Asked of an image that is pulled by a tag.
        package let tagMatchesRevision: Bool
    }

    /// An inventory of one of these forms; signed by one of the keys, where any are named.
    package struct Inventory: Sendable, Hashable {
        package let keys: [String]
        package let formats: [InventoryFormat]
    }

    /// A report that one of these keys signed, that is not older than this, and that has nothing worse than this.
    package struct Vulnerabilities: Sendable, Hashable {
        package let keys: [String]
        /// The worst that is tolerated.
        package let maxSeverity: Severity
        /// Seconds since the scan.
        package let maxAge: Int64
        package let waivers: [Waiver]
    }

    /// A vulnerability that is tolerated for a while.
    package struct Waiver: Sendable, Hashable {
        package let id: String
        /// The first second at which it no longer counts, since 1970.
        package let end: Int64
        package let reason: String
    }
}

extension TrustRequirement: CustomStringConvertible {
    /// The names of the keys that may count.
    var keys: [String] {
        switch self {
        case .signed(let asked): asked.keys
        case .provenance(let asked): asked.keys
        case .inventory(let asked): asked.keys
        case .vulnerabilities(let asked): asked.keys
        case .minimumAge, .noSecrets: []
        }
    }

    /// What is asked for, in few words.
    package var description: String {
        switch self {
        case .signed(let signatures):
            "signed by \(signatures.threshold) of \(signatures.keys.joined(separator: ", "))"
        case .provenance(let provenance): "provenance signed by \(provenance.keys.joined(separator: ", "))"
        case .inventory(let inventory):
            "inventory (\(inventory.formats.map(\.rawValue).joined(separator: ", ")))"
                + (inventory.keys.isEmpty ? "" : " signed by \(inventory.keys.joined(separator: ", "))")
        case .vulnerabilities(let asked):
            "no vulnerability above \(asked.maxSeverity), by \(asked.keys.joined(separator: ", "))"
        case .minimumAge(let seconds): "in the registry for \(seconds) seconds"
        case .noSecrets(let allowsUnscanned): "no secrets\(allowsUnscanned ? " in what can be scanned" : "")"
        }
    }
}
