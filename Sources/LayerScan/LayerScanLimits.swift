// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import LayerArchive

/// Bounds of a scan of one layer.
package struct LayerScanLimits: Hashable, Sendable {
    /// Bounds of reading it.
    package var layer = LayerLimits()
    /// Bytes at the beginning of each file that are looked at.
    package var fileBytes: Int64 = 16 << 20
    /// Findings that are kept.
    package var findings = ScanReport.findingsLimit

    package init() {}

    /// Bytes before a keyword that its rule may look at.
    static let contextBefore = 512
    /// Bytes after a keyword that its rule may look at. A key of RSA with 8,192 bits fits.
    package static let contextAfter = 8 << 10
}

/// What a worker process may use.
package struct LayerWorkerLimits: Hashable, Sendable {
    /// Address space, in bytes. A zstd window takes up to 128 MiB of it.
    package var addressSpace: UInt64 = 1 << 30
    /// Processor time, in seconds.
    package var processorSeconds: UInt64 = 300

    package init() {}
}
