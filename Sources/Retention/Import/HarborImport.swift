// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Harbor: what some rule retains stays, all else in the repositories that a rule covers goes, image by image.
enum HarborImport {
    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        try document.requireObject(keys: ["id", "algorithm", "rules", "trigger", "scope"])
        if let algorithm = try document.text("algorithm"), algorithm != "or" {
            draft.problem("the algorithm '\(ParsingError.quotable(algorithm))' is not 'or'", keeps: true)
        }
        draft.notes.append(ImportText.tagAge)
        if let cron = try document["trigger"]?["settings"]?.text("cron"), !cron.isEmpty {
            draft.notes.append("It ran by the schedule '\(ParsingError.quotable(cron))'; see 'schedule'.")
        }
        guard let rules = document["rules"] else { throw document.error("has no 'rules'") }
        for (index, rule) in try rules.elements().enumerated() {
            try rule.requireObject(keys: [
                "id", "priority", "disabled", "action", "template", "params", "tag_selectors", "scope_selectors",
            ])
            if try rule.flag("disabled") == true {
                draft.notes.append("Rule \(index + 1) is disabled and left out.")
                continue
            }
            try add(rule, number: index + 1, to: &draft)
        }
    }

    private static func add(
        _ rule: ImportedValue,
        number: Int,
        to draft: inout ImportDraft
    ) throws(RetentionError) {
        let action = try rule.text("action") ?? "retain"
        guard action == "retain" || action.isEmpty else {
            return draft.problem("rule \(number): the action '\(ParsingError.quotable(action))'", keeps: true)
        }
        guard var policy = try scope(rule, number, &draft), let selector = try selector(rule, number, &draft) else {
            return
        }
        policy.together = true
        if try rule.text("template") != "nothing" { policy.keep("retained", selector) }
        var rest = RetentionSelector()
        rest.untagged = .also
        policy.delete("rest", rest)
        draft.policies.append(policy)
    }

    private static func scope(
        _ rule: ImportedValue,
        _ number: Int,
        _ draft: inout ImportDraft
    ) throws(RetentionError) -> ImportDraft.Policy? {
        var policy = ImportDraft.Policy(name: "harbor-\(number)", repositories: [])
        for selector in try rule["scope_selectors"]?["repository"]?.elements() ?? [] {
            let pattern = try selector.text("pattern") ?? ""
            guard let globs = DoublestarPattern.globs(pattern.isEmpty ? "**" : pattern, isPath: true) else {
                draft.problem("rule \(number): the pattern '\(ParsingError.quotable(pattern))'", keeps: true)
                return nil
            }
            switch try selector.text("decoration") ?? "repoMatches" {
            case "repoMatches" where policy.repositories.isEmpty: policy.repositories = draft.below(globs)
            case "repoExcludes": policy.notRepositories += draft.below(globs)
            default:
                draft.problem("rule \(number): how it chooses repositories", keeps: true)
                return nil
            }
        }
        if policy.repositories.isEmpty { policy.repositories = draft.below(["**"]) }
        return policy
    }

    /// What a rule retains.
    private static func selector(
        _ rule: ImportedValue,
        _ number: Int,
        _ draft: inout ImportDraft
    ) throws(RetentionError) -> RetentionSelector? {
        var selector = RetentionSelector()
        selector.untagged = .also
        let tags = try rule["tag_selectors"]?.elements() ?? []
        guard tags.count <= 1 else {
            draft.problem("rule \(number): several 'tag_selectors'", keeps: true)
            return nil
        }
        if let tag = tags.first {
            let pattern = try tag.text("pattern") ?? ""
            guard let patterns = DoublestarPattern.globs(pattern, isPath: false) else {
                draft.problem("rule \(number): the pattern '\(ParsingError.quotable(pattern))'", keeps: true)
                return nil
            }
            var globs: [Glob] = []
            for pattern in patterns { globs.append(try ImportText.glob(pattern, "rule \(number)")) }
            let untagged = try countsUntagged(tag)
            switch try tag.text("decoration") ?? "matches" {
            case "matches":
                if patterns != ["*"] { selector.tags = globs }
                selector.untagged = untagged ?? true ? .also : .no
            case "excludes":
                selector.notTags = globs
                selector.untagged = untagged ?? false ? .no : .also
            default:
                draft.problem("rule \(number): how it chooses tags", keeps: true)
                return nil
            }
        }
        return try quantity(rule, number, selector, &draft)
    }

    /// The extras are a JSON document in a text.
    private static func countsUntagged(_ tag: ImportedValue) throws(RetentionError) -> Bool? {
        guard let extras = try tag.text("extras"), !extras.isEmpty else { return nil }
        return try ImportedValue.document(extras).flag("untagged") ?? false
    }

    private static func quantity(
        _ rule: ImportedValue,
        _ number: Int,
        _ conditions: RetentionSelector,
        _ draft: inout ImportDraft
    ) throws(RetentionError) -> RetentionSelector? {
        var selector = conditions
        let template = try rule.text("template") ?? ""
        func parameter() throws(RetentionError) -> Int {
            guard let value = try rule["params"]?.number(template), value > 0 else {
                throw rule.error("needs '\(template)' in 'params', above 0")
            }
            return value
        }
        switch template {
        case "always", "nothing": break
        case "latestPushedK", "latestPulledN":
            var newest = Newest(try parameter())
            newest.order = template == "latestPushedK" ? .push : .pull
            newest.unit = .images
            selector.newest = newest
        case "nDaysSinceLastPush": selector.pushedWithin = Int64(try parameter()) * 86_400
        case "nDaysSinceLastPull": selector.pulledWithin = Int64(try parameter()) * 86_400
        default:
            draft.problem("rule \(number): the template '\(ParsingError.quotable(template))'", keeps: true)
            return nil
        }
        return selector
    }
}
