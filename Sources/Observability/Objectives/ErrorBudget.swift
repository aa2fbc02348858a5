// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How much may still go wrong within the window of an objective.
package enum ErrorBudget {
    /// What is left of it: 1 all, 0 nothing, below that more went wrong than may.
    ///
    /// - Parameters:
    ///   - tally: What was measured over the window of the objective.
    ///   - objective: Of time, its budget is a part of the whole window, also of the part before the first sample;
    ///     otherwise a part of the requests that were counted.
    /// - Returns: nil where nothing was measured.
    package static func remaining(_ tally: Tally, of objective: ServiceLevelObjective) -> Double? {
        guard tally.total > 0 else { return nil }
        let whole = objective.isOfTime ? Double(objective.windowMinutes) : tally.total
        let budget = whole * (1 - objective.target)
        guard tally.bad > 0 else { return 1 }
        guard budget > 0 else { return -ObjectivesLimits.burnRate }
        return max(1 - tally.bad / budget, -ObjectivesLimits.burnRate)
    }
}
