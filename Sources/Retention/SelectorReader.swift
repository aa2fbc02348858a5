// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
import Yams

/// Reads what a rule selects.
enum SelectorReader {
    static let keys = [
        "tags", "not-tags", "tags-matching", "not-tags-matching", "with-tags", "versions", "pre-release",
        "pushed-before", "pushed-within", "pulled-before", "pulled-within", "untagged", "orphaned", "media-types",
        "artifact-types", "annotations", "newest", "except",
    ]
    /// Those that say nothing of an untagged manifest.
    private static let tagKeys = keys[...6]

    static func selector(
        _ node: Node,
        _ subject: String,
        isException: Bool = false
    ) throws(RetentionError) -> RetentionSelector {
        if let scalar = node.scalar, scalar.string.isEmpty, scalar.style == .plain { return RetentionSelector() }
        let fields = try RetentionFields(node, subject, keys: isException ? keys.dropLast() : keys)
        var selector = RetentionSelector()
        try names(fields, &selector)
        selector.pushedBefore = try fields.seconds("pushed-before")
        selector.pushedWithin = try fields.seconds("pushed-within")
        selector.pulledBefore = try fields.seconds("pulled-before")
        selector.pulledWithin = try fields.seconds("pulled-within")
        if let word = try fields.text("untagged") {
            guard let untagged = RetentionSelector.Untagged(rawValue: word) else {
                throw fields.error("untagged", "is true, false or also, not '\(ParsingError.quotable(word))'")
            }
            selector.untagged = untagged
        }
        if fields.has("orphaned") { selector.orphaned = try fields.flag("orphaned") }
        selector.mediaTypes = try globs(fields, "media-types")
        selector.artifactTypes = try globs(fields, "artifact-types")
        selector.annotations = try annotations(fields)
        selector.newest = try newest(fields, selector)
        if selector.untagged == .only, let key = tagKeys.first(where: fields.has) {
            throw fields.error(key, "is about tags, and 'untagged: true' selects what has none")
        }
        selector.except = try exceptions(fields)
        return selector
    }

    private static func names(
        _ fields: RetentionFields,
        _ selector: inout RetentionSelector
    ) throws(RetentionError) {
        selector.tags = try globs(fields, "tags")
        selector.notTags = try globs(fields, "not-tags")
        selector.withTags = try globs(fields, "with-tags")
        let expression: (String) throws(RetentionError) -> TagExpression = { text throws(RetentionError) in
            try TagExpression(parsing: text)
        }
        selector.tagsMatching = try limited(fields, "tags-matching", expression)
        selector.notTagsMatching = try limited(fields, "not-tags-matching", expression)
        selector.versions = try limited(fields, "versions") { text throws(RetentionError) in
            try VersionRange(parsing: text)
        }
        if fields.has("pre-release") { selector.preRelease = try fields.flag("pre-release") }
    }

    /// A list of at most as many values as a selector has.
    private static func limited<Value>(
        _ fields: RetentionFields,
        _ key: String,
        _ parse: (String) throws(RetentionError) -> Value
    ) throws(RetentionError) -> [Value] {
        let values = try fields.list(key, parse)
        guard values.count <= RetentionLimits.patternsLimit else {
            throw fields.error(key, "has over \(RetentionLimits.patternsLimit) entries")
        }
        return values
    }

    static func globs(_ fields: RetentionFields, _ key: String) throws(RetentionError) -> [Glob] {
        try limited(fields, key) { text throws(RetentionError) in
            do throws(ParsingError) {
                return try Glob(parsing: text)
            } catch {
                throw RetentionError(.invalidPolicy, "'\(error.value)': \(error.reason)")
            }
        }
    }

    private static func annotations(
        _ fields: RetentionFields
    ) throws(RetentionError) -> [RetentionSelector.Annotation] {
        guard let node = fields.node("annotations") else { return [] }
        guard let mapping = node.mapping, (1...RetentionLimits.patternsLimit).contains(mapping.count) else {
            throw fields.error(
                "annotations",
                "is a mapping of 1 to \(RetentionLimits.patternsLimit) annotations to patterns"
            )
        }
        var annotations: [RetentionSelector.Annotation] = []
        for (key, value) in mapping {
            let line = value.mark?.line ?? fields.line(of: "annotations")
            guard let name = key.scalar?.string, !name.isEmpty, let pattern = value.scalar?.string else {
                throw RetentionError(.invalidPolicy, "'annotations' takes NAME: PATTERN", line: line)
            }
            do throws(ParsingError) {
                annotations.append(.init(key: name, value: try Glob(parsing: pattern)))
            } catch {
                throw RetentionError(.invalidPolicy, "'annotations': '\(error.value)': \(error.reason)", line: line)
            }
        }
        return annotations
    }

    private static func newest(
        _ fields: RetentionFields,
        _ selector: RetentionSelector
    ) throws(RetentionError) -> Newest? {
        guard let node = fields.node("newest") else { return nil }
        let range = 1...RetentionLimits.newestLimit
        guard node.mapping != nil else { return try fields.integer("newest", in: range).map(Newest.init) }
        let entry = try RetentionFields(node, "newest", keys: ["count", "by", "per", "separator", "of"])
        guard let count = try entry.integer("count", in: range) else { throw entry.error("needs 'count'") }
        var newest = Newest(count)
        newest.order = try choice(entry, "by") ?? .push
        newest.unit = try choice(entry, "of") ?? .tags
        newest.grouping = try grouping(entry, selector)
        if newest.order == .version || newest.grouping != .none, selector.untagged != .no {
            throw entry.error("by version or in groups is about tags; leave 'untagged' out")
        }
        return newest
    }

    private static func grouping(
        _ entry: RetentionFields,
        _ selector: RetentionSelector
    ) throws(RetentionError) -> Newest.Grouping {
        let word = try entry.text("per") ?? "none"
        guard word == "prefix" || !entry.has("separator") else {
            throw entry.error("separator", "belongs to 'per: prefix'")
        }
        switch word {
        case "none": return .none
        case "major": return .major
        case "minor": return .minor
        case "prefix": return .prefix(try entry.text("separator", bytesLimit: OCILimits.tagBytesLimit) ?? "-")
        case "capture":
            guard !selector.tagsMatching.isEmpty, selector.tagsMatching.allSatisfy(\.capturesGroup) else {
                throw entry.error("per", "capture needs 'tags-matching', each with a group in parentheses")
            }
            return .capture
        default:
            throw entry.error(
                "per",
                "is none, major, minor, prefix or capture, not '\(ParsingError.quotable(word))'"
            )
        }
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ entry: RetentionFields,
        _ key: String
    ) throws(RetentionError) -> Value? {
        guard let word = try entry.text(key) else { return nil }
        guard let value = Value(rawValue: word) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw entry.error(key, "is one of \(known), not '\(ParsingError.quotable(word))'")
        }
        return value
    }

    private static func exceptions(_ fields: RetentionFields) throws(RetentionError) -> [RetentionSelector] {
        guard fields.has("except") else { return [] }
        let nodes = try fields.elements("except")
        guard (1...RetentionLimits.exceptionsLimit).contains(nodes.count) else {
            throw fields.error("except", "takes a list of 1 to \(RetentionLimits.exceptionsLimit) selectors")
        }
        var exceptions: [RetentionSelector] = []
        for node in nodes {
            let exception = try selector(node, "an exception", isException: true)
            guard !exception.isEmpty else { throw fields.error("except", "has an entry without a condition") }
            exceptions.append(exception)
        }
        return exceptions
    }
}
