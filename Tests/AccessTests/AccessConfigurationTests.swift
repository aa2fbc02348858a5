// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing

@Suite struct AccessConfigurationTests {
    private static let whole = """
        service: registry.example
        realm: https://registry.example/token
        htpasswd: users/htpasswd
        robots: /var/lib/cairn/robots.json
        token-keys: keys.json
        token-minutes: 5
        issuers:
          - name: github
            issuer: https://token.actions.example
            audience: registry.example
            jwks: https://token.actions.example/keys
            ca-file: ca.pem
            workloads:
              - {name: main, claims: {repository: "acme/*", ref: refs/heads/main}, groups: [ci]}
              - {name: any, claims: {repository: "acme/**"}}
          - {name: local, issuer: "http://127.0.0.1:9000/x", audience: a, workloads: [{name: w, claims: {sub: "*"}}]}
        certificates:
          - {san: "*.eu.example", name: eu, groups: [regions]}
          - san: spiffe://example/agent/*
        groups:
          admins: ["user:root", "certificate:eu"]
          team/a: ["workload:github/main"]
        immutable:
          - {repositories: ["team/*"], tags: ["v*"]}
        quotas:
          - {repositories: team/, bytes: 10GiB}
        rules:
          - {name: all, allow: "*", who: ["group:admins"]}
        limits:
          requests-per-second: 100
          request-burst: 200
          address-requests-per-second: 50
          bytes-per-second: 10MiB
          uploads-per-principal: 8
          connections-per-address: 16
        """

