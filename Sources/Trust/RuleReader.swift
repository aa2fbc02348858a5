// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
import Yams

/// Reads `rules` of a policy.
struct RuleReader {
    let keys: [TrustKey]

    func rules(_ fields: PolicyFields) throws(TrustError) -> [TrustRule] {
        let nodes = try fields.elements("rules")
        guard nodes.count <= TrustLimits.rulesLimit else {
            throw fields.error("rules", "has over \(TrustLimits.rulesLimit) entries")
        }
        var rules: [TrustRule] = []
        for (index, node) in nodes.enumerated() {
            let entry = try PolicyFields(node, "a rule", keys: ["repositories", "enforce", "require", "exempt"])
            let patterns = try globs(entry, "repositories")
            guard !patterns.isEmpty else { throw entry.error("needs 'repositories'") }
            let word = try entry.required("enforce")
            guard let enforcement = TrustRule.Enforcement(rawValue: word) else {
                throw entry.error("enforce", "is pull, promote or warn, not '\(word.quotable)'")
            }
            let nodes = try entry.elements("require")
            guard (1...TrustLimits.requirementsLimit).contains(nodes.count) else {
                throw entry.error("require", "takes a list of 1 to \(TrustLimits.requirementsLimit) requirements")
            }
            var requirements: [TrustRequirement] = []
            for node in nodes { requirements.append(try requirement(node)) }
            rules.append(
                TrustRule(
                    index: index,
                    line: entry.line,
                    repositories: patterns,
                    enforcement: enforcement,
                    requirements: requirements,
                    exempt: try entry.texts("exempt")?.map(\.text) ?? []
                )
            )
        }
        return rules
    }

    private enum Kind: String, CaseIterable {
        case signed, provenance, sbom, vulnerabilities
        case minimumAge = "minimum-age"
        case noSecrets = "no-secrets"
    }

    private func requirement(_ node: Node) throws(TrustError) -> TrustRequirement {
        let entry = try PolicyFields(node, "a requirement", keys: Kind.allCases.map(\.rawValue))
        let kinds = Kind.allCases.filter { entry.has($0.rawValue) }
        guard let kind = kinds.first, kinds.count == 1 else {
            throw entry.error(
                "is one of \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), each an entry by itself"
            )
        }
        switch kind {
        case .signed: return .signed(try signatures(entry, kind))
        case .provenance: return .provenance(try provenance(entry, kind))
        case .sbom: return .inventory(try inventory(entry, kind))
        case .vulnerabilities: return .vulnerabilities(try vulnerabilities(entry, kind))
        case .minimumAge:
            guard let seconds = try entry.seconds(kind.rawValue) else { throw entry.error("needs a span of time") }
            return .minimumAge(seconds)
        case .noSecrets:
            let fields = try fields(entry, kind, keys: ["allow-unscanned"])
            return .noSecrets(allowsUnscanned: try fields?.flag("allow-unscanned") ?? false)
        }
    }

    /// The mapping of a requirement; nil where it is left out, as in `sbom:`.
    private func fields(_ entry: PolicyFields, _ kind: Kind, keys: [String]) throws(TrustError) -> PolicyFields? {
        guard let node = entry.node(kind.rawValue) else { return nil }
        if let scalar = node.scalar, scalar.string.isEmpty, scalar.style == .plain { return nil }
        return try PolicyFields(node, kind.rawValue, keys: keys)
    }

    private func needed(_ entry: PolicyFields, _ kind: Kind, keys: [String]) throws(TrustError) -> PolicyFields {
        guard let fields = try fields(entry, kind, keys: keys) else {
            throw entry.error(kind.rawValue, "is a mapping with the keys \(keys.joined(separator: ", "))")
        }
        return fields
    }

    private func signatures(_ entry: PolicyFields, _ kind: Kind) throws(TrustError) -> TrustRequirement.Signatures {
        let fields = try needed(entry, kind, keys: ["keys", "threshold"])
        let names = try names(fields, isNeeded: true)
        return TrustRequirement.Signatures(
            keys: names,
            threshold: try fields.integer("threshold", in: 1...names.count) ?? 1
        )
    }

