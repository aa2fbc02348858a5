// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

/// Texts that are nearly right, and texts that are nothing: no reader crashes, and what is read is written the same.
@Suite struct GarbageTests {
    private static func documents() throws -> [[UInt8]] {
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        guard case .envelope(let envelope) = bundle.content else { return [] }
        let texts = [
            ReportTests.trivy(), ReportTests.grype(), ReportTests.attested(ReportTests.trivy()), StatementTests.v1,
            StatementTests.v02,
            #"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"T"}},"results":[{"ruleId":"C","level":"note"}]}]}"#,
            #"{"bomFormat":"CycloneDX","vulnerabilities":[{"id":"C","ratings":[{"severity":"low"}]}]}"#,
            #"{"version":1,"layers":[],"findings":[{"kind":"k","layer":"\#(Sample.image)","path":"p"}]}"#,
        ]
        let image = TrustImage(digest: Sample.image, isIndex: false, pushedAt: 0)
        let verdict = try Sample.policy("- sbom: {}")
            .evaluate(repository: RepositoryName(parsing: "team/app"), image: image, evidence: [], now: 0)
        return [
            bundle.bytes, envelope.bytes, envelope.payload, verdict.bytes,
            SimpleSigning(image: Sample.image, reference: "r").bytes,
        ] + texts.map { Array($0.utf8) }
    }

    private static let pieces = Array(#"{}[]":,\0123456789azAZ=+/-_ "#.utf8) + [0x00, 0x7F, 0xC3, 0xFF]

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: bytes.indices, using: &random)
            let piece = pieces[Int.random(in: pieces.indices, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[position] = piece
            case 1: bytes.insert(piece, at: position)
            case 2: bytes.remove(at: position)
            case 3: bytes.removeSubrange(position..<min(bytes.count, position + 9))
            default: bytes.insert(contentsOf: bytes[position..<min(bytes.count, position + 9)], at: position)
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func readersSurvive() throws {
        var random = SeededGenerator(seed: 12)
        let documents = try Self.documents()
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = documents[Int.random(in: documents.indices, using: &random)]
            Self.mutate(&bytes, &random)
            if let bundle = try? SigstoreBundle(parsing: bytes) {
                accepted += 1
                #expect(try SigstoreBundle(parsing: bundle.bytes) == bundle)
            }
            if let envelope = try? DSSEEnvelope(parsing: bytes) {
                accepted += 1
                #expect(try DSSEEnvelope(parsing: envelope.bytes) == envelope)
            }
            if let statement = try? InTotoStatement(parsing: bytes) {
                accepted += statement.covers(Sample.image) ? 1 : 0
            }
            if let payload = try? SimpleSigning(parsing: bytes) {
                #expect(try SimpleSigning(parsing: payload.bytes) == payload)
            }
            if let verdict = try? TrustVerdict(parsing: bytes) {
                #expect(try TrustVerdict(parsing: verdict.bytes) == verdict)
            }
            guard let document = try? JSONValue(parsing: bytes) else { continue }
            if let report = try? VulnerabilityReport(document) { accepted += report.findings.count }
            if let report = try? SecretsReport(document) { accepted += report.secrets.count }
            _ = InventoryFormat(document)
        }
        #expect(accepted > 100, "\(accepted)")
    }

    @Test(.timeLimit(.minutes(5))) func policiesSurvive() {
        var random = SeededGenerator(seed: 13)
        let text = """
            keys: {one: one.pem}
            rules:
              - repositories: ["team/*"]
                enforce: pull
                require:
                  - signed: {keys: [one], threshold: 1}
                  - vulnerabilities: {keys: [one], max-severity: low, max-age: 7d}
            """
        var refusals = 0
        for _ in 0..<2000 {
            var bytes = Array(text.utf8)
            Self.mutate(&bytes, &random)
            do {
                _ = try TrustPolicy(parsing: String(decoding: bytes, as: UTF8.self), directory: "/") { _ in
                    Array(try Sample.trustKey("one").key.pem.utf8)
                }
            } catch {
                refusals += 1
                #expect(!error.reason.isEmpty)
            }
        }
        #expect(refusals > 1000 && refusals < 2000, "\(refusals)")
    }
}
