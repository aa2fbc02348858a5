// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What Prometheus computes and watches of registries.
package struct RuleCatalogue: Sendable {
    package let options: RuleOptions

    package init(_ options: RuleOptions = RuleOptions()) { self.options = options }

    package var groups: [RuleGroup] {
        [
            RuleGroup(name: "cairn-objectives", recordings: recordings, alerts: burnAlerts),
            RuleGroup(name: "cairn-availability", recordings: [], alerts: availabilityAlerts),
            RuleGroup(name: "cairn-storage", recordings: [], alerts: storageAlerts + workAlerts),
            RuleGroup(name: "cairn-regions", recordings: [], alerts: regionAlerts),
            RuleGroup(name: "cairn-releases", recordings: [], alerts: releaseAlerts),
        ]
    }

    /// Where a region is in declared maintenance: 1, else 0. The end of it is looked at as it was told last, since a
    /// registry in maintenance may be down.
    static let maintenance = "cairn:maintenance:active"
    static let environmentMaintenance = "cairn:environment_maintenance:active"

    /// Nothing is said of a region in maintenance, nor while its registry warms up after a clean start.
    private static let quietRegion = """
        unless on (region) (\(maintenance) == 1) unless on (region) (max by (region) (cairn_warm_up_active) == 1)
        """

    private var recordings: [RecordingRule] {
        var rules = [
            RecordingRule(
                name: Self.maintenance,
                expression: """
                    max by (region) (last_over_time(cairn_maintenance_end_timestamp_seconds{environment=""}[1d])) \
                    > bool time()
                    """
            ),
            RecordingRule(
                name: Self.environmentMaintenance,
                expression: """
                    max by (environment) \
                    (last_over_time(cairn_maintenance_end_timestamp_seconds{environment!=""}[1d])) > bool time()
                    """
            ),
        ]
        let used = Set(BurnRateRule.all.flatMap { [$0.long, $0.short] })
        for window in MeasuredWindow.all where used.contains(window.name) {
            let span = options.span(minutes: window.minutes)
            rules.append(
                RecordingRule(
                    name: "cairn:slo_errors:ratio_rate\(window.name)",
                    expression: """
                        sum by (objective, region) (rate(cairn_slo_events_total{outcome="bad"}[\(span)])) \
                        / (sum by (objective, region) (rate(cairn_slo_events_total[\(span)])) > 0)
                        """
                )
            )
            rules.append(
                RecordingRule(
                    name: "cairn:slo_burn:rate\(window.name)",
                    expression: """
                        cairn:slo_errors:ratio_rate\(window.name) / on (objective) group_left () \
                        (1 - max by (objective) (last_over_time(cairn_slo_objective_ratio[1d])))
                        """
                )
            )
        }
        return rules
    }

    private var burnAlerts: [AlertRule] {
        BurnRateRule.all.map { rule in
            let factor = RuleText.number(rule.factor)
            return AlertRule(
                name: "CairnErrorBudgetBurn",
                expression: """
                    (cairn:slo_burn:rate\(rule.long) > \(factor) and cairn:slo_burn:rate\(rule.short) > \(factor)) \
                    \(Self.quietRegion)
                    """,
                wait: 0,
                severity: rule.severity,
                runbook: "error-budget-burn",
                summary:
                    "{{ $labels.objective }} of {{ $labels.region }} uses up its error budget over \(factor) times "
                    + "too fast",
                labels: ["rule": rule.name]
            )
        }
    }

    private var availabilityAlerts: [AlertRule] {
        let (span, long) = (options.span(minutes: 5), options.span(minutes: 30))
        let up = "up{job=\"\(options.job)\"}"
        return [
            AlertRule(
                name: "CairnRegistryDown",
                expression: "(\(up) == 0) \(Self.quietRegion)",
                wait: 60,
                severity: .page,
                runbook: "registry-down",
                summary: "the registry {{ $labels.instance }} of {{ $labels.region }} does not answer"
            ),
            AlertRule(
                name: "CairnRegistriesUnknown",
                expression: "absent(\(up))",
                wait: 300,
                severity: .page,
                runbook: "registry-down",
                summary: "no registry is looked at"
            ),
            AlertRule(
                name: "CairnRegionUnavailable",
                expression: """
                    (sum by (region) (increase(cairn_probe_samples_total{outcome="bad"}[\(span)])) \
                    / sum by (region) (increase(cairn_probe_samples_total[\(span)])) > 0.25) \(Self.quietRegion)
                    """,
                wait: 60,
                severity: .page,
                runbook: "region-lost",
                summary: "images cannot be fetched from {{ $labels.region }}"
            ),
            AlertRule(
                name: "CairnProbeRefused",
                expression: "(max by (region) (cairn_probe_refused) == 1) \(Self.quietRegion)",
                wait: 900,
                severity: .ticket,
                runbook: "probe-refused",
                summary: "the prober may not push, pull and delete its canary in {{ $labels.region }}"
            ),
            AlertRule(
                name: "CairnProbePushFails",
                expression: """
                    (sum by (region) (increase(cairn_probe_failures_total{step=~"push_.*"}[\(long)])) > 2) \
                    \(Self.quietRegion)
                    """,
                wait: 0,
                severity: .page,
                runbook: "registry-down",
                summary: "images cannot be pushed to {{ $labels.region }}"
            ),
        ]
    }
}
