// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One question to the rules.
package struct AccessRequest: Sendable, Hashable {
    package var principal: Principal
    package var action: Action
    /// nil for what belongs to no repository: the catalog, the audit record, the administration.
    package var repository: RepositoryName?
    /// nil where none is named: blobs, and manifests by digest.
    package var tag: Tag?
    package var address: IPAddress?

    package init(
        principal: Principal,
        action: Action,
        repository: RepositoryName? = nil,
        tag: Tag? = nil,
        address: IPAddress? = nil
    ) {
        self.principal = principal
        self.action = action
        self.repository = repository
        self.tag = tag
        self.address = address
    }
}

/// The answer of the rules, and where it comes from.
package struct Decision: Sendable, Hashable {
    package let allowed: Bool
    /// The name of the rule that decided, `rule 3 (line 12)` for one without a name, `grants of robot:ci`; nil where no
    /// rule did.
    package let rule: String?
    /// One sentence for the audit record and for `cairn access explain`.
    package let reason: String
    /// What the rule's author wants the client to read on a denial.
    package let message: String?
    /// Whether the rule named this very action, or all of them, and not one that covers it.
    package let explicit: Bool
    /// Whether it said so by "*", which means all actions and none in particular.
    package let isWildcard: Bool

    package init(
        allowed: Bool,
        rule: String?,
        reason: String,
        message: String? = nil,
        explicit: Bool,
        isWildcard: Bool = false
    ) {
        self.allowed = allowed
        self.rule = rule
        self.reason = reason
        self.message = message
        self.explicit = explicit
        self.isWildcard = isWildcard
    }
}
