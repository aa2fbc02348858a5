// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing

/// Precedence, protection, and what lives and dies with something else.
@Suite struct FollowingCases {
    private static let untagged = "- {name: u, delete: {untagged: true}}"
    private static func pin(_ number: Int, _ reason: String = "runs in prod on web-3") -> Protection {
        Protection(target: .digest(digest(number)), reason: reason)
    }
    private static func pin(tag text: String) -> Protection { Protection(target: .tag(tag(text)), reason: "pinned") }

    static let precedence: [RetentionCase] = [
        .init("keeping wins", "- {name: k, keep: {tags: [a]}}\n\(deleteAll)", "1 a\n2 b", "a +k", "b xd"),
        .init("whatever the order", "\(deleteAll)\n- {name: k, keep: {tags: [a]}}", "1 a\n2 b", "a +k", "b xd"),
        .init(
            "the first rule that keeps is named",
            "- {name: k, keep: {tags: [a]}}\n- {name: j, keep: {}}",
            "1 a",
            "a +k"
        ),
        .init("the first rule that deletes is named", "- {name: e, delete: {tags: [a]}}\n\(deleteAll)", "1 a", "a xe"),
        .init(
            "to keep everything",
            "- {name: k, keep: {}}\n\(deleteAll)",
            "1 a",
            "a +k: kept by rule 'p/k': every tag"
        ),
        .init(
            "one tag of two",
            "- {name: d, delete: {tags: [a]}}",
            "1 a b",
            "a xd",
            "b -",
            "#1: tagged b, which stays"
        ),
        .init("all tags of an image", deleteAll, "1 a b", "a xd", "b xd", "#1 xd: tagged a, which goes"),
        .init(
            "tags stay together",
            "- {name: d, delete: {tags: [a]}}",
            "1 a b",
            together: true,
            "a: the same image as tag b, which stays",
            "b -"
        ),
        .init("all or none", deleteAll, "1 a b", together: true, "a xd", "b xd"),
        .init(
            "a tag that a rule keeps holds the others",
            "- {name: k, keep: {tags: [c]}}\n\(deleteAll)",
            "1 a b c\n2 d",
            together: true,
            "a: the same image as tag c, which stays",
            "b: the same image as tag c, which stays",
            "c +k",
            "d xd"
        ),
        .init(
            "without being together it does not",
            "- {name: k, keep: {tags: [c]}}\n\(deleteAll)",
            "1 a c",
            "a xd",
            "c +k"
        ),
        .init(
            "a pinned tag holds the others",
            deleteAll,
            "1 a b",
            together: true,
            protect: [pin(tag: "b")],
            "a: the same image as tag b, which stays",
            "b: pinned"
        ),
        .init(
            "attached tags are not together",
            "- {name: d, delete: {tags: [a, s]}}",
            "1 a\n2 1.sig s",
            together: true,
            "a xd",
            "1.sig xd: attached to <1>, which goes",
            "s xd"
        ),
    ]

    static let indexes: [RetentionCase] = [
        .init(
            "parts stay with their index",
            deleteAll,
            "1 list=2,3\n2\n3",
            "#1 -",
            "#2: part of index <1>, which stays",
            "#3: part of index <1>, which stays"
        ),
        .init(
            "parts go with their index",
            deleteAll,
            "1 a list=2,3\n2\n3",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: part of index <1>, which goes",
            "#3 xd: part of index <1>, which goes"
        ),
        .init(
            "a part of two indexes",
            "- {name: d, delete: {tags: [a]}}",
            "1 a list=3\n2 b list=3\n3",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#3: part of index <2>, which stays"
        ),
        .init(
            "a part of two that go",
            deleteAll,
            "1 a list=3\n2 b list=3\n3",
            "a xd",
            "b xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: tagged b, which goes",
            "#3 xd: part of index <1>, which goes"
        ),
        .init(
            "a part with a tag that stays",
            "- {name: d, delete: {tags: [a]}}",
            "1 a list=2\n2 b",
            "a xd",
            "b -",
            "#1 xd: tagged a, which goes",
            "#2: tagged b, which stays"
        ),
        .init(
            "a part with a tag that goes",
            "- {name: d, delete: {tags: [b]}}",
            "1 a list=2\n2 b",
            "a -",
            "b xd",
            "#2: part of index <1>, which stays"
        ),
        .init(
            "both go",
            deleteAll,
            "1 a list=2\n2 b",
            "a xd",
            "b xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: tagged b, which goes"
        ),
        .init(
            "no rule selects a part",
            untagged,
            "1 a list=2\n2",
            "#1: tagged a, which stays",
            "#2: part of index <1>, which stays"
        ),
        .init("an untagged index", untagged, "1 list=2\n2", "#1 xu", "#2 xu: part of index <1>, which goes"),
        .init(
            "an index of an index",
            deleteAll,
            "1 a list=2\n2 list=3\n3",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: part of index <1>, which goes",
            "#3 xd: part of index <2>, which goes"
        ),
        .init(
            "an index of an index that stays",
            untagged,
            "1 a list=2\n2 list=3\n3",
            "#2: part of index <1>, which stays",
            "#3: part of index <2>, which stays"
        ),
        .init("a part that is not here", deleteAll, "1 a list=9", "a xd", "#1 xd: tagged a, which goes"),
        .init(
            "a part that is listed twice",
            deleteAll,
            "1 a list=2,2\n2",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: part of index <1>, which goes"
        ),
        .init("an index that lists itself", untagged, "1 list=1", "#1 xu"),
        .init(
            "a circle stays",
            untagged,
            "1 list=2\n2 list=1",
            "#1: held in a circle of manifests that hold each other"
        ),
    ]

