// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

extension RetentionSelector {
    /// What the selector asks for in short, for reasons: `tags ci-*, pushed before 14d`.
    var summary: String {
        var parts: [String] = []
        func add(_ name: String, _ values: [String]) {
            if !values.isEmpty { parts.append(name + " " + values.joined(separator: " or ")) }
        }
        func add(_ name: String, _ seconds: Int64?) {
            if let seconds { parts.append(name + " " + Self.duration(seconds)) }
        }
        if untagged == .only { parts.append("untagged") }
        if untagged == .also { parts.append("tagged or not") }
        add("tags", tags.map(\.description))
        add("no tags", notTags.map(\.description))
        add("tags matching", tagsMatching.map(\.description))
        add("no tags matching", notTagsMatching.map(\.description))
        for pattern in withTags { parts.append("image tagged \(pattern)") }
        add("versions", versions.map(\.description))
        if let preRelease { parts.append(preRelease ? "pre-release" : "no pre-release") }
        add("pushed before", pushedBefore)
        add("pushed within", pushedWithin)
        add("pulled before", pulledBefore)
        add("pulled within", pulledWithin)
        if let orphaned { parts.append(orphaned ? "orphaned" : "not orphaned") }
        add("media type", mediaTypes.map(\.description))
        add("artifact type", artifactTypes.map(\.description))
        for annotation in annotations { parts.append("annotation \(annotation.key)=\(annotation.value)") }
        if let newest { parts.append(newest.summary) }
        if !except.isEmpty { parts.append("with exceptions") }
        if parts.isEmpty { parts = ["every tag"] }
        let text = parts.joined(separator: ", ")
        guard text.utf8.count > RetentionLimits.summaryBytesLimit else { return text }
        return String(text.unicodeScalars.prefix(RetentionLimits.summaryBytesLimit / 4)) + "..."
    }

    /// A span of time as the configuration writes it.
    static func duration(_ seconds: Int64) -> String {
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m")] as [(Int64, String)]
        where seconds.isMultiple(of: unit) {
            return "\(seconds / unit)\(name)"
        }
        return "\(seconds)s"
    }
}

extension Newest {
    fileprivate var summary: String {
        let group: String? =
            switch grouping {
            case .none: nil
            case .major: "major version"
            case .minor: "minor version"
            case .prefix(let separator): "prefix up to '\(separator)'"
            case .capture: "captured text"
            }
        return "newest \(count)\(unit == .images ? " images" : "") by \(order.rawValue)"
            + (group.map { " per \($0)" } ?? "")
    }
}
