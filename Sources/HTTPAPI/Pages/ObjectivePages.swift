// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Registry
import WebUI

/// What is promised and how well it is kept.
extension Responder {
    func objectivesPage(_ exchange: Exchange) throws -> Answer {
        guard let objectives else { throw RegistryError.notInLog("this registry has no objectives") }
        let report = objectives.report()
        let spans = report.maintenance.map { span in
            let place = span.environment.map { "\($0) of \(span.region)" } ?? span.region
            return "\(Self.cut(place)) until \(Timestamp(seconds: span.end)): \(Self.cut(span.reason))"
        }
        let isNamed = Set(report.statuses.map(\.region)).count > 1
        let page = ObjectivesPage(
            objectives: report.statuses.prefix(HTTPLimits.pageRows).enumerated().map { index, status in
                let chart = objectives.chart(status.objective, status.region)
                return objective(status, id: "objective-\(index)", isNamed: isNamed, chart, at: report)
            },
            maintenance: spans.isEmpty ? nil : spans.joined(separator: "; ")
        )
        return html(page, exchange)
    }

    private func objective(
        _ status: ObjectivesReport.Status,
        id: String,
        isNamed: Bool,
        _ rates: [Double?],
        at report: ObjectivesReport
    ) -> ObjectivesPage.Objective {
        let objective = status.objective
        let standing: Badge =
            switch status.alert?.severity {
            case .page: Badge("burning: call somebody", .bad)
            case .ticket: Badge("burning", .warn)
            case nil where status.budget == nil: Badge("no data", .calm)
            case nil: Badge(report.isWarmingUp ? "warming up" : "calm", .good)
            }
        var facts = [
            Fact("Promised", Figures.percent(objective.target)),
            Fact("Measured", status.value.map(Figures.percent) ?? "nothing yet"),
            Fact("Over", Moment.span(UInt64(max(0, objective.windowMinutes)) * 60)),
        ]
        if isNamed { facts.append(Fact("Region", Self.cut(status.region))) }
        return ObjectivesPage.Objective(
            id: id,
            name: Self.cut(objective.name),
            about: Self.words(objective),
            standing: standing,
            facts: facts,
            budgetLeft: status.budget,
            chart: rates.contains { $0 != nil }
                ? BurnChart(rates: rates, limit: Self.limit(of: Self.chartWindow), from: "a day ago", to: "now") : nil,
            burns: status.burnRates.map { window, rate in
                ObjectivesPage.Burn(window: window.name, rate: rate, limit: Self.limit(of: window.name))
            }
        )
    }

    /// The window of each point of a chart.
    private static let chartWindow = "1h"

    /// From there on the budget goes too fast over a window: the least factor of the rules of alerts that look at it.
    /// Over one that none looks at, 1: it is used up before its time.
    private static func limit(of window: String) -> Double {
        BurnRateRule.all.filter { $0.long == window || $0.short == window }.map(\.factor).min() ?? 1
    }

    /// What an objective promises, in words.
    private static func words(_ objective: ServiceLevelObjective) -> String {
        switch objective.kind {
        case .availability(.probe): "an image can be fetched, as the prober sees it"
        case .availability: "requests are answered without a failure of the registry"
        case .latency(let requests, let milliseconds):
            "requests to \(requests.rawValue) are answered within \(milliseconds) ms"
        case .freshness(let seconds): "what other regions change is here within \(seconds) s"
        case .durability: "nothing is known to be damaged"
        }
    }
}
