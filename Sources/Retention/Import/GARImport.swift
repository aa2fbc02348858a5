// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Google Artifact Registry: policies that delete and policies that keep, and keeping wins.
enum GARImport {
    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        draft.notes.append(ImportText.tagAge)
        for (index, value) in try policies(document).enumerated() {
            try value.requireObject(keys: ["name", "id", "action", "condition", "mostRecentVersions"])
            let name = try value.text(oneOf: "name", "id") ?? ""
            var policy = ImportDraft.Policy(
                name: ImportText.word("gar-\(index + 1)-\(name)", otherwise: "gar-\(index + 1)"),
                repositories: draft.wholeBase
            )
            policy.together = true
            let action = try action(value)
            guard action == "delete" || action == "keep" else {
                throw value.error("needs an 'action': Delete or Keep")
            }
            if let recent = value["mostRecentVersions"] {
                try keepRecent(recent, action, &policy, draft)
            } else if let condition = value["condition"] {
                try addConditions(condition, keeps: action == "keep", &policy, &draft)
            } else {
                throw value.error("needs 'condition' or 'mostRecentVersions'")
            }
            if !policy.rules.isEmpty { draft.policies.append(policy) }
        }
    }

    private static func action(_ value: ImportedValue) throws(RetentionError) -> String {
        if let text = value["action"]?.value.text { return text.lowercased() }
        return try value["action"]?.text("type")?.lowercased() ?? ""
    }

    /// A list of policies, or what the API gives: a repository whose `cleanupPolicies` have names as keys.
    private static func policies(_ document: ImportedValue) throws(RetentionError) -> [ImportedValue] {
        let list = document["cleanupPolicies"] ?? document
        if list.value.elements != nil { return try list.elements() }
        guard let members = list.value.members else { throw document.error("is no list of policies") }
        return members.map { ImportedValue(value: $0.value, path: "policy '\($0.key)'") }
    }

    private static func packages(_ value: ImportedValue, _ draft: ImportDraft) throws(RetentionError) -> [String] {
        let prefixes = try value.texts("packageNamePrefixes")
        return prefixes.isEmpty ? draft.wholeBase : draft.below(prefixes.map { $0 + "**" })
    }

    private static func keepRecent(
        _ recent: ImportedValue,
        _ action: String,
        _ policy: inout ImportDraft.Policy,
        _ draft: ImportDraft
    ) throws(RetentionError) {
        try recent.requireObject(keys: ["packageNamePrefixes", "keepCount"])
        guard action == "keep", let count = try recent.number("keepCount"), count > 0 else {
            throw recent.error("belongs to a policy that keeps, with a 'keepCount' above 0")
        }
        policy.repositories = try packages(recent, draft)
        var selector = RetentionSelector()
        selector.untagged = .also
        selector.newest = Newest(count)
        selector.newest?.unit = .images
        policy.keep("recent", selector)
    }

    private static func addConditions(
        _ condition: ImportedValue,
        keeps: Bool,
        _ policy: inout ImportDraft.Policy,
        _ draft: inout ImportDraft
    ) throws(RetentionError) {
        try condition.requireObject(keys: [
            "tagState", "tagPrefixes", "versionNamePrefixes", "packageNamePrefixes", "olderThan", "newerThan",
        ])
        if try condition.texts("versionNamePrefixes").contains(where: { !"sha256:".hasPrefix($0) }) {
            return draft.problem("\(condition.path): 'versionNamePrefixes', as versions are digests", keeps: keeps)
        }
        policy.repositories = try packages(condition, draft)
        var selector = RetentionSelector()
        let prefixes = try condition.texts("tagPrefixes")
        switch try (condition.text("tagState") ?? "any").lowercased() {
        case "tagged": break
        case "untagged": selector.untagged = .only
        case "any", "tag_state_unspecified": selector.untagged = prefixes.isEmpty ? .also : .no
        default: throw condition.error("has a 'tagState' that is not tagged, untagged or any")
        }
        guard selector.untagged != .only || prefixes.isEmpty else {
            throw condition.error("is about untagged versions and has 'tagPrefixes'")
        }
        selector.pushedBefore = try condition.seconds("olderThan")
        selector.pushedWithin = try condition.seconds("newerThan")
        // One tag with one of the prefixes is enough, and the version goes or stays with all its tags.
        let choices: [String?] = prefixes.isEmpty ? [nil] : prefixes
        for prefix in choices {
            var one = selector
            if let prefix { one.withTags = [try ImportText.glob(prefix + "*", condition.path)] }
            if one.isEmpty { one.tags = [try ImportText.glob("*", condition.path)] }
            let name = "\(keeps ? "keep" : "delete")-\(policy.rules.count + 1)"
            if keeps { policy.keep(name, one) } else { policy.delete(name, one) }
        }
    }
}
