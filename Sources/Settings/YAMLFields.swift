// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
package import Yams

/// One mapping of a file of settings. Every key must be known, every value of its kind; what is wrong is named with its
/// line.
package struct YAMLFields<Failure: SettingsFailure> {
    /// A text of the file, and its line.
    package struct Text {
        package let text: String
        package let line: Int?
    }

    /// What the mapping is, for errors: `a rule`.
    package let subject: String
    package let line: Int?
    private let code: Failure.Code
    private let values: [String: Node]
    private let lines: [String: Int]

    package init(
        _ node: Node,
        _ subject: String,
        keys: [String],
        code: Failure.Code = Failure.invalidSetting
    ) throws(Failure) {
        let line = node.mark?.line
        let known = keys.joined(separator: ", ")
        guard let mapping = node.mapping else {
            throw Failure(code, "\(subject) is a mapping with the keys \(known)", line: line)
        }
        var values: [String: Node] = [:]
        var lines: [String: Int] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            guard keys.contains(name) else {
                throw Failure(
                    code,
                    "\(subject) has no '\(ParsingError.quotable(name))'; the keys are \(known)",
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

    package func has(_ key: String) -> Bool { values[key] != nil }

    package func node(_ key: String) -> Node? { values[key] }

    package func line(of key: String) -> Int? { lines[key] ?? line }

    /// An error about the value of a key.
    package func error(_ key: String, _ reason: String) -> Failure {
        Failure(code, "'\(key)' of \(subject) \(reason)", line: line(of: key))
    }

    /// An error about the mapping as a whole.
    package func error(_ reason: String) -> Failure { Failure(code, "\(subject) \(reason)", line: line) }

    /// A text that is not empty and has no control characters.
    package func text(_ key: String, bytesLimit: Int = SettingsLimits.textBytesLimit) throws(Failure) -> String? {
        guard let node = values[key] else { return nil }
        return try text(node, key, bytesLimit: bytesLimit).text
    }

    package func required(_ key: String, bytesLimit: Int = SettingsLimits.textBytesLimit) throws(Failure) -> String {
        guard let text = try text(key, bytesLimit: bytesLimit) else { throw error("needs '\(key)'") }
        return text
    }

    private func text(_ node: Node, _ key: String, bytesLimit: Int) throws(Failure) -> Text {
        let line = node.mark?.line ?? line(of: key)
        guard let text = node.scalar?.string else {
            throw Failure(code, "'\(key)' of \(subject) takes text here, not a list or mapping", line: line)
        }
        guard !text.isEmpty else { throw Failure(code, "'\(key)' of \(subject) is empty", line: line) }
        guard text.utf8.count <= bytesLimit else {
            throw Failure(code, "'\(key)' of \(subject) has more than \(bytesLimit) bytes", line: line)
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Failure(code, "'\(key)' of \(subject) has control characters", line: line)
        }
        return Text(text: text, line: line)
    }

    /// A whole number in a range.
    package func integer(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = try text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let bounds = "from \(range.lowerBound) to \(range.upperBound)"
            throw error(key, "is a whole number \(bounds), not '\(ParsingError.quotable(text))'")
        }
        return number
    }

    /// `true` or `false`; false where the key is missing.
    package func flag(_ key: String) throws(Failure) -> Bool {
        switch try text(key) {
        case nil, "false": return false
        case "true": return true
        case .some(let text): throw error(key, "is true or false, not '\(ParsingError.quotable(text))'")
        }
    }

    /// A span of time above zero, in seconds: `90s`, `15m`, `24h`, `7d` or `4w`.
    package func seconds(_ key: String) throws(Failure) -> Int64? {
        guard let text = try text(key) else { return nil }
        guard let seconds = TimeSpan.seconds(text) else {
            throw error(
                key,
                "is a span of time above 0 like 7d (s, m, h, d, w), not '\(ParsingError.quotable(text))'"
            )
        }
        return seconds
    }

    /// A number of bytes above zero: `10737418240` or `10GiB`.
    package func bytes(_ key: String) throws(Failure) -> Int64? {
        guard let text = try text(key) else { return nil }
        guard let count = ByteCount(text) else {
            throw error(
                key,
                "is a number of bytes above 0 like 500MiB (KiB, MiB, GiB, TiB), not '\(ParsingError.quotable(text))'"
            )
        }
        return count.bytes
    }

    /// Elements of a list, which may be empty or left out.
    package func elements(_ key: String) throws(Failure) -> [Node] {
        guard let node = values[key] else { return [] }
        if let scalar = node.scalar, scalar.string.isEmpty, scalar.style == .plain { return [] }
        guard let sequence = node.sequence else { throw error(key, "takes a list") }
        guard sequence.count <= SettingsLimits.entriesLimit else {
            throw error(key, "has over \(SettingsLimits.entriesLimit) entries")
        }
        return Array(sequence)
    }

    /// A list of texts; nil where the key is missing. An empty one is refused: left out, a condition says nothing, and
    /// written without entries it would mean the same but look like the opposite.
    package func texts(_ key: String, bytesLimit: Int = SettingsLimits.textBytesLimit) throws(Failure) -> [Text]? {
        guard has(key) else { return nil }
        let nodes = try elements(key)
        guard !nodes.isEmpty else { throw error(key, "is an empty list; leave it out, or name something") }
        var texts: [Text] = []
        for node in nodes { texts.append(try text(node, key, bytesLimit: bytesLimit)) }
        return texts
    }

    /// A list of values with a grammar; empty where the key is missing.
    package func list<Value>(
        _ key: String,
        _ parse: (String) throws(Failure) -> Value
    ) throws(Failure) -> [Value] {
        var values: [Value] = []
        for entry in try texts(key) ?? [] {
            do {
                values.append(try parse(entry.text))
            } catch {
                throw Failure(code, "'\(key)' of \(subject): \(error.reason)", line: entry.line)
            }
        }
        return values
    }

    /// A word that stands in names of principals: letters, digits, `.`, `_` and `-`.
    package func word(_ text: String, _ key: String, line: Int? = nil, also more: String = "") throws(Failure) -> String
    {
        let isWord = text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
            default: more.unicodeScalars.contains(scalar)
            }
        }
        guard isWord, !text.isEmpty, text.utf8.count <= SettingsLimits.wordBytesLimit else {
            throw Failure(
                code,
                """
                '\(key)' of \(subject): '\(ParsingError.quotable(text))' is no name; one has at most \
                \(SettingsLimits.wordBytesLimit) letters, digits and \
                \((["'.'", "'_'", "'-'"] + more.map { "'\($0)'" }).joined(separator: " "))
                """,
                line: line ?? self.line(of: key)
            )
        }
        return text
    }
}
