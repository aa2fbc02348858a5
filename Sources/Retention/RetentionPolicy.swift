// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Rules for some repositories.
package struct RetentionPolicy: Sendable, Hashable {
    package let name: String
    package let repositories: [Glob]
    package let notRepositories: [Glob]
    /// Whether a tag that stays keeps the other tags of its image.
    package let together: Bool
    /// In the order of the file, which decides nothing but the reason that is shown.
    package let rules: [RetentionRule]

    package init(
        name: String,
        repositories: [Glob],
        notRepositories: [Glob] = [],
        together: Bool = false,
        rules: [RetentionRule]
    ) {
        self.name = name
        self.repositories = repositories
        self.notRepositories = notRepositories
        self.together = together
        self.rules = rules
    }

    package func covers(_ repository: RepositoryName) -> Bool {
        let name = repository.description
        return repositories.contains { $0.matches(name) } && !notRepositories.contains { $0.matches(name) }
    }
}
