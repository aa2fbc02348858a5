// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The section `retention` of the configuration.
package struct RetentionSettings: Sendable, Hashable {
    /// How often runs are made, each put off by at most the jitter. Seconds.
    package struct Schedule: Sendable, Hashable {
        package let every: Int64
        package let jitter: Int64
    }

    /// What a run may take away without somebody confirming it.
    package struct Limits: Sendable, Hashable {
        /// Of a repository's tags.
        package let tagsPercent: Int
        /// Tags and manifests of a run.
        package let items: Int
    }

    package let policies: [RetentionPolicy]
    package let schedule: Schedule?
    package let limits: Limits
    /// Images that each service of each environment ran before and that stay for the way back.
    package let previousImages: Int
    /// Seconds for which what ran somewhere stays protected after its reporter fell silent.
    package let deployGrace: Int64
    /// The section in one spelling: two sections that differ in nothing but comments, white space, quotation marks or
    /// the order of keys have the same.
    package let canonical: String

    init(
        policies: [RetentionPolicy],
        schedule: Schedule?,
        limits: Limits,
        previousImages: Int,
        deployGrace: Int64,
        canonical: String
    ) {
        self.policies = policies
        self.schedule = schedule
        self.limits = limits
        self.previousImages = previousImages
        self.deployGrace = deployGrace
        self.canonical = canonical
    }

    /// The rules of all policies that cover a repository, in the order of the file. As keeping always wins, no policy
    /// can undo what another one keeps.
    package func rules(for repository: RepositoryName) -> [RetentionRule] {
        policies.filter { $0.covers(repository) }.flatMap(\.rules)
    }
}
