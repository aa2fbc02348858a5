// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// How rollouts end, as their steps come in, for counters: each once, in the order in which it was heard of.
///
/// It says what ``ReleaseFigures`` says of the same entries in the order of their times. What comes late, of another
/// region, is counted when it comes.
package struct RolloutOutcomes: Sendable {
    package struct Outcome: Sendable, Hashable {
        package let environment: PlaceName
        package let isGood: Bool
        /// From the order to the decision, of a rollback that is good.
        package let rollbackSeconds: Double?
    }

    private struct State {
        let begin: Int64
        let isRollback: Bool
        var isDecided = false
    }

    private var states: [DeploymentKey: State] = [:]
    private let limit: Int

    /// - Parameter limit: Rollouts that are looked at at once; where there are more, the oldest are let go undecided.
    package init(limit: Int = 10_000) { self.limit = limit }

    /// How many are not decided yet.
    package func open(in environment: PlaceName) -> Int {
        states.count { !$1.isDecided && $0.place.environment == environment }
    }

    /// Takes the next entry.
    ///
    /// - Returns: What it decides; at most two, where a rollback ends what was there before.
    package mutating func add(_ entry: ReleaseEntry) -> [Outcome] {
        guard case .step(let step) = entry.fact else { return [] }
        let place = ReleasePlace(
            repository: entry.repository,
            environment: step.environment,
            service: step.service
        )
        let key = DeploymentKey(place: place, deployment: step.deployment)
        let phase = step.target == nil ? step.phase : nil
        var outcomes: [Outcome] = []
        if states[key] == nil {
            if phase == .rollbackOrdered { outcomes += endCurrent(of: place, but: key) }
            if states.count >= limit { forgetOldest() }
            states[key] = State(begin: entry.time, isRollback: phase == .rollbackOrdered)
        }
        guard let phase, let state = states[key], !state.isDecided else { return outcomes }
        let isGood: Bool
        switch phase {
        case .healthy: isGood = true
        case .rolledBack: isGood = state.isRollback
        case .failed: isGood = false
        case .rollbackOrdered where !state.isRollback: isGood = false
        default: return outcomes
        }
        return outcomes + [decide(key, isGood, at: entry.time)]
    }

    /// What nobody has decided within an hour of its beginning, and so is bad.
    package mutating func overdue(at time: Int64) -> [Outcome] {
        let limit = ReleaseFiguresLimits.decisionLimit
        let late = states.filter { !$1.isDecided && time - $1.begin > limit }.keys
        let outcomes = late.map { decide($0, false, at: time) }
        states = states.filter { time - $1.begin <= ReleaseFiguresLimits.deploymentMemory }
        return outcomes
    }

    private mutating func decide(_ key: DeploymentKey, _ isGood: Bool, at time: Int64) -> Outcome {
        let state = states[key]
        states[key]?.isDecided = true
        let seconds = state.map { Double(max(0, time - $0.begin)) / 1_000 }
        return Outcome(
            environment: key.place.environment,
            isGood: isGood,
            rollbackSeconds: isGood && state?.isRollback == true ? seconds : nil
        )
    }

    /// The rollout that began last where a rollback begins.
    private mutating func endCurrent(of place: ReleasePlace, but key: DeploymentKey) -> [Outcome] {
        let current = states.filter { $0.key.place == place && $0.key != key }.max { $0.value.begin < $1.value.begin }
        guard let current, !current.value.isDecided else { return [] }
        return [decide(current.key, false, at: current.value.begin)]
    }

    private mutating func forgetOldest() {
        guard let oldest = states.min(by: { $0.value.begin < $1.value.begin })?.key else { return }
        states[oldest] = nil
    }
}
