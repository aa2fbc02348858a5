// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Yams

/// One mapping of the configuration file. Every key must be known, every value of its kind; what is wrong is named with
/// its line.
struct YAMLFields {
    /// A text of the file, and its line.
    struct Text {
        let text: String
        let line: Int?
    }

    /// What the mapping is, for errors: `a rule`.
    let subject: String
    let line: Int?
    private let code: AccessError.Code
    private let values: [String: Node]
    private let lines: [String: Int]

    /// Entries of one list.
    static let entriesLimit = 4096
    /// Bytes of one text.
    static let textBytesLimit = 1024

    init(
        _ node: Node,
        _ subject: String,
        keys: [String],
        code: AccessError.Code = .invalidConfiguration
    ) throws(AccessError) {
        let line = node.mark?.line
        let known = keys.joined(separator: ", ")
        guard let mapping = node.mapping else {
            throw AccessError(code, "\(subject) is a mapping with the keys \(known)", line: line)
        }
        var values: [String: Node] = [:]
        var lines: [String: Int] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            guard keys.contains(name) else {
                throw AccessError(
                    code,
                    "\(subject) has no '\(name.quotable)'; the keys are \(known)",
                    line: key.mark?.line ?? line
                )
            }
            values[name] = value
            lines[name] = key.mark?.line ?? line
        }
        self.subject = subject
        self.line = line
        self.code = code
        self.values = values
        self.lines = lines
    }

    func has(_ key: String) -> Bool { values[key] != nil }

    func node(_ key: String) -> Node? { values[key] }

    func line(of key: String) -> Int? { lines[key] ?? line }

    /// An error about the value of a key.
    func error(_ key: String, _ reason: String) -> AccessError {
        AccessError(code, "'\(key)' of \(subject) \(reason)", line: line(of: key))
    }

    /// An error about the mapping as a whole.
    func error(_ reason: String) -> AccessError { AccessError(code, "\(subject) \(reason)", line: line) }

    /// A text that is not empty and has no control characters.
    func text(_ key: String, bytesLimit: Int = textBytesLimit) throws(AccessError) -> String? {
        guard let node = values[key] else { return nil }
        return try text(node, key, bytesLimit: bytesLimit).text
    }

    func required(_ key: String, bytesLimit: Int = textBytesLimit) throws(AccessError) -> String {
        guard let text = try text(key, bytesLimit: bytesLimit) else { throw error("needs '\(key)'") }
        return text
    }

    private func text(_ node: Node, _ key: String, bytesLimit: Int) throws(AccessError) -> Text {
        let line = node.mark?.line ?? line(of: key)
        guard let text = node.scalar?.string else {
            throw AccessError(code, "'\(key)' of \(subject) takes text here, not a list or mapping", line: line)
        }
        guard !text.isEmpty else { throw AccessError(code, "'\(key)' of \(subject) is empty", line: line) }
        guard text.utf8.count <= bytesLimit else {
            throw AccessError(code, "'\(key)' of \(subject) has more than \(bytesLimit) bytes", line: line)
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw AccessError(code, "'\(key)' of \(subject) has control characters", line: line)
        }
        return Text(text: text, line: line)
    }

    /// A whole number in a range.
    func integer(_ key: String, in range: ClosedRange<Int>) throws(AccessError) -> Int? {
        guard let text = try text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw error(
                key,
                "is a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text.quotable)'"
            )
        }
        return number
    }

    /// A number of bytes above zero: `10737418240` or `10GiB`.
    func bytes(_ key: String) throws(AccessError) -> Int64? {
        guard let text = try text(key) else { return nil }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let shift: Int64? =
            switch text[digits.endIndex...] {
            case "": 0
            case "KiB": 10
            case "MiB": 20
            case "GiB": 30
            case "TiB": 40
            default: nil
            }
        guard let shift, let number = Int64(digits), number > 0, number <= Int64.max >> shift else {
            throw error(key, "is a number of bytes above 0 like 500MiB (KiB, MiB, GiB, TiB), not '\(text.quotable)'")
        }
        return number << shift
    }

    /// Elements of a list, which may be empty or left out.
    func elements(_ key: String) throws(AccessError) -> [Node] {
        guard let node = values[key] else { return [] }
        if let scalar = node.scalar, scalar.string.isEmpty, scalar.style == .plain { return [] }
        guard let sequence = node.sequence else { throw error(key, "takes a list") }
        guard sequence.count <= Self.entriesLimit else { throw error(key, "has over \(Self.entriesLimit) entries") }
        return Array(sequence)
    }

    /// A list of texts; nil where the key is missing. An empty one is refused: left out, a condition says nothing, and
    /// written without entries it would mean the same but look like the opposite.
    func texts(_ key: String, bytesLimit: Int = textBytesLimit) throws(AccessError) -> [Text]? {
        guard has(key) else { return nil }
        let nodes = try elements(key)
        guard !nodes.isEmpty else { throw error(key, "is an empty list; leave it out, or name something") }
        var texts: [Text] = []
        for node in nodes { texts.append(try text(node, key, bytesLimit: bytesLimit)) }
        return texts
    }

    /// A list of values with a grammar; empty where the key is missing.
    func list<Value>(
        _ key: String,
        _ parse: (String) throws(AccessError) -> Value
    ) throws(AccessError) -> [Value] {
        var values: [Value] = []
        for entry in try texts(key) ?? [] {
            do {
                values.append(try parse(entry.text))
            } catch {
                throw AccessError(code, "'\(key)' of \(subject): \(error.reason)", line: entry.line)
            }
        }
        return values
    }

    /// A word that stands in names of principals: letters, digits, `.`, `_` and `-`.
    func word(_ text: String, _ key: String, line: Int? = nil, also more: String = "") throws(AccessError) -> String {
        let isWord = text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
            default: more.unicodeScalars.contains(scalar)
            }
        }
        guard isWord, !text.isEmpty, text.utf8.count <= 128 else {
            throw AccessError(
                code,
                """
                '\(key)' of \(subject): '\(text.quotable)' is no name; one has at most 128 letters, digits and \
                \((["'.'", "'_'", "'-'"] + more.map { "'\($0)'" }).joined(separator: " "))
                """,
                line: line ?? self.line(of: key)
            )
        }
        return text
    }
}
