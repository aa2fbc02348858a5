// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import Trust

@Suite struct VerdictTests {
    private static func policy() throws -> TrustPolicy {
        try Sample.policy(
            rules: """
                - repositories: ["team/*"]
                  enforce: pull
                  require:
                    - signed: {keys: [one, two], threshold: 2}
                    - minimum-age: 2d
                    - vulnerabilities:
                        keys: [one]
                        max-severity: medium
                        max-age: 3d
                        waivers: [{id: CVE-2026-1, until: 2026-02-01, reason: soon fixed}]
                    - provenance: {keys: [one], max-age: 4d}
                - {repositories: ["**"], enforce: warn, require: [{sbom: {}}]}
                - {repositories: ["team/**"], enforce: promote, require: [{no-secrets: {}}]}
                """
        )
    }

    private static func evidence() throws -> [Evidence] {
        [
            try Sample.signature(by: "one"), try Sample.signature(by: "two"),
            try Sample.attestation(by: "one", .provenance, StatementTests.v1),
            try Sample.attestation(by: "one", .vulnerabilities, ReportTests.attested(ReportTests.trivy())),
            try Sample.attestation(
                by: "one",
                .vulnerabilities,
                ReportTests.attested(ReportTests.grype("low"), finished: "2026-02-02T00:00:00Z")
            ),
        ]
    }

    private static func verdict(now: Int64, tag: Tag? = nil) throws -> TrustVerdict {
        try policy().evaluate(
            repository: RepositoryName(parsing: "team/app"),
            image: TrustImage(digest: Sample.image, isIndex: false, tag: tag, pushedAt: Sample.now - Sample.day),
            evidence: evidence(),
            now: now
        )
    }

    @Test func comesBack() throws {
        for tag in [nil, try Tag(parsing: "v1")] {
            let verdict = try Self.verdict(now: Sample.now, tag: tag)
            #expect(verdict.rules.map(\.outcomes.count) == [4, 1, 1])
            #expect(try TrustVerdict(parsing: verdict.bytes) == verdict)
        }
    }

    @Test func failuresAreThoseOfTheRulesThatBind() throws {
        let verdict = try Self.verdict(now: Sample.now)
        func failures(_ kinds: Set<TrustRule.Enforcement>, exempt: Int? = nil) -> [String] {
            verdict.failures(of: kinds) { $0 == exempt }.map { String($0.requirement.prefix(9)) }
        }
        #expect(failures([.pull]) == ["in the re"])
        #expect(failures([.warn]) == ["inventory"])
        #expect(failures([.pull, .promote]) == ["in the re", "no secret"])
        #expect(failures([.pull], exempt: 0).isEmpty)
        #expect(failures([.pull], exempt: 1) == ["in the re"])
    }

    @Test func isCurrentForItsPolicyAndTime() throws {
        let verdict = try Self.verdict(now: Sample.now)
        let policy = try Self.policy().fingerprint
        #expect(verdict.isCurrent(policy: policy, now: Sample.now))
        #expect(!verdict.isCurrent(policy: try Sample.policy("- sbom: {}").fingerprint, now: Sample.now))
        let end = try #require(verdict.window.validUntil)
        #expect(verdict.isCurrent(policy: policy, now: end - 1) && !verdict.isCurrent(policy: policy, now: end))
        let start = try #require(verdict.window.notBefore)
        #expect(verdict.isCurrent(policy: policy, now: start) && !verdict.isCurrent(policy: policy, now: start - 1))
    }

    /// A kept verdict says what evaluation would say, at every moment of its window, for outcomes of all kinds.
    @Test func windowsAreHonest() throws {
        let policy = try Self.policy()
        let evidence = try Self.evidence()
        let image = TrustImage(digest: Sample.image, isIndex: false, pushedAt: Sample.now - Sample.day)
        let repository = try RepositoryName(parsing: "team/app")
        var verdicts: [(now: Int64, verdict: TrustVerdict)] = []
        var random = SeededGenerator(seed: 11)
        for _ in 0..<60 {
            let now = Sample.now + Int64.random(in: -5 * Sample.day...8 * Sample.day, using: &random)
            let verdict = policy.evaluate(repository: repository, image: image, evidence: evidence, now: now)
            verdicts.append((now, verdict))
            #expect(verdict.window.contains(now))
        }
        var held = 0
        var kinds: Set<[Bool]> = []
        for (_, kept) in verdicts {
            kinds.insert(kept.rules.flatMap(\.outcomes).map(\.isSatisfied))
            for (now, fresh) in verdicts {
                for (old, new) in zip(kept.rules.flatMap(\.outcomes), fresh.rules.flatMap(\.outcomes))
                where old.window.contains(now) {
                    held += 1
                    if old.isSatisfied != new.isSatisfied { Issue.record("\(old) is not so at \(now): \(new)") }
                }
            }
        }
        #expect(held > 2000 && kinds.count > 3, "\(held) \(kinds.count)")
    }

    @Test(
        arguments: [
            "", "{}", "[]", #"{"version":1}"#, #"{"version":2,"policy":"D","image":"D","rules":[]}"#,
            #"{"version":1,"policy":"x","image":"D","rules":[]}"#, #"{"version":1,"policy":"D","image":"D"}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[],"more":1}"#,
            #"{"version":1,"policy":"D","image":"D","tag":"-","rules":[]}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[{"index":-1,"enforce":"pull","outcomes":[]}]}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[{"index":0,"enforce":"never","outcomes":[]}]}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[{"index":0,"enforce":"pull"}]}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[{"index":0,"enforce":"pull","outcomes":[{}]}]}"#,
            #"{"version":1,"policy":"D","image":"D","rules":[{"index":0,"enforce":"pull","outcomes":[O]}]}"#,
        ]
    )
    func refusals(text: String) {
        let text = text.replacing("\"D\"", with: "\"\(Sample.image)\"")
            .replacing("[O]", with: #"[{"satisfied":true,"validUntil":"never"}]"#)
        let error = refused { () throws(TrustError) in try TrustVerdict(parsing: Array(text.utf8)) }
        #expect(error?.code == .invalidVerdict)
    }

    @Test func isBounded() {
        let long = [UInt8](repeating: 0x20, count: TrustLimits.verdictBytesLimit + 1)
        #expect(refused { () throws(TrustError) in try TrustVerdict(parsing: long) }?.code == .tooLarge)
    }
}
