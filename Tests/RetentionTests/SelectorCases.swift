// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing

/// Every condition that a rule can have, by itself and with others.
@Suite struct SelectorCases {
    private static func delete(_ selector: String) -> String { "- {name: d, delete: {\(selector)}}" }

    static let names: [RetentionCase] = [
        .init("no rules", "- {name: k, keep: {tags: [zzz]}}", "1 a", "a -", "#1: tagged a, which stays"),
        .init("a tag by name", delete("tags: [a]"), "1 a\n2 b", "a xd", "#1 xd: tagged a, which goes", "b -"),
        .init("a star", delete("tags: [\"ci-*\"]"), "1 ci-1 ci-\n2 ci", "ci-1 xd", "ci- xd", "ci -"),
        .init("a question mark", delete("tags: [\"v?\"]"), "1 v1\n2 v12\n3 v", "v1 xd", "v12 -", "v -"),
        .init("one of several patterns", delete("tags: [a, b]"), "1 a\n2 b\n3 c", "a xd", "b xd", "c -"),
        .init("patterns know case", delete("tags: [A]"), "1 a\n2 A", "a -", "A xd"),
        .init("all but some", delete("not-tags: [latest, \"v*\"]"), "1 latest\n2 v1\n3 x", "latest -", "v1 -", "x xd"),
        .init("some but others", delete("tags: [\"v*\"], not-tags: [v1]"), "1 v1\n2 v2\n3 x", "v1 -", "v2 xd", "x -"),
        .init("an expression", delete("tags-matching: ['v\\d+']"), "1 v1\n2 v12\n3 va", "v1 xd", "v12 xd", "va -"),
        .init("an expression holds for all of the tag", delete("tags-matching: [b]"), "1 abc\n2 b", "abc -", "b xd"),
        .init("a part by expression", delete("tags-matching: ['.*b.*']"), "1 abc\n2 ac", "abc xd", "ac -"),
        .init("no expression", delete("not-tags-matching: ['v.*']"), "1 v1\n2 x", "v1 -", "x xd"),
        .init("case by expression", delete("tags-matching: ['(?i)RC']"), "1 rc\n2 Rc\n3 r", "rc xd", "Rc xd", "r -"),
        .init(
            "the company of another tag",
            delete("tags: [\"b*\"], with-tags: [\"p*\"]"),
            "1 b1 p1\n2 b2\n3 p3",
            "b1 xd",
            "p1 -",
            "b2 -",
            "p3 -"
        ),
        .init(
            "the company of each of several",
            delete("with-tags: [\"a*\", \"b*\"]"),
            "1 a1\n2 b2\n3 a3 b3 c",
            "a1 -",
            "b2 -",
            "a3 xd",
            "b3 xd",
            "c xd"
        ),
        .init("one tag may meet all", delete("with-tags: [\"a*\", \"*b\"]"), "1 ab\n2 a", "ab xd", "a -"),
        .init(
            "attached tags are no company",
            delete("with-tags: [\"sha256-*\"]"),
            "1 a\n2 1.sig b",
            "a -",
            "b -"
        ),
    ]

