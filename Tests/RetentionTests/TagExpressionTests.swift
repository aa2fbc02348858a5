// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Retention
import Testing

@Suite struct TagExpressionTests {
    @Test(arguments: [
        ("abc", "abc", true), ("abc", "abcd", false), ("abc", "xabc", false), ("a.c", "abc", true),
        ("a.c", "ac", false),
        ("a|b", "b", true), ("a|b", "ab", false), ("(a|b)c", "bc", true), ("|a", "a", true), ("a*", "aaa", true),
        ("a+", "", false), ("a?b", "b", true), ("a{2}", "aa", true), ("a{2}", "aaa", false), ("a{2,}", "aaaa", true),
        ("a{1,2}", "aaa", false), ("a{0}b", "b", true), ("[a-c]+", "cab", true), ("[^a-c]+", "cab", false),
        ("[a\\-z]", "-", true), ("[a-]", "-", true), ("[]a]", "]", true), ("[\\d.]+", "1.2", true),
        ("\\d+", "12", true),
        ("\\D", "1", false), ("\\w+", "a_1", true), ("\\W", "-", true), ("\\S+", "x", true), ("\\.", ".", true),
        ("\\.", "x", false), ("^abc$", "abc", true), ("a^b", "ab", false), ("a$b", "ab", false),
        ("\\Aab\\z", "ab", true),
        ("(?i)aBc", "AbC", true), ("(?i:a)b", "Ab", true), ("(?i:a)b", "AB", false), ("((?i)a)b", "AB", false),
        ("(?i)[a-c]", "B", true), ("(?i)[^a]", "A", false), ("(?P<n>a)b", "ab", true), ("(?<n>a)b", "ab", true),
        ("a*?b", "aab", true), ("(a*)*", "aa", true), ("(a|b)*c", "abac", true), ("()", "a", false),
        ("a-b_c", "a-b_c", true),
        ("v?\\d+\\.\\d+(-rc\\.\\d+)?", "v1.2-rc.3", true), (".*", "", true), ("$^", "", true), ("a}", "a}", true),
        ("]", "]", true), ("a{1,1}", "a", true),
    ])
    func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
        let expression = try TagExpression(parsing: pattern)
        #expect(expression.matches(text) == expected)
    }

    @Test(arguments: [
        ("(a+)-b", "aa-b", "aa"), ("(a|ab)(c|bcd)", "abcd", "a"), ("(a*?)(a*)", "aa", ""), ("(a*)(a*)", "aa", "aa"),
        ("(?:x)(a)", "xa", "a"), ("(a)|b", "b", ""), ("(?P<n>.*)-.*", "a-b-c", "a-b"), ("(.*?)-.*", "a-b-c", "a"),
        ("((a)b)c", "abc", "ab"), ("(a){2}", "aa", "a"), ("(a|b)*", "ab", "b"),
    ])
    func captures(_ pattern: String, _ text: String, _ expected: String) throws {
        var matcher = ExpressionMatcher(try TagExpression(parsing: pattern))
        let captured = matcher.capture(text)
        #expect(captured == expected)
    }

    @Test(arguments: [
        "", "(", ")", "a)", "(a", "[", "[a", "[b-a]", "[a-\\d]", "*", "a**", "a{2", "a{2,1}", "a{1001}", "a{,2}", "+a",
        "\\",
        "\\1", "\\b", "\\p", "(?=a)", "(?<=a)", "(?!a)", "(?<!a)", "(?m)a", "[[:digit:]]", "a{2}{2}", "\u{e4}", "a\n",
        "(?P<n",
        "\\x41", "(?", "{2}", "a+*", "[\\",
    ])
    func refuses(_ pattern: String) {
        #expect(throws: RetentionError.self) { try TagExpression(parsing: pattern) }
    }

    @Test(arguments: [
        String(repeating: "a", count: 513), "(((a{1000}){1000}){1000}){1000}", "((((){1000}){1000}){1000}){1000}",
        "(a{100}){100}", "(((a?){30}){30}){30}",
    ])
    func refusesWhatIsTooLarge(_ pattern: String) throws {
        let error = #expect(throws: RetentionError.self) { try TagExpression(parsing: pattern) }
        #expect(error?.code == .tooLarge)
    }

    @Test func refusesDepth() {
        let pattern = String(repeating: "(", count: 100) + String(repeating: ")", count: 100)
        #expect(throws: RetentionError.self) { try TagExpression(parsing: pattern) }
    }

    @Test func errorsNameThePlace() {
        let error = #expect(throws: RetentionError.self) { try TagExpression(parsing: "ab(?=c)") }
        #expect(
            error?.reason
                == "'ab(?=c)', at character 5: of the groups that begin with '(?' there are (?: (?i) (?i: and (?P<NAME>"
        )
    }

    @Test func agreesWithTryingOneWayAfterAnother() throws {
        var random = SeededGenerator(7)
        var (yes, no) = (0, 0)
        for _ in 0..<6000 {
            let pattern = Pattern.random(&random, depth: 3)
            guard let expression = try? TagExpression(parsing: pattern.text.isEmpty ? "(?:)" : pattern.text) else {
                Issue.record("\(pattern.text) is refused")
                continue
            }
            var matcher = ExpressionMatcher(expression)
            for _ in 0..<8 {
                let text = String((0..<random.below(7)).map { _ in random.pick(Pattern.letters) })
                let expected = pattern.matches(text)
                let found = matcher.matches(text)
                if found != expected { Issue.record("\(pattern.text) and \(text): \(found)") }
                if expected { yes += 1 } else { no += 1 }
            }
        }
        #expect(yes > 4000 && no > 4000)
    }

    /// Expressions that take others an exponential time.
    @Test(arguments: [
        "(a*)*b", "(a|a)*b", "(a+)+b", "(.*)*x", "(a?){30}a{30}", "(a|aa)+b", "((a*)*)*b", "(?:.*a){20}b", "(x+x+)+y",
    ])
    func takesNoMoreStepsThanTheProduct(_ pattern: String) throws {
        let text = String(repeating: "a", count: 128)
        var matcher = ExpressionMatcher(try TagExpression(parsing: pattern))
        _ = matcher.matches(text)
        #expect(matcher.work <= 2 * (text.utf8.count + 1) * matcher.programLength)
    }
}
