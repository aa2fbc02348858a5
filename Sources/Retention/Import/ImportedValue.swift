// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Yams

/// A value of another registry's file, with the path that leads to it. Whoever reads an object says which members it
/// knows, so that none is passed over in silence.
struct ImportedValue {
    let value: JSONValue
    let path: String

    /// Reads JSON, or YAML where the text does not begin as a JSON document does.
    static func document(_ text: String) throws(RetentionError) -> ImportedValue {
        let first = text.first { !$0.isWhitespace }
        if first == "{" || first == "[" {
            do {
                return ImportedValue(value: try JSONValue(parsing: Array(text.utf8)), path: "the file")
            } catch {
                throw RetentionError(.invalidImport, "the file is no JSON: \(error)")
            }
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw RetentionError(.invalidImport, "the file is neither JSON nor YAML: \(error)")
        }
        guard let node else { throw RetentionError(.invalidImport, "the file is empty") }
        var budget = OCILimits.jsonNodesLimit
        return ImportedValue(value: try json(node, &budget, depth: 0), path: "the file")
    }

    private static func json(_ node: Node, _ budget: inout Int, depth: Int) throws(RetentionError) -> JSONValue {
        budget -= 1
        guard budget >= 0, depth < OCILimits.jsonDepthLimit else {
            throw RetentionError(.tooLarge, "the file has too many values, or nests them too deep")
        }
        if let sequence = node.sequence {
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try json(element, &budget, depth: depth + 1)) }
            return .array(elements)
        }
        if let mapping = node.mapping {
            var members: [JSONMember] = []
            for (key, value) in mapping {
                members.append(
                    JSONMember(key: key.scalar?.string ?? "", value: try json(value, &budget, depth: depth + 1))
                )
            }
            return .object(members)
        }
        if node.null != nil { return .null }
        if let bool = node.bool { return .bool(bool) }
        if let number = node.int { return .integer(Int64(number)) }
        return .string(node.scalar?.string ?? "")
    }

    func error(_ reason: String) -> RetentionError { RetentionError(.invalidImport, "\(path) \(reason)") }

    /// The value of a member; nil where it is missing or null.
    subscript(key: String) -> ImportedValue? {
        guard let member = value[key], member != .null else { return nil }
        return ImportedValue(value: member, path: path == "the file" ? "'\(key)'" : "'\(key)' of \(path)")
    }

    /// Requires an object without members that nobody reads: `keys` are those that are read, or known to say nothing
    /// that matters here.
    func requireObject(keys: [String]) throws(RetentionError) {
        guard let members = value.members else { throw error("is \(value.kindName), and not an object") }
        if let odd = members.first(where: { !keys.contains($0.key) }) {
            throw error("has '\(ParsingError.quotable(odd.key))', which is not known here")
        }
    }

    func elements() throws(RetentionError) -> [ImportedValue] {
        guard let elements = value.elements else { throw error("is \(value.kindName), and not a list") }
        guard elements.count <= RetentionLimits.importEntriesLimit else {
            throw error("has over \(RetentionLimits.importEntriesLimit) entries")
        }
        return elements.enumerated().map { index, element in
            ImportedValue(value: element, path: "entry \(index + 1) of \(path == "the file" ? "the list" : path)")
        }
    }

    func text(_ key: String) throws(RetentionError) -> String? {
        guard let member = self[key] else { return nil }
        guard let text = member.value.text else { throw member.error("is \(member.value.kindName), and not a text") }
        return text
    }

    func texts(_ key: String) throws(RetentionError) -> [String] {
        guard let member = self[key] else { return [] }
        var texts: [String] = []
        for element in try member.elements() {
            guard let text = element.value.text else {
                throw element.error("is \(element.value.kindName), and not a text")
            }
            texts.append(text)
        }
        return texts
    }

    func flag(_ key: String) throws(RetentionError) -> Bool? {
        guard let member = self[key] else { return nil }
        guard case .bool(let flag) = member.value else {
            throw member.error("is \(member.value.kindName), and not true or false")
        }
        return flag
    }

    /// The text of the first member of these that is there.
    func text(oneOf keys: String...) throws(RetentionError) -> String? {
        for key in keys {
            if let text = try text(key) { return text }
        }
        return nil
    }

    /// A number, which may be written as a text.
    func number(_ key: String) throws(RetentionError) -> Int? {
        guard let member = self[key] else { return nil }
        let number: Int? =
            switch member.value {
            case .integer(let number): Int(number)
            case .string(let text): Int(text)
            default: nil
            }
        guard let number, (0...RetentionLimits.newestLimit).contains(number) else {
            throw member.error("is no number from 0 to \(RetentionLimits.newestLimit)")
        }
        return number
    }

    /// A span of time in seconds, such as `720h`, `1h30m`, `30d` or `2592000s`.
    func seconds(_ key: String) throws(RetentionError) -> Int64? {
        guard let text = try text(key) else { return nil }
        var total: Int64 = 0
        var rest = text[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...]
            let unit: Int64? =
                switch rest.first {
                case "s": 1
                case "m": 60
                case "h": 3600
                case "d": 86_400
                case "w": 604_800
                default: nil
                }
            guard let unit, let number = Int64(digits), number <= 1 << 32 else {
                throw RetentionError(.invalidImport, "'\(key)' of \(path) is no span of time: '\(text)'")
            }
            rest = rest.dropFirst()
            total += number * unit
        }
        return total
    }
}

