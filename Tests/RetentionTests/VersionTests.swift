// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Retention
import Testing

@Suite struct VersionTests {
    /// In the order of precedence (Semantic Versioning 2.0.0, section 11).
    private static let ordered = [
        "0.0.1-0", "0.0.1", "0.1.0", "1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1",
        "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0-rc.1.a", "1.0.0",
        "1.0.1",
        "1.2.0", "1.10.0", "2.0.0", "10.0.0", "9007199254740991.0.0",
    ]

    @Test func precedence() throws {
        let versions = try Self.ordered.map { try Version(parsing: $0) }
        for left in versions.indices {
            for right in versions.indices { #expect((versions[left] < versions[right]) == (left < right)) }
            #expect(versions[left].description == Self.ordered[left])
        }
    }

    @Test(arguments: [
        "1.2", "1", "", "v", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+",
        "1.2.x",
        "-1.2.3", "1.2.3 ", "vv1.2.3", "9007199254740992.0.0", "99999999999999999999.0.0", "1.2.3-a_b", "a.b.c", "1..3",
    ])
    func refuses(_ text: String) {
        #expect(throws: RetentionError.self) { try Version(parsing: text) }
    }

    @Test func readsWhatTagsCarry() throws {
        #expect(try Version(parsing: "v1.2.3") == Version(parsing: "1.2.3"))
        #expect(try Version(parsing: "V1.2.3+build.5") == Version(parsing: "1.2.3"))
        #expect(try Version(parsing: "1.2.3-x-y.0-1").isPreRelease)
    }

    @Test(arguments: [
        ("1.2.3", "1.2.3", "1.2.4 1.2.2 1.2.3-a"), ("=v1.2.3", "1.2.3", "1.2.4"),
        (">1.2.3", "1.2.4 2.0.0", "1.2.3 1.2.4-a"),
        (">=1.2.3", "1.2.3 9.0.0", "1.2.2"), ("<1.2.3", "1.2.2 0.0.0", "1.2.3 1.2.3-a"), ("<=1.2.3", "1.2.3", "1.2.4"),
        (">1.2", "1.3.0 2.0.0", "1.2.9 1.2.0"), (">1", "2.0.0", "1.9.9"), (">=1.2", "1.2.0", "1.1.9"),
        ("<1.2", "1.1.9", "1.2.0"),
        ("<=1.2", "1.2.9", "1.3.0"), ("<=1", "1.9.9", "2.0.0"), (">*", "", "0.0.0 1.0.0"), ("<*", "", "0.0.0 1.0.0"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-a"), ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"), ("^0", "0.0.0 0.9.0", "1.0.0"), ("^1.x", "1.0.0 1.9.9", "2.0.0"),
        ("^*", "0.0.0 9.0.0", ""),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0"), ("~1.2", "1.2.0", "1.3.0 1.1.9"), ("~1", "1.9.0", "2.0.0"),
        ("~>1.2.3", "1.2.4", "1.3.0"),
        ("1.2.x", "1.2.0 1.2.9", "1.3.0 1.1.0"), ("1.X", "1.9.9", "2.0.0"), ("1.2.*", "1.2.0", "1.3.0"),
        ("1", "1.0.0", "2.0.0 0.9.0"),
        ("*", "0.0.0 5.4.3", "1.0.0-a"), ("", "0.0.0", "1.0.0-a"), ("1.2 - 1.4", "1.2.0 1.4.9", "1.5.0 1.1.9"),
        ("1.2.3 - 1.4.0", "1.2.3 1.4.0", "1.4.1 1.2.2"), ("1 - 2", "1.0.0 2.9.9", "3.0.0"),
        ("1 - *", "1.0.0 9.0.0", "0.9.0"),
        (">= 1.2.3 < 2", "1.2.3 1.9.9", "2.0.0"), ("1.2.3 || 2.x", "1.2.3 2.5.0", "1.2.4 3.0.0"),
        (">=1 <2 || >=3 <4", "1.5.0 3.5.0", "2.5.0"),
        (">=1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.2 1.2.3 2.0.0", "1.2.3-beta 1.2.4-rc.1"),
        ("^1.2.3-beta.2", "1.2.3-beta.4 1.3.0", "1.2.4-beta.2"),
        ("<1.2.3-rc.5", "1.2.3-rc.4 1.2.2", "1.2.3-rc.5 1.2.2-rc.1"), ("~0.0.1", "0.0.1 0.0.5", "0.1.0"),
    ])
    func ranges(_ text: String, _ inside: String, _ outside: String) throws {
        let range = try VersionRange(parsing: text)
        for version in inside.split(separator: " ") {
            let contained = range.contains(try Version(parsing: version))
            #expect(contained, "\(version) is in \(text)")
        }
        for version in outside.split(separator: " ") {
            let contained = range.contains(try Version(parsing: version))
            #expect(!contained, "\(version) is not in \(text)")
        }
    }

    @Test func anyPreReleaseGoesByTheOrder() throws {
        let range = try VersionRange(parsing: "^1.2")
        for (version, expected) in [("1.3.0-a", true), ("2.0.0-a", false), ("1.2.0-a", false)] {
            let contained = range.contains(try Version(parsing: version), anyPreRelease: true)
            #expect(contained == expected)
        }
    }

    @Test(arguments: [
        "latest", "1.2.3.4", ">>1", "1.x.3", "1,2", ">", "^", "1.2.3 -", "- 1.2", "01.2", "v", "1.2.3-a_b", "=<1.0.0",
        "|", "1 | 2",
        String(repeating: "1 ", count: 20), String(repeating: "1||", count: 20), String(repeating: "1", count: 300),
        "1.2.3\n",
    ])
    func refusesRanges(_ text: String) {
        #expect(throws: RetentionError.self) { try VersionRange(parsing: text) }
    }
}
