// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing

/// Ages to the second, clocks that jump, and the newest few.
@Suite struct TimeCases {
    private static func delete(_ selector: String) -> String { "- {name: d, delete: {\(selector)}}" }
    private static func keep(_ selector: String) -> String { "- {name: k, keep: {\(selector)}}\n\(deleteAll)" }

    static let ages: [RetentionCase] = [
        .init(
            "pushed before, at the edge",
            delete("pushed-before: 10s"),
            "1 a age=9\n2 b age=10\n3 c age=11",
            "a -",
            "b -",
            "c xd"
        ),
        .init(
            "pushed within, at the edge",
            keep("pushed-within: 10s"),
            "1 a age=9\n2 b age=10\n3 c age=11",
            "a +k",
            "b +k",
            "c xd"
        ),
        .init(
            "pulled before, at the edge",
            delete("pulled-before: 10s"),
            "1 a age=99 pull=10\n2 b age=99 pull=11",
            "a -",
            "b xd"
        ),
        .init(
            "pulled within, at the edge",
            keep("pulled-within: 10s"),
            "1 a age=99 pull=10\n2 b age=99 pull=11",
            "a +k",
            "b xd"
        ),
        .init(
            "never pulled counts from the push",
            delete("pulled-before: 10s"),
            "1 a age=10\n2 b age=11",
            "a -",
            "b xd"
        ),
        .init("never pulled is not pulled within", keep("pulled-within: 10s"), "1 a age=1", "a xd"),
        .init("a push counts as a use", delete("pulled-before: 10s"), "1 a@5 b age=99 pull=50", "a -", "b xd"),
        .init(
            "the age of a tag is that of its setting",
            delete("pushed-before: 10s"),
            "1 a@5 b@50 age=99",
            "a -",
            "b xd"
        ),
        .init(
            "the age of what is untagged is that of its push",
            delete("untagged: true, pushed-before: 10s"),
            "1 age=11",
            "#1 xd"
        ),
        .init(
            "between two ages",
            delete("pushed-before: 10s, pushed-within: 20s"),
            "1 a age=10\n2 b age=11\n3 c age=20\n4 d age=21",
            "a -",
            "b xd",
            "c xd",
            "d -"
        ),
        .init("minutes", delete("pushed-before: 2m"), "1 a age=120\n2 b age=121", "a -", "b xd"),
        .init("hours", delete("pushed-before: 2h"), "1 a age=7200\n2 b age=7201", "a -", "b xd"),
        .init(
            "days",
            delete("pushed-before: 14d"),
            "1 a age=1209600\n2 b age=1209601",
            "a -",
            "b xd: deleted by rule 'p/d': pushed before 14d"
        ),
        .init("weeks", delete("pushed-before: 2w"), "1 a age=1209600\n2 b age=1209601", "a -", "b xd"),
        .init("just now", delete("pushed-before: 1s"), "1 a age=0\n2 b age=1\n3 c age=2", "a -", "b -", "c xd"),
    ]

    static let clocks: [RetentionCase] = [
        .init(
            "a clock that went back keeps what is kept by age",
            keep("pushed-within: 10s"),
            "1 a age=100",
            at: now - 200,
            "a +k"
        ),
        .init(
            "a clock that went back deletes nothing old",
            delete("pushed-before: 10s"),
            "1 a age=100",
            at: now - 200,
            "a -"
        ),
        .init("nor what is young", delete("pushed-within: 10s"), "1 a age=100", at: now - 200, "a -"),
        .init("nor makes others older", delete("pushed-before: 10s"), "1 a age=-5000\n2 b age=5", "a -", "b -"),
        .init("a push of tomorrow is kept by a rule on old ones", keep("pushed-before: 10s"), "1 a age=-5", "a +k"),
        .init("a pull of tomorrow keeps", keep("pulled-within: 10s"), "1 a age=100 pull=-5", "a +k"),
        .init("a pull of tomorrow deletes nothing", delete("pulled-before: 10s"), "1 a age=100 pull=-5", "a -"),
        .init("nor is it what was just pulled", delete("pulled-within: 10s"), "1 a age=100 pull=-5", "a -"),
        .init(
            "in an exception it is the other way around",
            delete("tags: [\"*\"], except: [{pushed-within: 10s}]"),
            "1 a age=-5\n2 b age=50",
            "a -",
            "b xd"
        ),
        .init(
            "and so in that of a rule that keeps",
            "- {name: k, keep: {except: [{pushed-before: 10s}]}}\n\(deleteAll)",
            "1 a age=-5\n2 b age=50",
            "a +k",
            "b xd"
        ),
        .init("names need no clock", delete("tags: [a]"), "1 a age=-5", "a xd"),
        .init("a clock far ahead", delete("pushed-before: 10s"), "1 a", at: .max, "a xd"),
        .init("an age beyond all numbers", delete("pushed-before: 10s"), "1 a age=1799999999999999999", "a xd"),
    ]