/// What several importers say.
enum ImportText {
    static let tagAge = """
        Ages count from when a tag was set, not from when its image was pushed first: tagged anew, an old image stays \
        longer.
        """

    /// Holds the expression against any part of a tag, as registries do that search for it.
    static func unanchored(_ pattern: String) -> String {
        if pattern.contains("|") { return ".*(?:\(pattern)).*" }
        let begins = pattern.hasPrefix("^") || pattern.hasPrefix(".*")
        let ends = (pattern.hasSuffix("$") && !pattern.hasSuffix("\\$")) || pattern.hasSuffix(".*")
        return (begins ? "" : ".*") + pattern + (ends ? "" : ".*")
    }

    /// nil, and a problem of the draft, where the expression asks for what is not known here.
    static func expression(
        _ pattern: String,
        _ place: String,
        keeps: Bool,
        _ draft: inout ImportDraft
    ) -> TagExpression? {
        do {
            return try TagExpression(parsing: pattern)
        } catch {
            draft.problem("\(place): \(error.reason)", keeps: keeps)
            return nil
        }
    }

    static func glob(_ pattern: String, _ place: String) throws(RetentionError) -> Glob {
        do throws(ParsingError) {
            return try Glob(parsing: pattern)
        } catch {
            throw RetentionError(.invalidImport, "\(place): \(error.reason)")
        }
    }

    /// A name for a policy or a rule out of any text.
    static func word(_ text: String, otherwise: String) -> String {
        let word = text.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": Character(scalar)
            default: "-"
            }
        }.prefix(64)
        return word.contains { $0 != "-" } ? String(word) : otherwise
    }
}

/// The patterns that Harbor and zot have: `*`, `**` as a whole part of a path, `?` and `{a,b}`.
enum DoublestarPattern {
    /// The patterns here that together match the same; nil where there are none, as with `[a-z]`.
    static func globs(_ pattern: String, isPath: Bool) -> [String]? {
        guard !pattern.contains(where: { "[]\\!".contains($0) }), let whole = expanded(pattern) else { return nil }
        guard isPath else { return whole.map { $0.isEmpty ? "*" : collapsed($0) } }
        var globs: [String] = []
        for pattern in whole {
            var variants: [[String]] = [[]]
            let parts = pattern.split(separator: "/", omittingEmptySubsequences: false)
            for part in parts {
                // As a part of a path, `**` may stand for none.
                if part == "**", parts.count > 1 {
                    variants = variants.map { $0 + ["**"] } + variants
                } else {
                    variants = variants.map { $0 + [part == "**" ? "**" : collapsed(String(part))] }
                }
                guard variants.count <= RetentionLimits.importPatternsLimit else { return nil }
            }
            globs += variants.filter { !$0.isEmpty }.map { $0.joined(separator: "/") }
        }
        return globs.count <= RetentionLimits.importPatternsLimit ? globs : nil
    }

    private static func collapsed(_ text: String) -> String {
        var result = ""
        for character in text where character != "*" || result.last != "*" { result.append(character) }
        return result
    }

    private static func expanded(_ pattern: String) -> [String]? {
        guard let open = pattern.firstIndex(of: "{") else { return pattern.contains("}") ? nil : [pattern] }
        var depth = 0
        var pieces = [""]
        var position = open
        while position < pattern.endIndex {
            let character = pattern[position]
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if depth == 0 { break }
            if character == ",", depth == 1 {
                pieces.append("")
            } else if position != open {
                pieces[pieces.count - 1].append(character)
            }
            position = pattern.index(after: position)
        }
        guard position < pattern.endIndex, pieces.count <= RetentionLimits.importPatternsLimit else { return nil }
        var all: [String] = []
        let tail = pattern[pattern.index(after: position)...]
        for piece in pieces {
            guard let more = expanded(pattern[..<open] + piece + tail) else { return nil }
            all += more
            guard all.count <= RetentionLimits.importPatternsLimit else { return nil }
        }
        return all
    }
}
