// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// GitLab: of the tags that match, but for `latest`, those to keep and the newest n, the old ones go.
enum GitLabImport {
    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        let value =
            document["container_expiration_policy_attributes"] ?? document["container_expiration_policy"] ?? document
        try value.requireObject(keys: [
            "cadence", "enabled", "keep_n", "older_than", "name_regex", "name_regex_delete", "name_regex_keep",
            "next_run_at",
        ])
        draft.notes.append(
            "Ages count from when a tag was set, not from when its image was built: what was pushed late stays longer."
        )
        if let cadence = try value.text("cadence") {
            draft.notes.append("It ran every '\(ParsingError.quotable(cadence))'; see 'schedule'.")
        }
        if try value.flag("enabled") == false {
            draft.notes.append("It is not enabled there, and so left out.")
            return
        }
        let pattern = try value.text(oneOf: "name_regex_delete", "name_regex") ?? ""
        guard !pattern.isEmpty else {
            draft.notes.append("It has no 'name_regex_delete' and deletes nothing.")
            return
        }
        var candidates = RetentionSelector()
        guard let expression = ImportText.expression(pattern, "'name_regex'", keeps: false, &draft) else { return }
        candidates.tagsMatching = [expression]
        candidates.notTags = [try ImportText.glob("latest", "tags")]
        if let keep = try value.text("name_regex_keep"), !keep.isEmpty {
            guard let kept = ImportText.expression(keep, "'name_regex_keep'", keeps: true, &draft) else { return }
            candidates.notTagsMatching = [kept]
        }
        var selector = candidates
        selector.pushedBefore = try value.seconds("older_than")
        if let count = try value.number("keep_n"), count > 0 {
            candidates.newest = Newest(count)
            selector.except = [candidates]
        }
        var policy = ImportDraft.Policy(name: "gitlab", repositories: draft.wholeBase)
        policy.delete("old-tags", selector)
        draft.policies.append(policy)
    }
}

/// Quay: each policy prunes tags by their number or their age.
enum QuayImport {
    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        let list = document["policies"] ?? document
        let values = list.value.elements == nil ? [list] : try list.elements()
        var policy = ImportDraft.Policy(name: "quay", repositories: draft.wholeBase)
        for (index, value) in values.enumerated() {
            try value.requireObject(keys: ["uuid", "method", "value", "tagPattern", "tagPatternMatches"])
            var selector = RetentionSelector()
            if let pattern = try value.text("tagPattern"), !pattern.isEmpty {
                let searched = ImportText.unanchored(pattern)
                guard let expression = ImportText.expression(searched, value.path, keeps: false, &draft) else {
                    continue
                }
                if try value.flag("tagPatternMatches") ?? true {
                    selector.tagsMatching = [expression]
                } else {
                    selector.notTagsMatching = [expression]
                }
            }
            switch try value.text("method") {
            case "number_of_tags":
                guard let count = try value.number("value"), count > 0 else {
                    throw value.error("needs a 'value' above 0")
                }
                var kept = selector
                kept.newest = Newest(count)
                selector.except = [kept]
            case "creation_date":
                guard let seconds = try value.seconds("value"), seconds > 0 else {
                    throw value.error("needs a 'value' like 7d")
                }
                selector.pushedBefore = seconds
            default: throw value.error("needs a 'method': number_of_tags or creation_date")
            }
            policy.delete("policy-\(index + 1)", selector)
        }
        if !policy.rules.isEmpty { draft.policies.append(policy) }
    }
}

/// Azure Container Registry: untagged manifests go after some days.
enum ACRImport {
    static func read(_ document: ImportedValue, into draft: inout ImportDraft) throws(RetentionError) {
        let value = document["retentionPolicy"] ?? document
        try value.requireObject(keys: ["days", "status", "lastUpdatedTime"])
        guard let days = try value.number("days") else { throw value.error("needs 'days'") }
        draft.notes.append("Days count from the push, not from when the last tag went.")
        guard try (value.text("status") ?? "enabled").lowercased() == "enabled" else {
            draft.notes.append("It is not enabled there, and so left out.")
            return
        }
        var selector = RetentionSelector()
        selector.untagged = .only
        selector.pushedBefore = days > 0 ? Int64(days) * 86_400 : nil
        var policy = ImportDraft.Policy(name: "acr", repositories: draft.wholeBase)
        policy.delete("untagged", selector)
        draft.policies.append(policy)
    }
}
