// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What the braces of a file enclose: types, functions, or anything else.
struct Scopes {
    private enum Kind {
        case type, function, other
    }

    /// The first and last line of every function, initialiser and the like, with its head.
    private(set) var functions: [ClosedRange<Int>] = []
    /// The lines of stored properties, of types or of the file, that hold a pointer.
    private(set) var storedPointers: [Int] = []

    private var open: [(kind: Kind, line: Int)] = []
    /// The tokens since the last brace: a head, and what stood before it.
    private var head: [Token] = []

    private static let types: Set<String> = ["struct", "class", "enum", "actor", "extension", "protocol"]
    private static let functionWords: Set<String> = ["func", "init", "deinit", "subscript"]
    private static let otherWords: Set<String> = [
        "var", "let", "if", "else", "for", "while", "repeat", "switch", "do", "catch", "guard", "defer", "return",
        "get",
        "set", "willSet", "didSet", "in",
    ]

    init(_ code: [Token]) {
        for (index, token) in code.enumerated() {
            if token.isMark("{") {
                let (kind, line) = classify()
                open.append((kind, line ?? token.line))
                head = []
            } else if token.isMark("}") {
                if let (kind, line) = open.popLast(), kind == .function {
                    functions.append(line...max(line, token.line))
                }
                head = []
            } else {
                if token.isWord("let") || token.isWord("var") { property(code, index) }
                head.append(token)
            }
        }
    }

    /// By the last word of the head that says what begins here, which must not be a member's name or a label.
    private func classify() -> (Kind, Int?) {
        for index in head.indices.reversed() where head[index].kind == .word {
            let token = head[index]
            let before = index > 0 ? head[index - 1] : nil
            let next = index + 1 < head.count ? head[index + 1] : nil
            if before?.isMark(".") == true || next?.isMark(":") == true { continue }
            if Self.functionWords.contains(token.text) { return (.function, token.line) }
            if Self.types.contains(token.text), next?.kind == .word { return (.type, token.line) }
            if Self.otherWords.contains(token.text) { return (.other, token.line) }
        }
        return (.other, nil)
    }

    /// A `let` or `var` right in a type or in the file: stored, unless a brace makes it a computed one.
    private mutating func property(_ code: [Token], _ index: Int) {
        guard open.allSatisfy({ $0.kind == .type }) else { return }
        // Its end is the next declaration, brace or line that goes on with nothing.
        var isStored = false
        var depth = 0
        var last = code[index]
        for token in code[(index + 1)...] {
            let goesOn = depth > 0 || last.line == token.line || [":", "=", ",", "<", "("].contains(last.text)
            guard goesOn, !token.isMark("}") else { break }
            // The brace of a computed property, or of a closure that makes the value.
            if token.isMark("{") { break }
            if token.isMark("(") || token.isMark("[") { depth += 1 }
            if token.isMark(")") || token.isMark("]") { depth -= 1 }
            // A function's type: its parameters are not stored.
            if token.isMark(">"), last.isMark("-") { isStored = false }
            if token.kind == .word, Self.isPointer(token.text) { isStored = true }
            last = token
        }
        let isComputed = code.dropFirst(index + 1).first { $0.isMark("{") || $0.isMark("=") || $0.line > last.line }
        if isStored, isComputed?.isMark("{") != true { storedPointers.append(code[index].line) }
    }

    private static func isPointer(_ name: String) -> Bool {
        name == "OpaquePointer" || (name.hasPrefix("Unsafe") && name.hasSuffix("Pointer"))
    }
}
