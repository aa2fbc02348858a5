// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import Observability

/// Every metric of the server: name, labels, help text. The store and the catalog record theirs through the metrics
/// API, which knows none of that. `cairn observability metrics` prints this as the tables of docs/metrics.md.
enum MetricsCatalogue {
    static let sections = [
        storage, catalog, collection, scrub, protection, releases, webhooks, log, regions, otherRegistries, requests,
        objectives, telemetry, process,
    ]

    static func declare(in registry: PrometheusRegistry) {
        // What is read at each scrape declares itself, and so do the figures of the HTTP front.
        for section in sections { registry.declare(section.families) }
    }

    static let storage = MetricsSection(
        "Storage",
        [
            .counter(
                "cairn_fsyncs_total",
                labels: [.init("kind", ["data", "progress", "directory"])],
                help: "Calls of fdatasync and fsync: of whole blobs, of running uploads, of directories."
            ),
            .counter("cairn_written_bytes_total", help: "Bytes of blobs written to the disk."),
            .counter("cairn_hashed_bytes_total", help: "Bytes that went through a hash."),
            .gauge("cairn_uploads_open", help: "Uploads that have begun and are neither committed nor cancelled."),
            .gauge("cairn_upload_buffers_bytes", help: "Memory that uploads hold for bytes on their way to the disk."),
            .gauge(
                "cairn_storage_free_bytes",
                help: "What the file system of the store has left, as of the last look."
            ),
            .gauge(
                "cairn_storage_soft_limit_bytes",
                help: "Below so many free bytes no new upload begins. Alert at 1.2 times that."
            ),
        ]
    )

    static let catalog = MetricsSection(
        "Catalog",
        [
            .counter("cairn_catalog_commits_total", help: "Transactions committed."),
            .counter(
                "cairn_catalog_operations_total",
                labels: [.init("outcome", ["done", "failed"])],
                help: "Operations that ran in them."
            ),
            .histogram("cairn_catalog_batch_operations", help: "Operations that shared one commit.", buckets: .counts),
            .histogram("cairn_catalog_commit_seconds", help: "How long a commit took."),
            .gauge("cairn_catalog_queue_depth", help: "Operations that wait for the writer."),
            .counter(
                "cairn_catalog_overloaded_total",
                labels: [.init("queue", ["writer", "reader"])],
                help: "Operations refused because too many were waiting."
            ),
            .counter(
                "cairn_catalog_checkpoints_total",
                labels: [.init("mode", ["passive", "restart"])],
                help: "Checkpoints of the write-ahead log."
            ),
        ]
    )

    static let collection = MetricsSection(
        "Collection",
        [
            .counter(
                "cairn_gc_purged_manifests_total",
                help: "Deleted manifests that can no longer be brought back, and are gone."
            ),
            .counter(
                "cairn_gc_removed_links_total",
                help: "Blobs that a repository no longer has: nothing in it referred to them."
            ),
            .counter("cairn_gc_removed_blobs_total", help: "Blobs that no repository had, deleted from the disk."),
            .counter("cairn_gc_freed_bytes_total", help: "Bytes of blobs deleted from the disk."),
            .counter("cairn_gc_orphans_total", help: "Files found that no push was ever acknowledged for."),
            .counter(
                "cairn_gc_failures_total",
                help: "Things that could not be judged or deleted, and were kept to be looked at again."
            ),
            .gauge(
                "cairn_gc_queued_links",
                help: "Links that will be looked at, most of them when their lease ends; counted up to 100,000."
            ),
            .gauge("cairn_gc_condemned_blobs", help: "Blobs that wait to be deleted; counted up to 100,000."),
            .gauge(
                "cairn_gc_oldest_seconds",
                help: """
                    How long the oldest of what is due has waited. Alert when it grows for an hour: collection \
                    does not keep up, or is stuck.
                    """
            ),
            .counter("cairn_gc_audits_total", help: "Times that everything was recounted."),
            .gauge(
                "cairn_gc_audit_findings",
                help: "Breaches of a rule that the last of them found. Alert on anything above zero."
            ),
            .gauge("cairn_stored_bytes", help: "Bytes of all blobs, as they are booked, whoever has them."),
        ]
    )

