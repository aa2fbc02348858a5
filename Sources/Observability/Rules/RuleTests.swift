// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Unit tests of the rules, for `promtool test rules`: calm, outages, and outages in maintenance.
package enum RuleTests {
    private struct Expected {
        let alert: String
        let minute: Int64
        /// Labels of the alerts that fire then, beside that of the rule; none for silence.
        let labels: [[String: String]]
        var rule: String?
    }

    private struct Case {
        let name: String
        let series: [(String, String)]
        let expected: [Expected]
    }

    /// - Parameters:
    ///   - catalogue: The rules.
    ///   - file: The name of their file.
    /// - Returns: The text of a file that lies beside it.
    package static func yaml(_ catalogue: RuleCatalogue, file: String) -> String {
        let options = catalogue.options
        var lines = [
            "# Written by 'cairn observability export': promtool test rules FILE", "rule_files:", "  - \(file)",
            "evaluation_interval: \(options.span(seconds: 60))", "tests:",
        ]
        for test in cases(options) + otherCases(options) + storageCases {
            lines += ["  - name: \(RuleText.quoted(test.name))", "    interval: \(options.span(seconds: 60))"]
            lines.append("    input_series:")
            for (series, values) in test.series {
                lines.append("      - series: \(RuleText.quoted(series))")
                lines.append("        values: \(RuleText.quoted(values))")
            }
            lines.append("    alert_rule_test:")
            for expected in test.expected { lines += text(expected, catalogue) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ expected: Expected, _ catalogue: RuleCatalogue) -> [String] {
        let options = catalogue.options
        let rules = catalogue.groups.flatMap(\.alerts).filter { rule in
            rule.name == expected.alert && (expected.rule == nil || rule.labels["rule"] == expected.rule)
        }
        var lines = [
            "      - eval_time: \(options.span(minutes: expected.minute))", "        alertname: \(expected.alert)",
        ]
        guard !expected.labels.isEmpty else { return lines }
        lines.append("        exp_alerts:")
        for rule in rules {
            for labels in expected.labels {
                lines.append("          - exp_labels:")
                let all = Array(labels).map { ($0.key, $0.value) } + RuleText.labels(of: rule)
                for (name, value) in all.sorted(by: { $0.0 < $1.0 }) {
                    lines.append("              \(name): \(RuleText.quoted(value))")
                }
                lines.append("            exp_annotations:")
                for (name, text) in RuleText.annotations(of: rule, options) {
                    lines.append("              \(name): \(RuleText.quoted(filled(text, labels)))")
                }
            }
        }
        return lines
    }

    /// The text with the values of its labels.
    private static func filled(_ text: String, _ labels: [String: String]) -> String {
        labels.reduce(text) { text, label in text.replacing("{{ $labels.\(label.key) }}", with: label.value) }
    }

    private static let region = ["region": "eu"]
    private static let available = ["objective": "availability", "region": "eu"]

    private static func samples(_ bad: String, _ good: String, maintenance: String = "0x200") -> [(String, String)] {
        let place = "instance=\"us:5000\",job=\"cairn\",region=\"eu\""
        let objective = "objective=\"availability\""
        return [
            ("cairn_slo_events_total{\(objective),outcome=\"bad\",\(place)}", bad),
            ("cairn_slo_events_total{\(objective),outcome=\"good\",\(place)}", good),
            ("cairn_slo_objective_ratio{\(objective),instance=\"us:5000\"}", "0.999x200"),
            ("cairn_probe_samples_total{outcome=\"bad\",\(place)}", bad),
            ("cairn_probe_samples_total{outcome=\"good\",\(place)}", good),
            ("cairn_maintenance_end_timestamp_seconds{\(place)}", maintenance),
            ("cairn_warm_up_active{\(place)}", "0x200"),
        ]
    }

    private static func cases(_ options: RuleOptions) -> [Case] {
        let up = "up{instance=\"eu:5000\",job=\"\(options.job)\",region=\"eu\"}"
        let down = ["instance": "eu:5000", "job": options.job, "region": "eu"]
        let outage = ("0x60 2+2x140", "0+2x60 120x140")
        // Ends after the last look.
        let end = "\(180 * 60 / options.scale)x200"
        return [
            Case(
                name: "calm",
                series: samples("0x200", "0+2x200") + [(up, "1x200")],
                expected: ["CairnErrorBudgetBurn", "CairnRegionUnavailable", "CairnRegistryDown"].map {
                    Expected(alert: $0, minute: 120, labels: [])
                }
            ),
            Case(
                name: "a region is away",
                series: samples(outage.0, outage.1) + [(up, "1x60 0x140")],
                expected: [
                    Expected(alert: "CairnRegionUnavailable", minute: 59, labels: []),
                    Expected(alert: "CairnRegionUnavailable", minute: 70, labels: [region]),
                    Expected(alert: "CairnRegistryDown", minute: 59, labels: []),
                    Expected(alert: "CairnRegistryDown", minute: 70, labels: [down]),
                    Expected(alert: "CairnErrorBudgetBurn", minute: 59, labels: []),
                    Expected(alert: "CairnErrorBudgetBurn", minute: 120, labels: [available]),
                ]
            ),
            Case(
                name: "a region is away in maintenance",
                series: samples(outage.0, outage.1, maintenance: end) + [(up, "1x60 0x140")],
                expected: ["CairnErrorBudgetBurn", "CairnRegionUnavailable", "CairnRegistryDown"].map {
                    Expected(alert: $0, minute: 120, labels: [])
                }
            ),
            Case(
                name: "maintenance was ended early",
                series: samples(outage.0, outage.1, maintenance: "\(180 * 60 / options.scale)x30 0x170")
                    + [(up, "1x60 0x140")],
                expected: [Expected(alert: "CairnRegistryDown", minute: 70, labels: [down])]
            ),
            Case(
                name: "one error in an hour is no alert",
                series: samples("0x60 1x140", "0+2x200"),
                expected: [Expected(alert: "CairnRegionUnavailable", minute: 65, labels: [])]
            ),
        ]
    }

    private static func otherCases(_ options: RuleOptions) -> [Case] {
        let end = "\(180 * 60 / options.scale)x200"
        return [
            Case(
                name: "a deployment flaps, another does so in maintenance",
                series: [
                    ("cairn_deployment_flapping{environment=\"prod\",deployment=\"d1\"}", "0x5 1x20"),
                    ("cairn_deployment_flapping{environment=\"test\",deployment=\"d2\"}", "0x5 1x20"),
                    ("cairn_maintenance_end_timestamp_seconds{region=\"eu\",environment=\"test\"}", end),
                ],
                expected: [
                    Expected(alert: "CairnDeploymentFlapping", minute: 4, labels: []),
                    Expected(
                        alert: "CairnDeploymentFlapping",
                        minute: 10,
                        labels: [["environment": "prod", "deployment": "d1"]]
                    ),
                ]
            )
        ]
    }

    /// What is told of a registry itself.
    private static var storageCases: [Case] {
        let place = "instance=\"eu:5000\",region=\"eu\""
        let labels = [["instance": "eu:5000", "region": "eu"]]
        let proof = "instance=\"eu:5000\",step=\"prove\""
        let wrong = "cairn_fetches_total{kind=\"blob\",result=\"wrong_bytes\",source=\"us\",\(place)}"
        return [
            Case(
                name: "a disk fills up, and pushes are not refused yet",
                series: [
                    ("cairn_storage_free_bytes{\(place)}", "9000000000x5 6000000000x20"),
                    ("cairn_storage_soft_limit_bytes{\(place)}", "5368709120x25"),
                ],
                expected: [
                    Expected(alert: "CairnDiskFull", minute: 4, labels: []),
                    Expected(alert: "CairnDiskFull", minute: 10, labels: labels),
                ]
            ),
            Case(
                name: "the log was found damaged before the first scrape",
                series: [("cairn_log_scrub_findings_total{\(place)}", "2x20")],
                expected: [Expected(alert: "CairnLogDiffers", minute: 5, labels: labels)]
            ),
            Case(
                name: "a region has signed two logs",
                series: [("cairn_region_frozen{instance=\"eu:5000\",region=\"us\"}", "0x5 1x20")],
                expected: [
                    Expected(alert: "CairnRegionFrozen", minute: 4, labels: []),
                    Expected(alert: "CairnRegionFrozen", minute: 10, labels: [["region": "us"]]),
                ]
            ),
            Case(
                name: "wrong bytes come for the first time, and no more for an hour",
                series: [(wrong, "_x10 1x140")],
                expected: [
                    Expected(alert: "CairnWrongBytes", minute: 5, labels: []),
                    Expected(alert: "CairnWrongBytes", minute: 15, labels: [["source": "us", "region": "eu"]]),
                    Expected(alert: "CairnWrongBytes", minute: 120, labels: []),
                ]
            ),
            Case(
                name: "wrong bytes come again",
                series: [(wrong, "1x80 2x60")],
                expected: [
                    Expected(alert: "CairnWrongBytes", minute: 75, labels: []),
                    Expected(alert: "CairnWrongBytes", minute: 85, labels: [["source": "us", "region": "eu"]]),
                ]
            ),
            Case(
                name: "a canary is not what the log says",
                series: [
                    ("cairn_probe_failures_total{\(proof),region=\"us\",reason=\"integrity\"}", "_x10 1x140"),
                    ("cairn_probe_failures_total{\(proof),region=\"ap\",reason=\"policy\"}", "_x10 1+1x140"),
                ],
                expected: [
                    Expected(alert: "CairnProbeDisproved", minute: 5, labels: []),
                    Expected(alert: "CairnProbeDisproved", minute: 15, labels: [["region": "us"]]),
                    Expected(alert: "CairnProbeDisproved", minute: 120, labels: []),
                ]
            ),
            Case(
                name: "a run of retention waits for the first time",
                series: [("cairn_retention_refused_total{\(place)}", "_x10 1x30")],
                expected: [
                    Expected(alert: "CairnRetentionWaits", minute: 5, labels: []),
                    Expected(alert: "CairnRetentionWaits", minute: 20, labels: labels),
                ]
            ),
        ]
    }
}
