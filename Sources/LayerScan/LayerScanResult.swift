// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// What came of one layer's scan. A worker hands it to its parent as JSON.
package struct LayerScanResult: Hashable, Sendable {
    /// Whether all of the layer was looked at, as far as each file's limit; otherwise why not.
    package var unscanned: UnscannedReason?
    /// What was found, also in a layer that was not read to its end.
    package var findings: [SecretFinding] = []
    /// Whether there were more findings.
    package var isTruncated = false
    /// Files that were looked at.
    package var files = 0
    /// Files of which only the beginning was looked at.
    package var cutFiles = 0
    /// Bytes that the layer expanded to.
    package var expandedBytes: Int64 = 0

    package init(unscanned: UnscannedReason? = nil) { self.unscanned = unscanned }

    /// Bytes of the JSON of a result.
    package static let encodedBytesLimit = 1 << 20

    package func encoded() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            if let unscanned {
                json.key("unscanned")
                json.string(unscanned.rawValue)
            }
            json.key("findings")
            json.array { json in
                for finding in findings { finding.write(to: &json, layer: nil) }
            }
            json.key("truncated")
            json.bool(isTruncated)
            json.key("files")
            json.integer(files)
            json.key("cutFiles")
            json.integer(cutFiles)
            json.key("expandedBytes")
            json.integer(expandedBytes)
        }
        return json.bytes
    }

    /// Nil for anything but a result of this version's form: nothing else may pass for a scan.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count <= LayerScanResult.encodedBytesLimit,
            let json = try? JSONValue(parsing: bytes),
            case .array(let findings)? = json["findings"], findings.count <= ScanReport.findingsLimit,
            case .bool(let isTruncated)? = json["truncated"],
            case .integer(let files)? = json["files"], case .integer(let cutFiles)? = json["cutFiles"],
            case .integer(let expandedBytes)? = json["expandedBytes"], files >= 0, cutFiles >= 0, expandedBytes >= 0
        else { return nil }
        switch json["unscanned"] {
        case nil: unscanned = nil
        case .string(let name)?:
            guard let reason = UnscannedReason(rawValue: name) else { return nil }
            unscanned = reason
        default: return nil
        }
        self.findings = findings.compactMap(SecretFinding.init)
        guard self.findings.count == findings.count else { return nil }
        self.isTruncated = isTruncated
        self.files = Int(files)
        self.cutFiles = Int(cutFiles)
        self.expandedBytes = expandedBytes
    }
}
