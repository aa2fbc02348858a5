// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import Trust

@Suite struct ReportRequirementTests {
    private static func policy(_ more: String = "") throws -> TrustPolicy {
        try Sample.policy("- vulnerabilities: {keys: [one, two], max-severity: medium, max-age: 7d\(more)}")
    }

    private static func attested(
        by name: String = "one",
        _ result: String,
        finished: String = "2026-01-31T11:30:00Z",
        of image: Digest = Sample.image
    ) throws -> Evidence {
        let predicate = ReportTests.attested(result, finished: finished)
        return try Sample.attestation(by: name, .vulnerabilities, predicate, of: image)
    }

    private static func outcome(_ evidence: [Evidence], now: Int64 = Sample.now) throws -> RequirementOutcome {
        try policy().outcome(evidence, now: now)
    }

    @Test(arguments: Severity.allCases)
    func severities(severity: Severity) throws {
        let report = ReportTests.trivy(severity.description.uppercased())
        let outcome = try Self.outcome([Self.attested(report)])
        #expect(outcome.isSatisfied == (severity <= .medium), "\(outcome.reason)")
        #expect(outcome.keys == ["one"] && outcome.attachments.count == 1)
        if severity > .medium {
            #expect(outcome.reason.contains("CVE-2026-1 (\(severity)) in openssl 3.0.1"), "\(outcome.reason)")
        }
    }

    @Test func reportsThatDoNotCount() throws {
        let undated = #"{"SchemaVersion":2,"ArtifactName":"a"}"#
        let inventory =
            #"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-01-31T11:00:00Z"}}"#
        let cases: [(Evidence?, String)] = [
            (nil, "no report on vulnerabilities counts"), (try Self.attested(by: "three", ReportTests.clean), "no key"),
            (try Self.attested("{}"), "of no form that is known"),
            (try Self.attested(ReportTests.trivy("AWFUL")), "AWFUL"),
            (try Self.attested(ReportTests.clean, finished: "2026-01-24T11:59:59Z"), "more than 604800 seconds old"),
            (try Self.attested(ReportTests.clean, finished: "2026-01-31T12:05:01Z"), "which is to come"),
            (try Self.attested(ReportTests.clean, of: Sample.other), "another image"),
            (try Sample.attestation(by: "one", .vulnerabilities, undated), "does not say when"),
            (try Sample.attestation(by: "one", .custom, ReportTests.clean), "no report"),
            (try Sample.attestation(by: "one", .cyclonedx, inventory), "no report"),
            (try Sample.report(ReportTests.clean, .sarif, isOwn: false), "it is not signed"),
            (Evidence(.bundle([0]), manifest: Sample.other, subject: Sample.image), "is no JSON"),
        ]
        for (evidence, reason) in cases {
            let outcome = try Self.outcome(evidence.map { [$0] } ?? [])
            #expect(!outcome.isSatisfied && outcome.attachments.isEmpty && outcome.keys.isEmpty)
            #expect(outcome.reason.contains(reason), "\(outcome.reason)")
        }
        // None of them is in the way of one that counts.
        let all = cases.compactMap(\.0) + [try Self.attested(by: "two", ReportTests.clean)]
        #expect(try Self.outcome(all).keys == ["two"])
    }

    @Test func ownReportsNeedNoKey() throws {
        let evidence = try Sample.report(ReportTests.trivy(), .sarif, isOwn: true)
        #expect(try Self.outcome([evidence]).reason.contains("CVE-2026-1"))
        #expect(try Self.outcome([Sample.report(ReportTests.clean, .sarif, isOwn: true)]).isSatisfied)
        // What is signed counts by its signature, whoever is said to have made it.
        let signed = try Self.attested(by: "three", ReportTests.clean)
        let own = Evidence(signed.content, manifest: signed.manifest, subject: signed.subject, isOwn: true)
        #expect(try !Self.outcome([own]).isSatisfied)
    }

