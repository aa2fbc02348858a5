// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing

struct SwiftLexerTests {
    private func texts(_ source: String, _ kind: Token.Kind) -> [String] {
        SwiftLexer.tokens(of: source).filter { $0.kind == kind }.map(\.text)
    }

    @Test func tellsStringsFromCode() {
        #expect(texts(#"let a = "b \"c\" // d" + e"#, .word) == ["let", "a", "e"])
        #expect(texts(#"let a = "b \"c\" // d" + e"#, .string) == [#"b \"c\" // d"#])
    }

    @Test func readsInterpolationsAsCode() {
        let source = #"f("a\(b(c, "d)\(e)"))g")h"#
        #expect(texts(source, .word) == ["f", "b", "c", "e", "h"])
        #expect(texts(source, .string) == ["a", "d)", "", "g"])
    }

    @Test func readsRawStrings() {
        let source = "f(#\"a \"b\" \\(c) \\#(d)\"#) + ##\"e\"#\"##"
        #expect(texts(source, .string).first == #"a "b" \(c) "#)
        #expect(texts(source, .word) == ["f", "d"])
    }

    @Test func readsLongStrings() {
        let source = "a(\"\"\"\n  b \"c\" \"\"\n  \\(d)\n  \"\"\")\ne"
        #expect(texts(source, .word) == ["a", "d", "e"])
        #expect(SwiftLexer.tokens(of: source).last?.line == 5)
    }

    @Test func nestsComments() {
        #expect(texts("a /* b /* c */ d */ e // f\ng", .word) == ["a", "e", "g"])
        #expect(texts("a /* b /* c */ d */ e // f\ng", .comment) == ["/* b /* c */ d */", "// f"])
    }

    @Test func countsLinesAndGlue() {
        let tokens = SwiftLexer.tokens(of: "a!\nb !c")
        #expect(tokens.map(\.line) == [1, 1, 2, 2, 2])
        #expect(tokens.map(\.isGlued) == [false, true, false, false, true])
    }

    @Test(arguments: ["\"", "\"\"\"", "/*", "\"\\(", "#\"", "\\", "\"\\", "#", "\"\\(\"\\("])
    func survivesWhatIsCutOff(_ source: String) {
        _ = SwiftLexer.tokens(of: source)
    }
}
