// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import OCI
import Observability
import Registry
import Releases
import WebUI

/// What is promised and how well it is kept, and what is to run where.
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
            Fact("Promised", Self.percent(objective.target)),
            Fact("Measured", status.value.map(Self.percent) ?? "nothing yet"),
            Fact("Over", Moment.span(UInt64(max(0, objective.windowMinutes)) * 60)),
        ]
        if isNamed { facts.append(Fact("Region", Self.cut(status.region))) }
        return ObjectivesPage.Objective(
            id: id,
            name: Self.cut(objective.name),
            about: Self.words(objective),
            standing: standing,
            facts: facts,
            budgetLeft: status.budget ?? 1,
            chart: rates.contains { $0 != nil }
                ? BurnChart(rates: rates, limit: Self.fastBurn, from: "a day ago", to: "now") : nil,
            burns: status.burnRates.map { window, rate in
                ObjectivesPage.Burn(window: window.name, rate: rate, limit: Self.fastBurn)
            }
        )
    }

    /// From there on the budget goes faster than anybody should look on.
    private static let fastBurn = 2.0

    private static func percent(_ share: Double) -> String { "\(Figures.decimal(share * 100)) %" }

    /// What an objective promises, in words.
    private static func words(_ objective: ServiceLevelObjective) -> String {
        switch objective.kind {
        case .availability(.probe): "an image can be pushed and fetched, as the prober sees it"
        case .availability: "requests are answered without a failure of the registry"
        case .latency(let requests, let milliseconds):
            "requests to \(requests.rawValue) are answered within \(milliseconds) ms"
        case .freshness(let seconds): "what other regions change is here within \(seconds) s"
        case .durability: "nothing is known to be damaged"
        }
    }

    // MARK: Environments

    /// The environments, a page of them, each with what is to run there; of repositories from which the reader may not
    /// pull nothing is shown.
    func environmentsPage(_ exchange: Exchange) async throws -> Answer {
        let last = exchange.query["last"] ?? ""
        let page = try await registry.environments(after: last, limit: Self.environmentsOnAPage)
        let now = dates.seconds()
        var environments: [EnvironmentsPage.Environment] = []
        for (index, name) in page.elements.enumerated() {
            let images = try await registry.desiredImages(in: name, after: nil, limit: HTTPLimits.pageRows)
            let shown = images.elements.filter { exchange.mayPull($0.repository) }
            guard !shown.isEmpty else { continue }
            var facts = [Fact("Services", Self.count(Int64(shown.count)) + (images.hasMore ? " and more" : ""))]
            let drifted = shown.flatMap { image in image.targets.filter { $0.state(of: image, at: now) == "drifted" } }
            if !drifted.isEmpty { facts.append(Fact("Drifted targets", Self.count(Int64(drifted.count)))) }
            environments.append(
                EnvironmentsPage.Environment(
                    id: "environment-\(index)",
                    name: name.description,
                    facts: facts,
                    services: shown.map { service($0, at: now) }
                )
            )
        }
        let pager = Pager(
            what: "environments",
            first: last.isEmpty ? nil : "/ui/environments",
            next: page.hasMore
                ? page.elements.last.map { PageAddress.with([("last", $0.description)], "/ui/environments") } : nil
        )
        return html(EnvironmentsPage(environments: environments, pager: pager), exchange)
    }

    private static let environmentsOnAPage = 20

    private func service(_ image: DesiredImage, at now: Int64) -> EnvironmentsPage.Service {
        let states = image.targets.map { $0.state(of: image, at: now) }
        let good = states.count { $0 == "as-desired" }
        let state: Badge
        if !image.isLive {
            state = Badge("image deleted", .bad)
        } else if states.contains("drifted") {
            state = Badge("drifted", .warn)
        } else if states.contains("silent") {
            state = Badge("silent", .warn)
        } else {
            state = states.isEmpty ? Badge("nothing reported", .calm) : Badge("as desired", .good)
        }
        return EnvironmentsPage.Service(
            name: image.service?.description ?? image.repository.description,
            state: state,
            image: LinkedText(image.repository.description, href: PageAddress.repository(image.repository)),
            desired: Self.digestText(image.digest, in: image.repository),
            running: states.isEmpty ? "no target says" : "\(good) of \(states.count) targets",
            deployed: moment(image.since / 1_000),
            deployment: image.deployment?.description,
            rollback: image.rollback.first.map { Self.digestText($0, in: image.repository) }
        )
    }
}
