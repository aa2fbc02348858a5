// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import Trust

@Suite struct StatementRequirementTests {
    private static func provenance(
        by name: String = "one",
        _ predicate: String = StatementTests.v1,
        of image: Digest = Sample.image
    ) throws -> Evidence {
        try Sample.attestation(by: name, .provenance, predicate, of: image)
    }

    @Test(
        arguments: [
            ("{keys: [one]}", nil), ("{keys: [one], builders: [\"https://github.com/acme/**\"]}", nil),
            ("{keys: [one], builders: [x, \"https://*/**\"], source: \"https://github.com/acme/*\"}", nil),
            ("{keys: [one], max-age: 25h}", nil), ("{keys: [one], tag-matches-revision: true}", nil),
            ("{keys: [two]}", "no key that may count"),
            (
                "{keys: [one], builders: [\"https://github.com/other/**\"]}",
                "the builder is 'https://github.com/acme/ci"
            ),
            ("{keys: [one], source: \"https://github.com/acme/app2\"}", "the source is 'https://github.com/acme/app'"),
            ("{keys: [one], max-age: 23h}", "more than 82800 seconds old"),
        ] as [(String, String?)]
    )
    func provenance(asked: String, reason: String?) throws {
        let outcome = try Sample.policy("- provenance: \(asked)").outcome([Self.provenance()])
        #expect(outcome.isSatisfied == (reason == nil), "\(outcome.reason)")
        if let reason {
            #expect(outcome.reason.contains(reason), "\(outcome.reason)")
            #expect(outcome.keys.isEmpty)
        } else {
            #expect(outcome.keys == ["one"] && outcome.attachments.count == 1)
        }
    }

    @Test func tagsAgreeWithTheRevision() throws {
        let policy = try Sample.policy("- provenance: {keys: [one], tag-matches-revision: true}")
        let evidence = [try Self.provenance()]
        #expect(try policy.outcome(evidence, tag: Tag(parsing: "v1.2.3")).isSatisfied)
        #expect(try policy.outcome(evidence, tag: nil).isSatisfied)
        let outcome = try policy.outcome(evidence, tag: Tag(parsing: "latest"))
        #expect(!outcome.isSatisfied && outcome.reason.contains("the tag 'latest' is not what was built"))
    }

    @Test func provenanceThatDoesNotCount() throws {
        let policy = try Sample.policy("- provenance: {keys: [one], max-age: 4w}")
        let undated = #"{"buildDefinition":{},"runDetails":{"builder":{"id":"b"}}}"#
        let cases: [(Evidence?, String)] = [
            (nil, "no provenance is as asked for"),
            (try Self.provenance(of: Sample.other), "it is about another image"),
            (try Self.provenance("{}".self), "lacks 'buildDefinition'"),
            (try Self.provenance(undated), "does not say when"),
            (try Sample.attestation(by: "one", .spdx, StatementTests.v1), "no provenance"),
            (Evidence(.bundle([1, 2]), manifest: Sample.other, subject: Sample.image), "is no JSON"),
            (try Sample.report(StatementTests.v1, .spdx, isOwn: true), "no provenance"),
        ]
        for (evidence, reason) in cases {
            let outcome = try policy.outcome(evidence.map { [$0] } ?? [])
            #expect(!outcome.isSatisfied && outcome.reason.contains(reason), "\(outcome.reason)")
        }
        // One that is right among others that are not.
        let all = cases.compactMap(\.0) + [try Self.provenance()]
        #expect(try policy.outcome(all).isSatisfied)
        #expect(try policy.outcome([Sample.attestation(by: "one", .provenanceV02, StatementTests.v02)]).isSatisfied)
    }

    /// No two attestations make up for each other's faults.
    @Test func oneAttestationSaysItAll() throws {
        let policy = try Sample.policy(
            "- provenance: {keys: [one], builders: [\"https://github.com/**\"], max-age: 23h}"
        )
        let fresh = StatementTests.v1.replacing("2026-01-30T12", with: "2026-01-31T11")
        let otherBuilder = fresh.replacing("https://github.com/acme/ci", with: "https://evil.example/ci")
        let evidence = [try Self.provenance(), try Self.provenance(otherBuilder)]
        #expect(try !policy.outcome(evidence).isSatisfied)
        #expect(try policy.outcome(evidence + [Self.provenance(fresh)]).isSatisfied)
    }

