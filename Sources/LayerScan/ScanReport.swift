// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The report on secrets in an image's layers, as it is attached to the image.
///
/// ```json
/// {"version":1,"layers":[{"digest":"sha256:…","state":"unscanned","reason":"damaged"}],
///  "findings":[{"kind":"github-token","layer":"sha256:…","path":"app/.env","line":3,"fingerprint":"…"}]}
/// ```
package struct ScanReport: Hashable, Sendable {
    /// The artifact type of the manifest that holds a report, and the media type of its one layer.
    package static let mediaTypeName = "application/vnd.cairn.secrets.v1+json"
    package static let version: Int64 = 1
    /// Findings of a report; of those beyond only the fact is kept.
    package static let findingsLimit = 1_000
    /// Layers of a report: what a manifest can have.
    package static let layersLimit = OCILimits.manifestDescriptorsLimit
    /// Bytes of a report's JSON.
    package static let encodedBytesLimit = 4 << 20

    package struct Layer: Hashable, Sendable {
        package let digest: Digest
        /// Why it was not scanned to its end; nil if it was.
        package let unscanned: UnscannedReason?
        /// Files of which only the beginning was looked at.
        package let cutFiles: Int

        package init(digest: Digest, unscanned: UnscannedReason?, cutFiles: Int = 0) {
            self.digest = digest
            self.unscanned = unscanned
            self.cutFiles = cutFiles
        }
    }

    package struct Finding: Hashable, Sendable {
        package let layer: Digest
        package let secret: SecretFinding
    }

    package private(set) var layers: [Layer] = []
    package private(set) var findings: [Finding] = []
    /// Whether there were more findings.
    package private(set) var isTruncated = false

    package init() {}

    /// Whether every layer was scanned to its end.
    package var isComplete: Bool { layers.allSatisfy { $0.unscanned == nil } }

    /// Adds what came of a layer.
    ///
    /// - Precondition: There are fewer layers than `layersLimit`.
    package mutating func add(_ result: LayerScanResult, of digest: Digest) {
        precondition(layers.count < ScanReport.layersLimit)
        layers.append(Layer(digest: digest, unscanned: result.unscanned, cutFiles: result.cutFiles))
        let room = ScanReport.findingsLimit - findings.count
        findings += result.findings.prefix(room).map { Finding(layer: digest, secret: $0) }
        if result.isTruncated || result.findings.count > room { isTruncated = true }
    }
}

extension ScanReport {
    /// The report as JSON: the same bytes for the same report.
    package func encoded() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("version")
            json.integer(ScanReport.version)
            json.key("layers")
            json.array { json in
                for layer in layers { layer.write(to: &json) }
            }
            json.key("findings")
            json.array { json in
                for finding in findings { finding.secret.write(to: &json, layer: finding.layer) }
            }
            if isTruncated {
                json.key("truncated")
                json.bool(true)
            }
        }
        return json.bytes
    }

    /// Reads a report that may come from anywhere.
    package init(decoding bytes: [UInt8]) throws(ScanReportError) {
        guard bytes.count <= ScanReport.encodedBytesLimit else {
            throw ScanReportError("a report has at most \(ScanReport.encodedBytesLimit) bytes")
        }
        let json: JSONValue
        do { json = try JSONValue(parsing: bytes, nodesLimit: ScanReport.nodesLimit) } catch {
            throw ScanReportError("the report is no JSON: \(error)")
        }
        guard json["version"] == .integer(ScanReport.version) else {
            throw ScanReportError("the report's version is not \(ScanReport.version)")
        }
        guard case .array(let layers)? = json["layers"], layers.count <= ScanReport.layersLimit else {
            throw ScanReportError("a report has an array of at most \(ScanReport.layersLimit) layers")
        }
        guard case .array(let findings)? = json["findings"], findings.count <= ScanReport.findingsLimit else {
            throw ScanReportError("a report has an array of at most \(ScanReport.findingsLimit) findings")
        }
        for layer in layers {
            guard let layer = Layer(layer) else { throw ScanReportError("a layer of the report is not well-formed") }
            self.layers.append(layer)
        }
        let known = Set(self.layers.map(\.digest))
        for finding in findings {
            guard let finding = Finding(finding), known.contains(finding.layer) else {
                throw ScanReportError("a finding of the report is not well-formed, or of a layer that it has not")
            }
            self.findings.append(finding)
        }
        switch json["truncated"] {
        case nil: isTruncated = false
        case .bool(let value)?: isTruncated = value
        default: throw ScanReportError("truncated is true or false")
        }
    }

    /// Values of a report's JSON: six for a finding, five for a layer, and the containers.
    private static let nodesLimit = findingsLimit * 6 + layersLimit * 5 + 8
}

extension ScanReport.Layer {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("digest")
            json.string(digest.description)
            json.key("state")
            json.string(unscanned == nil ? "scanned" : "unscanned")
            if let unscanned {
                json.key("reason")
                json.string(unscanned.rawValue)
            }
            if cutFiles > 0 {
                json.key("cutFiles")
                json.integer(cutFiles)
            }
        }
    }

    fileprivate init?(_ json: JSONValue) {
        guard case .string(let text)? = json["digest"], let digest = Digest(text) else { return nil }
        switch (json["state"], json["reason"]) {
        case (.string("scanned")?, nil): unscanned = nil
        case (.string("unscanned")?, .string(let name)?):
            guard let reason = UnscannedReason(rawValue: name) else { return nil }
            unscanned = reason
        default: return nil
        }
        switch json["cutFiles"] {
        case nil: cutFiles = 0
        case .integer(let count)? where count >= 0: cutFiles = Int(count)
        default: return nil
        }
        self.digest = digest
    }
}

extension ScanReport.Finding {
    fileprivate init?(_ json: JSONValue) {
        guard case .string(let text)? = json["layer"], let layer = Digest(text), let secret = SecretFinding(json) else {
            return nil
        }
        self.layer = layer
        self.secret = secret
    }
}

/// Why bytes are no report.
package struct ScanReportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence for people.
    package let reason: String

    package var description: String { reason }

    init(_ reason: String) { self.reason = reason }
}
