// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import Observability

/// What is measured of other regions and registries, of requests and of the process.
extension MetricsCatalogue {
    static let regions = MetricsSection(
        "Other regions",
        [
            .gauge(
                "cairn_region_log_entries",
                labels: ["region"],
                help: "Entries of the region's log that are here, each under its own signature."
            ),
            .gauge(
                "cairn_region_log_entries_behind",
                labels: ["region"],
                help: "Entries that the region's log has shown and that are not here yet."
            ),
            .gauge(
                "cairn_region_following",
                labels: ["region"],
                help: """
                    1 where its newest checkpoint was verified and the next one is waited for. Looked at every ten \
                    seconds.
                    """
            ),
            .gauge(
                "cairn_region_entries_waiting",
                labels: ["region"],
                help: "Entries of its log that are here and do not count yet, since their bytes have not come."
            ),
            .gauge(
                "cairn_region_entries_parked",
                labels: ["region"],
                help: """
                    Entries that wait because their time is too far ahead of this registry's clock. Alert on \
                    anything above zero: a clock is wrong.
                    """
            ),
            .gauge(
                "cairn_region_behind_seconds",
                labels: ["region"],
                help: "Age of the oldest change of it that does not count here yet; 0 where there is none."
            ),
            .gauge(
                "cairn_region_behind_bytes",
                labels: ["region"],
                help: """
                    Bytes of blobs that its entries first spoke of and that are still to be fetched; at most \
                    100,000 blobs are counted.
                    """
            ),
            .gauge(
                "cairn_region_entries_confirmed",
                labels: ["region"],
                help: "Entries of this registry's log that it has said it has in full."
            ),
            .gauge(
                "cairn_region_verified_timestamp_seconds",
                labels: ["region"],
                help: "When a checkpoint of it was last verified, in seconds since 1970."
            ),
            .gauge(
                "cairn_remote_blobs",
                help: "Blobs that are linked here and whose bytes only other regions have; at most 100,000 are counted."
            ),
            .gauge(
                "cairn_remote_blobs_bytes",
                help: """
                    Bytes of blobs that are linked here and that only other regions have; at most 100,000 blobs \
                    are counted.
                    """
            ),
            .gauge(
                "cairn_conflicts_open",
                help: "Tags that regions have set to different images, and that nobody has resolved."
            ),
            .gauge(
                "cairn_region_frozen",
                labels: ["region"],
                help: "1 where it has signed two logs and nothing more is taken from it. Alert on it: docs/regions.md."
            ),
            .counter("cairn_region_failures_total", labels: ["region"], help: "Looks at it that failed."),
            .counter(
                "cairn_region_entries_applied_total",
                labels: ["region"],
                help: "Entries of its log that were applied here."
            ),
            .counter(
                "cairn_region_conflicts_total",
                labels: ["region"],
                help: "Tags that it and another region have set to different images."
            ),
            .counter(
                "cairn_region_images_failed_total",
                labels: ["region"],
                help: "Attempts to bring an image of it that failed; each is made again."
            ),
            .counter(
                "cairn_region_backfill_blobs_total",
                help: "Blobs that were fetched after what holds them was applied, or was damaged here."
            ),
            .counter(
                "cairn_region_audits_total",
                labels: ["region", .init("outcome", ["equal", "differs", "undecided"])],
                help: "Comparisons with it."
            ),
            .gauge(
                "cairn_region_differences",
                labels: ["region"],
                help: "Rows that differed from it at the last comparison and that no entry explains. Alert on it."
            ),
        ]
    )

    static let otherRegistries = MetricsSection(
        "Content of other registries",
        [
            .counter(
                "cairn_fetches_total",
                labels: [.init("kind", ["blob", "manifest", "tag"]), "source", "result"],
                help: """
                    Questions for content: fetched or found, or what was wrong: absent, unreachable, refused, \
                    broken_off, stalled, wrong_bytes, too_long. Alert on the last two.
                    """
            ),
            .counter("cairn_fetch_bytes_total", labels: ["source"], help: "Bytes of blobs received, wrong ones too."),
            .counter("cairn_fetch_joined_total", help: "Waits for a blob that was being fetched already."),
            .histogram("cairn_fetch_seconds", help: "Time of a fetch, from its turn to its end."),
        ]
    )

    static let requests = MetricsSection(
        "Requests",
        HTTPMetrics.families + RepositoryMetrics.families + [
            .counter(
                "cairn_http_connections_refused_total",
                help: "Connections closed at once, because their address had as many as it may."
            ),
            .counter(
                "cairn_denials_dropped_total",
                help: "Denials that were counted here only: too many different ones came within a second."
            ),
        ]
    )

    static let telemetry = MetricsSection("Telemetry", TelemetryMetrics.families)

    static let process = MetricsSection(
        "The process",
        ProcessMetrics.families + [LogWriter.lostLines, PrometheusRegistry.drops]
    )
}
