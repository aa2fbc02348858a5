// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics
import Observability
import Probing
import Registry
import Synchronization

/// Shows what objectives come to as metrics.
final class ObjectiveFigures: Sendable {
    /// Environments whose maintenance was shown: they have to be shown as over.
    private static let placesLimit = 256

    private struct Place: Hashable {
        let region: String
        let environment: String?
    }

    /// What objectives and availability come to.
    private struct Gauges {
        var budgets = ShownGauge("cairn_slo_error_budget_remaining_ratio")
        var rates = ShownGauge("cairn_slo_burn_rate")
        var availability = ShownGauge("cairn_availability_ratio")
    }

    private let objectives: [ServiceLevelObjective]
    private let region: String
    private let gauges = Mutex(Gauges())
    private let shown = Mutex<Set<Place>>([])
    private let begun = Mutex<Set<String>>([])

    init(_ objectives: [ServiceLevelObjective], region: String) {
        self.objectives = objectives
        self.region = region
        for objective in objectives {
            Meter(label: "cairn_slo_objective_ratio", dimensions: [("objective", objective.name)])
                .set(objective.target)
        }
        begin(region)
    }

    /// What was never counted is 0 from the start: a rate is only seen between two values.
    private func begin(_ region: String) {
        guard begun.withLock({ $0.count < ObjectivesLimits.series && $0.insert(region).inserted }) else { return }
        for outcome in ["good", "bad"] {
            let dimensions = [("region", region), ("outcome", outcome)]
            Counter(label: "cairn_probe_samples_total", dimensions: dimensions).increment(by: 0)
            for objective in objectives {
                // Other regions are probed and followed; their requests are their own business.
                switch objective.kind {
                case .availability(.probe), .freshness: break
                case .availability(.requests), .latency, .durability: guard region == self.region else { continue }
                }
                Counter(
                    label: "cairn_slo_events_total",
                    dimensions: dimensions + [("objective", objective.name)]
                ).increment(by: 0)
            }
        }
    }

    func count(_ sample: ProbeSample) {
        begin(sample.target)
        Counter(
            label: "cairn_probe_samples_total",
            dimensions: [("region", sample.target), ("outcome", sample.isGood ? "good" : "bad")]
        ).increment(by: sample.count)
    }

    /// Counts what alerts are made of: nothing of maintenance and of warming up.
    func count(good: Int64, total: Int64, of source: String, in region: String) {
        begin(region)
        for objective in objectives where objective.source == source {
            for (outcome, number) in [("good", good), ("bad", total - good)] where number > 0 {
                Counter(
                    label: "cairn_slo_events_total",
                    dimensions: [("objective", objective.name), ("region", region), ("outcome", outcome)]
                ).increment(by: number)
            }
        }
    }

    func show(_ report: ObjectivesReport) {
        typealias Values = [[String: String]: Double]
        var (budgets, rates, availability): (Values, Values, Values) = ([:], [:], [:])
        for status in report.statuses {
            var labels = ["objective": status.objective.name, "region": status.region]
            budgets[labels] = status.budget
            for (window, rate) in status.burnRates {
                labels["window"] = window.name
                rates[labels] = rate
            }
        }
        for figure in report.availability {
            for (window, ratio) in figure.ratios {
                availability[["region": figure.region, "source": figure.source, "window": window.name]] = ratio
            }
        }
        gauges.withLock { gauges in
            gauges.budgets.show(budgets)
            gauges.rates.show(rates)
            gauges.availability.show(availability)
        }
        Meter(label: "cairn_warm_up_active", dimensions: [("region", region)]).set(report.isWarmingUp ? 1 : 0)
        show(report.maintenance)
    }

    private func show(_ maintenance: [MaintenanceSpan]) {
        var ends: [Place: Int64] = [Place(region: region, environment: nil): 0]
        for span in maintenance {
            let place = Place(region: span.region, environment: span.environment)
            ends[place] = max(ends[place] ?? 0, span.end)
        }
        let over = shown.withLock { shown in
            let over = shown.subtracting(ends.keys)
            if shown.count < Self.placesLimit { shown.formUnion(ends.keys) }
            return over
        }
        for place in over { ends[place] = 0 }
        for (place, end) in ends {
            let dimensions = [("region", place.region), ("environment", place.environment ?? "")]
            Meter(label: "cairn_maintenance_active", dimensions: dimensions).set(end > 0 ? 1 : 0)
            Meter(label: "cairn_maintenance_end_timestamp_seconds", dimensions: dimensions).set(end)
        }
    }
}