    static let referrers: [RetentionCase] = [
        .init(
            "a referrer stays with its subject",
            untagged,
            "1 a\n2 of=1",
            "#1: tagged a, which stays",
            "#2: describes <1>, which stays"
        ),
        .init(
            "a referrer goes with its subject",
            deleteAll,
            "1 a\n2 of=1",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: describes <1>, which goes"
        ),
        .init(
            "a referrer of a referrer",
            deleteAll,
            "1 a\n2 of=1\n3 of=2",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: describes <1>, which goes",
            "#3 xd: describes <2>, which goes"
        ),
        .init(
            "a referrer of a part",
            deleteAll,
            "1 a list=2\n2\n3 of=2",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2 xd: part of index <1>, which goes",
            "#3 xd: describes <2>, which goes"
        ),
        .init(
            "a referrer with a tag that stays",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 b of=1",
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2: tagged b, which stays"
        ),
        .init(
            "a referrer with a tag that goes",
            "- {name: d, delete: {tags: [b]}}",
            "1 a\n2 b of=1",
            "a -",
            "b xd",
            "#2: describes <1>, which stays"
        ),
        .init(
            "a referrer does not keep its subject",
            "- {name: k, keep: {tags: [b]}}\n\(deleteAll)",
            "1 a\n2 b of=1",
            "a xd",
            "b +k",
            "#1 xd: tagged a, which goes"
        ),
        .init(
            "no rule selects a referrer",
            untagged,
            "1 a\n2 of=1 kind=application/spdx+json",
            "#2: describes <1>, which stays"
        ),
        .init("a referrer of what is not here", deleteAll, "1 of=9", "#1 -"),
        .init("it is an untagged root", untagged, "1 of=9", "#1 xu"),
        .init(
            "a signature by tag stays",
            deleteAll.replacing("\"*\"", with: "\"sha256-*\""),
            "1 a\n2 1.sig",
            "1.sig: attached to <1>, which stays",
            "#2: tagged \(RetentionCase.expand("1.sig")), which stays"
        ),
        .init(
            "a signature by tag goes",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.sig",
            "a xd",
            "1.sig xd: attached to <1>, which goes",
            "#1 xd: tagged a, which goes",
            "#2 xd: tagged \(RetentionCase.expand("1.sig")), which goes"
        ),
        .init(
            "every suffix",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.att\n3 1.sbom\n4 1.x",
            "a xd",
            "1.att xd: attached to <1>, which goes",
            "1.sbom xd: attached to <1>, which goes",
            "1.x xd: attached to <1>, which goes"
        ),
        .init(
            "the tag of referrers",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1. list=3\n3 of=1",
            "a xd",
            "1. xd: attached to <1>, which goes",
            "#1 xd: tagged a, which goes",
            "#2 xd: tagged \(RetentionCase.expand("1.")), which goes",
            "#3 xd: part of index <2>, which goes"
        ),
        .init(
            "the tag of referrers stays",
            deleteAll,
            "1 \n2 1. list=3\n3 of=1",
            "1.: attached to <1>, which stays",
            "#3: part of index <2>, which stays"
        ),
        .init("a signature by tag of what is not here", "- {name: d, delete: {tags: [a]}}", "1 9.sig", "9.sig -"),
        .init("it is a tag like others", deleteAll, "1 9.sig", "9.sig xd"),
        .init(
            "a signature by tag of a signature",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.sig\n3 2.sig",
            "a xd",
            "1.sig xd: attached to <1>, which goes",
            "2.sig xd: attached to <2>, which goes"
        ),
        .init(
            "another tag of a signature keeps it",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.sig s",
            "a xd",
            "1.sig xd: attached to <1>, which goes",
            "s -",
            "#1 xd: tagged a, which goes",
            "#2: tagged s, which stays"
        ),
        .init(
            "a tag that names its own manifest",
            "- {name: d, delete: {tags: [\"sha256-*\"]}}",
            "1 1.sig",
            "1.sig xd"
        ),
        .init("it is no orphan", "- {name: d, delete: {orphaned: true}}", "1 1.sig", "1.sig -"),
        .init(
            "attached tags are not counted",
            "- {name: k, keep: {newest: 1}}\n\(deleteAll)",
            "1 a age=5\n2 1.sig age=1",
            "a +k",
            "1.sig: attached to <1>, which stays"
        ),
    ]

