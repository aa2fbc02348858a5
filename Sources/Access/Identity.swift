// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Who asks, from where, under which policy, and what his token is good for at most.
package struct Identity: Sendable {
    package let principal: Principal
    package let address: IPAddress?
    /// What the token names, where a token was used: it can only narrow what the rules give.
    package let tokenAccess: [TokenAccess]?
    let policy: AccessPolicy
    /// Seconds since 1970 after which the credentials have to be looked at again.
    let validUntil: Int64
    private let grants: [Grant]

    init(
        principal: Principal,
        address: IPAddress?,
        tokenAccess: [TokenAccess]? = nil,
        policy: AccessPolicy,
        validUntil: Int64
    ) {
        self.validUntil = validUntil
        self.principal = principal
        self.address = address
        self.tokenAccess = tokenAccess
        self.policy = policy
        grants = principal.kind == .robot ? policy.robots[principal.name]?.grants ?? [] : []
    }

    /// What comes of asking for something.
    package enum Verdict: Sendable {
        case allowed(Decision)
        /// The rules say no.
        case denied(Decision)
        /// The rules say yes, but the token was not asked for with this.
        case outsideToken
    }

    /// Asks the rules, then whether the token covers it.
    package func verdict(_ action: Action, _ repository: RepositoryName?, tag: Tag? = nil) -> Verdict {
        let decision = decide(action, repository, tag: tag)
        guard decision.allowed else { return .denied(decision) }
        return tokenCovers(action, repository) ? .allowed(decision) : .outsideToken
    }

    /// What the rules say, whatever the token.
    package func decide(_ action: Action, _ repository: RepositoryName?, tag: Tag? = nil) -> Decision {
        policy.configuration.rules.decide(
            AccessRequest(principal: principal, action: action, repository: repository, tag: tag, address: address),
            grants: grants
        )
    }

    package func allows(_ action: Action, _ repository: RepositoryName?, tag: Tag? = nil) -> Bool {
        if case .allowed = verdict(action, repository, tag: tag) { true } else { false }
    }

    package func isImmutable(_ tag: Tag, in repository: RepositoryName) -> Bool {
        policy.configuration.rules.isImmutable(tag, in: repository)
    }

    package func decideOverwrite(of tag: Tag, in repository: RepositoryName) -> Overwrite {
        policy.configuration.rules.decideOverwrite(
            of: tag,
            in: repository,
            by: principal,
            from: address,
            grants: grants
        )
    }

    /// The quotas that count what this repository holds.
    package func quotas(for repository: RepositoryName) -> [Quota] {
        policy.configuration.rules.quotas.filter { $0.covers(repository) }
    }

    package var limits: LimitsConfiguration { policy.configuration.limits }

    /// Whether the token names the action, in the words of the token specification.
    private func tokenCovers(_ action: Action, _ repository: RepositoryName?) -> Bool {
        guard let tokenAccess else { return true }
        return tokenAccess.contains { access in
            guard access.actions.contains(where: { Scope.Item.actions(word: $0).contains(ActionSet(action)) }) else {
                return false
            }
            let isWide = access.type == "registry" && access.name == action.rawValue
            guard let repository else { return isWide }
            // Retention and records are asked about for all repositories at once; the rules say for which.
            if isWide, action == .retain || action == .audit { return true }
            return access.type == "repository" && access.name == repository.description
        }
    }

    /// Whether a token of this identity may list repositories (`registry:catalog:*`).
    package var mayList: Bool {
        tokenAccess?.contains { $0.type == "registry" && $0.name == "catalog" && $0.actions.contains("*") } ?? true
    }
}
