// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability

/// Metrics of what is promised, and of the prober.
extension MetricsCatalogue {
    static let objectives = MetricsSection("Objectives and the prober", probing + promises)

    private static let probing: [MetricFamily] = [
        .counter(
            "cairn_probe_samples_total",
            labels: ["region", .init("outcome", ["good", "bad"])],
            help: "Samples of the prober: whether an image could be fetched."
        ),
        .histogram(
            "cairn_probe_seconds",
            labels: [
                "region",
                .init(
                    "step",
                    [
                        "knock", "push_blobs", "push_manifest", "pull_tag", "pull_digest", "pull_blobs", "prove",
                        "delete",
                    ]
                ),
            ],
            help: "How long a step took.",
            buckets: Buckets([0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        ),
        .counter(
            "cairn_probe_failures_total",
            labels: ["region", "step", "reason"],
            help: "Steps that failed; reasons are `network`, `integrity`, `notFound`, `denied` and so on."
        ),
        .gauge(
            "cairn_probe_refused",
            labels: ["region"],
            help: "1 where the prober may not push its canary, and only knocks."
        ),
        .gauge(
            "cairn_probe_success_timestamp_seconds",
            labels: ["region"],
            help: "When an image could last be fetched."
        ),
    ]

    private static let promises: [MetricFamily] = [
        .counter(
            "cairn_slo_events_total",
            labels: ["objective", "region", .init("outcome", ["good", "bad"])],
            help: """
                What objectives count, without maintenance and warming up: the rules of Prometheus are made of it.
                """
        ),
        .gauge("cairn_slo_objective_ratio", labels: ["objective"], help: "The part that has to be good."),
        .gauge(
            "cairn_slo_error_budget_remaining_ratio",
            labels: ["objective", "region"],
            help: "The part of the error budget that is left; below zero more went wrong than may."
        ),
        .gauge(
            "cairn_slo_burn_rate",
            labels: ["objective", "region", .init("window", ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"])],
            help: "How fast the budget goes; 1 uses it up exactly in its window."
        ),
        .gauge(
            "cairn_availability_ratio",
            labels: [
                "region", .init("source", ["probe", "requests"]), .init("window", ["5m", "1h", "6h", "3d", "30d"]),
            ],
            help: "The part that was good, also over restarts; missing samples of the prober are bad."
        ),
        .gauge(
            "cairn_maintenance_active",
            labels: ["region", "environment"],
            help: "1 while maintenance is declared; without an environment, of the whole region."
        ),
        .gauge(
            "cairn_maintenance_end_timestamp_seconds",
            labels: ["region", "environment"],
            help: "When it ends; 0 where none is declared."
        ),
        .gauge(
            "cairn_warm_up_active",
            labels: ["region"],
            help: "1 in the first two minutes after a clean start."
        ),
    ]
}
