// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A change of who may do what, which is in no repository.
package enum ConfigurationChange: Sendable, Hashable {
    /// Access rules were applied: the digest of their file's bytes, and how many they are.
    case rulesSet(file: Digest, rules: Int)
    /// A trust policy was applied: what tells it from others, and how many rules it has.
    case policySet(fingerprint: Digest, rules: Int)
    /// The log has a new key beside the one that signs this; both as verifiers take them.
    case keyRotated(from: String, to: String)
    case robotCreated(name: String)
    /// It has a new secret, of this generation.
    case robotRotated(name: String, generation: Int)
    case robotRevoked(name: String)
}

extension Catalog {
    /// Writes a change of the configuration to the event record and the audit table. The caller applies it only once
    /// this has returned.
    @discardableResult
    package func recordChange(
        _ change: ConfigurationChange,
        context: Context
    ) async throws(CatalogError) -> EventID {
        try await writer.submit { transaction in
            try transaction.record(
                change.kind,
                nil,
                context,
                subject: change.subject,
                digest: change.digest,
                change.body
            )
        }
    }
}

extension ConfigurationChange {
    fileprivate var kind: EventKind {
        switch self {
        case .rulesSet: .rulesSet
        case .policySet: .policySet
        case .keyRotated: .keyRotated
        case .robotCreated: .robotCreated
        case .robotRotated: .robotRotated
        case .robotRevoked: .robotRevoked
        }
    }

    fileprivate var digest: Digest? {
        switch self {
        case .rulesSet(let digest, _), .policySet(let digest, _): digest
        default: nil
        }
    }

    fileprivate var subject: String? {
        switch self {
        case .rulesSet, .policySet: nil
        case .keyRotated(_, let to): Catalog.Context.cut(to, to: CatalogLimits.contextBytes)
        case .robotCreated(let name), .robotRotated(let name, _), .robotRevoked(let name):
            Catalog.Context.cut(name, to: CatalogLimits.contextBytes)
        }
    }

    fileprivate var body: [String: CanonicalJSON] {
        switch self {
        case .rulesSet(let file, let rules):
            ["file": .string(file.description), "rules": .integer(Int64(rules))]
        case .policySet(let fingerprint, let rules):
            ["policy": .string(fingerprint.description), "rules": .integer(Int64(rules))]
        case .keyRotated(let from, let to): ["from": .string(from), "to": .string(to)]
        case .robotCreated, .robotRevoked: ["robot": CanonicalJSON(subject)]
        case .robotRotated(_, let generation):
            ["robot": CanonicalJSON(subject), "generation": .integer(Int64(generation))]
        }
    }
}
