// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How fast an error budget goes: 1 uses it up exactly at the end of its window.
package enum BurnRate {
    /// - Parameters:
    ///   - ratio: The part that was good.
    ///   - target: The part that has to be.
    /// - Returns: At most `ObjectivesLimits.burnRate`: any error burns a budget of nothing at once.
    package static func rate(of ratio: Double, target: Double) -> Double {
        let errors = max(0, 1 - ratio)
        guard errors > 0 else { return 0 }
        let budget = 1 - target
        guard budget > 0 else { return ObjectivesLimits.burnRate }
        return min(errors / budget, ObjectivesLimits.burnRate)
    }
}

/// Whom an alert reaches.
package enum AlertSeverity: String, CaseIterable, Sendable {
    /// Somebody, now.
    case page
    /// Somebody, in working hours.
    case ticket
}

/// When a burn rate is an alert: it is over the factor in a long window, so that it matters, and in a short one too, so
/// that it still goes on.
///
/// The pairs are those of the workbook on site reliability (sre.google/workbook/alerting-on-slos), and one more: a
/// budget that burns at more than twice the rate is nobody's secret for longer than a day.
package struct BurnRateRule: Hashable, Sendable {
    package let name: String
    package let long: String
    package let short: String
    package let factor: Double
    package let severity: AlertSeverity

    /// From the most urgent on.
    package static let all: [BurnRateRule] = [
        BurnRateRule(name: "fast", long: "1h", short: "5m", factor: 14.4, severity: .page),
        BurnRateRule(name: "medium", long: "6h", short: "30m", factor: 6, severity: .page),
        BurnRateRule(name: "slow", long: "1d", short: "2h", factor: 3, severity: .page),
        BurnRateRule(name: "twice", long: "1d", short: "2h", factor: 2, severity: .page),
        BurnRateRule(name: "creeping", long: "3d", short: "6h", factor: 1, severity: .ticket),
    ]

    /// The most urgent rule that burn rates, by window, satisfy.
    package static func first(satisfiedBy rates: [String: Double]) -> BurnRateRule? {
        all.first { rule in
            guard let long = rates[rule.long], let short = rates[rule.short] else { return false }
            return long > rule.factor && short > rule.factor
        }
    }
}
