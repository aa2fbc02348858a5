// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability

/// Metrics of the release record, and of those who are told what happens.
extension MetricsCatalogue {
    static let releases = MetricsSection(
        "The release record",
        [
            .counter(
                "cairn_builds_total",
                labels: [.init("outcome", ["succeeded", "failed"])],
                help: "Builds that CI has reported."
            ),
            .counter(
                "cairn_promotions_total",
                labels: [.init("environment")],
                help: """
                    Images promoted. Environments that are neither production nor among the first 20 by name are \
                    `other`.
                    """
            ),
            .histogram(
                "cairn_promotion_seconds",
                labels: [.init("environment")],
                help: "From the first build of an image to its first promotion into production.",
                buckets: .releases
            ),
            .counter(
                "cairn_deployments_total",
                labels: [.init("environment"), .init("outcome", ["good", "bad"])],
                help: "Rollouts that were decided, each once: docs/release-record.md."
            ),
            .gauge(
                "cairn_deployments_open",
                labels: [.init("environment")],
                help: "Rollouts that are not decided yet."
            ),
            .histogram(
                "cairn_rollback_seconds",
                labels: [.init("environment")],
                help: "From the order to go back to healthy.",
                buckets: .releases
            ),
            .counter(
                "cairn_boots_total",
                labels: [.init("environment"), .init("outcome", ["good", "bad"])],
                help: "Boots of instances that came to their end, each once: without a result within 10 minutes, bad."
            ),
            .gauge(
                "cairn_deployment_flapping",
                labels: [.init("environment"), .init("deployment")],
                help: """
                    Changes between healthy and unhealthy within an hour, of rollouts with three or more; at most 50. \
                    Alert on it.
                    """
            ),
            .gauge(
                "cairn_drift_open",
                labels: [.init("environment")],
                help: "Targets that have run something else than they are to for too long."
            ),
            .gauge(
                "cairn_release_figure",
                labels: [.init("figure"), .init("environment")],
                help: """
                    Figures m1 to m8 and m10 over 30 days, computed each minute or more seldom; of all where there is \
                    no environment.
                    """
            ),
            .gauge(
                "cairn_critical_vulnerabilities",
                labels: [.init("environment")],
                help: "Critical vulnerabilities of the images that are to run, by the reports attached to them."
            ),
        ]
    )

    static let webhooks = MetricsSection(
        "Webhooks",
        [
            .counter(
                "cairn_webhook_deliveries_total",
                labels: [.init("hook"), .init("outcome", ["accepted", "failed"])],
                help: "Deliveries, each try counted."
            ),
            .counter(
                "cairn_webhook_dead_letters_total",
                labels: [.init("hook")],
                help: "Events that were given up. Alert on it: docs/webhooks.md."
            ),
        ]
    )
}
