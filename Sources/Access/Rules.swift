// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Tags that stay what they are, by the repository's and the tag's name.
struct Immutability: Sendable {
    /// Empty: all.
    let repositories: [Glob]
    /// Empty: all.
    let tags: [Glob]

    func covers(_ tag: String, in repository: String) -> Bool {
        (repositories.isEmpty || repositories.contains { $0.matches(repository) })
            && (tags.isEmpty || tags.contains { $0.matches(tag) })
    }
}

/// The bytes that all repositories with a prefix may hold together.
package struct Quota: Sendable, Hashable {
    /// `team/`, or empty for all repositories.
    package let prefix: String
    package let bytes: Int64

    package init(prefix: String, bytes: Int64) {
        self.prefix = prefix
        self.bytes = bytes
    }

    package func covers(_ repository: RepositoryName) -> Bool {
        prefix.isEmpty || repository.description.utf8.starts(with: prefix.utf8)
    }
}

/// Who may do what: rules in order, of which the first that matches decides, then the grants of robots; what nobody
/// allows is denied.
package struct Rules: Sendable {
    /// For each action by its ordinal, the rules that are about it, in order.
    private let candidates: [[Rule]]
    private let immutable: [Immutability]
    package let quotas: [Quota]
    /// How many rules there are.
    package let count: Int

    /// Nobody may do anything.
    package static let empty = Rules([], immutable: [], quotas: [])

    init(_ rules: [Rule], immutable: [Immutability], quotas: [Quota]) {
        candidates = Action.allCases.map { action in rules.filter { $0.actions.covers(action) } }
        self.immutable = immutable
        self.quotas = quotas
        count = rules.count
    }

    /// Answers one question; `grants` are those of the robot that asks, and mean nothing for others.
    package func decide(_ request: AccessRequest, grants: [Grant]) -> Decision {
        let repository = request.repository?.description
        let tag = request.tag?.description
        let about = candidates[request.action.ordinal]
        for index in about.indices
        where about[index].matches(request.principal, repository: repository, tag: tag, address: request.address) {
            return about[index].decision(on: request.action)
        }
        if request.principal.kind == .robot, let repository,
            let decision = Self.decide(request, in: repository, grants)
        {
            return decision
        }
        return denial(of: request)
    }

    /// What allows a principal an action in some repository, of some tag or from some address; nil where nothing does.
    /// A denial before it takes it away only where that holds everywhere.
    package func allowance(of action: Action, to principal: Principal) -> Decision? {
        for rule in candidates[action.ordinal] where rule.concerns(principal) {
            if rule.allows { return rule.decision(on: action) }
            if rule.isUnconditional { return nil }
        }
        return nil
    }

    /// Grants have no order: one that names the action itself comes before one that covers it.
    private static func decide(_ request: AccessRequest, in repository: String, _ grants: [Grant]) -> Decision? {
        var deciding: Grant?
        for grant in grants where grant.actions.covers(request.action) && grant.repositories.matches(repository) {
            let isExplicit = grant.actions.contains(request.action)
            if isExplicit || deciding == nil { deciding = grant }
            if isExplicit { break }
        }
        guard let deciding else { return nil }
        return Decision(
            allowed: true,
            rule: "grants of \(request.principal)",
            reason: "a grant of the robot allows it",
            explicit: deciding.actions.contains(request.action),
            isWildcard: deciding.actions == .all
        )
    }

    private func denial(of request: AccessRequest) -> Decision {
        let who = request.principal.kind == .robot ? "no rule and no grant allows" : "no rule allows"
        let place = request.repository.map { " in \($0)" } ?? ""
        return Decision(
            allowed: false,
            rule: nil,
            reason: "\(who) \(request.principal.description.quotable) to \(request.action.rawValue)\(place)",
            explicit: false
        )
    }

    /// Whether a tag, once set, is moved only by who was given `overwrite` in so many words.
    package func isImmutable(_ tag: Tag, in repository: RepositoryName) -> Bool {
        immutable.contains { $0.covers(tag.description, in: repository.description) }
    }

    /// Whether a tag may be moved: `decide`, and that an immutable one takes a rule or grant that names `overwrite`.
    package func decideOverwrite(
        of tag: Tag,
        in repository: RepositoryName,
        by principal: Principal,
        from address: IPAddress?,
        grants: [Grant] = []
    ) -> Overwrite {
        let request = AccessRequest(
            principal: principal,
            action: .overwrite,
            repository: repository,
            tag: tag,
            address: address
        )
        let decision = decide(request, grants: grants)
        guard isImmutable(tag, in: repository) else { return Overwrite(decision: decision, isExemption: false) }
        guard decision.allowed && !decision.explicit else {
            return Overwrite(decision: decision, isExemption: decision.allowed)
        }
        let denial = Decision(
            allowed: false,
            rule: decision.rule,
            reason: "the tag is immutable, and \(decision.reason) without naming overwrite",
            message: "the tag is immutable",
            explicit: false
        )
        return Overwrite(decision: denial, isExemption: false)
    }
}

/// What comes of the wish to let a tag point to another manifest.
package struct Overwrite: Sendable {
    package let decision: Decision
    /// The tag is immutable and may be moved all the same, which goes on record.
    package let isExemption: Bool
}