    @Test func readsEverything() throws {
        let access = try AccessYAML.read(Self.whole)
        #expect(access.service == "registry.example")
        #expect(access.realm == "https://registry.example/token")
        #expect(access.htpasswd == "/etc/cairn/users/htpasswd")
        #expect(access.robots == "/var/lib/cairn/robots.json")
        #expect(access.tokenKeys == "/etc/cairn/keys.json")
        #expect(access.tokenSeconds == 300)
        let main = IssuerConfiguration.Workload(
            name: "main",
            claims: ["repository": try Glob(parsing: "acme/*"), "ref": try Glob(parsing: "refs/heads/main")],
            groups: ["ci"]
        )
        #expect(access.issuers.map(\.name) == ["github", "local"])
        #expect(access.issuers[0].workloads.first == main)
        #expect(access.issuers[0].workloads.map(\.name) == ["main", "any"])
        #expect(access.issuers[0].issuer == "https://token.actions.example")
        #expect(access.issuers[0].audience == "registry.example")
        #expect(access.issuers[0].jwks == "https://token.actions.example/keys")
        #expect(access.issuers[0].caFile == "/etc/cairn/ca.pem")
        #expect(access.issuers[1].jwks == nil && access.issuers[1].caFile == nil)
        #expect(
            access.certificates == [
                CertificateMapping(san: try Glob(parsing: "*.eu.example"), name: "eu", groups: ["regions"]),
                CertificateMapping(san: try Glob(parsing: "spiffe://example/agent/*")),
            ]
        )
        let members = { (texts: [String]) in
            Set(try texts.map { PrincipalPattern.Member(try Principal(parsing: $0)) })
        }
        let (admins, team) = (try members(["user:root", "certificate:eu"]), try members(["workload:github/main"]))
        #expect(access.groups == ["admins": admins, "team/a": team])
        #expect(access.rules.quotas.map(\.prefix) == ["team/"])
        #expect(
            access.limits
                == LimitsConfiguration(
                    principalRate: RateLimiter.Rate(perSecond: 100, burst: 200),
                    addressRate: RateLimiter.Rate(perSecond: 50, burst: 50),
                    bytesRate: RateLimiter.Rate(perSecond: 10_485_760, burst: 1_310_720),
                    uploadsPerPrincipal: 8,
                    connectionsPerAddress: 16
                )
        )
    }

    @Test func hasDefaults() throws {
        let access = try AccessYAML.read("rules:\n")
        #expect(access.service == "cairn" && access.realm == nil && access.htpasswd == nil && access.robots == nil)
        #expect(access.tokenKeys == nil && access.tokenSeconds == 600)
        #expect(access.issuers.isEmpty && access.certificates.isEmpty && access.groups.isEmpty)
        #expect(access.limits == LimitsConfiguration())
        #expect(access.limits.uploadsPerPrincipal == 512 && access.limits.connectionsPerAddress == 256)
        #expect(
            access.limits.principalRate == nil && access.limits.addressRate == nil && access.limits.bytesRate == nil
        )
    }

    @Test func unknownKeysAreNamedWithTheirLineAndTheKnownOnes() throws {
        let top = try AccessYAML.error("service: a\nrule: []\n")
        #expect(top?.line == 2 && top?.code == .invalidConfiguration)
        #expect(
            top?.reason == """
                access has no 'rule'; the keys are service, realm, htpasswd, robots, token-keys, token-minutes, \
                issuers, certificates, groups, immutable, quotas, rules, limits
                """
        )
        let rule = try AccessYAML.error("rules:\n  - allow: [pull]\n    whom: [\"*\"]\n")
        #expect(rule?.line == 3 && rule?.code == .invalidRule)
        #expect(
            rule?.description == """
                line 3: a rule has no 'whom'; the keys are name, allow, deny, who, repositories, tags, networks, message
                """
        )
        let action = try AccessYAML.error("rules:\n  - allow:\n      - pull\n      - fly\n")
        #expect(action?.line == 4)
        #expect(action?.reason.hasPrefix("'allow' of a rule: unknown action 'fly'; the actions are pull, ") == true)
    }

    /// What is wrong, the line that is to blame, and a piece of the reason.
    @Test(
        arguments: [
            ("[]", 1, "mapping"), ("x", 1, "mapping"), ("service: [a]", 1, "takes text"), ("service: \"\"", 1, "empty"),
            ("service: a b", 1, "printable"), ("service: 'a\"b'", 1, "printable"), ("realm: ftp://a", 1, "https://"),
            ("realm: https://", 1, "host"), ("realm: 'https://a b'", 1, "https://"), ("htpasswd:", 1, "empty"),
            ("token-minutes: 4", 1, "from 5 to 15"), ("token-minutes: 16", 1, "from 5 to 15"),
            ("token-minutes: ten", 1, "whole number"), ("rules: x", 1, "takes a list"),
            ("rules: {}", 1, "takes a list"),
            ("rules:\n- pull", 2, "mapping"), ("rules:\n- {}", 2, "one of 'allow' and 'deny'"),
            ("rules:\n- {allow: [pull], deny: [pull]}", 2, "one of"), ("rules:\n- {allow: pull}", 2, "takes a list"),
            ("rules:\n- {allow: []}", 2, "empty list"), ("rules:\n- {allow: }", 2, "empty list"),
            ("rules:\n- allow: [pull]\n  who: []", 3, "empty list"),
            ("rules:\n- allow: [pull]\n  who:", 3, "empty list"), ("rules:\n- {allow: [[pull]]}", 2, "takes text"),
            ("rules:\n- allow: [pull]\n  who: [human:x]", 3, "nobody"),
            ("rules:\n- allow: [pull]\n  who: [alice]", 3, "nobody"),
            ("rules:\n- allow: [pull]\n  who: ['anonymous:*']", 3, "nobody"),
            ("rules:\n- allow: [pull]\n  who: ['user:']", 3, "not empty"),
            ("rules:\n- allow: [pull]\n  networks:\n  - 10.0.0.0/8\n  - 127.0.0.1/99", 5, "prefix length"),
            ("rules:\n- allow: [pull]\n  networks: [10.1.0.0/8]", 3, "the network is 10.0.0.0/8"),
            ("rules:\n- allow: [pull]\n  message: no", 3, "for denials"),
            ("rules:\n- {name: a, allow: [pull]}\n- {name: a, deny: [pull]}", 3, "another rule"),
            ("rules:\n- {deny: [pull], message: \"a\\nb\"}", 2, "control"),
            ("immutable:\n- {}", 2, "needs"), ("immutable:\n- {tags: []}", 2, "empty list"),
            ("quotas:\n- {repositories: team, bytes: 1}", 2, "prefix"), ("quotas:\n- {bytes: 1}", 2, "needs"),
            ("quotas:\n- {repositories: a/}", 2, "needs"), ("quotas:\n- {repositories: a/, bytes: 0}", 2, "above 0"),
            ("quotas:\n- {repositories: a/, bytes: 1GB}", 2, "KiB"),
            ("quotas:\n- {repositories: a/, bytes: 9000000TiB}", 2, "KiB"),
            ("quotas:\n- {repositories: 'a*/', bytes: 1}", 2, "prefix"),
            ("quotas:\n- {repositories: a/, bytes: 1}\n- {repositories: a/, bytes: 2}", 3, "another quota"),
            ("limits:\n  requests-per-second: 0", 2, "from 1"), ("limits:\n  request-burst: 5", 2, "needs"),
            ("limits:\n  requests: 5", 2, "the keys are requests-per-second"), ("limits: 5", 1, "mapping"),
            ("groups: [a]", 1, "mapping"), ("groups:\n  a: [alice]", 2, "no principal"),
            ("groups:\n  a: ['user:*']", 2, "one by one"), ("groups:\n  'a b': ['user:x']", 2, "no name"),
            ("groups:\n  a: []", 2, "empty list"), ("certificates:\n- {name: a}", 2, "needs 'san'"),
            ("issuers:\n- {name: a/b}", 2, "no name"), ("issuers:\n- {name: a}", 2, "needs 'issuer'"),
            ("issuers:\n- {name: a, issuer: http://b.example, audience: c}", 2, "not https"),
            ("issuers:\n- {name: a, issuer: 'https://u@b.example', audience: c}", 2, "without a user"),
            ("issuers:\n- {name: a, issuer: https://b, audience: c}", 2, "workloads"),
            ("issuers:\n- {name: a, issuer: https://b, audience: c, workloads: [{name: w}]}", 2, "claims"),
            ("issuers:\n- {name: a, issuer: https://b, audience: c, workloads: [{name: w, claims: {}}]}", 2, "claims"),
            (
                "issuers:\n- {name: a, issuer: https://b, audience: c, workloads: [{name: w, claims: {s: }}]}", 2,
                "empty"
            ),
        ]
    )
    func refuses(text: String, line: Int, piece: String) throws {
        let error = try #require(try AccessYAML.error(text), "accepted: \(text)")
        #expect(error.line == line, "\(error)")
        #expect(error.reason.contains(piece), "\(error)")
    }

    @Test func sizesOfListsAndTextsAreBounded() throws {
        let many = Array(repeating: "pull", count: 4097).joined(separator: ",")
        #expect(try AccessYAML.error("rules: [{allow: [\(many)]}]")?.reason.contains("4096") == true)
        let long = String(repeating: "x", count: 513)
        #expect(try AccessYAML.error("rules: [{deny: [pull], message: \(long)}]")?.reason.contains("512") == true)
        #expect(try AccessYAML.error("rules: [{deny: [pull], message: \(long.dropLast())}]") == nil)
        #expect(
            try AccessYAML.error("rules: [{allow: [pull], repositories: [\(long)]}]")?.reason.contains("256") == true
        )
    }

    @Test func anchorsStandForWhatTheyName() throws {
        let access = try AccessYAML.read(
            """
            rules:
              - {allow: [pull], repositories: &repositories ["a/*"]}
              - {allow: [push], repositories: *repositories}
            """
        )
        #expect(access.rules.quotas.isEmpty)
        // Merge keys are not YAML 1.2, and would hide what a rule says.
        #expect(try AccessYAML.error("rules: [&a {allow: [pull]}, {<<: *a}]")?.reason.contains("'<<'") == true)
    }
}