    @Test func inventoriesWithVulnerabilitiesAreReports() throws {
        let text = #"""
            {"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-01-31T11:00:00Z"},
             "vulnerabilities":[{"id":"CVE-7","ratings":[{"severity":"critical"}]}]}
            """#
        let outcome = try Self.outcome([Sample.attestation(by: "one", .cyclonedx, text)])
        #expect(!outcome.isSatisfied && outcome.reason.contains("CVE-7 (critical)"))
    }

    @Test func theNewestOfAScannerCounts() throws {
        let bad = try Self.attested(ReportTests.trivy(), finished: "2026-01-30T00:00:00Z")
        let good = try Self.attested(by: "two", ReportTests.clean, finished: "2026-01-31T00:00:00Z")
        #expect(try Self.outcome([bad]).isSatisfied == false)
        #expect(try Self.outcome([bad, good]).isSatisfied && Self.outcome([good, bad]).isSatisfied)
        let worse = try Self.attested(ReportTests.trivy(id: "CVE-9"), finished: "2026-01-31T01:00:00Z")
        #expect(try Self.outcome([good, worse]).reason.contains("CVE-9"))
        // Another scanner's newest counts too, as long as it is not stale.
        let grype = try Self.attested(ReportTests.grype(), finished: "2026-01-29T00:00:00Z")
        #expect(try Self.outcome([good, grype]).reason.contains("GHSA-1 (critical)"))
        let stale = try Self.attested(ReportTests.grype(), finished: "2026-01-01T00:00:00Z")
        #expect(try Self.outcome([good, stale]).isSatisfied)
        // One from the future neither counts nor hides another.
        let future = try Self.attested(ReportTests.clean, finished: "2027-01-01T00:00:00Z")
        #expect(try !Self.outcome([worse, future]).isSatisfied)
        // Two of the same moment: both count.
        let twin = try Self.attested(by: "two", ReportTests.clean, finished: "2026-01-31T01:00:00Z")
        #expect(try !Self.outcome([worse, twin]).isSatisfied && !Self.outcome([twin, worse]).isSatisfied)
    }

    @Test func waiversEnd() throws {
        let end = Sample.now - Sample.now % Sample.day + Sample.day
        let policy = try Self.policy(", waivers: [{id: CVE-2026-1, until: 2026-01-31, reason: not reachable}]")
        let evidence = [try Self.attested(ReportTests.trivy())]
        let before = try policy.outcome(evidence, now: end - 1)
        #expect(before.isSatisfied && before.window.validUntil == end)
        let after = try policy.outcome(evidence, now: end)
        #expect(!after.isSatisfied && after.window.notBefore == end)
        #expect(after.reason.contains("whose waiver ended at 2026-02-01T00:00:00Z"))
        let other = try policy.outcome([Self.attested(ReportTests.trivy(id: "CVE-2026-11"))], now: end - 1)
        #expect(!other.isSatisfied)
        // A waiver for what is tolerated anyway does not end anything.
        let low = try policy.outcome([Self.attested(ReportTests.trivy("LOW"))], now: end - 1)
        #expect(low.isSatisfied && low.window.validUntil == Sample.now - 1800 + 7 * Sample.day)
    }

    @Test func staleReportsEnd() throws {
        let evidence = [try Self.attested(ReportTests.clean)]
        let scanned = Sample.now - 1800
        let end = scanned + 7 * Sample.day
        #expect(try Self.outcome(evidence).window == TimeWindow(notBefore: scanned - 300, validUntil: end))
        #expect(try Self.outcome(evidence, now: end - 1).isSatisfied)
        let late = try Self.outcome(evidence, now: end)
        #expect(!late.isSatisfied && late.window == TimeWindow(notBefore: end))
    }

    @Test func indexesLeaveReportsToTheirImages() throws {
        let policy = try Self.policy()
        #expect(try policy.outcome([], image: Sample.index, isIndex: true).isSatisfied)
        let bad = try Sample.attestation(
            by: "one",
            .vulnerabilities,
            ReportTests.attested(ReportTests.trivy()),
            of: Sample.index,
            on: Sample.index
        )
        #expect(try !policy.outcome([bad], image: Sample.index, isIndex: true).isSatisfied)
        #expect(try !policy.outcome([bad], parents: [Sample.index]).isSatisfied)
        // Nobody without a key can make an index fail.
        let junk = try Sample.attestation(
            by: "three",
            .vulnerabilities,
            ReportTests.attested(ReportTests.trivy()),
            of: Sample.index,
            on: Sample.index
        )
        #expect(try policy.outcome([junk], image: Sample.index, isIndex: true).isSatisfied)
    }

    // MARK: Secrets

    private static func scan(state: String = "scanned", findings: String = "") -> String {
        #"""
        {"version":1,"layers":[{"digest":"\#(Sample.other)","state":"\#(state)","reason":"too large"}],
         "findings":[\#(findings)]}
        """#
    }

    private static let secret = #"{"kind":"aws-key","layer":"\#(Sample.other)","path":"etc/aws","line":3}"#

    @Test func secrets() throws {
        let strict = try Sample.policy("- no-secrets:")
        let lenient = try Sample.policy("- no-secrets: {allow-unscanned: true}")
        func own(_ text: String) throws -> [Evidence] { [try Sample.report(text, .secretsReport, isOwn: true)] }
        #expect(try strict.outcome(own(Self.scan())).isSatisfied)
        #expect(try lenient.outcome(own(Self.scan(state: "unscanned"))).isSatisfied)
        let cases: [(TrustPolicy, [Evidence], String)] = [
            (strict, [], "have not been scanned"), (lenient, [], "have not been scanned"),
            (strict, try own(Self.scan(state: "unscanned")), "is not scanned, too large"),
            (lenient, try own(Self.scan(findings: Self.secret)), "aws-key in etc/aws"),
            (strict, try own("{}"), "is not of version 1"), (strict, try own("junk"), "is no JSON"),
            (strict, [try Sample.report(Self.scan(), .secretsReport, isOwn: false)], "not the registry's own"),
            (strict, [try Sample.report(Self.scan(), .sarif, isOwn: true)], "have not been scanned"),
            (
                strict, [try Sample.report(Self.scan(), .secretsReport, isOwn: true, on: Sample.index)],
                "not been scanned"
            ),
        ]
        for (policy, evidence, reason) in cases {
            let outcome = try policy.outcome(evidence, parents: [Sample.index])
            #expect(!outcome.isSatisfied && outcome.reason.contains(reason), "\(outcome.reason)")
        }
        #expect(try strict.outcome([], image: Sample.index, isIndex: true).isSatisfied)
    }

    // MARK: Age

    @Test func minimumAge() throws {
        let pushed = Sample.now - Sample.day
        let policy = try Sample.policy("- minimum-age: 2d")
        let early = try policy.outcome([])
        #expect(!early.isSatisfied && early.window == TimeWindow(validUntil: pushed + 2 * Sample.day))
        #expect(early.reason.contains("is old enough at 2026-02-01T12:00:00Z"))
        let ripe = try policy.outcome([], now: pushed + 2 * Sample.day)
        #expect(ripe.isSatisfied && ripe.window == TimeWindow(notBefore: pushed + 2 * Sample.day))
        #expect(try !policy.outcome([], now: pushed + 2 * Sample.day - 1).isSatisfied)
    }
}