    static let versions: [RetentionCase] = [
        .init(
            "a caret",
            delete("versions: [^1.2]"),
            "1 1.2.0\n2 1.9.9\n3 2.0.0\n4 1.1.9",
            "1.2.0 xd",
            "1.9.9 xd",
            "2.0.0 -",
            "1.1.9 -"
        ),
        .init(
            "a tilde",
            delete("versions: [~1.2.3]"),
            "1 1.2.3\n2 1.2.9\n3 1.3.0\n4 1.2.2",
            "1.2.3 xd",
            "1.2.9 xd",
            "1.3.0 -",
            "1.2.2 -"
        ),
        .init(
            "comparisons",
            delete("versions: [\">=1.0.0 <2.0.0\"]"),
            "1 1.0.0\n2 2.0.0\n3 0.9.9",
            "1.0.0 xd",
            "2.0.0 -",
            "0.9.9 -"
        ),
        .init(
            "alternatives",
            delete("versions: [\"1.0.x || 3\"]"),
            "1 1.0.5\n2 2.0.0\n3 3.7.1",
            "1.0.5 xd",
            "2.0.0 -",
            "3.7.1 xd"
        ),
        .init(
            "a list of ranges",
            delete("versions: [\"1.0.x\", \"3\"]"),
            "1 1.0.5\n2 2.0.0\n3 3.7.1",
            "1.0.5 xd",
            "2.0.0 -",
            "3.7.1 xd"
        ),
        .init("a leading v", delete("versions: [\"*\"]"), "1 v1.2.3", "v1.2.3 xd"),
        .init(
            "what is no version",
            delete("versions: [\"*\"]"),
            "1 latest\n2 1.2\n3 01.2.3\n4 1.2.3.4",
            "latest -",
            "1.2 -",
            "01.2.3 -",
            "1.2.3.4 -"
        ),
        .init(
            "pre-releases are not named",
            delete("versions: [\">=1.0.0\"]"),
            "1 1.1.0-rc.1\n2 1.1.0",
            "1.1.0-rc.1 -",
            "1.1.0 xd"
        ),
        .init(
            "pre-releases of a release that is named",
            delete("versions: [\">=1.1.0-rc.1\"]"),
            "1 1.1.0-rc.2\n2 1.2.0-rc.1\n3 1.1.0-beta",
            "1.1.0-rc.2 xd",
            "1.2.0-rc.1 -",
            "1.1.0-beta -"
        ),
        .init(
            "pre-releases alone",
            delete("pre-release: true"),
            "1 1.1.0-rc.1\n2 1.1.0\n3 x",
            "1.1.0-rc.1 xd",
            "1.1.0 -",
            "x -"
        ),
        .init(
            "releases alone",
            delete("pre-release: false"),
            "1 1.1.0-rc.1\n2 1.1.0\n3 x",
            "1.1.0-rc.1 -",
            "1.1.0 xd",
            "x -"
        ),
        .init(
            "pre-releases in a range",
            delete("versions: [\"<2.0.0\"], pre-release: true"),
            "1 1.1.0-rc.1\n2 2.0.0-rc.1\n3 1.0.0",
            "1.1.0-rc.1 xd",
            "2.0.0-rc.1 xd",
            "1.0.0 -"
        ),
        .init(
            "the end of a caret has no pre-releases",
            delete("versions: [^1.2], pre-release: true"),
            "1 2.0.0-rc.1\n2 1.3.0-a",
            "2.0.0-rc.1 -",
            "1.3.0-a xd"
        ),
        .init(
            "a build of an alpine image is a pre-release",
            delete("versions: [\"*\"]"),
            "1 1.2.3-alpine",
            "1.2.3-alpine -"
        ),
    ]

