// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Metrics

/// What collection counts.
struct CollectionMetrics: Sendable {
    private let manifests = Counter(label: "cairn_gc_purged_manifests_total")
    private let links = Counter(label: "cairn_gc_removed_links_total")
    private let blobs = Counter(label: "cairn_gc_removed_blobs_total")
    private let bytes = Counter(label: "cairn_gc_freed_bytes_total")
    private let orphans = Counter(label: "cairn_gc_orphans_total")
    private let failures = Counter(label: "cairn_gc_failures_total")
    private let queued = Gauge(label: "cairn_gc_queued_links")
    private let condemned = Gauge(label: "cairn_gc_condemned_blobs")
    private let oldest = Gauge(label: "cairn_gc_oldest_seconds")
    private let stored = Gauge(label: "cairn_stored_bytes")
    private let audits = Counter(label: "cairn_gc_audits_total")
    private let findings = Gauge(label: "cairn_gc_audit_findings")

    func did(_ work: CollectionWork) {
        if work.purgedManifests > 0 { manifests.increment(by: work.purgedManifests) }
        if work.removedLinks > 0 { links.increment(by: work.removedLinks) }
        if work.removedBlobs > 0 { blobs.increment(by: work.removedBlobs) }
        if work.freedBytes > 0 { bytes.increment(by: work.freedBytes) }
        if work.failures > 0 { failures.increment(by: work.failures) }
    }

    func failed() { failures.increment() }

    func found(orphans count: Int) { if count > 0 { orphans.increment(by: count) } }

    func stands(_ backlog: CollectionBacklog, _ storage: StoredBytes) {
        queued.record(backlog.queuedLinks)
        condemned.record(backlog.condemnedBlobs)
        oldest.record(backlog.oldestSeconds)
        stored.record(storage.bytes)
    }

    func audited(_ summary: AuditSummary) {
        audits.increment()
        findings.record(summary.findingCount)
    }
}