    @Test func agesEndAndBegin() throws {
        let policy = try Sample.policy("- provenance: {keys: [one], max-age: 25h}")
        let outcome = try policy.outcome([Self.provenance()])
        let built = Sample.now - Sample.day
        #expect(outcome.window == TimeWindow(notBefore: built - 300, validUntil: built + 25 * 3600))
        // Of two that count, the one that counts longer.
        let newer = try Self.provenance(StatementTests.v1.replacing("2026-01-30T12", with: "2026-01-31T11"))
        for evidence in [[newer, try Self.provenance()], [try Self.provenance(), newer]] {
            #expect(try policy.outcome(evidence).window.validUntil == built + 48 * 3600)
        }
        let late = try policy.outcome([Self.provenance()], now: built + 25 * 3600)
        #expect(!late.isSatisfied && late.window.notBefore == built + 25 * 3600 && late.window.validUntil == nil)
        let early = try policy.outcome([Self.provenance()], now: built - 301)
        #expect(!early.isSatisfied && early.reason.contains("which is to come"))
        #expect(early.window.validUntil == built - 300)
    }

    // MARK: Inventories

    private static let spdx = #"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[]}"#
    private static let cyclonedx = #"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#

    @Test func signedInventories() throws {
        let policy = try Sample.policy("- sbom: {keys: [one], formats: [spdx]}")
        #expect(try policy.outcome([Sample.attestation(by: "one", .spdx, Self.spdx)]).keys == ["one"])
        let cases: [(Evidence, String)] = [
            (try Sample.attestation(by: "two", .spdx, Self.spdx), "no key that may count"),
            (try Sample.attestation(by: "one", .cyclonedx, Self.cyclonedx), "it is of the form cyclonedx"),
            (try Sample.attestation(by: "one", .spdx, Self.cyclonedx), "of the form that it claims"),
            (try Sample.attestation(by: "one", .spdx, "{}"), "of the form that it claims"),
            (try Sample.attestation(by: "one", .custom, Self.spdx), "no inventory"),
            (try Sample.attestation(by: "one", .spdx, Self.spdx, of: Sample.other), "another image"),
            (try Sample.report(Self.spdx, .spdx, isOwn: false), "it is not signed"),
        ]
        for (evidence, reason) in cases {
            let outcome = try policy.outcome([evidence])
            #expect(!outcome.isSatisfied && outcome.reason.contains(reason), "\(outcome.reason)")
        }
    }

    @Test func unsignedInventoriesCountWhereNoKeyIsNamed() throws {
        let policy = try Sample.policy("- sbom: {}")
        for evidence in [
            try Sample.report(Self.spdx, .spdx, isOwn: false),
            try Sample.report(Self.cyclonedx, .cyclonedx, isOwn: false),
            try Sample.attestation(by: "three", .cyclonedx, Self.cyclonedx),
        ] { #expect(try policy.outcome([evidence]).isSatisfied) }
        // An attestation that is longer than what is read of unsigned ones otherwise.
        let long = Self.spdx.replacing("[]", with: "[\"\(String(repeating: "x", count: 100_000))\"]")
        #expect(try policy.outcome([Sample.attestation(by: "three", .spdx, long)]).isSatisfied)
        for evidence in [
            try Sample.report("{}", .spdx, isOwn: true), try Sample.report("junk", .spdx, isOwn: false),
            try Sample.report(Self.spdx, .cyclonedx, isOwn: false), try Sample.report(Self.spdx, .sarif, isOwn: false),
            try Sample.attestation(by: "three", .spdx, Self.spdx, of: Sample.other),
        ] { #expect(try !policy.outcome([evidence]).isSatisfied) }
    }

    /// What nobody signed is read up to a limit, and what is signed beyond it.
    @Test func unsignedInventoriesAreBounded() throws {
        let policy = try Sample.policy("- sbom: {}")
        let block = [UInt8](repeating: 0x58, count: TrustLimits.documentBytesLimit)
        let junk = Evidence(.report(block, .spdx), manifest: Sample.other, subject: Sample.image)
        let blocks = Array(repeating: junk, count: TrustLimits.unsignedBytesLimit / block.count)
        let good = try Sample.report(Self.spdx, .spdx, isOwn: false)
        #expect(try policy.outcome(blocks.dropLast() + [good]).isSatisfied)
        #expect(try !policy.outcome(blocks + [good]).isSatisfied)
        #expect(try policy.outcome(blocks + [Sample.report(Self.spdx, .spdx, isOwn: true)]).isSatisfied)
    }

    @Test func indexesLeaveInventoriesToTheirImages() throws {
        let policy = try Sample.policy("- sbom: {keys: [one]}")
        let outcome = try policy.outcome([], image: Sample.index, isIndex: true)
        #expect(outcome.isSatisfied && outcome.reason.contains("one by one"))
        #expect(try !policy.outcome([]).isSatisfied)
    }
}
