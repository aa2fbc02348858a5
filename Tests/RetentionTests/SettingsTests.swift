// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Retention
import Testing

@Suite struct SettingsTests {
    private static let full = """
        policies:
          - name: team
            repositories: ["team/**"]
            not-repositories: ["team/secret"]
            rules:
              - {name: k, keep: {newest: 3}}
              - {name: d, delete: {tags: ["*"], pushed-before: 14d}}
          - name: all
            repositories: ["**"]
            together: true
            rules:
              - {name: d, delete: {untagged: true}}
        schedule: {every: 24h, jitter: 30m}
        deploy-grace: 3d
        limits: {tags-percent: 10, items: 50}
        previous-images: 4
        """

    private static func names(_ settings: RetentionSettings, _ repository: String) throws -> [String] {
        settings.rules(for: try RepositoryName(parsing: repository)).map(\.name)
    }

    @Test func readsAll() throws {
        let settings = try settings(Self.full)
        #expect(try Self.names(settings, "team/app") == ["team/k", "team/d", "all/d"])
        #expect(try Self.names(settings, "team/secret") == ["all/d"])
        #expect(try Self.names(settings, "x") == ["all/d"])
        #expect(settings.schedule?.every == day && settings.schedule?.jitter == 1800)
        #expect(settings.deployGrace == 3 * day && settings.previousImages == 4)
        #expect(settings.limits.tagsPercent == 10 && settings.limits.items == 50)
        #expect(settings.policies.map(\.together) == [false, true])
    }

    /// The example at the head of docs/retention.md, and what it says.
    @Test func theExampleOfTheReference() throws {
        let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/retention.md"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
        let start = try #require(text.firstRange(of: "```yaml\nretention:\n")).upperBound
        let end = try #require(text[start...].firstRange(of: "```")).lowerBound
        let settings = try settings(String(text[start..<end]))
        let snapshot = try RetentionCase.snapshot(
            """
            1 v1.0.0 age=9000000
            2 v1.0.1 age=9000000
            3 v1.0.2 age=9000000
            4 v1.0.3 age=9000000
            5 old age=9000000
            6 age=2592001
            7 r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 age=5
            """
        )
        let rules = settings.rules(for: try RepositoryName(parsing: "team/app"))
        let gone = evaluate(snapshot, rules: rules, protections: [], now: now).gone
        #expect(gone == ["old", "v1.0.0", "#1", "#5", "#6"])
    }

    @Test func defaults() throws {
        let settings = try settings("policies: []")
        #expect(settings.schedule == nil && settings.deployGrace == 30 * day && settings.previousImages == 2)
        #expect(settings.limits.tagsPercent == 25 && settings.limits.items == 1000)
    }

