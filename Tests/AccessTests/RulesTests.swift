// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing

@Suite struct RulesTests {
    private static let alice = Principal(kind: .user, name: "alice", groups: ["dev"], method: .basic)
    private static let bob = Principal(kind: .user, name: "bob", groups: [], method: .basic)

    private func decide(
        _ rules: Rules,
        _ principal: Principal,
        _ action: Action,
        _ repository: String? = nil,
        tag: String? = nil,
        from address: String? = nil
    ) throws -> Decision {
        rules.decide(
            AccessRequest(
                principal: principal,
                action: action,
                repository: try repository.map { try RepositoryName(parsing: $0) },
                tag: try tag.map { try Tag(parsing: $0) },
                address: address.flatMap { IPAddress($0) }
            ),
            grants: []
        )
    }

    private func rules(_ text: String) throws -> Rules { try AccessYAML.read("rules:\n" + text).rules }

    @Test func nothingIsAllowedUnlessARuleSaysSo() throws {
        for action in Action.allCases {
            #expect(try !decide(.empty, Self.alice, action, "a").allowed)
            #expect(try !decide(AccessYAML.read("rules: []").rules, .anonymous, action).allowed)
            #expect(try !decide(AccessYAML.read("{service: x}").rules, .anonymous, action).allowed)
        }
        let decision = try decide(.empty, .anonymous, .audit)
        #expect(decision.reason == "no rule allows anonymous to audit")
        #expect(decision.rule == nil && decision.message == nil && !decision.explicit)
    }

    @Test func theFirstRuleThatMatchesDecides() throws {
        let rules = try rules(
            """
            - {name: freeze, deny: [push], repositories: ["frozen/**"], message: ask the release team}
            - {allow: [push], who: ["user:*"]}
            - {name: late, deny: "*"}
            """
        )
        let frozen = try decide(rules, Self.alice, .push, "frozen/app")
        #expect(!frozen.allowed && frozen.rule == "freeze" && frozen.message == "ask the release team")
        #expect(frozen.reason == "rule 'freeze' (line 2) denies push")
        let allowed = try decide(rules, Self.alice, .push, "app")
        #expect(allowed.allowed && allowed.rule == "rule 2 (line 3)" && allowed.message == nil && allowed.explicit)
        #expect(allowed.reason == "rule 2 (line 3) allows push")
        #expect(try decide(rules, Self.alice, .pull, "app").reason == "rule 'late' (line 4) denies everything")
        #expect(try decide(rules, .anonymous, .push, "app").rule == "late")
    }

