// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import Testing

@Suite struct QueryTests {
    @Test(
        arguments: [
            ("", []), ("&", []), ("&&&", []), ("a", [("a", "")]), ("a=", [("a", "")]), ("=b", [("", "b")]),
            ("a=b", [("a", "b")]), ("a=b&c=d", [("a", "b"), ("c", "d")]), ("a=b&&c=d&", [("a", "b"), ("c", "d")]),
            ("a=b=c", [("a", "b=c")]), ("a=1&a=2", [("a", "1"), ("a", "2")]), ("a=b+c", [("a", "b c")]),
            ("a=b%2Bc", [("a", "b+c")]), ("a%3Db=c", [("a=b", "c")]), ("a=b%26c=d", [("a", "b&c=d")]),
            ("digest=sha256:00", [("digest", "sha256:00")]), ("digest=sha256%3a00", [("digest", "sha256:00")]),
            ("a=%C3%A9", [("a", "\u{e9}")]), ("a=?b", [("a", "?b")]), ("a=%0a", [("a", "\n")]),
        ] as [(String, [(String, String)])]
    )
    func itemsAreReadInOrder(_ text: String, _ items: [(String, String)]) throws {
        let query = try #require(Query(parsing: text[...]))
        #expect(query.items.map(\.key) == items.map(\.0))
        #expect(query.items.map(\.value) == items.map(\.1))
    }

    @Test(arguments: ["a=%", "a=%1", "a=%zz", "%=a", "a=%00", "%00", "a=%FF", "a=%C3", "a=b&c=%", "a=%-1", "a=% 1"])
    func aMalformedEscapeIsRefused(_ text: String) {
        #expect(Query(parsing: text[...]) == nil)
    }

    @Test func theNumberOfItemsIsBounded() {
        let most = Array(repeating: "a=b", count: HTTPLimits.queryItems).joined(separator: "&")
        #expect(Query(parsing: most[...])?.items.count == HTTPLimits.queryItems)
        #expect(Query(parsing: (most + "&a=b")[...]) == nil)
    }

    @Test func theFirstValueCountsWhereOneIsMeant() throws {
        let query = try #require(Query(parsing: "tag=a&n=1&tag=b&tag=c"))
        #expect(query["tag"] == "a")
        #expect(query.all("tag") == ["a", "b", "c"])
        #expect(query["TAG"] == nil)
        #expect(query.all("last").isEmpty)
    }
}

@Suite struct PercentEncodingTests {
    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("a%20b", "a b"), ("%41%42", "AB"), ("%c3%a9", "\u{e9}"), ("%25", "%"),
        ("%2525", "%25"), ("a+b", "a+b"), ("\u{e9}", "\u{e9}"), ("%F0%9F%98%80", "\u{1f600}"),
    ])
    func escapesAreUndoneOnce(_ text: String, _ decoded: String) {
        #expect(PercentEncoding.decode(text[...], plusIsSpace: false) == decoded)
    }

    @Test func aPlusIsASpaceInFormsOnly() {
        #expect(PercentEncoding.decode("a+b%2B", plusIsSpace: true) == "a b+")
        #expect(PercentEncoding.decode("a+b%2B", plusIsSpace: false) == "a+b+")
    }

    @Test(arguments: [
        "%", "%4", "%%", "%4%", "%g0", "%0g", "% 41", "%+1", "%00", "a%00b", "%80", "%C3%28", "%ED%A0%80", "%C0%80",
        "%F8%88%80%80%80", "%\u{661}\u{662}",
    ])
    func badEscapesAreRefused(_ text: String) {
        #expect(PercentEncoding.decode(text[...], plusIsSpace: false) == nil)
        #expect(PercentEncoding.decode(text[...], plusIsSpace: true) == nil)
    }

    @Test(arguments: ["", "plain-._~", "a b", "a/b?c&d=e#f", "sha256:00", "\u{e9}\u{1f600}", "%", "+", "\r\n\"<>"])
    func whatIsEncodedDecodesToItself(_ text: String) {
        let encoded = PercentEncoding.encode(text)
        #expect(PercentEncoding.decode(encoded[...], plusIsSpace: true) == text)
        #expect(encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"\"<>&=#?/+:".utf8.contains($0) })
    }
}
