// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import LayerArchive

/// Scans one layer, in the process that calls. For layers that nobody vouches for, that is a worker's.
package enum LayerScan {
    /// Reads a layer to its end and looks at each file in it. A layer that is no archive, such as an image's
    /// configuration, counts as one file without a path.
    ///
    /// Damage and bounds are part of the result. Blocks.
    package static func run(
        _ source: LayerSource,
        limits: LayerScanLimits = LayerScanLimits(),
        pieceBytes: Int = LayerLimits.inputBytes
    ) -> LayerScanResult {
        var result = LayerScanResult()
        var scanner = SecretScanner(findingsLimit: limits.findings)
        do {
            let layer = try LayerReader(source, limits: limits.layer, pieceBytes: pieceBytes)
            defer { result.expandedBytes = layer.expandedBytes }
            let archive = TarReader(layer, limits: limits.layer)
            if try archive.beginsLikeArchive() {
                while let entry = try archive.next() {
                    guard entry.size > 0 else { continue }
                    if entry.size > limits.fileBytes { result.cutFiles += 1 }
                    result.files += 1
                    try scan(entry.path, in: archive, limit: limits.fileBytes, with: &scanner)
                }
            } else {
                archive.takeAsFile()
                result.files = 1
                try scan([], in: archive, limit: limits.layer.expandedBytes, with: &scanner)
            }
        } catch {
            result.unscanned = UnscannedReason(error.reason)
        }
        result.findings = scanner.findings
        result.isTruncated = scanner.isTruncated
        return result
    }

    private static func scan(
        _ path: [UInt8],
        in archive: TarReader,
        limit: Int64,
        with scanner: inout SecretScanner
    ) throws(LayerFault) {
        scanner.beginFile(path: path)
        // What came before a fault is looked at too.
        defer { scanner.endFile() }
        var left = limit
        while left > 0 {
            let piece = try archive.content().prefix(Int(clamping: left))
            guard !piece.isEmpty else { break }
            left -= Int64(piece.count)
            scanner.append(piece)
        }
    }
}