    static let scrub = MetricsSection(
        "The scrub",
        [
            .counter(
                "cairn_scrub_blobs_total",
                labels: [.init("outcome", ["whole", "damaged"])],
                help: "Blobs that were read over; damaged are those of which it was not known."
            ),
            .counter("cairn_scrub_read_bytes_total", help: "Bytes that were read for it."),
            .counter(
                "cairn_scrub_healed_total",
                help: """
                    Damaged blobs that became whole again: by a push, by a copy of a manifest, or by a file that \
                    was put back.
                    """
            ),
            .gauge(
                "cairn_scrub_damaged_blobs",
                help: """
                    Blobs that are damaged and count as absent, up to 10,000. Alert on anything above zero: \
                    docs/admins.md.
                    """
            ),
            .gauge(
                "cairn_scrub_pass_ratio",
                help: "Part of all bytes that the present pass has read; 1 between two passes, 0 before the first."
            ),
            .gauge(
                "cairn_scrub_oldest_verification_seconds",
                help: "Age of the oldest verification, as of the last look; 0 before the first pass."
            ),
            .counter("cairn_scrub_passes_total", help: "Passes over all blobs that came to their end."),
            .counter(
                "cairn_scrub_failures_total",
                help: """
                    Times that a pass or a run stopped, because the disk did not answer or the catalog took no \
                    changes.
                    """
            ),
            .gauge("cairn_scrub_stalled", help: "1 while a read of the disk does not come back within 60 s."),
        ]
    )

    static let protection = MetricsSection(
        "Protection",
        [
            .gauge(
                "cairn_deployment_reports_stale",
                help: """
                    Reports of what runs somewhere that were not renewed in time; at most 100 000 are counted. \
                    Alert on it: an agent went silent.
                    """
            ),
            .counter(
                "cairn_retention_deleted_total",
                labels: [.init("kind", ["tag", "manifest"])],
                help: "What runs of retention deleted."
            ),
            .counter(
                "cairn_retention_refused_total",
                help: "Scheduled runs of retention that wait for somebody to confirm them."
            ),
            .counter(
                "cairn_pull_time_flushes_total",
                labels: [.init("outcome", ["done", "failed"])],
                help: """
                    Times that the times of pulls were written: once a minute, and early where many wait. What \
                    failed is tried again.
                    """
            ),
            .counter("cairn_pull_times_written_total", help: "Times of pulls written."),
            .counter("cairn_pull_times_dropped_total", help: "Pulls that were not noted, because over 65 000 waited."),
        ]
    )

    static let log = MetricsSection(
        "The log",
        [
            .gauge("cairn_log_entries", help: "Entries of the published tree."),
            .counter("cairn_log_sealed_entries_total", help: "Entries sealed."),
            .histogram(
                "cairn_log_seal_seconds",
                help: "From a tree that stands in the catalog to its published checkpoint."
            ),
            .counter(
                "cairn_log_seal_failures_total",
                help: """
                    Seals that failed. For want of room they are tried again each second; any other failure stops \
                    the process.
                    """
            ),
            .counter(
                "cairn_log_cosignatures_total",
                labels: [.init("outcome", ["cosigned", "failed"])],
                help: "Answers of witnesses that were asked to cosign."
            ),
            .counter(
                "cairn_log_scrubs_total",
                help: "Times that the whole log was read and compared: at the start, then every 24 hours."
            ),
            .counter(
                "cairn_log_scrub_findings_total",
                help: "What was found not to be as it was signed. Alert on anything above zero: docs/log.md."
            ),
        ]
    )
}
