// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Testing

@Suite struct RepositoryNameTests {
    @Test(
        arguments: [
            "a", "0", "a/b", "library/ubuntu", "a.b", "a_b", "a__b", "a-b", "a--b", "a-----b", "a/b/c/d/e/f/g",
            "manifests/tags/list", "v2/blobs/uploads", "foo.bar/b-a-z", "0/1/2", "a.b_c__d-e---f",
            String(repeating: "a", count: 255), String(repeating: "a/", count: 127) + "a", "x--1/y__2/z.3",
            "localhost/app", "sha256/abc", "team/referrers/sha256",
        ] as [String]
    )
    func accepts(_ text: String) throws {
        let name = try RepositoryName(parsing: text)
        #expect(name.description == text)
        #expect(try RepositoryName(parsing: name.description) == name)
        #expect(try RepositoryName(parsing: "!\(text)!".dropFirst().dropLast()) == name)
        #expect(try JSONDecoder().decode([RepositoryName].self, from: JSONEncoder().encode([name])) == [name])
    }

    @Test(
        arguments: [
            "", "/", "a/", "/a", "a//b", "A", "aB", "a/B", ".", "..", "./a", "../a", "a/..", "a/../b", "a/.", ".a",
            "a.",
            "a..b", "a._b", "a.-b", "_a", "a_", "a___b", "a_.b", "a_-b", "a__", "a__-b", "-a", "a-", "a-_b", "a-.b",
            "a-/b", "a/-b", "a/_b", "a_/b", "a./b", "_oci", "_catalog", "a/_docker", " a", "a ", "a b", "a\tb", "a\nb",
            "a\0b", "a:b", "a@b", "a%2fb", "a\\b", "é", "a\u{301}", "аbc", "a/ａ", "a+b", "a~b", "a*b", "a?b", "a#b",
            String(repeating: "a", count: 256), String(repeating: "a/", count: 128), "localhost:5000/app", "a;b",
            "a\"b",
            "a\u{200D}b", "🐳",
        ] as [String]
    )
    func refuses(_ text: String) {
        #expect(code { () throws(ParsingError) in try RepositoryName(parsing: text) } == .invalidRepositoryName)
    }

    /// The one-pass reader agrees with the specification's expression, spelled out by a slow matcher.
    @Test func agreesWithTheGrammar() {
        var random = SeededGenerator(seed: 2)
        let alphabet: [Character] = ["a", "0", ".", "_", "-", "/", "A", "a", "-", "_"]
        let part = #/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/#
        var accepted = 0
        for _ in 0..<10_000 {
            let text = random.text(of: alphabet, lengths: 0...9)
            let components = text.split(separator: "/", omittingEmptySubsequences: false)
            let expected = components.allSatisfy { $0.wholeMatch(of: part) != nil }
            #expect((RepositoryName(text) != nil) == expected, "\(text)")
            if expected { accepted += 1 }
        }
        #expect(accepted > 500)
    }

    @Test func isOrderedByBytes() throws {
        let names = try ["a", "a-b", "a.b", "a/b", "a0", "a_b", "aa", "b"].map { try RepositoryName(parsing: $0) }
        #expect(names.sorted() == names)
        #expect(Set(names + names).count == names.count)
    }
}

@Suite struct TagTests {
    @Test(
        arguments: [
            "latest", "v1.0.0", "_", "_a", "A", "0", "a.", "a-", "a..b", "1-2_3.4", "UPPER_lower.1-x", "sha256-abc.sig",
            String(repeating: "a", count: 128), "_" + String(repeating: ".", count: 127), "uploads", "list",
        ] as [String]
    )
    func accepts(_ text: String) throws {
        let tag = try Tag(parsing: text)
        #expect(tag.description == text)
        #expect(try Tag(parsing: tag.description) == tag)
        #expect(try JSONDecoder().decode([Tag].self, from: JSONEncoder().encode([tag])) == [tag])
    }

    @Test(
        arguments: [
            "", ".", "..", ".a", "-a", "-", "a/b", "a:b", "a@b", "a b", " a", "a ", "a\n", "a\0", "a+b", "a%20", "é",
            "a\u{301}", "ａ", "a~1", "a*", "a\\b", "a\"b", "../../etc", String(repeating: "a", count: 129), "a=b", "a,b",
            "a\u{0}", "тег", "🐳", "a^b", "a?n=1",
        ] as [String]
    )
    func refuses(_ text: String) {
        #expect(code { () throws(ParsingError) in try Tag(parsing: text) } == .invalidTag)
    }