    @Test func theCanonicalTextIsThatOfTheMeaning() throws {
        let one = try settings(
            "deploy-grace: 3d\npolicies:\n  - name: a\n    repositories: ['**']\n    rules: [{name: k, keep: {newest: 3}}]"
        )
        let same = try settings(
            """
            # c\npolicies: [{rules: [{keep: {\"newest\": '3'}, name: k}], repositories: [\"**\"], name: a}]\n\
            deploy-grace: \"3d\"\n
            """
        )
        let other = try settings(
            "deploy-grace: 3d\npolicies:\n  - name: a\n    repositories: ['**']\n    rules: [{name: k, keep: {newest: 4}}]"
        )
        #expect(one.canonical == same.canonical && one == same)
        #expect(one.canonical != other.canonical)
        #expect(
            one.canonical
                == #"""
                {"policies":[{"name":"a","repositories":["**"],"rules":[{"keep":{"newest":"3"},\#
                "name":"k"}]}],"deploy-grace":"3d"}
                """#
        )
    }

    private static func withRule(_ rule: String) -> String {
        "policies:\n  - name: p\n    repositories: [\"**\"]\n    rules:\n      - \(rule)"
    }

    /// What is wrong, the line, and a piece of the reason.
    @Test(arguments: [
        ("x: 1", 1, "has no 'x'"), ("- a", 1, "is a mapping"), ("deploy-grace: 0d", 1, "'deploy-grace'"),
        ("deploy-grace: 400d", 1, "at most 366d"),
        ("previous-images: 21", 1, "from 0 to 20"), ("limits: {tags-percent: 101}", 1, "'tags-percent'"),
        ("schedule: {jitter: 1h}", 1, "needs 'every'"), ("schedule: {every: 1s}", 1, "at least 1m"),
        ("schedule: {every: 1h, jitter: 2h}", 1, "'jitter'"), ("policies:\n  - name: p", 2, "needs 'repositories'"),
        ("policies:\n  - repositories: [a]", 2, "needs 'name'"),
        ("policies:\n  - name: p\n    repositories: [a]", 2, "takes a list of 1 to"),
        ("policies:\n  - name: p q\n    repositories: [a]", 2, "is no name"),
        (
            """
            policies:\n  - {name: p, repositories: [a], rules: [{name: k, keep: {}}]}\n  - {name: p, \
            repositories: [a], rules: [{name: k, keep: {}}]}
            """,
            3, "two policies have the name 'p'"
        ),
        (
            """
            policies:\n  - name: p\n    repositories: [a]\n    rules:\n      - {name: k, keep: {}}\n\
                  - {name: k, keep: {}}
            """,
            6, "two rules of a policy"
        ),
        (withRule("{name: d, delete: {}}"), 5, "names no condition"),
        (withRule("{name: d}"), 5, "either 'keep' or 'delete'"),
        (withRule("{name: d, keep: {}, delete: {tags: [a]}}"), 5, "either"),
        (withRule("{keep: {}}"), 5, "needs 'name'"),
        (withRule("{name: d, delete: {tag: [a]}}"), 5, "has no 'tag'"),
        (withRule("{name: d, delete: {tags: a}}"), 5, "takes a list"),
        (withRule("{name: d, delete: {tags: []}}"), 5, "empty list"),
        (withRule("name: d\n        delete:\n          tags:\n            - a\n            - ''"), 9, "'tags'"),
        (
            withRule("name: d\n        delete:\n          tags-matching:\n            - 'a'\n            - '(?=b)'"), 9,
            "'tags-matching' of delete: '(?=b)', at character 3"
        ),
        (withRule("{name: d, delete: {versions: [latest]}}"), 5, "'versions' of delete: 'latest' is no version"),
        (withRule("{name: d, delete: {pushed-before: 14}}"), 5, "'pushed-before'"),
        (withRule("{name: d, delete: {untagged: yes}}"), 5, "is true, false or also"),
        (withRule("{name: d, delete: {pre-release: maybe}}"), 5, "true or false"),
        (withRule("{name: d, delete: {newest: 0}}"), 5, "'newest'"),
        (withRule("{name: d, delete: {newest: {by: push}}}"), 5, "needs 'count'"),
        (withRule("{name: d, delete: {newest: {count: 1, by: size}}}"), 5, "is one of push, pull, version"),
        (
            withRule("{name: d, delete: {newest: {count: 1, per: patch}}}"), 5,
            "is none, major, minor, prefix or capture"
        ),
        (withRule("{name: d, delete: {newest: {count: 1, separator: x}}}"), 5, "belongs to 'per: prefix'"),
        (withRule("{name: d, delete: {newest: {count: 1, per: capture}}}"), 5, "capture needs 'tags-matching'"),
        (withRule("{name: d, delete: {tags-matching: [a], newest: {count: 1, per: capture}}}"), 5, "with a group"),
        (withRule("{name: d, delete: {untagged: also, newest: {count: 1, by: version}}}"), 5, "leave 'untagged' out"),
        (withRule("{name: d, delete: {untagged: true, tags: [a]}}"), 5, "is about tags"),
        (withRule("{name: d, delete: {annotations: []}}"), 5, "'annotations'"),
        (withRule("{name: d, delete: {annotations: {a: [b]}}}"), 5, "NAME: PATTERN"),
        (withRule("{name: d, delete: {tags: [a], except: []}}"), 5, "takes a list of 1"),
        (withRule("{name: d, delete: {tags: [a], except: [{}]}}"), 5, "without a condition"),
        (
            withRule("{name: d, delete: {tags: [a], except: [{tags: [b], except: [{tags: [c]}]}]}}"), 5,
            "has no 'except'"
        ),
        (
            withRule("{name: d, delete: {tags: [\(Array(repeating: "a", count: 65).joined(separator: ", "))]}}"), 5,
            "over 64 entries"
        ),
    ])
    func errorsNameTheLine(_ yaml: String, _ line: Int, _ piece: String) {
        let error = #expect(throws: RetentionError.self) { try settings(yaml) }
        #expect(error?.line == line && error?.reason.contains(piece) == true, "\(error?.description ?? "")")
    }

    @Test func readsWhatTheWriterPrints() throws {
        let text = """
            {untagged: also, tags: ["a"], not-tags: ["b"], tags-matching: ["(c)"], not-tags-matching: ["d\\\\d"], \
            with-tags: ["e"], versions: [">=1"], pre-release: true, pushed-before: 90s, pushed-within: 2d, \
            pulled-before: 3h, pulled-within: 4m, orphaned: false, media-types: ["m/*"], artifact-types: ["n/*"], \
            annotations: {"k": "v*"}, newest: 7, \
            except: [{tags: ["x"], newest: {count: 2, by: version, per: minor, of: images}}]}
            """
        let selector = try rules("- {name: k, keep: \(text)}")[0].selector
        #expect(selector.written == text)
    }
}
