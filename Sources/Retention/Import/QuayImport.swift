// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

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
