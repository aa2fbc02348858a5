// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What the images of some repositories must have, and where that is enforced.
package struct TrustRule: Sendable, Hashable {
    /// What happens to an image that lacks something.
    package enum Enforcement: String, Sendable, Hashable, CaseIterable {
        /// It cannot be pulled, and not be promoted.
        case pull
        /// It cannot be promoted.
        case promote
        /// Answers carry a warning.
        case warn
    }

    /// The rule's position in the policy, from 0.
    package let index: Int
    /// The line of the file where it begins.
    package let line: Int?
    package let repositories: [Glob]
    package let enforcement: Enforcement
    package let requirements: [TrustRequirement]
    /// Patterns for principals that the rule does not bind, as they were written.
    package let exempt: [String]

    package func applies(to repository: RepositoryName) -> Bool {
        repositories.contains { $0.matches(repository.description) }
    }
}

/// Which images are trusted: keys by name, and rules. Every rule whose patterns match a repository binds its images.
package struct TrustPolicy: Sendable, Hashable {
    /// In the order of their names.
    package let keys: [TrustKey]
    package let rules: [TrustRule]
    /// Of everything that the policy says, keys included: verdicts by another policy do not count.
    package let fingerprint: Digest

    init(keys: [TrustKey], rules: [TrustRule], fingerprint: Digest) {
        self.keys = keys
        self.rules = rules
        self.fingerprint = fingerprint
    }

    /// The rules that bind the images of a repository.
    package func rules(for repository: RepositoryName) -> [TrustRule] { rules.filter { $0.applies(to: repository) } }
}
