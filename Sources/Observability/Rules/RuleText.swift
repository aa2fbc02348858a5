// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Writes rules as Prometheus reads them.
package enum RuleText {
    package static func yaml(_ catalogue: RuleCatalogue) -> String {
        let options = catalogue.options
        var lines = [
            "# Written by 'cairn observability export'. Scrape the registries with 'honor_labels: true' and a label",
            "# 'region' for each target: see docs/observability.md.",
        ]
        if options.scale != 1 {
            lines.append("# For drills only: all windows and waits are divided by \(options.scale).")
        }
        lines.append("groups:")
        for group in catalogue.groups {
            lines.append("  - name: \(group.name)")
            lines.append("    interval: \(options.span(seconds: 60))")
            lines.append("    rules:")
            for rule in group.recordings {
                lines.append("      - record: \(rule.name)")
                lines.append("        expr: \(quoted(rule.expression))")
            }
            for rule in group.alerts {
                lines.append("      - alert: \(rule.name)")
                lines.append("        expr: \(quoted(rule.expression))")
                if rule.wait > 0 { lines.append("        for: \(options.span(seconds: rule.wait))") }
                lines.append("        labels:")
                for (name, value) in labels(of: rule) { lines.append("          \(name): \(quoted(value))") }
                lines.append("        annotations:")
                for (name, value) in annotations(of: rule, options) {
                    lines.append("          \(name): \(quoted(value))")
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func labels(of rule: AlertRule) -> [(String, String)] {
        (Array(rule.labels) + [("severity", rule.severity.rawValue)]).map { ($0.0, $0.1) }.sorted { $0.0 < $1.0 }
    }

    static func annotations(of rule: AlertRule, _ options: RuleOptions) -> [(String, String)] {
        [("runbook_url", "\(options.runbooks)/\(rule.runbook).md"), ("summary", rule.summary)]
    }

    /// A scalar in single quotes, in which nothing but the quote itself means anything.
    static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

    /// A factor without a needless fraction.
    static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// How alerts reach people: those of one name come in one message for each deployment, environment and region.
    package static let routes = """
        # Written by 'cairn observability export': the route for alertmanager.yml. Name your receivers.
        route:
          receiver: ticket
          group_by: [deployment, environment, region, alertname]
          group_wait: 30s
          group_interval: 5m
          repeat_interval: 4h
          routes:
            - matchers: ['severity="page"']
              receiver: page
              repeat_interval: 30m
        inhibit_rules:
          # A registry that is down is one message, not one for each of its objectives.
          - source_matchers: ['alertname="CairnRegistryDown"']
            target_matchers: ['alertname=~"CairnErrorBudgetBurn|CairnRegionUnavailable"']
            equal: [region]
        receivers:
          - name: page
          - name: ticket

        """
}
