// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Who sends a request, as far as the registry knows.
package struct Principal: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case anonymous
        /// Of the htpasswd file.
        case user
        /// Made by `cairn access robot create`.
        case robot
        /// A CI job by the word of its OIDC issuer; its name is `issuer/workload`.
        case workload
        /// By its TLS client certificate.
        case certificate
    }

    /// How it was authenticated.
    package enum Method: String, Sendable, Hashable, CaseIterable {
        case none, basic, token, certificate
    }

    package let kind: Kind
    package let name: String
    /// Groups that came with the credentials; those of the configuration file are not among them.
    package let groups: [String]
    package let method: Method
    /// `anonymous`, `user:alice`, `robot:ci`, `workload:github/acme-main`, `certificate:eu-west.example`.
    package let description: String

    package static let anonymous = Principal(kind: .anonymous, name: "", groups: [], method: .none)

    package init(kind: Kind, name: String, groups: [String], method: Method) {
        self.kind = kind
        self.name = name
        self.groups = groups
        self.method = method
        description = kind == .anonymous ? kind.rawValue : "\(kind.rawValue):\(name)"
    }

    /// Reads what `description` writes; it knows neither groups nor method.
    ///
    /// - Throws: An `AccessError` of code `invalidRule` that lists the forms.
    package init(parsing text: String, groups: [String] = [], method: Method = .none) throws(AccessError) {
        if text == Kind.anonymous.rawValue {
            self.init(kind: .anonymous, name: "", groups: groups, method: method)
            return
        }
        guard let colon = text.firstIndex(of: ":"), let kind = Kind(rawValue: String(text[..<colon])),
            kind != .anonymous, colon != text.index(before: text.endIndex)
        else {
            throw AccessError(
                .invalidRule,
                """
                '\(text.quotable)' is no principal; one is written anonymous, user:NAME, robot:NAME, \
                workload:ISSUER/NAME or certificate:NAME
                """
            )
        }
        self.init(kind: kind, name: String(text[text.index(after: colon)...]), groups: groups, method: method)
    }
}
