// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

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
