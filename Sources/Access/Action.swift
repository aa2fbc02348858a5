// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a request does, as the rules name it.
package enum Action: String, CaseIterable, Sendable, Hashable {
    /// Reads of blobs, and of manifests by digest; lists of tags and referrers.
    case pull
    /// Reads of a manifest by its tag, which may name another one tomorrow.
    case pullByTag = "pull-by-tag"
    /// Uploads, and manifests under new tags.
    case push
    /// Moves a tag that exists to another manifest.
    case overwrite
    case delete
    /// Attaches signatures and other referrers.
    case sign
    case promote
    /// Changes what is kept and for how long.
    case retain
    case replicate
    /// Reads the record of what was done by whom.
    case audit
    case admin

    /// The position in `Action.allCases`, by which tables are indexed.
    var ordinal: Int {
        switch self {
        case .pull: 0
        case .pullByTag: 1
        case .push: 2
        case .overwrite: 3
        case .delete: 4
        case .sign: 5
        case .promote: 6
        case .retain: 7
        case .replicate: 8
        case .audit: 9
        case .admin: 10
        }
    }

    /// The action whose mention in a rule is enough for this one too.
    var covering: Action? {
        switch self {
        case .pullByTag: .pull
        case .overwrite: .push
        default: nil
        }
    }
}

/// A set of actions, in 16 bits.
package struct ActionSet: OptionSet, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(_ action: Action) { rawValue = 1 << UInt16(action.ordinal) }

    package static let all = ActionSet(rawValue: (1 << UInt16(Action.allCases.count)) - 1)

    package func contains(_ action: Action) -> Bool { rawValue & ActionSet(action).rawValue != 0 }

    /// Whether a rule that lists this set is about the action: it lists the action itself, or the one that covers it.
    package func covers(_ action: Action) -> Bool {
        contains(action) || (action.covering.map { contains($0) } ?? false)
    }

    /// The members in the order of `Action.allCases`.
    package var actions: [Action] { Action.allCases.filter { contains($0) } }

    /// `pull,push`, or `*` for all.
    package var description: String {
        self == .all ? Self.everything : actions.map(\.rawValue).joined(separator: ",")
    }

    static let everything = "*"

    /// Adds an action by its name, or all of them by `*`.
    ///
    /// - Throws: An `AccessError` of code `invalidRule` that lists the names, for a name that is none of them.
    mutating func insert(named name: some StringProtocol) throws(AccessError) {
        if name == Self.everything {
            self = .all
        } else if let action = Action(rawValue: String(name)) {
            formUnion(ActionSet(action))
        } else {
            let known = Action.allCases.map(\.rawValue).joined(separator: ", ")
            throw AccessError(.invalidRule, "unknown action '\(name.quotable)'; the actions are \(known), or \"*\"")
        }
    }
}
