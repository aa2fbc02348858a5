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

/// One rule: what it selects stays, or goes if nothing keeps it.
package struct RetentionRule: Sendable, Hashable {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case keep, delete
    }

    /// `POLICY/RULE`
    package let name: String
    package let action: Action
    package let selector: RetentionSelector
    /// Whether the tags of an image stay together: one rule of those that are evaluated suffices.
    package let together: Bool

    package init(name: String, action: Action, selector: RetentionSelector, together: Bool = false) {
        self.name = name
        self.action = action
        self.selector = selector
        self.together = together
    }
}
