// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Amazon ECR: rules by priority, and each image is judged by the first one that is about it.
enum ECRImport {
    private struct Rule {
        let number: Int
        let name: String
        let selection: ImportedValue
        /// What the rule is about.
        let seen: RetentionSelector
        let action: String
    }

    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        try document.requireObject(keys: ["rules", "lastEvaluatedAt", "registryId", "repositoryName"])
        guard let list = document["rules"] else { throw document.error("has no 'rules'") }
        var rules: [Rule] = []
        for value in try list.elements() { rules.append(try rule(value)) }
        rules.sort { $0.number < $1.number }
        draft.notes.append(ImportText.tagAge)
        var policy = ImportDraft.Policy(name: "ecr", repositories: draft.wholeBase)
        policy.together = true
        for (index, rule) in rules.enumerated() {
            guard let selector = try selector(rule, &draft) else { continue }
            var selected = selector
            // What a rule of higher priority is about, this one does not judge, though it counts it.
            selected.except += rules[..<index].map(\.seen).filter { overlap($0, rule.seen) }
            guard selected.except.count <= RetentionLimits.exceptionsLimit else {
                draft.problem(
                    "rule \(rule.number): over \(RetentionLimits.exceptionsLimit) rules before it",
                    keeps: false
                )
                continue
            }
            policy.delete(rule.name, selected)
        }
        if !policy.rules.isEmpty { draft.policies.append(policy) }
    }

    private static func overlap(_ left: RetentionSelector, _ right: RetentionSelector) -> Bool {
        left.untagged == right.untagged || left.untagged == .also || right.untagged == .also
    }

    private static func rule(_ value: ImportedValue) throws(RetentionError) -> Rule {
        try value.requireObject(keys: ["rulePriority", "description", "selection", "action"])
        guard let number = try value.number("rulePriority"), let selection = value["selection"] else {
            throw value.error("needs 'rulePriority' and 'selection'")
        }
        try selection.requireObject(keys: [
            "tagStatus", "tagPrefixList", "tagPatternList", "countType", "countNumber", "countUnit", "storageClass",
        ])
        var seen = RetentionSelector()
        let patterns = try selection.texts("tagPrefixList").map { $0 + "*" } + selection.texts("tagPatternList")
        switch try selection.text("tagStatus") {
        case "tagged":
            guard !patterns.isEmpty else { throw selection.error("needs 'tagPatternList' or 'tagPrefixList'") }
            for pattern in patterns { seen.withTags.append(try ImportText.glob(pattern, "rule \(number)")) }
        case "untagged": seen.untagged = .only
        case "any": seen.untagged = .also
        default: throw selection.error("needs 'tagStatus': tagged, untagged or any")
        }
        return Rule(
            number: number,
            name: "rule-\(number)",
            selection: selection,
            seen: seen,
            action: try value["action"]?.text("type") ?? "expire"
        )
    }

    private static func selector(_ rule: Rule, _ draft: inout ImportDraft) throws(RetentionError) -> RetentionSelector?
    {
        guard rule.action == "expire" else {
            draft.problem("rule \(rule.number): the action '\(ParsingError.quotable(rule.action))'", keeps: false)
            return nil
        }
        if let storage = try rule.selection.text("storageClass"), storage != "standard" {
            draft.problem("rule \(rule.number): the storage class '\(ParsingError.quotable(storage))'", keeps: false)
            return nil
        }
        guard let count = try rule.selection.number("countNumber"), count > 0 else {
            throw rule.selection.error("needs 'countNumber' above 0")
        }
        var selector = rule.seen
        let type = try rule.selection.text("countType") ?? ""
        switch type {
        case "imageCountMoreThan":
            var counted = rule.seen
            counted.newest = Newest(count)
            counted.newest?.unit = .images
            selector.except = [counted]
        case "sinceImagePushed": selector.pushedBefore = Int64(count) * 86_400
        case "sinceImagePulled": selector.pulledBefore = Int64(count) * 86_400
        default:
            draft.problem("rule \(rule.number): the count type '\(ParsingError.quotable(type))'", keeps: false)
            return nil
        }
        if type != "imageCountMoreThan", let unit = try rule.selection.text("countUnit"), unit != "days" {
            throw rule.selection.error("has a 'countUnit' that is not days")
        }
        return selector
    }
}
