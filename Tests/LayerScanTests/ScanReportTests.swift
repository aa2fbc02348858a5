// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import LayerScan
import OCI
import Testing

@Suite struct ScanReportTests {
    static func digest(_ number: Int) throws -> Digest {
        let digits = String(number, radix: 16)
        return try Digest(parsing: "sha256:" + String(repeating: "0", count: 64 - digits.count) + digits)
    }

    static func finding(_ number: Int, path: String = "app/.env") -> SecretFinding {
        SecretFinding(kind: .githubToken, path: path, position: .line(number + 1), fingerprint: "0a1b")
    }

    @Test func aReportIsReadAsItWasWritten() throws {
        var report = ScanReport()
        var scanned = LayerScanResult()
        scanned.findings = [
            Self.finding(1, path: "a \"b\"\\"),
            SecretFinding(kind: .awsAccessKey, path: "", position: .offset(0), fingerprint: ""),
        ]
        scanned.cutFiles = 2
        report.add(scanned, of: try Self.digest(1))
        #expect(report.isComplete)
        report.add(LayerScanResult(unscanned: .damaged), of: try Self.digest(2))
        #expect(!report.isComplete)
        let read = try ScanReport(decoding: report.encoded())
        #expect(read == report)
        #expect(read.layers.map(\.unscanned) == [nil, .damaged])
    }

    @Test func theFormIsFixed() throws {
        var report = ScanReport()
        var result = LayerScanResult()
        result.findings = [Self.finding(2)]
        let zeros = String(repeating: "0", count: 63)
        report.add(result, of: try Self.digest(1))
        report.add(LayerScanResult(unscanned: .tooLarge), of: try Self.digest(2))
        #expect(
            String(decoding: report.encoded(), as: UTF8.self)
                == "{\"version\":1,\"layers\":[{\"digest\":\"sha256:\(zeros)1\",\"state\":\"scanned\"},"
                + "{\"digest\":\"sha256:\(zeros)2\",\"state\":\"unscanned\",\"reason\":\"too-large\"}],"
                + "\"findings\":[{\"kind\":\"github-token\",\"layer\":\"sha256:\(zeros)1\",\"path\":\"app/.env\","
                + "\"line\":3,\"fingerprint\":\"0a1b\"}]}"
        )
        #expect(ScanReport.mediaTypeName == "application/vnd.cairn.secrets.v1+json")
    }

    @Test func findingsAreBounded() throws {
        var report = ScanReport()
        var result = LayerScanResult()
        result.findings = (0..<600).map { Self.finding($0) }
        report.add(result, of: try Self.digest(1))
        #expect(!report.isTruncated)
        report.add(result, of: try Self.digest(2))
        #expect(report.isTruncated && report.findings.count == 1_000)
        let read = try ScanReport(decoding: report.encoded())
        #expect(read == report)
    }

    @Test func theLargestReportAndResultCanBeRead() throws {
        var result = LayerScanResult()
        let path = String(repeating: "\"", count: SecretFinding.pathBytesLimit)
        result.findings = (0..<ScanReport.findingsLimit).map { number in
            SecretFinding(
                kind: .kubeconfigClientKey,
                path: path,
                position: .offset(.max - Int64(number)),
                fingerprint: String(repeating: "a", count: SecretFinding.fingerprintLimit)
            )
        }
        #expect(result.encoded().count <= LayerScanResult.encodedBytesLimit)
        #expect(LayerScanResult(decoding: result.encoded()) == result)
        var report = ScanReport()
        report.add(result, of: try Self.digest(0))
        for number in 1..<ScanReport.layersLimit {
            var unscanned = LayerScanResult(unscanned: .unsupported)
            unscanned.cutFiles = .max
            report.add(unscanned, of: try Self.digest(number))
        }
        #expect(report.encoded().count <= ScanReport.encodedBytesLimit)
        let read = try ScanReport(decoding: report.encoded())
        #expect(read == report)
    }

    /// What is nearly a report is none: in doubt a layer counts as not scanned.
    @Test(arguments: [
        ("\"version\":1", "\"version\":2"), ("\"version\":1", "\"version\":\"1\""), ("\"layers\"", "\"layer\""),
        ("\"findings\"", "\"found\""), ("\"state\":\"scanned\"", "\"state\":\"clean\""),
        ("\"state\":\"scanned\"", "\"state\":\"unscanned\""),
        ("\"state\":\"scanned\"", "\"state\":\"scanned\",\"reason\":\"missing\""),
        ("\"kind\":\"github-token\"", "\"kind\":\"thing\""), ("\"line\":3", "\"line\":0"),
        ("\"line\":3", "\"offset\":-1"),
        ("\"line\":3", "\"line\":3,\"offset\":1"), ("\"line\":3,", ""), ("0a1b", "0A1B"), ("sha256:", "sha257:"),
        ("\"path\":\"app/.env\"", "\"path\":7"), ("}]}", "}],\"truncated\":1}"), ("}]}", "}]"),
    ])
    func whatIsNoReportIsRefused(change: (from: String, to: String)) throws {
        var report = ScanReport()
        var result = LayerScanResult()
        result.findings = [Self.finding(2)]
        report.add(result, of: try Self.digest(1))
        let text = String(decoding: report.encoded(), as: UTF8.self)
        let changed = text.replacing(change.from, with: change.to, maxReplacements: 1)
        #expect(changed != text)
        #expect(throws: ScanReportError.self) { _ = try ScanReport(decoding: Array(changed.utf8)) }
    }

    @Test func aFindingBelongsToALayerOfTheReport() throws {
        var report = ScanReport()
        var result = LayerScanResult()
        result.findings = [Self.finding(2)]
        report.add(result, of: try Self.digest(1))
        let text = String(decoding: report.encoded(), as: UTF8.self)
        let changed = text.replacing("1\",\"path\"", with: "2\",\"path\"")
        #expect(changed != text)
        #expect(throws: ScanReportError.self) { _ = try ScanReport(decoding: Array(changed.utf8)) }
    }

    @Test(arguments: ["", "{}", "[]", "null", "{\"findings\":[]}", "Hello"])
    func whatIsNoResultIsNone(text: String) {
        #expect(LayerScanResult(decoding: Array(text.utf8)) == nil)
    }
}
