// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

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
