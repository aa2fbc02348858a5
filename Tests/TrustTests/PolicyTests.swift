// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

@Suite struct PolicyTests {
    private static let whole = """
        - repositories: ["team/*", prod/**]
          enforce: pull
          require:
            - signed: {keys: [one, two], threshold: 2}
            - provenance:
                keys: [one]
                builders: ["https://github.com/acme/**"]
                source: "https://github.com/acme/*"
                max-age: 4w
                tag-matches-revision: true
            - sbom: {keys: [two], formats: [spdx]}
            - sbom:
            - vulnerabilities:
                keys: [three]
                max-severity: medium
                max-age: 7d
                waivers:
                  - {id: CVE-2026-1, until: 2026-02-28, reason: not reachable}
                  - {id: CVE-2026-2, until: "2026-02-28T12:00:00Z", reason: fixed next week}
            - minimum-age: 12h
            - no-secrets: {allow-unscanned: true}
            - no-secrets: {}
          exempt: ["robot:signer", "group:admins"]
        - {repositories: ["**"], enforce: warn, require: [{sbom: {}}]}
        """

    private static let waivers = "- vulnerabilities: {keys: [one], max-severity: low, max-age: 1d, waivers: "

    @Test func readsEverything() throws {
        let policy = try Sample.policy(rules: Self.whole)
        #expect(policy.keys == (try ["one", "three", "two"].map { try Sample.trustKey($0) }))
        #expect(policy.rules.map(\.index) == [0, 1] && policy.rules.map(\.enforcement) == [.pull, .warn])
        #expect(policy.rules[0].exempt == ["robot:signer", "group:admins"])
        #expect(policy.rules[0].asksForTag && !policy.rules[1].asksForTag)
        #expect(policy.rules[0].requirements.count == 8)
        guard case .signed(let signed) = policy.rules[0].requirements[0],
            case .provenance(let provenance) = policy.rules[0].requirements[1],
            case .inventory(let inventory) = policy.rules[0].requirements[2],
            case .vulnerabilities(let vulnerabilities) = policy.rules[0].requirements[4]
        else { return #expect(Bool(false), "other requirements") }
        #expect(signed.keys == ["one", "two"] && signed.threshold == 2)
        #expect(provenance.maxAge == 28 * Sample.day && provenance.tagMatchesRevision)
        #expect(provenance.builders == [try Glob(parsing: "https://github.com/acme/**")])
        #expect(provenance.source == (try Glob(parsing: "https://github.com/acme/*")))
        #expect(inventory.keys == ["two"] && inventory.formats == [.spdx])
        #expect(vulnerabilities.maxSeverity == .medium && vulnerabilities.maxAge == 7 * Sample.day)
        #expect(vulnerabilities.waivers.map(\.id) == ["CVE-2026-1", "CVE-2026-2"])
        #expect(vulnerabilities.waivers.map(\.reason) == ["not reachable", "fixed next week"])
        // A day counts to its end.
        #expect(vulnerabilities.waivers.map(\.end) == [1_772_323_200, 1_772_280_000])
        #expect(policy.rules[0].requirements[5] == .minimumAge(43_200))
        #expect(policy.rules[0].requirements[6] == .noSecrets(allowsUnscanned: true))
        #expect(policy.rules[0].requirements[7] == .noSecrets(allowsUnscanned: false))
    }

    @Test func rulesOfARepository() throws {
        let policy = try Sample.policy(rules: Self.whole)
        func indexes(_ name: String) throws -> [Int] {
            try policy.rules(for: RepositoryName(parsing: name)).map(\.index)
        }
        #expect(try indexes("team/app") == [0, 1])
        #expect(try indexes("prod/a/b") == [0, 1])
        #expect(try indexes("team/a/b") == [1])
    }

    @Test func keysStandInFilesOrInThePolicy() throws {
        let pem = try Sample.trustKey("one").key.pem
        let inline = pem.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let text = """
            keys:
              ci: |
            \(inline)
            rules: []
            """
        let policy = try TrustPolicy(parsing: text, directory: "/") { _ in [] }
        #expect(policy.keys.map(\.name) == ["ci"])
        #expect(policy.keys.map(\.key) == [try Sample.trustKey("one").key])
        #expect(policy.rules.isEmpty)
    }

    @Test func fingerprintsAreOfEverything() throws {
        let first = try Sample.policy("- sbom: {}")
        #expect(first.fingerprint == (try Sample.policy("- sbom: {}").fingerprint))
        #expect(first.fingerprint != (try Sample.policy("- no-secrets: {}").fingerprint))
        // The same text with another key in the file.
        func policy(_ name: String) throws -> TrustPolicy {
            try TrustPolicy(parsing: "keys: {ci: ci.pem}\nrules: []", directory: "") { _ in
                Array(try Sample.trustKey(name).key.pem.utf8)
            }
        }
        #expect(try policy("one").fingerprint != policy("two").fingerprint)
    }

    @Test(
        arguments: [
            ("- signed: {keys: [four]}", "no key 'four'"), ("- signed: {keys: []}", "empty list"),
            ("- signed: {}", "needs 'keys'"), ("- signed:", "mapping with the keys keys, threshold"),
            ("- signed: {keys: [one], threshold: 2}", "from 1 to 1"), ("- signed: {keys: [one, one]}", "twice"),
            ("- signed: {keys: [one], treshold: 1}", "no 'treshold'"),
            ("- signed: {keys: [one], threshold: 0}", "from 1"),
            ("- provenance: {builders: [x]}", "needs 'keys'"),
            ("- provenance: {keys: [one], max-age: 7}", "span of time"),
            ("- provenance: {keys: [one], tag-matches-revision: perhaps}", "true or false"),
            ("- provenance: {keys: [one], builders: []}", "empty list"),
            ("- sbom: {formats: [swid]}", "'swid' is none"),
            ("- vulnerabilities: {keys: [one], max-severity: high}", "needs 'max-age'"),
            ("- vulnerabilities: {keys: [one], max-age: 1d}", "needs 'max-severity'"),
            ("- vulnerabilities: {max-severity: high, max-age: 1d}", "needs 'keys'"),
            ("- vulnerabilities: {keys: [one], max-severity: awful, max-age: 1d}", "is one of none, negligible"),
            (
                "\(waivers)[{id: a, until: b, reason: c}]}",
                "is a day like"
            ),
            (
                "\(waivers)[{id: a, until: 2026-01-01}]}",
                "needs 'reason'"
            ),
            ("- minimum-age: 0d", "span of time"), ("- minimum-age: 1000000000w", "span of time"),
            ("- minimum-age:", "empty"),
            ("- no-secrets: {allow: true}", "no 'allow'"), ("- signd: {}", "no 'signd'"), ("- signed", "is a mapping"),
            ("- {sbom: {}, no-secrets: {}}", "each an entry by itself"),
        ]
    )
    func refusesRequirements(text: String, reason: String) throws {
        let error = #expect(throws: TrustError.self) { try Sample.policy(text) }
        #expect(error?.code == .invalidPolicy)
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.line == 6, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            ("", "empty"), ("[]", "is a mapping"), ("keys: []", "mapping of at most"), ("rules: {}", "takes a list"),
            ("more: 1", "has no 'more'"), ("rules: [{enforce: pull, require: [sbom: {}]}]", "needs 'repositories'"),
            ("rules: [{repositories: [a], require: [sbom: {}]}]", "needs 'enforce'"),
            ("rules: [{repositories: [a], enforce: deny, require: [sbom: {}]}]", "pull, promote or warn"),
            ("rules: [{repositories: [a], enforce: pull}]", "1 to 32"), ("keys: {'a b': x}", "is no name"),
            ("rules: [{repositories: [a], enforce: pull, require: []}]", "1 to 32"),
            ("rules: [{repositories: [\"a\\u0001\"], enforce: pull, require: [sbom: {}]}]", "control characters"),
            ("keys: {a: missing.pem}", "cannot be read"), ("keys: {a: junk.pem}", "the key 'a'"),
            ("keys: {a: one.pem, b: one.pem}", "same key as 'a'"), ("keys: {a: }", "empty"), ("a: [", "no YAML"),
        ]
    )
    func refusesPolicies(text: String, reason: String) throws {
        let error = #expect(throws: TrustError.self) {
            try TrustPolicy(parsing: text, directory: "/keys") { path in
                switch path {
                case "/keys/one.pem": Array(try Sample.trustKey("one").key.pem.utf8)
                case "/keys/junk.pem": Array("junk".utf8)
                default: throw TrustError(.invalidKey, "there is no \(path)")
                }
            }
        }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func isBounded() {
        let long = String(repeating: " ", count: TrustLimits.policyBytesLimit + 1)
        let error = #expect(throws: TrustError.self) { try TrustPolicy(parsing: long, directory: "") { _ in [] } }
        #expect(error?.code == .tooLarge)
    }
}
