// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability

/// The help texts of the metrics that the store and the catalog record through the metrics API, which has none.
enum MetricsCatalogue {
    static func declare(in registry: PrometheusRegistry) {
        registry.declare([
            .counter("cairn_fsyncs_total", help: "Forced writes, by kind: blob data, upload progress, directory."),
            .counter("cairn_written_bytes_total", help: "Bytes of blobs written."),
            .counter("cairn_hashed_bytes_total", help: "Bytes hashed."),
            .gauge("cairn_uploads_open", help: "Upload sessions open."),
            .gauge("cairn_upload_buffers_bytes", help: "Memory held by the shared pool of upload buffers."),
            .gauge("cairn_storage_free_bytes", help: "Free space of the file system that holds the data."),
            .counter("cairn_catalog_commits_total", help: "Commits of the catalog."),
            .counter("cairn_catalog_operations_total", help: "Operations of the catalog, by outcome."),
            .counter("cairn_catalog_checkpoints_total", help: "Checkpoints of the write-ahead log, by mode."),
            .counter("cairn_catalog_overloaded_total", help: "Operations refused because a queue was full."),
            .histogram("cairn_catalog_batch_operations", help: "Operations per commit.", buckets: .counts),
            .histogram("cairn_catalog_commit_seconds", help: "Time of a commit."),
            .gauge("cairn_log_entries", help: "Entries of the published tree of the log."),
            .counter("cairn_log_sealed_entries_total", help: "Entries sealed."),
            .histogram("cairn_log_seal_seconds", help: "Time from an intended tree to its published checkpoint."),
            .counter("cairn_log_seal_failures_total", help: "Seals that failed, for want of room."),
            .counter("cairn_log_cosignatures_total", help: "Answers of witnesses, by outcome."),
            .counter("cairn_log_scrubs_total", help: "Times the whole log was read and compared."),
            .counter("cairn_log_scrub_findings_total", help: "What was found not to be as it was signed."),
            .gauge("cairn_region_log_entries", help: "Entries of another region's log that are here, by region."),
            .gauge(
                "cairn_region_log_entries_behind",
                help: "Entries that another region has shown and that are not here."
            ),
            .gauge("cairn_region_following", help: "1 where a region's newest checkpoint was verified, by region."),
            .gauge("cairn_region_entries_waiting", help: "Entries of a region that are here and do not count yet."),
            .gauge("cairn_region_entries_parked", help: "Those of them whose time is too far ahead."),
            .gauge("cairn_region_behind_seconds", help: "Age of a region's oldest change that does not count."),
            .gauge("cairn_region_behind_bytes", help: "Bytes of blobs of a region that are to be fetched."),
            .gauge("cairn_region_entries_confirmed", help: "Entries of the own log that a region has said it has."),
            .gauge("cairn_region_verified_timestamp_seconds", help: "When a region's checkpoint was last verified."),
            .gauge("cairn_remote_blobs", help: "Blobs that are linked here and are to be fetched from regions."),
            .gauge("cairn_remote_blobs_bytes", help: "Bytes of blobs that are to be fetched from regions."),
            .gauge("cairn_conflicts_open", help: "Conflicts of regions that nobody has resolved."),
            .gauge("cairn_region_frozen", help: "1 for a region that has signed two logs."),
            .counter("cairn_region_failures_total", help: "Looks at another region that failed, by region."),
            .counter(
                "cairn_region_entries_applied_total",
                help: "Entries of another region that were applied, by region."
            ),
            .counter(
                "cairn_region_conflicts_total",
                help: "Tags that regions have set to different images, by region."
            ),
            .counter("cairn_region_images_failed_total", help: "Attempts to bring an image that failed, by region."),
            .counter("cairn_region_backfill_blobs_total", help: "Blobs that were fetched in the background."),
            .counter("cairn_region_audits_total", help: "Comparisons with other regions, by region and outcome."),
            .gauge("cairn_region_differences", help: "Rows that differed from a region at the last comparison."),
            .counter("cairn_fetches_total", help: "Questions for content to other registries, by source and result."),
            .counter("cairn_fetch_bytes_total", help: "Bytes of blobs received from other registries, by source."),
            .counter("cairn_fetch_joined_total", help: "Waits for a blob that was being fetched already."),
            .histogram("cairn_fetch_seconds", help: "Time of a fetch, from its turn to its end."),
            .counter("cairn_retention_deleted_total", help: "What runs of retention deleted, by kind."),
            .counter("cairn_retention_refused_total", help: "Scheduled runs of retention that wait for confirmation."),
            .counter("cairn_pull_time_flushes_total", help: "Times that pull times were written, by outcome."),
            .counter("cairn_pull_times_written_total", help: "Pull times of manifests written."),
            .counter("cairn_pull_times_dropped_total", help: "Pulls that were not noted, because too many waited."),
            .gauge("cairn_deployment_reports_stale", help: "Reports of deployments whose reporter went silent."),
            .counter("cairn_scrub_blobs_total", help: "Blobs read over, by outcome."),
            .counter("cairn_scrub_read_bytes_total", help: "Bytes of blobs read over."),
            .counter("cairn_scrub_healed_total", help: "Damaged blobs that became whole again."),
            .counter("cairn_scrub_passes_total", help: "Passes over all blobs that came to their end."),
            .counter("cairn_scrub_failures_total", help: "Times that the scrub stopped for the disk or the catalog."),
            .gauge("cairn_scrub_damaged_blobs", help: "Blobs that are damaged and count as absent."),
            .gauge("cairn_scrub_pass_ratio", help: "Part of all bytes that the present pass has read."),
            .gauge("cairn_scrub_oldest_verification_seconds", help: "Age of the oldest verification of a blob."),
            .gauge("cairn_scrub_stalled", help: "1 while a read of the disk does not come back."),
            .counter("cairn_gc_purged_manifests_total", help: "Deleted manifests that are gone for good."),
            .counter("cairn_gc_removed_links_total", help: "Blobs that a repository no longer has."),
            .counter("cairn_gc_removed_blobs_total", help: "Blobs deleted from the disk."),
            .counter("cairn_gc_freed_bytes_total", help: "Bytes of blobs deleted from the disk."),
            .counter("cairn_gc_orphans_total", help: "Files of pushes that were never acknowledged, found."),
            .counter("cairn_gc_failures_total", help: "Things that collection could not judge or delete, and kept."),
            .gauge("cairn_gc_queued_links", help: "Links that collection will look at."),
            .gauge("cairn_gc_condemned_blobs", help: "Blobs that wait to be deleted from the disk."),
            .gauge("cairn_gc_oldest_seconds", help: "How long the oldest of what is due has waited."),
            .counter("cairn_gc_audits_total", help: "Audits of collection."),
            .gauge("cairn_gc_audit_findings", help: "Breaches of a rule that the last audit found."),
            .gauge("cairn_stored_bytes", help: "Bytes of all blobs, as they are booked."),
            .gauge("cairn_catalog_queue_depth", help: "Operations waiting for the catalog's writer."),
        ])
    }
}
