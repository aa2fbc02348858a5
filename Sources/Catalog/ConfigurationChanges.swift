// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A change of who may do what, which is in no repository.
package enum ConfigurationChange: Sendable, Hashable {
    /// Access rules were applied: the digest of their file's bytes, and how many they are.
    case rulesSet(file: Digest, rules: Int)
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
        case .robotCreated: .robotCreated
        case .robotRotated: .robotRotated
        case .robotRevoked: .robotRevoked
        }
    }

    fileprivate var digest: Digest? {
        if case .rulesSet(let file, _) = self { file } else { nil }
    }

    fileprivate var subject: String? {
        switch self {
        case .rulesSet: nil
        case .robotCreated(let name), .robotRotated(let name, _), .robotRevoked(let name):
            Catalog.Context.cut(name, to: CatalogLimits.contextBytes)
        }
    }

    fileprivate var body: [String: CanonicalJSON] {
        switch self {
        case .rulesSet(let file, let rules):
            ["file": .string(file.description), "rules": .integer(Int64(rules))]
        case .robotCreated, .robotRevoked: ["robot": CanonicalJSON(subject)]
        case .robotRotated(_, let generation):
            ["robot": CanonicalJSON(subject), "generation": .integer(Int64(generation))]
        }
    }
}
