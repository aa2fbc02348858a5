// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Observability
import Testing

/// Rules and dashboards name what there is: `tools/slo-e2e` has promtool read them, and Prometheus fire them.
@Suite struct ExportedRuleTests {
    private static func document(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    /// Names of metrics in an expression, without what a histogram adds.
    private static func metrics(_ expression: String) -> Set<String> {
        var names: Set<String> = []
        for word in expression.split(whereSeparator: { !($0.isLetter && $0.isASCII || $0.isNumber || $0 == "_") })
        where word.hasPrefix("cairn_") {
            var name = String(word)
            for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
                name.removeLast(suffix.count)
            }
            names.insert(name)
        }
        return names
    }

    private static var expressions: [String] {
        let groups = RuleCatalogue().groups
        return groups.flatMap(\.recordings).map(\.expression) + groups.flatMap(\.alerts).map(\.expression)
            + DashboardCatalogue().all.flatMap(\.panels).flatMap(\.queries).map(\.expression)
    }

    @Test func everyMetricIsInTheCatalogue() throws {
        let known = Set(try Self.document("docs/metrics.md").split(separator: "`").map(String.init))
        let used = Self.expressions.reduce(into: Set<String>()) { $0.formUnion(Self.metrics($1)) }
        #expect(used.count > 30)
        for name in used.sorted() where !known.contains(name) { Issue.record("nothing exposes \(name)") }
        #expect(Self.metrics("a(cairn_x_seconds_bucket[5m]) / cairn_y") == ["cairn_x_seconds", "cairn_y"])
    }

    @Test func everyAlertHasItsRunbookInTheDocument() throws {
        let document = try Self.document("docs/observability.md")
        let alerts = RuleCatalogue().groups.flatMap(\.alerts)
        #expect(alerts.count > 25)
        for alert in alerts {
            #expect(document.contains("`\(alert.name)`"), "docs/observability.md does not tell of \(alert.name)")
            #expect(document.contains("runbooks/\(alert.runbook).md"), "nor of the runbook \(alert.runbook)")
            #expect(throws: Never.self, "there is no runbook \(alert.runbook)") {
                try Self.document("docs/runbooks/\(alert.runbook).md")
            }
        }
    }

    /// Who opens the page that an alert names finds there what it is about: the alert, or a metric that it looks at.
    @Test func everyRunbookAnswersItsAlerts() throws {
        for alert in RuleCatalogue().groups.flatMap(\.alerts) {
            let page = try Self.document("docs/runbooks/\(alert.runbook).md")
            let looked = Self.metrics(alert.expression).subtracting(["cairn_warm_up_active"])
            #expect(
                ([alert.name] + looked).contains { page.contains($0) },
                "\(alert.runbook).md does not say what to do about \(alert.name)"
            )
        }
    }

    /// Somebody is called for what is down and for what burns; maintenance silences all that is of a region.
    @Test func severitiesAndSilence() {
        for alert in RuleCatalogue().groups.flatMap(\.alerts) {
            if alert.name == "CairnErrorBudgetBurn" {
                #expect((alert.severity == .page) == (alert.labels["rule"] != "creeping"))
            }
            let isOfAll = ["CairnRegistriesUnknown", "CairnReportersSilent", "CairnBuildsFail"].contains(alert.name)
            #expect(isOfAll != alert.expression.contains("maintenance:active == 1"), "\(alert.name)")
        }
    }

    @Test func windowsAreDivided() {
        let text = RuleText.yaml(RuleCatalogue(RuleOptions(scale: 60, job: "j", runbooks: "https://x/r")))
        #expect(text.contains("rate(cairn_slo_events_total[5s])") && !text.contains("[5m]"))
        #expect(text.contains("rate(cairn_slo_events_total[72m])"), "3 days are 72 minutes")
        #expect(text.contains("up{job=\"j\"}") && text.contains("'https://x/r/registry-down.md'"))
        #expect(RuleText.yaml(RuleCatalogue()).contains("rate(cairn_slo_events_total[3d])"))
    }

    @Test func dashboardsAskForTheJob() {
        func expressions(_ options: RuleOptions) -> [String] {
            DashboardCatalogue(options).all.flatMap(\.panels).flatMap(\.queries).map(\.expression)
        }
        let other = expressions(RuleOptions(job: "j"))
        #expect(other.contains { $0.contains("up{job=\"j\"}") })
        #expect(!other.contains { $0.contains("job=\"cairn\"") })
        #expect(expressions(RuleOptions()).contains { $0.contains("up{job=\"cairn\"}") })
    }

    @Test func dashboardsAreJSON() throws {
        for dashboard in DashboardCatalogue().all {
            let data = Data(DashboardText.json(dashboard).utf8)
            let document = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            let panels = try #require(document?["panels"] as? [[String: Any]])
            #expect(panels.count == dashboard.panels.count)
            let targets = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }
            let asked = targets.compactMap { $0["expr"] as? String }
            #expect(asked == dashboard.panels.flatMap(\.queries).map(\.expression), "every query is there, whole")
            #expect(dashboard.panels.allSatisfy { !$0.help.isEmpty && !$0.queries.isEmpty && $0.width <= 24 })
        }
        #expect(Set(DashboardCatalogue().all.map(\.name)) == ["executive", "on-call", "debug"])
    }
}
