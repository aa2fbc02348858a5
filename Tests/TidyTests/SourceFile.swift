// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A file of the checkout, by its path from the root of the package.
struct SourceFile {
    let path: String
    let text: String
    let lines: [Substring]
    /// Of a Swift file without comments; empty for others.
    let code: [Token]
    let comments: [Token]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
        let tokens = path.hasSuffix(".swift") ? SwiftLexer.tokens(of: text) : []
        code = tokens.filter { $0.kind != .comment }
        comments = tokens.filter { $0.kind == .comment }
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isTest: Bool { path.hasPrefix("Tests/") || path.contains("/Tests/") }
    /// The folder's name below `Sources`, or `conformance`; nil for everything that belongs to no target.
    var target: String? {
        let parts = path.split(separator: "/")
        if parts.first == "Sources", parts.count > 2 { return String(parts[1]) }
        return parts.first == "conformance" ? "conformance" : nil
    }

    /// The modules that the file imports, each with its line.
    var imports: [(module: String, line: Int)] {
        code.indices.compactMap { index in
            guard code[index].kind == .word, code[index].text == "import", index + 1 < code.count else { return nil }
            var next = index + 1
            // As in `import struct Module.Type`.
            if ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"].contains(code[next].text) {
                next += 1
            }
            return next < code.count ? (code[next].text, code[index].line) : nil
        }
    }
}

/// Where a rule is broken, and what to do about it.
struct Finding: CustomStringConvertible {
    var path: String
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

extension Token {
    func isWord(_ text: String) -> Bool { kind == .word && self.text == text }
    func isMark(_ text: String) -> Bool { kind == .mark && self.text == text }
}