    @Test func isOrderedByBytes() throws {
        let tags = try ["0", "1-a", "1.a", "10", "9", "A", "Z", "_", "a", "aA", "a_", "aa"].map { try Tag(parsing: $0) }
        #expect(tags.sorted() == tags)
    }

    @Test func knowsTheTagsUnderWhichSomethingIsAttached() throws {
        let hex = Sample.hex256
        let attached = ["sha256-\(hex)", "sha256-\(hex).sig", "sha512-\(hex)", "sha256-\(hex).sig.1"]
        let others = [
            "latest", "sha256-\(hex.dropLast())", "sha256-\(hex)0", "sha256-\(hex).", "sha256-\(hex)-sig",
            "sha384-\(hex)", "sha256-\(hex.dropLast())g", "x.sha256-\(hex)", "sha256-", "sha256-\(hex.dropLast())A",
        ]
        for text in attached { #expect(try Tag(parsing: text).namesAttachment, "\(text)") }
        for text in others { #expect(try !Tag(parsing: text).namesAttachment, "\(text)") }
    }

    @Test func readsTheSubjectOfAFallbackTag() throws {
        let digest = try Digest(parsing: Sample.sha256)
        #expect(try Tag(parsing: "sha256-\(Sample.hex256)").fallbackSubject == digest)
        #expect(digest.referrersTag.description == "sha256-\(Sample.hex256)")
        #expect(digest.referrersTag.fallbackSubject == digest)
    }

    @Test(
        arguments: [
            "sha256-\(Sample.hex256).sig", "sha256-\(Sample.hex256).att", "sha256-\(Sample.hex256.dropLast())",
            "sha256-\(Sample.hex256)0", "sha256-\(Sample.hex256.uppercased())", "sha256_\(Sample.hex256)",
            "sha256.\(Sample.hex256)", "sha512-\(Sample.hex256)", "SHA256-\(Sample.hex256)", "latest",
            "sha384-\(Sample.hex256)", "xsha256-\(Sample.hex256.dropLast())", "sha256-\(Sample.hex256.dropLast())g",
        ] as [String]
    )
    func otherTagsHaveNoSubject(_ text: String) throws {
        #expect(try Tag(parsing: text).fallbackSubject == nil)
    }

    /// The hash of a SHA-512 digest does not fit into a tag: the specification cuts it at 64 characters.
    @Test func cutsLongReferrersTags() throws {
        let tag = try Digest(parsing: Sample.sha512).referrersTag
        #expect(tag.description == "sha512-\(Sample.hex512.prefix(64))")
        #expect(try Tag(parsing: tag.description) == tag)
        #expect(tag.fallbackSubject == nil)
    }
}

@Suite struct ReferenceTests {
    @Test func tellsTagsFromDigests() throws {
        #expect(try Reference(parsing: "latest") == .tag(Tag(parsing: "latest")))
        #expect(try Reference(parsing: Sample.sha512) == .digest(Digest(parsing: Sample.sha512)))
        #expect(try Reference(parsing: "sha256-\(Sample.hex256)").tag != nil)
        for text in ["latest", Sample.sha256, Sample.sha512] {
            let reference = try Reference(parsing: text)
            #expect(reference.description == text)
            #expect(try Reference(parsing: reference.description) == reference)
            #expect((reference.tag == nil) != (reference.digest == nil))
            #expect(try JSONDecoder().decode([Reference].self, from: JSONEncoder().encode([reference])) == [reference])
        }
    }

    @Test(arguments: [
        ("sha256:baddigeststring", ParsingError.Code.invalidDigest), ("a:b:c", .invalidDigest), (":", .invalidDigest),
        ("latest:", .invalidDigest), (":latest", .invalidDigest), ("md5:abc", .unsupportedAlgorithm),
        ("", .invalidTag), ("a b", .invalidTag), ("..", .invalidTag), ("a/b", .invalidTag),
    ])
    func refuses(_ text: String, _ expected: ParsingError.Code) {
        #expect(code { () throws(ParsingError) in try Reference(parsing: text) } == expected)
    }
}
