// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
package import Yams

typealias RetentionFields = YAMLFields<RetentionError>

extension RetentionSettings {
    /// Reads the section.
    ///
    /// - Throws: `invalidPolicy` and what the parts throw, with the line.
    package init(_ node: Node) throws(RetentionError) {
        let fields = try RetentionFields(
            node,
            "retention",
            keys: ["policies", "schedule", "limits", "previous-images", "deploy-grace"]
        )
        let grace = try fields.seconds("deploy-grace") ?? RetentionLimits.deployGraceDefault
        guard grace <= RetentionLimits.deployGraceLimit else { throw fields.error("deploy-grace", "is at most 366d") }
        self.init(
            policies: try Self.policies(fields),
            schedule: try Self.schedule(fields),
            limits: try Self.limits(fields),
            previousImages: try fields.integer("previous-images", in: 0...RetentionLimits.previousImagesLimit)
                ?? RetentionLimits.previousImagesDefault,
            deployGrace: grace,
            canonical: CanonicalText.of(node)
        )
    }

    private static func schedule(_ fields: RetentionFields) throws(RetentionError) -> Schedule? {
        guard let node = fields.node("schedule") else { return nil }
        let entry = try RetentionFields(node, "schedule", keys: ["every", "jitter"])
        guard let every = try entry.seconds("every") else { throw entry.error("needs 'every'") }
        guard every >= 60 else { throw entry.error("every", "is at least 1m") }
        let jitter = try entry.seconds("jitter") ?? min(every / 10, 3600)
        guard jitter <= every else { throw entry.error("jitter", "is at most 'every'") }
        return Schedule(every: every, jitter: jitter)
    }

    private static func limits(_ fields: RetentionFields) throws(RetentionError) -> Limits {
        let standard = Limits(
            tagsPercent: RetentionLimits.tagsPercentDefault,
            items: RetentionLimits.itemsDefault
        )
        guard let node = fields.node("limits") else { return standard }
        let entry = try RetentionFields(node, "limits", keys: ["tags-percent", "items"])
        return Limits(
            tagsPercent: try entry.integer("tags-percent", in: 0...100) ?? standard.tagsPercent,
            items: try entry.integer("items", in: 0...RetentionLimits.itemsLimit) ?? standard.items
        )
    }

    private static func policies(_ fields: RetentionFields) throws(RetentionError) -> [RetentionPolicy] {
        let nodes = try fields.elements("policies")
        guard nodes.count <= RetentionLimits.policiesLimit else {
            throw fields.error("policies", "has over \(RetentionLimits.policiesLimit) entries")
        }
        var policies: [RetentionPolicy] = []
        var rules = 0
        for node in nodes {
            let policy = try policy(node)
            guard !policies.contains(where: { $0.name == policy.name }) else {
                throw RetentionError(
                    .invalidPolicy,
                    "two policies have the name '\(policy.name)'",
                    line: node.mark?.line
                )
            }
            rules += policy.rules.count
            policies.append(policy)
        }
        guard rules <= RetentionLimits.rulesLimit else {
            throw fields.error("policies", "has over \(RetentionLimits.rulesLimit) rules")
        }
        return policies
    }

    private static func policy(_ node: Node) throws(RetentionError) -> RetentionPolicy {
        let entry = try RetentionFields(
            node,
            "a policy",
            keys: ["name", "repositories", "not-repositories", "together", "rules"]
        )
        let name = try entry.word(try entry.required("name"), "name")
        let repositories = try SelectorReader.globs(entry, "repositories")
        guard !repositories.isEmpty else { throw entry.error("needs 'repositories'") }
        let together = try entry.flag("together")
        let nodes = try entry.elements("rules")
        guard (1...RetentionLimits.rulesLimit).contains(nodes.count) else {
            throw entry.error("rules", "takes a list of 1 to \(RetentionLimits.rulesLimit) rules")
        }
        var rules: [RetentionRule] = []
        for node in nodes {
            let rule = try rule(node, policy: name, together: together)
            guard !rules.contains(where: { $0.name == rule.name }) else {
                throw RetentionError(
                    .invalidPolicy,
                    "two rules of a policy have the name '\(rule.name)'",
                    line: node.mark?.line
                )
            }
            rules.append(rule)
        }
        return RetentionPolicy(
            name: name,
            repositories: repositories,
            notRepositories: try SelectorReader.globs(entry, "not-repositories"),
            together: together,
            rules: rules
        )
    }

    private static func rule(_ node: Node, policy: String, together: Bool) throws(RetentionError) -> RetentionRule {
        let actions = RetentionRule.Action.allCases.map(\.rawValue)
        let entry = try RetentionFields(node, "a rule", keys: ["name"] + actions)
        let name = try entry.word(try entry.required("name"), "name")
        let given = RetentionRule.Action.allCases.filter { entry.has($0.rawValue) }
        guard let action = given.first, given.count == 1, let node = entry.node(action.rawValue) else {
            throw entry.error("has either 'keep' or 'delete', with what it selects")
        }
        let selector = try SelectorReader.selector(node, action.rawValue)
        guard action == .keep || !selector.isEmpty else {
            throw entry.error(
                "delete",
                "names no condition and would delete every tag; if that is meant, write tags: [\"*\"]"
            )
        }
        return RetentionRule(name: "\(policy)/\(name)", action: action, selector: selector, together: together)
    }
}

/// A section in one spelling: keys sorted, every scalar a string, no white space.
enum CanonicalText {
    static func of(_ node: Node) -> String {
        var writer = JSONWriter()
        write(node, &writer)
        return writer.text
    }

    private static func write(_ node: Node, _ writer: inout JSONWriter) {
        if let mapping = node.mapping {
            let members = mapping.map { (key: $0.key.scalar?.string ?? "", value: $0.value) }
            writer.object { writer in
                for member in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    writer.key(member.key)
                    write(member.value, &writer)
                }
            }
        } else if let sequence = node.sequence {
            writer.array { writer in
                for element in sequence { write(element, &writer) }
            }
        } else {
            writer.string(node.scalar?.string ?? "")
        }
    }
}