    static let newest: [RetentionCase] = [
        .init("the newest", keep("newest: 2"), "1 a age=3\n2 b age=2\n3 c age=1", "a xd", "b +k", "c +k"),
        .init("fewer than that", keep("newest: 5"), "1 a age=3", "a +k"),
        .init("of equal ones the later name is newer", keep("newest: 1"), "1 a age=3\n2 b age=3", "a xd", "b +k"),
        .init(
            "among what the conditions select",
            keep("tags: [\"a*\"], newest: 1"),
            "1 a1 age=3\n2 a2 age=2\n3 b age=1",
            "a1 xd",
            "a2 +k",
            "b xd"
        ),
        .init("by the setting of the tag", keep("newest: 1"), "1 a@1 age=9\n2 b@2 age=2", "a +k", "b xd"),
        .init("the newest that a rule deletes", delete("newest: 1"), "1 a age=3\n2 b age=2", "a -", "b xd"),
        .init("by pull", keep("newest: {count: 1, by: pull}"), "1 a age=1 pull=9\n2 b age=9 pull=1", "a xd", "b +k"),
        .init(
            "never pulled comes last",
            keep("newest: {count: 1, by: pull}"),
            "1 a age=1\n2 b age=9 pull=900",
            "a xd",
            "b +k"
        ),
        .init(
            "of what was never pulled, the push decides",
            keep("newest: {count: 1, by: pull}"),
            "1 a age=9\n2 b age=1",
            "a xd",
            "b +k"
        ),
        .init(
            "by version",
            keep("newest: {count: 1, by: version}"),
            "1 1.10.0 age=9\n2 1.9.0 age=1",
            "1.10.0 +k",
            "1.9.0 xd"
        ),
        .init(
            "by version others are not selected",
            keep("newest: {count: 5, by: version}"),
            "1 1.0.0\n2 latest",
            "1.0.0 +k",
            "latest xd"
        ),
        .init(
            "a release is newer than its candidates",
            keep("newest: {count: 1, by: version}"),
            "1 1.0.0 age=9\n2 1.0.0-rc.9 age=1",
            "1.0.0 +k",
            "1.0.0-rc.9 xd"
        ),
        .init(
            "numbers in pre-releases",
            keep("newest: {count: 1, by: version}"),
            "1 1.0.0-rc.10\n2 1.0.0-rc.9",
            "1.0.0-rc.10 +k",
            "1.0.0-rc.9 xd"
        ),
        .init(
            "per minor version",
            keep("newest: {count: 1, by: version, per: minor}"),
            "1 1.0.1\n2 1.0.2\n3 1.1.0\n4 2.1.0",
            "1.0.1 xd",
            "1.0.2 +k",
            "1.1.0 +k",
            "2.1.0 +k"
        ),
        .init(
            "per major version, by push",
            keep("newest: {count: 1, per: major}"),
            "1 1.0.1 age=1\n2 1.5.0 age=2\n3 v2.0.0",
            "1.0.1 +k",
            "1.5.0 xd",
            "v2.0.0 +k"
        ),
        .init(
            "per prefix",
            keep("newest: {count: 1, per: prefix}"),
            "1 main-1 age=9\n2 main-2 age=8\n3 a-b-1 age=7\n4 a-b-2 age=6",
            "main-1 xd",
            "main-2 +k",
            "a-b-1 xd",
            "a-b-2 +k"
        ),
        .init(
            "a tag without the separator is its own prefix",
            keep("newest: {count: 1, per: prefix}"),
            "1 main age=9\n2 main-2 age=8\n3 dev age=7",
            "main xd",
            "main-2 +k",
            "dev +k"
        ),
        .init(
            "another separator",
            keep("newest: {count: 1, per: prefix, separator: _b}"),
            "1 x_b1 age=2\n2 x_b2 age=1\n3 y-1 age=9",
            "x_b1 xd",
            "x_b2 +k",
            "y-1 +k"
        ),
        .init(
            "per captured text",
            keep("tags-matching: ['(\\w+)-\\d+'], newest: {count: 1, per: capture}"),
            "1 a-1 age=3\n2 a-2 age=2\n3 b-1 age=9\n4 c age=1",
            "a-1 xd",
            "a-2 +k",
            "b-1 +k",
            "c xd"
        ),
        .init(
            "images count once",
            keep("newest: {count: 2, of: images}"),
            "1 a@1 b@8 age=9\n2 c@2 age=9\n3 d@3 age=9",
            "a +k",
            "b +k",
            "c +k",
            "d xd"
        ),
        .init("tags count each", keep("newest: 2"), "1 a@1 b@2 age=9\n2 c@3 age=9", "a +k", "b +k", "c xd"),
        .init(
            "untagged ones and tags together",
            keep("untagged: also, newest: 1") + "\n- {name: u, delete: {untagged: true}}",
            "1 a age=5\n2 age=1",
            "a xd",
            "#2 +k",
            "#1 xd: tagged a, which goes"
        ),
        .init(
            "a tag is newer than an untagged manifest",
            keep("untagged: also, newest: 1") + "\n- {name: u, delete: {untagged: true}}",
            "1 a age=5\n2 age=5",
            "a +k",
            "#2 xu",
            "#1: tagged a, which stays"
        ),
        .init(
            "parts of an index do not count",
            delete("untagged: true, except: [{untagged: true, newest: 1}]"),
            "1 list=2,3 age=9\n2 age=1\n3 age=1\n4 age=10",
            "#4 xd",
            "#1 -",
            "#2: part of index <1>, which stays",
            "#3: part of index <1>, which stays"
        ),
    ]

    @Test(arguments: ages + clocks + newest)
    func decides(_ row: RetentionCase) throws { try row.check() }
}
