// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// One rule of the configuration file, made ready to be asked often.
struct Rule: Sendable {
    let allows: Bool
    /// As the rule lists them.
    let actions: ActionSet
    private let who: [PrincipalPattern]
    private let repositories: [Glob]
    private let tags: [Glob]
    private let networks: [Network]
    /// What it decides about an action that it lists.
    private let listed: Decision
    /// What it decides about an action that one it lists covers.
    private let covered: Decision

    /// What a rule is written with. Empty lists are those that the file leaves out: they say nothing.
    struct Parts: Sendable {
        /// Counted from 1.
        var number = 1
        var line: Int?
        var name: String?
        var allows = false
        var actions: ActionSet = []
        var who: [PrincipalPattern] = []
        var repositories: [Glob] = []
        var tags: [Glob] = []
        var networks: [Network] = []
        var message: String?
    }

    init(_ parts: Parts) {
        allows = parts.allows
        actions = parts.actions
        who = parts.who
        repositories = parts.repositories
        tags = parts.tags
        networks = parts.networks
        let place = parts.line.map { " (line \($0))" } ?? ""
        let label = parts.name ?? "rule \(parts.number)\(place)"
        let subject = parts.name.map { "rule '\($0)'\(place)" } ?? label
        let verb = parts.allows ? "allows" : "denies"
        let what = parts.actions == .all ? "everything" : parts.actions.actions.map(\.rawValue).joined(separator: ", ")
        let decision = { (explicit: Bool) in
            Decision(
                allowed: parts.allows,
                rule: label,
                reason: "\(subject) \(verb) \(what)",
                message: parts.allows ? nil : parts.message,
                explicit: explicit,
                isWildcard: parts.actions == .all
            )
        }
        listed = decision(true)
        covered = decision(false)
    }

    /// What the rule decides, once it matches.
    func decision(on action: Action) -> Decision { actions.contains(action) ? listed : covered }

    /// Whether it is about a principal, somewhere.
    func concerns(_ principal: Principal) -> Bool {
        who.isEmpty || who.contains { $0.matches(principal) }
    }

    /// Whether it holds wherever it is asked: in every repository, of every tag, from every address.
    var isUnconditional: Bool { repositories.isEmpty && tags.isEmpty && networks.isEmpty }

    /// Whether all but the action matches; the names are those of the request.
    func matches(_ principal: Principal, repository: String?, tag: String?, address: IPAddress?) -> Bool {
        guard concerns(principal) else { return false }
        if !repositories.isEmpty {
            guard let repository, repositories.contains(where: { $0.matches(repository) }) else { return false }
        }
        if !tags.isEmpty {
            if let tag {
                guard tags.contains(where: { $0.matches(tag) }) else { return false }
            } else if !allows {
                // Tags constrain requests that name one. Blobs and digests stay out of reach of a denial of some tags,
                // and within that of a permission, or no image under an allowed tag could be pushed or pulled.
                return false
            }
        }
        if !networks.isEmpty {
            guard let address, networks.contains(where: { $0.contains(address) }) else { return false }
        }
        return true
    }
}
