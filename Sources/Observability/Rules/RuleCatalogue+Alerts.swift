// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension RuleCatalogue {
    private static let quiet = "unless on (region) (\(maintenance) == 1)"

    /// What is told of a registry or a region, and not in maintenance of that region.
    private func gauge(
        _ name: String,
        _ expression: String,
        wait: Int64 = 300,
        _ severity: AlertSeverity,
        _ runbook: String,
        _ summary: String
    ) -> AlertRule {
        AlertRule(
            name: name,
            expression: "(\(expression)) \(Self.quiet)",
            wait: wait,
            severity: severity,
            runbook: runbook,
            summary: summary
        )
    }

    /// Where a counter has grown within a span. One that was not there a span ago has grown from nothing: `increase`
    /// alone does not see its first value.
    private func grown(_ counter: String, minutes: Int64) -> String {
        let span = options.span(minutes: minutes)
        return "increase(\(counter)[\(span)]) > 0 or (\(counter) > 0 unless \(counter) offset \(span))"
    }

    var storageAlerts: [AlertRule] {
        let long = options.span(minutes: 360)
        return [
            gauge(
                "CairnDiskFull",
                "cairn_storage_free_bytes < 1.2 * cairn_storage_soft_limit_bytes",
                wait: 60,
                .page,
                "disk-full",
                "the disk of {{ $labels.instance }} is nearly full: it refuses new pushes, or will soon"
            ),
            gauge(
                "CairnDiskFills",
                "predict_linear(cairn_storage_free_bytes[\(long)], 86400) < 0",
                wait: 1_800,
                .ticket,
                "disk-full",
                "the disk of {{ $labels.instance }} is full within a day, as it goes"
            ),
            gauge(
                "CairnDamagedBlobs",
                "cairn_scrub_damaged_blobs > 0",
                .page,
                "damaged-blobs",
                "{{ $labels.instance }} has blobs that are damaged, and does not serve them"
            ),
            gauge(
                "CairnScrubStalled",
                "cairn_scrub_stalled > 0",
                .page,
                "damaged-blobs",
                "the disk of {{ $labels.instance }} does not answer"
            ),
            gauge(
                "CairnLogDiffers",
                // Of a scrub at the start there may be no scrape before its findings: an increase would miss them.
                "cairn_log_scrub_findings_total > 0",
                wait: 0,
                .page,
                "damaged-blobs",
                "the log of {{ $labels.instance }} is not as it was signed"
            ),
            gauge(
                "CairnLogNotSealed",
                "increase(cairn_log_seal_failures_total[\(options.span(minutes: 5))]) > 0",
                .page,
                "disk-full",
                "the log of {{ $labels.instance }} cannot be sealed for want of room"
            ),
        ]
    }

    var workAlerts: [AlertRule] {
        [
            gauge(
                "CairnCollectionStuck",
                "cairn_gc_oldest_seconds > 86400",
                wait: 3_600,
                .ticket,
                "collection-stuck",
                "collection on {{ $labels.instance }} does not keep up, or is stuck"
            ),
            gauge(
                "CairnCollectionBreach",
                "cairn_gc_audit_findings > 0",
                .page,
                "collection-stuck",
                "the audit of collection on {{ $labels.instance }} found a breach of its rules"
            ),
            gauge(
                "CairnCatalogOverloaded",
                "increase(cairn_catalog_overloaded_total[\(options.span(minutes: 5))]) > 0",
                .ticket,
                "registry-slow",
                "{{ $labels.instance }} refuses work, because more waits than can be done in time"
            ),
            gauge(
                "CairnRetentionWaits",
                grown("cairn_retention_refused_total", minutes: 1_440),
                .ticket,
                "retention-waits",
                "a run of retention on {{ $labels.instance }} waits for somebody to confirm it"
            ),
        ]
    }

    var regionAlerts: [AlertRule] {
        [
            gauge(
                "CairnRegionBehind",
                "max by (region) (cairn_region_behind_seconds) > 300",
                wait: 600,
                .ticket,
                "replication-behind",
                "what {{ $labels.region }} did counts elsewhere only after minutes"
            ),
            gauge(
                "CairnRegionFrozen",
                "max by (region) (cairn_region_frozen) > 0",
                wait: 0,
                .page,
                "replication-behind",
                "{{ $labels.region }} has signed two logs; nothing more is taken from it"
            ),
            gauge(
                "CairnRegionClock",
                "max by (region) (cairn_region_entries_parked) > 0",
                wait: 600,
                .ticket,
                "replication-behind",
                "the clock of {{ $labels.region }}, or of who follows it, is wrong"
            ),
            gauge(
                "CairnRegionsDiffer",
                "max by (region) (cairn_region_differences) > 0",
                wait: 3_600,
                .ticket,
                "replication-behind",
                "{{ $labels.region }} has not what its log says"
            ),
            gauge(
                "CairnConflicts",
                "cairn_conflicts_open > 0",
                wait: 3_600,
                .ticket,
                "conflicts",
                "regions have set tags to different images; {{ $labels.instance }} waits for a decision"
            ),
            gauge(
                "CairnWrongBytes",
                """
                sum by (source, region) \
                (\(grown("cairn_fetches_total{result=~\"wrong_bytes|too_long\"}", minutes: 60))) > 0
                """,
                wait: 0,
                .page,
                "damaged-blobs",
                "{{ $labels.source }} served other bytes than their digest promises"
            ),
            gauge(
                "CairnProbeDisproved",
                """
                sum by (region) (\(grown("cairn_probe_failures_total{reason=\"integrity\"}", minutes: 60))) > 0
                """,
                wait: 0,
                .page,
                "damaged-blobs",
                "{{ $labels.region }} serves a canary with other bytes than were pushed, or its log does not prove it"
            ),
        ]
    }

    /// What is told of an environment.
    private func release(
        _ name: String,
        _ expression: String,
        wait: Int64 = 0,
        _ severity: AlertSeverity,
        _ runbook: String,
        _ summary: String
    ) -> AlertRule {
        AlertRule(
            name: name,
            expression: "(\(expression)) unless on (environment) (\(Self.environmentMaintenance) == 1)",
            wait: wait,
            severity: severity,
            runbook: runbook,
            summary: summary
        )
    }

    /// Of the release record: in which environment and which rollout.
    var releaseAlerts: [AlertRule] {
        let (short, long) = (options.span(minutes: 30), options.span(minutes: 1_440))
        return [
            release(
                "CairnRolloutBroken",
                """
                sum by (environment) (increase(cairn_deployments_total{outcome="bad"}[\(short)])) \
                / sum by (environment) (increase(cairn_deployments_total[\(short)])) > 0.5
                """,
                .page,
                "bad-image-out",
                "most rollouts in {{ $labels.environment }} fail"
            ),
            release(
                "CairnDeploymentFlapping",
                "max by (environment, deployment) (cairn_deployment_flapping) > 0",
                .page,
                "flapping",
                "the deployment {{ $labels.deployment }} in {{ $labels.environment }} flaps"
            ),
            release(
                "CairnBootsFail",
                """
                sum by (environment) (increase(cairn_boots_total{outcome="bad"}[\(long)])) \
                / sum by (environment) (increase(cairn_boots_total[\(long)])) > 0.005
                """,
                .ticket,
                "boot-failures",
                "more than 0.5 % of the boots in {{ $labels.environment }} fail"
            ),
            release(
                "CairnDrift",
                "max by (environment) (cairn_drift_open) > 0",
                wait: 900,
                .ticket,
                "drift",
                "something else runs in {{ $labels.environment }} than should"
            ),
            // Of no environment, as the builds.
            AlertRule(
                name: "CairnReportersSilent",
                expression: "cairn_deployment_reports_stale > 0",
                wait: 900,
                severity: .ticket,
                runbook: "drift",
                summary: "agents that report what runs have gone silent"
            ),
            AlertRule(
                name: "CairnBuildsFail",
                expression: """
                    sum(increase(cairn_builds_total{outcome="failed"}[\(long)])) \
                    / sum(increase(cairn_builds_total[\(long)])) > 0.01
                    """,
                wait: 0,
                severity: .ticket,
                runbook: "build-failures",
                summary: "more than 1 % of the builds of a day fail"
            ),
        ]
    }
}