    static let protection: [RetentionCase] = [
        .init(
            "a pinned tag",
            deleteAll,
            "1 a\n2 b",
            protect: [pin(tag: "a")],
            "a: pinned",
            "#1: tagged a, which stays",
            "b xd",
            "#2 xd: tagged b, which goes"
        ),
        .init("a pinned tag leaves the others", deleteAll, "1 a b", protect: [pin(tag: "a")], "a: pinned", "b xd"),
        .init(
            "what runs keeps its tags",
            deleteAll,
            "1 a b",
            protect: [pin(1)],
            "a: runs in prod on web-3",
            "b: runs in prod on web-3",
            "#1: runs in prod on web-3"
        ),
        .init("what runs untagged", untagged, "1\n2", protect: [pin(1)], "#1: runs in prod on web-3", "#2 xu"),
        .init(
            "what runs keeps its parts",
            untagged,
            "1 list=2\n2",
            protect: [pin(1)],
            "#1: runs in prod on web-3",
            "#2: part of index <1>, which stays"
        ),
        .init(
            "what runs keeps what describes it",
            untagged,
            "1\n2 of=1\n3 1.sig",
            protect: [pin(1)],
            "#2: describes <1>, which stays",
            "1.sig: attached to <1>, which stays"
        ),
        .init(
            "a part that runs",
            deleteAll,
            "1 a list=2,3\n2\n3\n4 of=2",
            protect: [pin(2)],
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2: runs in prod on web-3",
            "#3 xd: part of index <1>, which goes",
            "#4: describes <2>, which stays"
        ),
        .init(
            "a referrer that is held",
            deleteAll,
            "1 a\n2 of=1",
            protect: [pin(2, "held")],
            "a xd",
            "#1 xd: tagged a, which goes",
            "#2: held"
        ),
        .init(
            "everything",
            deleteAll + "\n" + untagged,
            "1 a\n2\n3 1.sig",
            protect: [Protection(target: .everything, reason: "frozen")],
            "a: frozen",
            "#1: frozen",
            "#2: frozen",
            "1.sig: frozen"
        ),
        .init(
            "the first protection is the reason",
            deleteAll,
            "1 a",
            protect: [pin(1, "first"), pin(tag: "a"), pin(1, "third")],
            "a: first",
            "#1: first"
        ),
        .init("protection before rules", "- {name: k, keep: {}}", "1 a", protect: [pin(tag: "a")], "a: pinned"),
        .init(
            "an attached tag that is pinned",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.sig",
            protect: [Protection(target: .tag(tag(RetentionCase.expand("1.sig"))), reason: "pinned")],
            "a xd",
            "1.sig: pinned",
            "#1 xd: tagged a, which goes",
            "#2: tagged \(RetentionCase.expand("1.sig")), which stays"
        ),
        .init(
            "what is attached and runs",
            "- {name: d, delete: {tags: [a]}}",
            "1 a\n2 1.sig",
            protect: [pin(2)],
            "a xd",
            "1.sig: runs in prod on web-3"
        ),
        .init("a protection of what is not here", deleteAll, "1 a", protect: [pin(9), pin(tag: "z")], "a xd"),
        .init(
            "a protected image takes a place among the newest",
            "- {name: k, keep: {newest: 1}}\n\(deleteAll)",
            "1 a age=9\n2 b age=1",
            protect: [pin(2)],
            "a xd",
            "b: runs in prod on web-3"
        ),
    ]

    @Test(arguments: precedence + indexes + referrers + protection)
    func decides(_ row: RetentionCase) throws { try row.check() }

    @Test func thereAreManyCases() {
        let selectors =
            SelectorCases.names + SelectorCases.versions + SelectorCases.facts + SelectorCases.exceptions
        let times = TimeCases.ages + TimeCases.clocks + TimeCases.newest
        let all = selectors + times + Self.precedence + Self.indexes + Self.referrers + Self.protection
        #expect(all.count >= 120)
        #expect(Set(all.map(\.testDescription)).count == all.count)
        print("retention: \(all.count) cases")
    }
}
