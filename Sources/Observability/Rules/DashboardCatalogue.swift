// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The dashboards: for who decides, for who is called at night, and for who looks for the cause.
package struct DashboardCatalogue: Sendable {
    package let options: RuleOptions

    /// - Parameter options: Those of the rules. Windows are not divided: people look at dashboards.
    package init(_ options: RuleOptions = RuleOptions()) { self.options = options }

    package var all: [Dashboard] { [executive, onCall, debug] }

    private typealias Panel = Dashboard.Panel
    private typealias Query = Dashboard.Query

    private func panel(
        _ title: String,
        _ form: Dashboard.Form,
        _ unit: Dashboard.Unit,
        _ help: String,
        _ queries: [(String, String)],
        width: Int = 12,
        limit: Double? = nil,
        isFloor: Bool = false
    ) -> Panel {
        Panel(
            title: title,
            help: help,
            form: form,
            unit: unit,
            queries: queries.map { Query(expression: $0.0, legend: $0.1) },
            width: width,
            limit: limit,
            isFloor: isFloor
        )
    }

    /// The part of a counter's events that had one outcome, over the range that is looked at.
    private func share(_ counted: String, _ outcome: String, by label: String) -> String {
        """
        sum by (\(label)) (increase(cairn_\(counted)_total{outcome="\(outcome)"}[$__range])) \
        / sum by (\(label)) (increase(cairn_\(counted)_total[$__range]))
        """
    }

    private func mean(_ timed: String) -> String {
        "sum(increase(cairn_\(timed)_seconds_sum[$__range])) / sum(increase(cairn_\(timed)_seconds_count[$__range]))"
    }

    private var executive: Dashboard {
        Dashboard(
            name: "executive",
            title: "Cairn: service levels",
            help: "Whether what is promised is kept, and what is left of the error budgets.",
            panels: [
                panel(
                    "Availability, 30 days",
                    .stat,
                    .ratio,
                    "M9: the part of the prober's samples in which an image could be fetched, by region.",
                    [("min by (region) (cairn_availability_ratio{source=\"probe\",window=\"30d\"})", "{{region}}")],
                    width: 8,
                    limit: 0.999,
                    isFloor: true
                ),
                panel(
                    "Error budget left",
                    .bargauge,
                    .ratio,
                    "Below zero more went wrong than may: changes wait.",
                    [
                        (
                            "min by (objective, region) (cairn_slo_error_budget_remaining_ratio)",
                            "{{objective}} {{region}}"
                        )
                    ],
                    width: 16,
                    limit: 0,
                    isFloor: true
                ),
                panel(
                    "Deployments that became healthy",
                    .stat,
                    .ratio,
                    "M2, over the range that is looked at.",
                    [(share("deployments", "good", by: "environment"), "{{environment}}")],
                    width: 6,
                    limit: 0.99,
                    isFloor: true
                ),
                panel(
                    "Builds that succeeded",
                    .stat,
                    .ratio,
                    "M1, over the range that is looked at.",
                    [
                        (
                            """
                            sum(increase(cairn_builds_total{outcome="succeeded"}[$__range])) \
                            / sum(increase(cairn_builds_total[$__range]))
                            """, "builds"
                        )
                    ],
                    width: 6,
                    limit: 0.99,
                    isFloor: true
                ),
                panel(
                    "Mean time to roll back",
                    .stat,
                    .seconds,
                    "M6: from the order to healthy on the former image.",
                    [(mean("rollback"), "to roll back")],
                    width: 6,
                    limit: 600
                ),
                panel(
                    "Mean time to promote",
                    .stat,
                    .seconds,
                    "M4: from the build to production.",
                    [(mean("promotion"), "to promote")],
                    width: 6,
                    limit: 3_600
                ),
                panel(
                    "Burn of error budgets",
                    .timeseries,
                    .number,
                    "1 uses a budget up exactly in its window; above 2 somebody is called.",
                    [
                        (
                            "max by (objective, region) (cairn_slo_burn_rate{window=\"6h\"})",
                            "{{objective}} {{region}}"
                        )
                    ],
                    width: 24,
                    limit: 2
                ),
            ]
        )
    }

    private var onCall: Dashboard {
        Dashboard(
            name: "on-call",
            title: "Cairn: on call",
            help: "What is wrong now, where, and what to roll back.",
            panels: [
                panel(
                    "Alerts",
                    .table,
                    .number,
                    "What fires, grouped by deployment; each has its runbook.",
                    [
                        (
                            """
                            count by (alertname, severity, region, environment, deployment) \
                            (ALERTS{alertstate="firing"})
                            """,
                            "{{alertname}}"
                        )
                    ],
                    width: 24
                ),
                panel(
                    "Regions that answer",
                    .stat,
                    .number,
                    "1 where the registry was scraped.",
                    [("min by (region) (up{job=\"\(options.job)\"})", "{{region}}")],
                    width: 6,
                    limit: 1,
                    isFloor: true
                ),
                panel(
                    "Availability, 5 minutes",
                    .stat,
                    .ratio,
                    "As the prober sees it.",
                    [("min by (region) (cairn_availability_ratio{source=\"probe\",window=\"5m\"})", "{{region}}")],
                    width: 6,
                    limit: 0.999,
                    isFloor: true
                ),
                panel(
                    "Burn, 1 hour",
                    .stat,
                    .number,
                    "How fast error budgets go.",
                    [
                        (
                            "max by (objective, region) (cairn_slo_burn_rate{window=\"1h\"})",
                            "{{objective}} {{region}}"
                        )
                    ],
                    width: 6,
                    limit: 2
                ),
                panel(
                    "Declared maintenance",
                    .stat,
                    .time,
                    "Until when alerts are silent.",
                    [
                        (
                            "max by (region, environment) (cairn_maintenance_end_timestamp_seconds > 0) * 1000",
                            "{{region}} {{environment}}"
                        )
                    ],
                    width: 6
                ),
                panel(
                    "Rollouts",
                    .timeseries,
                    .number,
                    "Rollouts by outcome, in an hour.",
                    [
                        (
                            "sum by (environment, outcome) (increase(cairn_deployments_total[1h]))",
                            "{{environment}} {{outcome}}"
                        ), ("sum by (environment) (cairn_deployments_open)", "{{environment}} open"),
                    ]
                ),
                panel(
                    "Flapping deployments",
                    .table,
                    .number,
                    "Roll them back: 'cairn rollback' names the last good image.",
                    [("max by (environment, deployment) (cairn_deployment_flapping > 0)", "{{deployment}}")],
                    limit: 1
                ),
                panel(
                    "Boots that failed",
                    .timeseries,
                    .number,
                    "By environment, in an hour.",
                    [
                        (
                            "sum by (environment, outcome) (increase(cairn_boots_total[1h]))",
                            "{{environment}} {{outcome}}"
                        )
                    ]
                ),
                panel(
                    "Drift",
                    .timeseries,
                    .number,
                    "Places where something else runs than should.",
                    [("max by (environment) (cairn_drift_open)", "{{environment}}")],
                    limit: 1
                ),
                panel(
                    "Canary errors",
                    .timeseries,
                    .number,
                    "Steps of the prober that failed, in 5 minutes.",
                    [
                        (
                            "sum by (region, step, reason) (increase(cairn_probe_failures_total[5m]))",
                            "{{region}} {{step}} {{reason}}"
                        )
                    ]
                ),
                panel(
                    "Room on the disk",
                    .timeseries,
                    .bytes,
                    "What is free, and below which of it no new push begins.",
                    [
                        ("min by (instance) (cairn_storage_free_bytes)", "{{instance}}"),
                        ("min by (instance) (cairn_storage_soft_limit_bytes)", "{{instance}} limit"),
                    ]
                ),
            ]
        )
    }

    private func quantile(_ name: String, by labels: String) -> String {
        "histogram_quantile(0.99, sum by (le, \(labels)) (rate(\(name)_bucket[$__rate_interval])))"
    }

    private var debug: Dashboard {
        Dashboard(
            name: "debug",
            title: "Cairn: debug",
            help: "Where the time goes, and what fails.",
            panels: [
                panel(
                    "Requests",
                    .timeseries,
                    .perSecond,
                    "By route and status.",
                    [("sum by (route, code) (rate(cairn_http_requests_total[$__rate_interval]))", "{{route}} {{code}}")]
                ),
                panel(
                    "Time of requests, 99 %",
                    .timeseries,
                    .seconds,
                    "From head to last byte, so large blobs take long.",
                    [(quantile("cairn_http_request_seconds", by: "route, method"), "{{method}} {{route}}")]
                ),
                panel(
                    "Time of the prober's steps, 99 %",
                    .timeseries,
                    .seconds,
                    "As a client sees it.",
                    [(quantile("cairn_probe_seconds", by: "region, step"), "{{region}} {{step}}")]
                ),
                panel(
                    "Server errors",
                    .timeseries,
                    .perSecond,
                    "What the registry could not do.",
                    [
                        (
                            "sum by (route, code) (rate(cairn_http_requests_total{code=~\"5..\"}[$__rate_interval]))",
                            "{{route}} {{code}}"
                        )
                    ]
                ),
                panel(
                    "Commits",
                    .timeseries,
                    .seconds,
                    "Time of a commit of the catalog, 99 %.",
                    [(quantile("cairn_catalog_commit_seconds", by: "instance"), "{{instance}}")]
                ),
                panel(
                    "Waiting for the writer",
                    .timeseries,
                    .number,
                    "Operations in the queue, and those that were refused in 5 minutes.",
                    [
                        ("max by (instance) (cairn_catalog_queue_depth)", "{{instance}} waiting"),
                        ("sum by (instance) (increase(cairn_catalog_overloaded_total[5m]))", "{{instance}} refused"),
                    ]
                ),
                panel(
                    "Behind other regions",
                    .timeseries,
                    .seconds,
                    "Age of the oldest change that does not count yet.",
                    [("max by (instance, region) (cairn_region_behind_seconds)", "{{instance}} of {{region}}")]
                ),
                panel(
                    "Bytes",
                    .timeseries,
                    .bytes,
                    "Of bodies, in a second.",
                    [
                        (
                            "sum by (instance) (rate(cairn_http_sent_bytes_total[$__rate_interval]))",
                            "{{instance}} sent"
                        ),
                        (
                            "sum by (instance) (rate(cairn_http_received_bytes_total[$__rate_interval]))",
                            "{{instance}} received"
                        ),
                    ]
                ),
                panel(
                    "Collection",
                    .timeseries,
                    .seconds,
                    "How long the oldest of what is due has waited.",
                    [("max by (instance) (cairn_gc_oldest_seconds)", "{{instance}}")]
                ),
                panel(
                    "Memory",
                    .timeseries,
                    .bytes,
                    "Of the processes, that is in RAM.",
                    [("process_resident_memory_bytes{job=\"\(options.job)\"}", "{{instance}}")]
                ),
            ]
        )
    }
}
