// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Metrics

/// What the store counts. Made when a store is opened, so the metrics system must be bootstrapped before.
final class ContentMetrics: Sendable {
    enum Sync: String, CaseIterable {
        /// The last `fdatasync` of a blob before it gets its name.
        case data
        /// The `fdatasync` that makes part of a running upload durable.
        case progress
        /// The shared `fsync` of a directory.
        case directory
    }

    private let data = Counter(label: "cairn_fsyncs_total", dimensions: [("kind", Sync.data.rawValue)])
    private let progress = Counter(label: "cairn_fsyncs_total", dimensions: [("kind", Sync.progress.rawValue)])
    private let directory = Counter(label: "cairn_fsyncs_total", dimensions: [("kind", Sync.directory.rawValue)])
    private let written = Counter(label: "cairn_written_bytes_total")
    private let hashed = Counter(label: "cairn_hashed_bytes_total")
    private let uploads = Gauge(label: "cairn_uploads_open")
    private let buffers = Gauge(label: "cairn_upload_buffers_bytes")
    private let free = Gauge(label: "cairn_storage_free_bytes")
    private let softLimit = Gauge(label: "cairn_storage_soft_limit_bytes")

    func fsyncs(_ kind: Sync) {
        switch kind {
        case .data: data.increment()
        case .progress: progress.increment()
        case .directory: directory.increment()
        }
    }

    func written(_ bytes: Int) { written.increment(by: bytes) }
    func hashed(_ bytes: Int) { hashed.increment(by: bytes) }
    func uploadsOpen(_ count: Int) { uploads.record(count) }
    func buffersUsed(_ bytes: Int) { buffers.record(bytes) }
    func storageFree(_ bytes: Int64) { free.record(bytes) }
    /// Below so many free bytes no new upload begins.
    func storageSoftLimit(_ bytes: Int64) { softLimit.record(bytes) }
}
