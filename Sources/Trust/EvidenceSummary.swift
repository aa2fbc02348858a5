// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What is attached to an image says, in a few figures, whether or not anybody trusted has signed it: for people who
/// look at it. A policy never judges by this.
package struct EvidenceSummary: Sendable, Hashable {
    /// Vulnerabilities by severity, each id once, by the newest report of each scanner.
    package struct Vulnerabilities: Sendable, Hashable {
        package let counts: [Severity: Int]
        package let scanners: [String]
        /// When the oldest of these scans was, in seconds since 1970; nil where one does not say.
        package let scannedAt: Int64?
    }

    /// nil where no scanner has reported.
    package let vulnerabilities: Vulnerabilities?
    package let provenance: [ProvenanceClaim]

    /// - Parameters:
    ///   - evidence: What is attached to the image, as raw bytes whose digests were checked.
    ///   - image: Only what is about this one counts.
    package init(_ evidence: [Evidence], of image: Digest) {
        var reports: [String: VulnerabilityReport] = [:]
        var provenance: [ProvenanceClaim] = []
        var bytesLeft = TrustLimits.evidenceBytesLimit
        for item in evidence.prefix(TrustLimits.evidenceLimit) where item.subject == image {
            guard item.byteCount <= bytesLeft else { break }
            bytesLeft -= item.byteCount
            let examination = Examination(item, keys: [], readsUnsigned: true)
            guard examination.fault == nil else { continue }
            if let statement = examination.statement, let claim = try? ProvenanceClaim(statement) {
                provenance.append(claim)
            }
            guard let document = examination.vulnerabilityDocument,
                let report = try? VulnerabilityReport(document)
            else { continue }
            if let known = reports[report.scanner], (known.scannedAt ?? 0) > (report.scannedAt ?? 0) { continue }
            reports[report.scanner] = report
        }
        self.provenance = provenance
        vulnerabilities = reports.isEmpty ? nil : Vulnerabilities(Array(reports.values))
    }
}

extension EvidenceSummary.Vulnerabilities {
    fileprivate init(_ reports: [VulnerabilityReport]) {
        var severities: [String: Severity] = [:]
        for finding in reports.flatMap(\.findings) {
            severities[finding.id] = max(severities[finding.id] ?? .none, finding.severity)
        }
        counts = severities.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        scanners = reports.map(\.scanner).sorted()
        let times = reports.map(\.scannedAt)
        scannedAt = times.contains(nil) ? nil : times.compactMap { $0 }.min()
    }
}