    private func provenance(_ entry: PolicyFields, _ kind: Kind) throws(TrustError) -> TrustRequirement.Provenance {
        let fields = try needed(
            entry,
            kind,
            keys: ["keys", "builders", "source", "max-age", "tag-matches-revision"]
        )
        return TrustRequirement.Provenance(
            keys: try names(fields, isNeeded: true),
            builders: try globs(fields, "builders"),
            source: try fields.text("source").map { text throws(TrustError) in try glob(text, fields, "source") },
            maxAge: try fields.seconds("max-age"),
            tagMatchesRevision: try fields.flag("tag-matches-revision")
        )
    }

    private func inventory(_ entry: PolicyFields, _ kind: Kind) throws(TrustError) -> TrustRequirement.Inventory {
        guard let fields = try fields(entry, kind, keys: ["keys", "formats"]) else {
            return TrustRequirement.Inventory(keys: [], formats: InventoryFormat.allCases)
        }
        let formats = try fields.list("formats") { text throws(TrustError) in
            guard let format = InventoryFormat(rawValue: text) else {
                let known = InventoryFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw TrustError(.invalidPolicy, "'\(text.quotable)' is none of \(known)")
            }
            return format
        }
        return TrustRequirement.Inventory(
            keys: try names(fields, isNeeded: false),
            formats: formats.isEmpty ? InventoryFormat.allCases : formats
        )
    }

    private func vulnerabilities(
        _ entry: PolicyFields,
        _ kind: Kind
    ) throws(TrustError) -> TrustRequirement.Vulnerabilities {
        let fields = try needed(entry, kind, keys: ["keys", "max-severity", "max-age", "waivers"])
        let word = try fields.required("max-severity")
        guard let severity = try? Severity(parsing: word) else {
            let known = Severity.allCases.map(\.description).joined(separator: ", ")
            throw fields.error("max-severity", "is one of \(known), not '\(word.quotable)'")
        }
        guard let maxAge = try fields.seconds("max-age") else { throw fields.error("needs 'max-age'") }
        var waivers: [TrustRequirement.Waiver] = []
        for node in try fields.elements("waivers") {
            let waiver = try PolicyFields(node, "a waiver", keys: ["id", "until", "reason"])
            let id = try waiver.required("id")
            guard !waivers.contains(where: { $0.id == id }) else {
                throw waiver.error("id", "is that of another waiver: '\(id.quotable)'")
            }
            waivers.append(
                TrustRequirement.Waiver(id: id, end: try end(waiver), reason: try waiver.required("reason"))
            )
        }
        return TrustRequirement.Vulnerabilities(
            keys: try names(fields, isNeeded: true),
            maxSeverity: severity,
            maxAge: maxAge,
            waivers: waivers
        )
    }

    /// A day counts to its end in UTC.
    private func end(_ waiver: PolicyFields) throws(TrustError) -> Int64 {
        let text = try waiver.required("until")
        if let day = try? RFC3339.startOfDay(text) { return day + RFC3339.daySeconds }
        do {
            return try RFC3339.seconds(text)
        } catch {
            throw waiver.error("until", "is a day like 2026-01-31, or a time of RFC 3339, not '\(text.quotable)'")
        }
    }

    /// Names of keys that the policy has, each once.
    private func names(_ fields: PolicyFields, isNeeded: Bool) throws(TrustError) -> [String] {
        guard let texts = try fields.texts("keys") else {
            guard !isNeeded else { throw fields.error("needs 'keys'") }
            return []
        }
        var names: [String] = []
        for text in texts {
            guard keys.contains(where: { $0.name == text.text }) else {
                throw TrustError(
                    .invalidPolicy,
                    "'keys' of \(fields.subject): the policy has no key '\(text.text.quotable)'",
                    line: text.line
                )
            }
            guard !names.contains(text.text) else { throw fields.error("keys", "names '\(text.text.quotable)' twice") }
            names.append(text.text)
        }
        guard names.count <= TrustLimits.namedLimit else {
            throw fields.error("keys", "names over \(TrustLimits.namedLimit) keys")
        }
        return names
    }

    private func globs(_ fields: PolicyFields, _ key: String) throws(TrustError) -> [Glob] {
        try fields.list(key) { text throws(TrustError) in
            do throws(ParsingError) {
                return try Glob(parsing: text)
            } catch {
                throw TrustError(.invalidPolicy, "'\(error.value)': \(error.reason)")
            }
        }
    }

    private func glob(_ text: String, _ fields: PolicyFields, _ key: String) throws(TrustError) -> Glob {
        do {
            return try Glob(parsing: text)
        } catch {
            throw fields.error(key, "is no pattern: \(error.reason)")
        }
    }
}
