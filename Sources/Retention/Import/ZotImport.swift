// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// zot: a repository follows the first policy that matches it; once that has `keepTags`, all other tags go.
enum ZotImport {
    private static let defaultDelay: Int64 = 3600

    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        let storage = document["storage"] ?? document
        let retention = storage["retention"] ?? storage
        if let subPaths = storage["subPaths"]?.value.members, !subPaths.isEmpty {
            for path in subPaths where path.value["retention"] != nil {
                draft.problem("the rules of the sub-path '\(ParsingError.quotable(path.key))'", keeps: true)
            }
        }
        try retention.requireObject(keys: ["dryRun", "delay", "policies"])
        if try retention.flag("dryRun") == true {
            draft.notes.append("It was a dry run there: nothing was deleted.")
        }
        var delay = defaultDelay
        if let seconds = try storage.seconds("gcDelay") { delay = seconds }
        if let seconds = try retention.seconds("delay") { delay = seconds }
        draft.notes.append(ImportText.tagAge)
        draft.notes.append(
            "Untagged manifests of repositories without a policy went there after \(RetentionSelector.duration(delay))."
        )
        var earlier: [String] = []
        for (index, value) in try (retention["policies"]?.elements() ?? []).enumerated() {
            guard let repositories = try repositories(value, index + 1, &draft) else { continue }
            var policy = ImportDraft.Policy(name: "zot-\(index + 1)", repositories: draft.below(repositories))
            policy.notRepositories = draft.below(earlier)
            earlier += repositories
            try fill(&policy, value, index + 1, delay, &draft)
            if !policy.rules.isEmpty { draft.policies.append(policy) }
        }
    }

    private static func repositories(
        _ value: ImportedValue,
        _ number: Int,
        _ draft: inout ImportDraft
    ) throws(RetentionError) -> [String]? {
        try value.requireObject(keys: [
            "repositories", "repoNames", "deleteReferrers", "deleteUntagged", "keepTags", "KeepTags", "keepUntagged",
        ])
        var repositories: [String] = []
        for pattern in try value.texts("repositories") + value.texts("repoNames") {
            guard let globs = DoublestarPattern.globs(pattern, isPath: true) else {
                draft.problem("policy \(number): the pattern '\(ParsingError.quotable(pattern))'", keeps: true)
                return nil
            }
            repositories += globs
        }
        guard !repositories.isEmpty else {
            draft.problem("policy \(number) names no repositories; if it is for all, write \"**\"", keeps: true)
            return nil
        }
        return repositories
    }

    private static func fill(
        _ policy: inout ImportDraft.Policy,
        _ value: ImportedValue,
        _ number: Int,
        _ delay: Int64,
        _ draft: inout ImportDraft
    ) throws(RetentionError) {
        var earlier: [TagExpression] = []
        let entries = try (value["keepTags"] ?? value["KeepTags"])?.elements() ?? []
        for (index, entry) in entries.enumerated() {
            guard let patterns = try patterns(entry, &draft) else { continue }
            for (name, conditions) in try quantities(entry) {
                // An entry has the tags that match it and none before it, and keeps those that meet one condition.
                var selector = conditions
                selector.tagsMatching = patterns
                selector.notTagsMatching = earlier
                policy.keep("tags-\(index + 1)-\(name)", selector)
            }
            earlier += patterns
        }
        if !entries.isEmpty {
            var rest = RetentionSelector()
            rest.tags = [try ImportText.glob("*", "tags")]
            policy.delete("other-tags", rest)
        }
        var leftover = RetentionSelector()
        leftover.untagged = .only
        leftover.pushedBefore = delay > 0 ? delay : nil
        if let entries = try value["keepUntagged"]?.elements() {
            for (index, entry) in entries.enumerated() {
                for (name, conditions) in try quantities(entry) {
                    var selector = conditions
                    selector.untagged = .only
                    policy.keep("untagged-\(index + 1)-\(name)", selector)
                }
            }
        }
        if try value.flag("deleteUntagged") ?? true {
            leftover.orphaned = false
            policy.delete("untagged", leftover)
        }
        if try value.flag("deleteReferrers") ?? false {
            leftover.orphaned = true
            policy.delete("orphans", leftover)
        }
    }

    /// nil, and a problem of the draft, where one of them is not understood here.
    private static func patterns(
        _ entry: ImportedValue,
        _ draft: inout ImportDraft
    ) throws(RetentionError) -> [TagExpression]? {
        var expressions: [TagExpression] = []
        for pattern in try entry.texts("patterns") {
            let searched = ImportText.unanchored(pattern)
            guard let expression = ImportText.expression(searched, entry.path, keeps: true, &draft) else { return nil }
            expressions.append(expression)
        }
        return expressions
    }

    /// What an entry keeps, each with a name.
    private static func quantities(
        _ entry: ImportedValue
    ) throws(RetentionError) -> [(String, RetentionSelector)] {
        try entry.requireObject(keys: [
            "patterns", "mostRecentlyPushedCount", "mostRecentlyPulledCount", "pulledWithin", "pushedWithin",
        ])
        var quantities: [(String, RetentionSelector)] = []
        for (key, order) in [("mostRecentlyPushedCount", Newest.Order.push), ("mostRecentlyPulledCount", .pull)] {
            guard let count = try entry.number(key), count > 0 else { continue }
            var selector = RetentionSelector()
            selector.newest = Newest(count)
            selector.newest?.order = order
            quantities.append((order == .push ? "last-pushed" : "last-pulled", selector))
        }
        if let seconds = try entry.seconds("pulledWithin") {
            var selector = RetentionSelector()
            selector.pulledWithin = seconds
            quantities.append(("pulled", selector))
        }
        if let seconds = try entry.seconds("pushedWithin") {
            var selector = RetentionSelector()
            selector.pushedWithin = seconds
            quantities.append(("pushed", selector))
        }
        return quantities.isEmpty ? [("all", RetentionSelector())] : quantities
    }
}
