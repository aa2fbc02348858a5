// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What the objectives of a registry have come to.
package struct ObjectivesReport: Sendable {
    /// One objective in one region.
    package struct Status: Sendable {
        package let objective: ServiceLevelObjective
        package let region: String
        /// What was good, by window; nil where nothing was measured.
        package let ratios: [(window: MeasuredWindow, ratio: Double?)]
        package let burnRates: [(window: MeasuredWindow, rate: Double?)]
        /// Part of the error budget that is left; nil where nothing was measured.
        package let budget: Double?
        /// The alert that the burn rates are; nil where they are none, in maintenance and while the process warms up.
        package let alert: BurnRateRule?

        /// Over the window of the objective.
        package var value: Double? {
            ratios.last { $0.window.minutes <= objective.windowMinutes }?.ratio
        }
    }

    /// The part of requests or samples of one region that was good.
    package struct Availability: Sendable {
        package let region: String
        package let source: String
        package let ratios: [(window: MeasuredWindow, ratio: Double?)]
    }

    /// Seconds since 1970.
    package let at: Int64
    /// The region that tells this.
    package let region: String
    package let statuses: [Status]
    package let availability: [Availability]
    /// What is declared now.
    package let maintenance: [MaintenanceSpan]
    package let isWarmingUp: Bool
}
