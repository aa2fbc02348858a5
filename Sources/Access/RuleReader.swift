// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
import Yams

/// Reads `rules`, `immutable` and `quotas` of the configuration file.
enum RuleReader {
    private enum Key: String, CaseIterable {
        case name, allow, deny, who, repositories, tags, networks, message
    }

    static let messageBytesLimit = 512
    static let nameBytesLimit = 128

    /// Reads the lists under the three keys; `groups` are those of the file.
    static func read(
        _ fields: YAMLFields,
        rules: String,
        immutable: String,
        quotas: String,
        groups: [String: Set<PrincipalPattern.Member>]
    ) throws(AccessError) -> Rules {
        var read: [Rule] = []
        var names: Set<String> = []
        for (index, node) in try fields.elements(rules).enumerated() {
            let entry = try YAMLFields(node, "a rule", keys: Key.allCases.map(\.rawValue), code: .invalidRule)
            var parts = try Self.parts(entry, groups)
            parts.number = index + 1
            if let name = parts.name, !names.insert(name).inserted {
                throw entry.error(Key.name.rawValue, "is that of another rule: '\(name.quotable)'")
            }
            read.append(Rule(parts))
        }
        return Rules(
            read,
            immutable: try Self.immutable(fields, immutable),
            quotas: try Self.quotas(fields, quotas)
        )
    }

    private static func parts(
        _ entry: YAMLFields,
        _ groups: [String: Set<PrincipalPattern.Member>]
    ) throws(AccessError) -> Rule.Parts {
        let allows = entry.has(Key.allow.rawValue)
        guard allows != entry.has(Key.deny.rawValue) else {
            throw entry.error("has one of 'allow' and 'deny', with a list of actions or \"*\"")
        }
        if allows, entry.has(Key.message.rawValue) {
            throw entry.error(Key.message.rawValue, "is for denials, and this rule allows")
        }
        return Rule.Parts(
            line: entry.line,
            name: try entry.text(Key.name.rawValue, bytesLimit: nameBytesLimit),
            allows: allows,
            actions: try actions(entry, (allows ? Key.allow : .deny).rawValue),
            who: try entry.list(Key.who.rawValue) { text throws(AccessError) in
                try PrincipalPattern(parsing: text, groups: groups)
            },
            repositories: try globs(entry, Key.repositories.rawValue),
            tags: try globs(entry, Key.tags.rawValue),
            networks: try entry.list(Key.networks.rawValue) { text throws(AccessError) in
                try Network(parsing: text)
            },
            message: try entry.text(Key.message.rawValue, bytesLimit: messageBytesLimit)
        )
    }

    /// A list of actions; `"*"` for all may stand without brackets.
    private static func actions(_ entry: YAMLFields, _ key: String) throws(AccessError) -> ActionSet {
        if entry.node(key)?.scalar?.string == ActionSet.everything { return .all }
        var actions: ActionSet = []
        _ = try entry.list(key) { text throws(AccessError) in try actions.insert(named: text) }
        return actions
    }

    private static func globs(_ entry: YAMLFields, _ key: String) throws(AccessError) -> [Glob] {
        try entry.list(key) { text throws(AccessError) in try Glob(ofRule: text) }
    }

    private static func immutable(_ fields: YAMLFields, _ key: String) throws(AccessError) -> [Immutability] {
        var entries: [Immutability] = []
        let keys = [Key.repositories.rawValue, Key.tags.rawValue]
        for node in try fields.elements(key) {
            let entry = try YAMLFields(node, "an entry of immutable", keys: keys)
            guard keys.contains(where: entry.has) else { throw entry.error("needs 'repositories' or 'tags'") }
            entries.append(Immutability(repositories: try globs(entry, keys[0]), tags: try globs(entry, keys[1])))
        }
        return entries
    }

    private static func quotas(_ fields: YAMLFields, _ key: String) throws(AccessError) -> [Quota] {
        var quotas: [Quota] = []
        for node in try fields.elements(key) {
            let entry = try YAMLFields(node, "a quota", keys: [Key.repositories.rawValue, "bytes"])
            let prefix = try prefix(entry)
            guard !quotas.contains(where: { $0.prefix == prefix }) else {
                throw entry.error(Key.repositories.rawValue, "has another quota already: '\(prefix)'")
            }
            guard let bytes = try entry.bytes("bytes") else { throw entry.error("needs 'bytes'") }
            quotas.append(Quota(prefix: prefix, bytes: bytes))
        }
        return quotas
    }

    /// `team/` or `""`. A prefix ends with a component: `team` would be that of `teams` too.
    private static func prefix(_ entry: YAMLFields) throws(AccessError) -> String {
        let key = Key.repositories.rawValue
        guard let node = entry.node(key) else { throw entry.error("needs '\(key)'") }
        if let scalar = node.scalar, scalar.string.isEmpty, scalar.style != .plain { return "" }
        let text = try entry.required(key)
        guard text.hasSuffix("/"), RepositoryName(String(text.dropLast())) != nil else {
            throw entry.error(key, "is a prefix like team/, or \"\" for all, not '\(text.quotable)'")
        }
        return text
    }
}
