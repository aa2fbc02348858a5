// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing

@Suite struct GlobOracleTests {
    /// The oracle itself is right where it is known what is right.
    @Test(
        arguments: [
            ("team/*", "team/app", true), ("team/*", "team/a/b", false), ("team/**", "team/a/b/c", true),
            ("**/app", "app", false), ("v?", "v/", false), ("?", "é", true), ("*", "", true), ("a*z", "a/z", false),
        ]
    )
    func theOracleIsRight(pattern: String, text: String, expected: Bool) {
        #expect(OracleGlob.matches(pattern, text) == expected)
    }

    /// A pattern of a rule that is none is an error of rules.
    @Test func refusalsAreThoseOfRules() {
        let error = refused { () throws(AccessError) in try Grant(parsing: "pull:") }
        #expect(error?.code == .invalidRobot)
        #expect(error?.reason.hasSuffix("a pattern is not empty") == true)
        let pattern = refused { () throws(AccessError) in try PrincipalPattern(parsing: "user:", groups: [:]) }
        #expect(pattern?.code == .invalidRule)
    }

    @Test func agreesWithTheOracle() {
        var random = SeededGenerator(seed: 31)
        let patternPieces = ["a", "b", "/", "*", "**", "?", "é", "a/", "*"]
        let textPieces = ["a", "b", "/", "é", "a", "🐳"]
        var matched = 0
        for _ in 0..<20_000 {
            let pattern = random.some(patternPieces, most: 6).joined()
            let text = random.some(textPieces, most: 7).joined()
            let expected = OracleGlob.matches(pattern, text)
            matched += expected ? 1 : 0
            let glob = try? Glob(parsing: pattern)
            if glob?.matches(text) != expected { Issue.record("'\(pattern)' and '\(text)': \(expected) is right") }
        }
        #expect(matched > 2_000)
    }
}
