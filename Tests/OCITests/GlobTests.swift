// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct GlobTests {
    @Test(
        arguments: [
            ("team/app", "team/app", true), ("team/app", "team/app2", false), ("team/app", "team/ap", false),
            ("team/*", "team/app", true), ("team/*", "team/", true), ("team/*", "team/a/b", false),
            ("team/*", "team", false), ("team/**", "team/a/b/c", true), ("team/**", "team", false),
            ("team/**", "teams/a", false), ("*", "app", true), ("*", "", true), ("*", "a/b", false),
            ("**", "", true), ("**", "a/b/c", true), ("***", "a/b/c", true), ("*/*", "a/b", true),
            ("*/*", "a/b/c", false), ("*/app", "team/app", true), ("*/app", "app", false),
            ("**/app", "a/b/app", true), ("**/app", "app", false), ("**app", "app", true),
            ("a**z", "a/b/z", true), ("a**z", "a/b/zy", false), ("a*z", "abz", true), ("a*z", "a/z", false),
            ("v?", "v1", true), ("v?", "v", false), ("v?", "v12", false), ("v?", "v/", false), ("??", "ab", true),
            ("v*.*", "v1.2.3", true), ("v*.*", "v1", false), ("*-rc?", "1.0-rc1", true), ("*-rc?", "1.0-rc12", false),
            ("?", "é", true), ("??", "é", false), ("?*", "🐳", true), ("*?", "é", true), ("??", "éé", true),
            ("é*", "élan", true), ("[a-z]", "b", false), ("[a-z]", "[a-z]", true), ("a.c", "abc", false),
            ("\\*", "\\x", true), ("**/x/**", "a/x/b", true), ("**/x/**", "a/y/b", false), ("*a*a*", "banana", true),
            ("*/a*b", "x/aab", true), ("**/*b/c", "a/ab/b/c", true), ("**/*b/c", "b/c", false),
        ]
    )
    func matches(pattern: String, text: String, expected: Bool) throws {
        #expect(try Glob(parsing: pattern).matches(text) == expected, "\(pattern) \(text)")
    }

    @Test func substringsMatchAsStringsDo() throws {
        #expect(try Glob(parsing: "a/*".dropFirst(0)).matches("xa/b".dropFirst()))
    }

    @Test func patternsAreBounded() throws {
        let longest = String(repeating: "?", count: Glob.bytesLimit)
        #expect(try Glob(parsing: longest).matches(String(repeating: "é", count: Glob.bytesLimit)))
        #expect(try !Glob(parsing: longest).matches(String(repeating: "é", count: Glob.bytesLimit + 1)))
        for pattern in [longest + "?", "", "a\nb", "a\0", "\u{7F}", "\n"] {
            #expect(code { () throws(ParsingError) in try Glob(parsing: pattern) } == .invalidPattern, "\(pattern)")
        }
    }

    @Test func writesItselfAsItWasWritten() throws {
        for text in ["*", "team/**", "v?.*", "***"] { #expect(try Glob(parsing: text).description == text) }
        #expect(try Glob(parsing: "a*") == Glob(parsing: "a*"))
        #expect(try Glob(parsing: "a*") != Glob(parsing: "a**"))
    }

    /// A matcher that tries one way after the other does not come back from these.
    @Test(.timeLimit(.minutes(1)), arguments: ["*a", "**a", "*?a", "**/*a", "a*"])
    func isNotLedAstray(piece: String) throws {
        let pattern = String(repeating: piece, count: (Glob.bytesLimit - 1) / piece.utf8.count) + "b"
        let glob = try Glob(parsing: pattern)
        for text in [String(repeating: "a", count: 8192), String(repeating: "a/", count: 4096)] {
            #expect(!glob.matches(text))
            _ = glob.matches(text + "b")
        }
    }
}
