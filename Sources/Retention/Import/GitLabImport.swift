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
