// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How a sort of secret is told: by a word that begins the look, and by a closer look at what stands around it.
struct SecretRule: Sendable {
    /// Lower-case ASCII; the text may have any case, and the look minds it where the form does.
    let keywords: [String]
    /// Looks no further than the surroundings reach, in time linear in them.
    let look: @Sendable (Surroundings) -> SecretMatch?

    static let all: [SecretRule] = token + key + cloud + credential
}

/// A secret that a rule is sure of.
struct SecretMatch {
    let kind: SecretKind
    /// Where it stands, as indices of the surroundings.
    let range: Range<Int>
    /// What makes it that secret and no other, whatever stands around it. It goes into the fingerprint and nowhere
    /// else.
    let secret: [UInt8]
}

/// A keyword and the bytes around it that a rule may look at.
struct Surroundings {
    let bytes: [UInt8]
    /// The indices that may be looked at.
    let reach: Range<Int>
    let keyword: Range<Int>
    let file: FileTraits

    /// The byte at an index; nil beyond the reach.
    subscript(index: Int) -> UInt8? { reach.contains(index) ? bytes[index] : nil }

    /// Whether exactly this text stands at an index.
    func has(_ text: String, at index: Int) -> Bool {
        guard index >= reach.lowerBound, index + text.utf8.count <= reach.upperBound else { return false }
        return bytes[index..<(index + text.utf8.count)].elementsEqual(text.utf8)
    }

    /// The index after the longest run of such bytes from `start` on, at most `limit` of them.
    func end(ofRunFrom start: Int, limit: Int = .max, _ alphabet: Alphabet) -> Int {
        var index = start
        while let byte = self[index], index - start < limit, alphabet.contains(byte) { index += 1 }
        return index
    }

    /// The index at which the longest run of such bytes that ends before `end` begins, at most `limit` of them.
    func start(ofRunBefore end: Int, limit: Int = .max, _ alphabet: Alphabet) -> Int {
        var index = end
        while let byte = self[index - 1], end - index < limit, alphabet.contains(byte) { index -= 1 }
        return index
    }

    /// Whether no letter, digit or underscore stands right before the index, but for the end of an escape like `\n`.
    func isWordStart(_ index: Int) -> Bool {
        guard let before = self[index - 1], Alphabet.word.contains(before) else { return true }
        return self[index - 2] == UInt8(ascii: "\\") && "nrt".utf8.contains(before)
    }

    /// Where a text stands first in a range, capitals or not; nil if nowhere. The text is in lower case.
    func find(_ text: String, in range: Range<Int>) -> Int? {
        let range = range.clamped(to: reach)
        let wanted = Array(text.utf8)
        var start = range.lowerBound
        while start + wanted.count <= range.upperBound {
            var matched = 0
            while matched < wanted.count, KeywordAutomaton.folded(bytes[start + matched]) == wanted[matched] {
                matched += 1
            }
            if matched == wanted.count { return start }
            start += 1
        }
        return nil
    }

    /// The index after what may stand between a name and its value: quotation marks, blanks, and one `=`, `:` or `=>`.
    /// Nil if there is no such sign.
    func valueStart(after index: Int) -> Int? {
        let sign = end(ofRunFrom: index, limit: 8, .blankOrQuote)
        guard let byte = self[sign], byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") else { return nil }
        let arrow = self[sign + 1] == UInt8(ascii: ">") ? sign + 2 : sign + 1
        return end(ofRunFrom: arrow, limit: 8, .blankOrQuote)
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

/// A set of bytes.
struct Alphabet: Sendable {
    private let members: (UInt64, UInt64)

    /// ASCII characters, and ranges of them such as `a-z`; a hyphen at the end is one.
    init(_ description: StaticString) {
        var members: (UInt64, UInt64) = (0, 0)
        let bytes = Array(description.description.utf8)
        var index = 0
        while index < bytes.count {
            var last = bytes[index]
            let first = last
            if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-") {
                last = bytes[index + 2]
                index += 2
            }
            precondition(first <= last && last < 128)
            for byte in first...last {
                if byte < 64 { members.0 |= 1 << UInt64(byte) } else { members.1 |= 1 << UInt64(byte - 64) }
            }
            index += 1
        }
        self.members = members
    }

    func contains(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? members.0 >> UInt64(byte) : members.1 >> UInt64(byte - 64)) & 1 == 1
    }

    static let digits = Alphabet("0-9")
    static let hex = Alphabet("0-9a-f")
    static let anyHex = Alphabet("0-9a-fA-F")
    static let alphanumeric = Alphabet("0-9A-Za-z")
    static let word = Alphabet("0-9A-Za-z_")
    static let base64 = Alphabet("0-9A-Za-z+/")
    static let base64URL = Alphabet("0-9A-Za-z_-")
    static let blankOrQuote = Alphabet(" \t\"'\\")
    static let whiteSpace = Alphabet(" \t\r\n")
    static let printable = Alphabet("!-~")
}

/// What a file's path says about its content.
struct FileTraits: Sendable {
    /// Settings, by the name: values in it are data and not code.
    let isSettings: Bool

    init(path: [UInt8]) {
        let name = String(decoding: path.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self).lowercased()
        let parts = name.split(separator: ".")
        isSettings =
            parts.contains("env") || FileTraits.settingsNames.contains(name)
            || (parts.count > 1 && FileTraits.settingsExtensions.contains(parts[parts.count - 1]))
    }

    private static let settingsNames: Set<String> = ["credentials", "secrets", ".pgpass", ".my.cnf", "config"]
    private static let settingsExtensions: Set<Substring> = [
        "cfg", "cnf", "conf", "config", "env", "ini", "json", "properties", "tfvars", "toml", "yaml", "yml",
    ]
}
