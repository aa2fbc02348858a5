// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What kinds of events a hook may ask for.
package enum EventGroup: String, Sendable, Hashable, CaseIterable {
    case push
    case delete
    case tag
    case quarantine
    case promotion
    case deployment
    case build
    case conflict
    case burn
    case maintenance
    /// Everything else that is changed: rules, robots, keys, pins, homes.
    case administration

    /// The group of an event, by its kind as the log calls it.
    package init(kind: String) {
        switch kind {
        case "manifest.put", "manifest.restore": self = .push
        case "manifest.trash", "manifest.purge": self = .delete
        case "tag.set", "tag.delete": self = .tag
        case "image.promote": self = .promotion
        default:
            switch kind.prefix(while: { $0 != "." }) {
            case "quarantine": self = .quarantine
            case "deploy": self = .deployment
            case "build": self = .build
            case "conflict": self = .conflict
            case "budget": self = .burn
            case "maintenance": self = .maintenance
            default: self = .administration
            }
        }
    }
}

/// A receiver of events, and what it asks for.
package struct HookSettings: Sendable, Hashable {
    package let name: String
    /// `https://…` or `http://…`
    package let url: String
    /// What deliveries are signed with; nil where they are not.
    package let secret: HookSecret?
    /// The file that the secret was read from; nil where there is none.
    package let secretFile: String?
    /// Empty for all.
    package let groups: Set<EventGroup>
    /// Patterns of repositories; empty for all, and for events of none.
    package let repositories: [Glob]
    /// PEM file of authorities that are trusted beside those of the system.
    package let authorities: String?

    package init(
        name: String,
        url: String,
        secret: HookSecret?,
        secretFile: String? = nil,
        groups: Set<EventGroup> = [],
        repositories: [Glob] = [],
        authorities: String? = nil
    ) {
        self.name = name
        self.url = url
        self.secret = secret
        self.secretFile = secretFile
        self.groups = groups
        self.repositories = repositories
        self.authorities = authorities
    }

    /// Whether it asks for an event.
    func wants(_ kind: String, of repository: RepositoryName?) -> Bool {
        guard groups.isEmpty || groups.contains(EventGroup(kind: kind)) else { return false }
        guard !repositories.isEmpty else { return true }
        guard let repository else { return false }
        return repositories.contains { $0.matches(repository.description) }
    }
}

/// The key of a hook's signatures (Standard Webhooks): `whsec_` and base64. It is never shown.
package struct HookSecret: Sendable, Hashable, CustomStringConvertible {
    package static let prefix = "whsec_"
    /// Bytes of a key, as that specification has them.
    package static let sizes = 24...64

    let key: [UInt8]

    /// nil for what is no such key.
    package init?(_ text: String) {
        guard let key = Base64.decode(text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : text),
            Self.sizes.contains(key.count)
        else { return nil }
        self.key = key
    }

    package var description: String { "a secret" }
}