    @Test func someActionsCoverOthers() throws {
        let rules = try rules(#"- {name: wide, allow: [pull, push]}"#)
        for (action, explicit) in [(Action.pull, true), (.pullByTag, false), (.push, true), (.overwrite, false)] {
            let decision = try decide(rules, Self.alice, action, "a", tag: "v1")
            #expect(decision.allowed && decision.explicit == explicit, "\(action)")
        }
        for action in [Action.delete, .sign, .promote, .retain, .replicate, .audit, .admin] {
            #expect(try !decide(rules, Self.alice, action, "a").allowed, "\(action)")
        }
        let narrow = try self.rules(#"- {allow: [pull-by-tag, overwrite]}"#)
        #expect(try decide(narrow, Self.alice, .pullByTag, "a").explicit)
        #expect(try decide(narrow, Self.alice, .overwrite, "a").explicit)
        #expect(try !decide(narrow, Self.alice, .pull, "a").allowed)
        #expect(try !decide(narrow, Self.alice, .push, "a").allowed)
        let all = try self.rules(#"- {allow: "*"}"#)
        for action in Action.allCases { #expect(try decide(all, .anonymous, action).explicit) }
    }

    @Test func agentsCanBeHeldToDigests() throws {
        let rules = try rules(
            """
            - {name: digests only, deny: [pull-by-tag], who: ["robot:agent-*"]}
            - {allow: [pull], who: ["robot:*"]}
            """
        )
        let agent = Principal(kind: .robot, name: "agent-1", groups: [], method: .token)
        #expect(try decide(rules, agent, .pull, "a").allowed)
        #expect(try !decide(rules, agent, .pullByTag, "a", tag: "v1").allowed)
        let builder = Principal(kind: .robot, name: "builder", groups: [], method: .token)
        #expect(try decide(rules, builder, .pullByTag, "a", tag: "v1").allowed)
    }

    @Test(
        arguments: [
            ("*", [true, true, true, true, true]), ("anonymous", [true, false, false, false, false]),
            ("authenticated", [false, true, true, true, true]), ("user:a*", [false, true, false, false, false]),
            ("user:**", [false, true, false, false, false]), ("robot:ci", [false, false, true, false, false]),
            ("workload:*", [false, false, false, false, false]), ("workload:ci/*", [false, false, false, true, false]),
            ("certificate:*.example", [false, false, false, false, true]),
            ("group:dev", [false, true, false, false, false]), ("group:ops", [false, false, true, true, false]),
            ("group:*", [false, true, true, true, true]), ("group:nobody", [false, false, false, false, false]),
        ]
    )
    func whoIsMeant(who: String, expected: [Bool]) throws {
        let rules = try AccessYAML.read(
            """
            groups: {ops: ["robot:ci", "workload:ci/main"], outside: ["certificate:eu.example"]}
            rules: [{allow: [pull], who: ["\(who)"]}]
            """
        ).rules
        let principals = [
            .anonymous, Self.alice, Principal(kind: .robot, name: "ci", groups: [], method: .token),
            Principal(kind: .workload, name: "ci/main", groups: [], method: .token),
            Principal(kind: .certificate, name: "eu.example", groups: [], method: .certificate),
        ]
        for (principal, expected) in zip(principals, expected) {
            #expect(try decide(rules, principal, .pull, "a").allowed == expected, "\(principal)")
        }
    }

    @Test func tagsConstrainRequestsThatNameOne() throws {
        let rules = try rules(
            """
            - {name: stay, deny: [overwrite, delete], tags: ["v*"]}
            - {name: some, allow: [push, delete], tags: ["v*", "main"]}
            """
        )
        #expect(try decide(rules, Self.alice, .overwrite, "a", tag: "v1").rule == "stay")
        #expect(try decide(rules, Self.alice, .overwrite, "a", tag: "main").allowed)
        #expect(try decide(rules, Self.alice, .push, "a", tag: "v1").allowed)
        #expect(try !decide(rules, Self.alice, .push, "a", tag: "test").allowed)
        #expect(try decide(rules, Self.alice, .push, "a").allowed)
        #expect(try decide(rules, Self.alice, .delete, "a").rule == "some")
    }

    @Test func whatBelongsToNoRepositoryNeedsARuleWithoutSome() throws {
        let rules = try rules(
            """
            - {allow: [audit], repositories: ["**"]}
            - {allow: [audit], who: ["user:alice"]}
            """
        )
        #expect(try decide(rules, Self.alice, .audit).rule == "rule 2 (line 3)")
        #expect(try !decide(rules, Self.bob, .audit).allowed)
        #expect(try decide(rules, Self.bob, .audit, "a").allowed)
    }

    @Test func networksNeedAnAddress() throws {
        let rules = try rules(#"- {allow: [pull], networks: ["10.0.0.0/8", "::1"]}"#)
        #expect(try decide(rules, .anonymous, .pull, "a", from: "10.1.2.3").allowed)
        #expect(try decide(rules, .anonymous, .pull, "a", from: "::1").allowed)
        #expect(try !decide(rules, .anonymous, .pull, "a", from: "11.1.2.3").allowed)
        #expect(try !decide(rules, .anonymous, .pull, "a").allowed)
    }

    @Test func immutabilityIsOfRepositoryAndTag() throws {
        let rules = try AccessYAML.read(
            """
            immutable:
              - {repositories: ["team/*"], tags: ["v*"]}
              - {repositories: ["fixed/**"]}
              - {tags: ["release-*"]}
            """
        ).rules
        func isImmutable(_ repository: String, _ tag: String) throws -> Bool {
            rules.isImmutable(try Tag(parsing: tag), in: try RepositoryName(parsing: repository))
        }
        #expect(try isImmutable("team/app", "v1"))
        #expect(try !isImmutable("team/app", "main"))
        #expect(try !isImmutable("other", "v1"))
        #expect(try isImmutable("fixed/a/b", "main"))
        #expect(try isImmutable("other", "release-1"))
        #expect(try !Rules.empty.isImmutable(Tag(parsing: "v1"), in: RepositoryName(parsing: "team/app")))
    }

    @Test func quotasCoverWhatIsBelowTheirPrefix() throws {
        let rules = try AccessYAML.read(
            #"quotas: [{repositories: "team/", bytes: 10GiB}, {repositories: "", bytes: 5}]"#
        ).rules
        #expect(rules.quotas == [Quota(prefix: "team/", bytes: 10 << 30), Quota(prefix: "", bytes: 5)])
        #expect(rules.quotas[0].covers(try RepositoryName(parsing: "team/app")))
        #expect(!rules.quotas[0].covers(try RepositoryName(parsing: "teams/app")))
        #expect(!rules.quotas[0].covers(try RepositoryName(parsing: "team")))
        #expect(rules.quotas[1].covers(try RepositoryName(parsing: "teams")))
    }
}

@Suite struct PrincipalTests {
    @Test(arguments: ["anonymous", "user:alice", "robot:ci", "workload:github/acme-main", "certificate:spiffe://a/b"])
    func writesWhatItRead(text: String) throws {
        #expect(try Principal(parsing: text).description == text)
    }

    @Test(arguments: ["", "alice", "user:", "human:alice", ":alice", "anonymous:x", "User:alice"])
    func refuses(text: String) {
        #expect(refused { () throws(AccessError) in try Principal(parsing: text) }?.code == .invalidRule)
    }
}
