// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A piece of Swift source.
struct Token: Hashable {
    enum Kind: Hashable {
        /// Identifiers, keywords and numbers.
        case word
        /// One byte of anything else.
        case mark
        /// The text between quotes, or a part of it that ends or begins at an interpolation. Escapes are not undone.
        case string
        /// With its slashes.
        case comment
    }

    var kind: Kind
    var text: String
    /// Counted from one: where the token begins.
    var line: Int
    /// Nothing stands between this token and the one before.
    var isGlued: Bool
}

/// Takes Swift source apart, just far enough that a rule is not misled by comments and strings: nested comments,
/// strings over several lines, raw strings, interpolation with strings within. Regular expression literals are not
/// known.
struct SwiftLexer {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var isGlued = false
    private var tokens: [Token] = []

    static func tokens(of text: String) -> [Token] {
        var lexer = SwiftLexer(bytes: Array(text.utf8))
        lexer.code(untilParenthesis: false)
        return lexer.tokens
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private func starts(with text: StaticString) -> Bool {
        (0..<text.utf8CodeUnitCount).allSatisfy { byte($0) == text.utf8Start[$0] }
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<min(count, bytes.count - position) {
            if byte() == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private mutating func add(_ kind: Token.Kind, from start: Int, line: Int) {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        tokens.append(Token(kind: kind, text: text, line: line, isGlued: isGlued))
        isGlued = true
    }

    /// Reads code, to the end or to the parenthesis that closes an interpolation.
    private mutating func code(untilParenthesis: Bool) {
        var depth = 0
        while position < bytes.count {
            let start = position
            let line = line
            let current = byte()
            if current == 0x20 || (0x09...0x0d).contains(current) {
                advance()
                isGlued = false
            } else if starts(with: "//") {
                while position < bytes.count, byte() != UInt8(ascii: "\n") { advance() }
                add(.comment, from: start, line: line)
            } else if starts(with: "/*") {
                comment()
                add(.comment, from: start, line: line)
            } else if current == UInt8(ascii: "\"") || (current == UInt8(ascii: "#") && startsRawString) {
                string()
            } else if Self.isWord(current) {
                while Self.isWord(byte()) { advance() }
                add(.word, from: start, line: line)
            } else {
                if current == UInt8(ascii: "(") { depth += 1 }
                if current == UInt8(ascii: ")") {
                    if untilParenthesis && depth == 0 { return }
                    depth -= 1
                }
                advance()
                add(.mark, from: start, line: line)
            }
        }
    }

    private mutating func comment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                advance(2)
            } else if starts(with: "*/") {
                depth -= 1
                advance(2)
            } else {
                advance()
            }
        } while depth > 0 && position < bytes.count
    }

    private var startsRawString: Bool {
        var offset = 0
        while byte(offset) == UInt8(ascii: "#") { offset += 1 }
        return byte(offset) == UInt8(ascii: "\"")
    }

    private mutating func string() {
        var hashes = 0
        while byte() == UInt8(ascii: "#") {
            hashes += 1
            advance()
        }
        let isLong = starts(with: "\"\"\"")
        let quotes = isLong ? 3 : 1
        advance(quotes)
        var start = position
        var startLine = line
        while position < bytes.count {
            if isEnd(quotes: quotes, hashes: hashes) { break }
            if !isLong, byte() == UInt8(ascii: "\n") { break }
            guard byte() == UInt8(ascii: "\\"), hasHashes(hashes, after: 1) else {
                advance()
                continue
            }
            guard byte(1 + hashes) == UInt8(ascii: "(") else {
                advance(2 + hashes)
                continue
            }
            add(.string, from: start, line: startLine)
            advance(2 + hashes)
            code(untilParenthesis: true)
            advance()
            start = position
            startLine = line
        }
        add(.string, from: start, line: startLine)
        if isEnd(quotes: quotes, hashes: hashes) { advance(quotes + hashes) }
    }

    private func isEnd(quotes: Int, hashes: Int) -> Bool {
        (0..<quotes).allSatisfy { byte($0) == UInt8(ascii: "\"") } && hasHashes(hashes, after: quotes)
    }

    private func hasHashes(_ count: Int, after offset: Int) -> Bool {
        (0..<count).allSatisfy { byte(offset + $0) == UInt8(ascii: "#") }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}
