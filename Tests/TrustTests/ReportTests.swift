// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import Trust

@Suite struct ReportTests {
    static func trivy(_ severity: String = "HIGH", id: String = "CVE-2026-1", at: String = "2026-01-31T11:00:00Z")
        -> String
    {
        #"""
        {"SchemaVersion":2,"CreatedAt":"\#(at)","ArtifactName":"team/app","ArtifactType":"container_image","Results":[
         {"Target":"debian","Class":"os-pkgs","Vulnerabilities":[{"VulnerabilityID":"\#(id)","PkgName":"openssl",
          "InstalledVersion":"3.0.1","FixedVersion":"3.0.2","Severity":"\#(severity)"}]},{"Target":"empty"}]}
        """#
    }

    static let clean = #"{"SchemaVersion":2,"CreatedAt":"2026-01-31T11:00:00Z","ArtifactName":"team/app"}"#

    static func grype(_ severity: String = "Critical", at: String = "2026-01-31T11:00:00Z") -> String {
        #"""
        {"matches":[{"vulnerability":{"id":"GHSA-1","severity":"\#(severity)","fix":{"versions":["1.1","1.2"],
         "state":"fixed"}},"artifact":{"name":"left-pad","version":"1.0"}}],
         "descriptor":{"name":"grype","version":"0.90.0","timestamp":"\#(at)"}}
        """#
    }

    static func attested(_ result: String, finished: String = "2026-01-31T11:30:00Z") -> String {
        #"""
        {"invocation":{},"scanner":{"uri":"pkg:github/aquasecurity/trivy@0.60","version":"0.60","db":{},
         "result":\#(result)},"metadata":{"scanStartedOn":"2026-01-31T11:00:00Z","scanFinishedOn":"\#(finished)"}}
        """#
    }

    private static func read(_ text: String) throws -> VulnerabilityReport {
        try VulnerabilityReport(JSONValue(parsing: Array(text.utf8)))
    }

    @Test func trivyAndGrype() throws {
        let trivy = try Self.read(Self.trivy())
        #expect(trivy.scanner == "trivy" && trivy.scannedAt == Sample.now - 3600)
        #expect(
            trivy.findings
                == [Finding(id: "CVE-2026-1", severity: .high, package: "openssl 3.0.1", fixed: "3.0.2")]
        )
        #expect(try Self.read(Self.clean).findings.isEmpty)
        let grype = try Self.read(Self.grype())
        #expect(grype.scanner == "grype" && grype.scannedAt == Sample.now - 3600)
        #expect(grype.findings == [Finding(id: "GHSA-1", severity: .critical, package: "left-pad 1.0", fixed: "1.2")])
    }

    @Test func attestedReportsSayWhen() throws {
        let report = try Self.read(Self.attested(Self.trivy()))
        #expect(report.scanner == "trivy" && report.scannedAt == Sample.now - 1800)
        #expect(report.findings.map(\.id) == ["CVE-2026-1"])
    }

    @Test func cyclonedx() throws {
        let text = #"""
            {"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2026-01-31T11:00:00Z"},
             "vulnerabilities":[{"id":"CVE-1","ratings":[{"severity":"low"},{"severity":"critical"}],
             "affects":[{"ref":"pkg:deb/openssl"}]},{"id":"CVE-2"}]}
            """#
        let report = try Self.read(text)
        #expect(report.scannedAt == Sample.now - 3600)
        #expect(report.findings.map(\.severity) == [.critical, .unknown])
        #expect(report.findings.map(\.package) == ["pkg:deb/openssl", ""])
    }

    @Test func sarif() throws {
        let text = #"""
            {"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Trivy","rules":[
             {"id":"CVE-1","properties":{"security-severity":"9.8"}},{"id":"CVE-2","properties":{}}]}},
             "results":[{"ruleId":"CVE-1","level":"note"},{"ruleId":"CVE-2","level":"error"},
              {"ruleId":"CVE-3","level":"note"}],"invocations":[{"endTimeUtc":"2026-01-31T11:00:00Z"}]}]}
            """#
        let report = try Self.read(text)
        #expect(report.scanner == "Trivy" && report.scannedAt == Sample.now - 3600)
        #expect(report.findings.map(\.severity) == [.critical, .high, .low])
    }

    /// Documents that are not a report, and reports that cannot be understood, are never a clean report.
    @Test(
        arguments: [
            "{}", "[]", "null", #"{"SchemaVersion":2}"#, #"{"SchemaVersion":1,"ArtifactName":"a"}"#,
            #"{"SchemaVersion":2,"ArtifactName":"a","Results":7}"#, trivy("SEVERE"),
            #"{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Vulnerabilities":[{"Severity":"LOW"}]}]}"#,
            #"{"SchemaVersion":2,"ArtifactName":"a","CreatedAt":"yesterday"}"#, #"{"matches":[]}"#,
            #"{"matches":[],"descriptor":{"name":"other"}}"#, #"{"matches":[{}],"descriptor":{"name":"grype"}}"#,
            #"{"bomFormat":"CycloneDX","specVersion":"1.5"}"#, #"{"bomFormat":"x","vulnerabilities":[]}"#,
            #"{"version":"2.1.0","runs":[]}"#, #"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}]}"#,
            #"{"version":"1.0.0","runs":[{}]}"#, #"{"scanner":{"result":{}}}"#, #"{"scanner":{},"metadata":{}}"#,
            attested("{}"), attested(clean, finished: "late"), attested(attested(clean)),
        ]
    )
    func junkIsNoReport(text: String) {
        let document = try? JSONValue(parsing: Array(text.utf8))
        let error = refused { () throws(TrustError) in try VulnerabilityReport(document ?? .null) }
        #expect(error?.code == .invalidReport, "\(text)")
    }

    @Test func severitiesAreOrdered() throws {
        #expect(Severity.allCases == Severity.allCases.sorted())
        #expect(Severity.low < .medium && Severity.medium < .unknown && Severity.unknown < .high)
        for severity in Severity.allCases {
            #expect(try Severity(parsing: severity.description) == severity)
            #expect(try Severity(parsing: severity.description.uppercased()) == severity)
        }
        #expect(try Severity(parsing: "") == .unknown)
    }

    @Test func inventories() throws {
        func format(_ text: String) throws -> InventoryFormat? {
            InventoryFormat(try JSONValue(parsing: Array(text.utf8)))
        }
        #expect(try format(#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT"}"#) == .spdx)
        #expect(try format(#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#) == .cyclonedx)
        for text in ["{}", "[]", #"{"spdxVersion":"2.3","SPDXID":"x"}"#, #"{"bomFormat":"CycloneDX"}"#, #""SPDX-2.3""#]
        {
            #expect(try format(text) == nil)
        }
        #expect(InventoryFormat(PredicateType("https://spdx.dev/Document/v2.3")) == .spdx)
        #expect(InventoryFormat(PredicateType("https://spdx.dev/Documents")) == nil)
        #expect(InventoryFormat(PredicateType("https://cyclonedx.org/bom/v1.5")) == .cyclonedx)
    }

    @Test func secrets() throws {
        let text = #"""
            {"version":1,"layers":[{"digest":"\#(Sample.image)","state":"scanned"},
             {"digest":"\#(Sample.other)","state":"unscanned","reason":"too large"}],
             "findings":[{"kind":"aws-key","layer":"\#(Sample.image)","path":"etc/x","line":7,"fingerprint":"ab"}]}
            """#
        let report = try SecretsReport(JSONValue(parsing: Array(text.utf8)))
        #expect(report.scanned == [Sample.image])
        #expect(report.unscanned.map(\.layer) == [Sample.other] && report.unscanned.map(\.reason) == ["too large"])
        #expect(report.secrets.map(\.kind) == ["aws-key"] && report.secrets.map(\.path) == ["etc/x"])
        for text in [
            "{}", #"{"version":1}"#, #"{"version":1,"layers":[]}"#, #"{"version":2,"layers":[],"findings":[]}"#,
            #"{"version":1,"layers":[{"digest":"x","state":"scanned"}],"findings":[]}"#,
            #"{"version":1,"layers":[{"digest":"\#(Sample.image)","state":"seen"}],"findings":[]}"#,
            #"{"version":1,"layers":[],"findings":[{"kind":"k"}]}"#,
        ] {
            let document = try JSONValue(parsing: Array(text.utf8))
            #expect(refused { () throws(TrustError) in try SecretsReport(document) }?.code == .invalidReport, "\(text)")
        }
    }
}