    static let facts: [RetentionCase] = [
        .init("untagged manifests are not looked at", delete("pushed-before: 1s"), "1 age=100", "#1 -"),
        .init("untagged: false says the same", delete("untagged: false, pushed-before: 1s"), "1 age=100", "#1 -"),
        .init("untagged manifests", delete("untagged: true"), "1\n2 a", "#1 xd", "a -", "#2: tagged a, which stays"),
        .init("both", delete("untagged: also"), "1\n2 a", "#1 xd", "a xd", "#2 xd: tagged a, which goes"),
        .init(
            "both, and a name",
            delete("untagged: also, tags: [a]"),
            "1\n2 a\n3 b",
            "#1 xd",
            "a xd",
            "b -",
            "#2 xd: tagged a, which goes"
        ),
        .init("untagged and old", delete("untagged: true, pushed-before: 10s"), "1 age=11\n2 age=10", "#1 xd", "#2 -"),
        .init(
            "untagged and never used",
            delete("untagged: true, pulled-before: 10s"),
            "1 age=11\n2 age=99 pull=9",
            "#1 xd",
            "#2 -"
        ),
        .init(
            "media type",
            delete("media-types: [\"application/vnd.oci.image.index.*\"]"),
            "1 a list=\n2 b",
            "a xd",
            "b -"
        ),
        .init(
            "artifact type",
            delete("artifact-types: [\"application/spdx+json\"]"),
            "1 a kind=application/spdx+json\n2 b",
            "a xd",
            "b -"
        ),
        .init(
            "the config's type where there is no artifact type",
            delete("artifact-types: [\"application/vnd.*.config.v1+json\"]"),
            """
            1 a config=application/vnd.helm.config.v1+json\n\
            2 b kind=application/x config=application/vnd.helm.config.v1+json
            """,
            "a xd",
            "b -"
        ),
        .init(
            "an annotation",
            delete("annotations: {a: \"x*\"}"),
            "1 a note=a:xy\n2 b note=a:y\n3 c note=b:x",
            "a xd",
            "b -",
            "c -"
        ),
        .init(
            "each of several annotations",
            delete("annotations: {a: x, b: \"*\"}"),
            "1 a note=a:x",
            "a -"
        ),
        .init(
            "types of untagged manifests",
            delete("untagged: true, artifact-types: [\"*/x\"]"),
            "1 kind=application/x\n2",
            "#1 xd",
            "#2 -"
        ),
        .init("an orphan", delete("untagged: true, orphaned: true"), "1 of=9\n2", "#1 xd", "#2 -"),
        .init("no orphan", delete("untagged: true, orphaned: false"), "1 of=9\n2", "#1 -", "#2 xd"),
        .init("an orphaned tag", delete("orphaned: true"), "1 9.sig\n2 a", "9.sig xd", "a -"),
        .init("a tagged orphan", delete("orphaned: true"), "1 a of=9\n2 b", "a xd", "b -"),
        .init(
            "all conditions of a rule",
            delete("tags: [\"a*\"], pushed-before: 10s, annotations: {k: v}"),
            "1 a1 age=11 note=k:v\n2 a2 age=9 note=k:v\n3 a3 age=11\n4 b4 age=11 note=k:v",
            "a1 xd",
            "a2 -",
            "a3 -",
            "b4 -"
        ),
        .init(
            "a tag without a manifest has no type",
            delete("media-types: [\"*/*\"]"),
            "1 a",
            "a xd"
        ),
    ]

    static let exceptions: [RetentionCase] = [
        .init("an exception", delete("tags: [\"*\"], except: [{tags: [a]}]"), "1 a\n2 b", "a -", "b xd"),
        .init(
            "all but the newest",
            delete("tags: [\"a*\"], except: [{tags: [\"a*\"], newest: 1}]"),
            "1 a1 age=5\n2 a2 age=3\n3 b age=9",
            "a1 xd",
            "a2 -",
            "b -"
        ),
        .init(
            "an exception counts by itself, over all",
            delete("tags: [\"a*\"], except: [{newest: 1}]"),
            "1 a1 age=5\n2 b age=3",
            "a1 xd",
            "b -"
        ),
        .init(
            "several exceptions",
            delete("tags: [\"*\"], except: [{tags: [a]}, {tags: [b]}]"),
            "1 a\n2 b\n3 c",
            "a -",
            "b -",
            "c xd"
        ),
        .init(
            "an exception of a rule that keeps",
            "- {name: k, keep: {except: [{tags: [a]}]}}\n\(deleteAll)",
            "1 a\n2 b",
            "a xd",
            "b +k"
        ),
        .init(
            "an exception of untagged ones",
            delete("untagged: true, except: [{untagged: true, newest: 1}]"),
            "1 age=5\n2 age=3",
            "#1 xd",
            "#2 -"
        ),
    ]

    @Test(arguments: names + versions + facts + exceptions)
    func decides(_ row: RetentionCase) throws { try row.check() }
}
