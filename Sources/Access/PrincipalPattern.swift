// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One entry of a rule's `who`.
package enum PrincipalPattern: Sendable, Hashable {
    /// `*`
    case everyone
    /// Whoever is not anonymous.
    case authenticated
    case anonymous
    /// `user:GLOB` and the like, for the principal's name.
    case named(Principal.Kind, Glob)
    /// `group:GLOB`, for the groups that the principal brings, and those of the configuration file.
    case group(Glob, members: Set<Member>)

    /// A principal by what makes it one, without groups and method.
    package struct Member: Sendable, Hashable {
        let kind: Principal.Kind
        let name: String

        package init(_ principal: Principal) {
            kind = principal.kind
            name = principal.name
        }
    }

    /// Reads an entry; `groups` are those of the configuration file.
    ///
    /// - Throws: An `AccessError` of code `invalidRule` that lists the forms.
    package init(parsing text: String, groups: [String: Set<Member>]) throws(AccessError) {
        switch text {
        case "*": self = .everyone
        case "authenticated": self = .authenticated
        case "anonymous": self = .anonymous
        default:
            guard let colon = text.firstIndex(of: ":") else { throw Self.unknown(text) }
            let pattern = try Glob(ofRule: text[text.index(after: colon)...])
            switch text[..<colon] {
            case "group":
                let matching = groups.filter { pattern.matches($0.key) }.values
                self = .group(pattern, members: matching.reduce(into: []) { $0.formUnion($1) })
            case let word:
                guard let kind = Principal.Kind(rawValue: String(word)), kind != .anonymous else {
                    throw Self.unknown(text)
                }
                self = .named(kind, pattern)
            }
        }
    }

    package func matches(_ principal: Principal) -> Bool {
        switch self {
        case .everyone: true
        case .authenticated: principal.kind != .anonymous
        case .anonymous: principal.kind == .anonymous
        case .named(let kind, let pattern): principal.kind == kind && pattern.matches(principal.name)
        case .group(let pattern, let members):
            principal.groups.contains { pattern.matches($0) }
                || (!members.isEmpty && members.contains(Member(principal)))
        }
    }

    private static func unknown(_ text: String) -> AccessError {
        AccessError(
            .invalidRule,
            """
            '\(text.quotable)' is nobody; who is "*", anonymous, authenticated, or user:, robot:, workload:, \
            certificate: or group: and a pattern
            """
        )
    }
}
