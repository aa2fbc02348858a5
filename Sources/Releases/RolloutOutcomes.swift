// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// How rollouts end, as their steps come in, for counters: each once, in the order in which it was heard of.
///
/// It says what ``ReleaseFigures`` says of the same entries in the order of their times. What comes late, of another
/// region, is counted when it comes, and has an hour from then on for its decision to come too. Rollouts that nothing
/// is known of here, because they are long over or the process has begun since, are told apart from new ones by the
/// time of their first step, which whoever adds an entry looks up. Times are milliseconds since 1970.
package struct RolloutOutcomes: Sendable {
    package struct Outcome: Sendable, Hashable {
        package let environment: PlaceName
        package let isGood: Bool
        /// From the order to the decision, of a rollback that is good.
        package let rollbackSeconds: Double?
    }

    private struct State {
        let begin: Int64
        /// When its first step came in here; not before it was.
        let heard: Int64
        let isRollback: Bool
        var isDecided: Bool
        /// When it was spoken of last.
        var lastTime: Int64
    }

    private var states: [DeploymentKey: State] = [:]
    private let limit: Int

    /// - Parameter limit: Rollouts that are known at once; where there are more, those are let go that are decided, and
    ///   of these, or of all where none is, those that were silent for longest.
    package init(limit: Int = 10_000) { self.limit = limit }

    /// How many are not decided yet.
    package func open(in environment: PlaceName) -> Int {
        states.count { !$1.isDecided && $0.place.environment == environment }
    }

    /// Whether an entry is a step of a rollout that nothing is known of here: whoever adds it says when that began.
    package func isNew(_ entry: ReleaseEntry) -> Bool {
        guard case .step(let step) = entry.fact else { return false }
        return states[Self.key(step, entry)] == nil
    }

    /// Takes an entry of before the counting began, and counts nothing.
    ///
    /// - Parameters:
    ///   - entry: The entry, in the order of time.
    ///   - first: When the first step of its rollout was, where that is new here.
    ///   - since: When the first of the entries is that are taken so. What began before it was decided before.
    package mutating func recall(_ entry: ReleaseEntry, first: Int64?, since: Int64) {
        guard case .step(let step) = entry.fact else { return }
        let key = Self.key(step, entry)
        if states[key] == nil, let first, first < since {
            let state = State(begin: first, heard: first, isRollback: false, isDecided: true, lastTime: entry.time)
            keep(key, state)
        }
        _ = add(entry, first: first, at: entry.time)
    }

    /// Takes the next entry.
    ///
    /// - Parameters:
    ///   - entry: The entry, in the order of coming in.
    ///   - first: When the first step of its rollout was, where that is new here; nil where this is the first. One that
    ///     began more than an hour before this entry was decided then, and is not counted.
    ///   - now: When it came in.
    /// - Returns: What it decides; at most two, where a rollback ends what was there before.
    package mutating func add(_ entry: ReleaseEntry, first: Int64?, at now: Int64) -> [Outcome] {
        guard case .step(let step) = entry.fact else { return [] }
        let key = Self.key(step, entry)
        let phase = step.target == nil ? step.phase : nil
        var outcomes: [Outcome] = []
        if states[key] == nil {
            let begin = min(first ?? entry.time, entry.time)
            let isOver = Self.isOver(begin, at: entry.time)
            let isRollback = !isOver && phase == .rollbackOrdered
            if isRollback { outcomes += endCurrent(of: key.place) }
            let heard = max(now, begin)
            let state = State(
                begin: begin,
                heard: heard,
                isRollback: isRollback,
                isDecided: isOver,
                lastTime: entry.time
            )
            keep(key, state)
        }
        guard let state = states[key] else { return outcomes }
        states[key]?.lastTime = max(state.lastTime, entry.time)
        guard !state.isDecided else { return outcomes }
        if Self.isOver(state.begin, at: entry.time) { return outcomes + [decide(key, false, at: entry.time)] }
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
        let late = states.filter { !$1.isDecided && Self.isOver($1.heard, at: time) }.keys
        let outcomes = late.map { decide($0, false, at: time) }
        states = states.filter { time - max($1.heard, $1.lastTime) <= ReleaseFiguresLimits.deploymentMemory }
        return outcomes
    }

    private static func key(_ step: DeploymentStep, _ entry: ReleaseEntry) -> DeploymentKey {
        let place = ReleasePlace(repository: entry.repository, environment: step.environment, service: step.service)
        return DeploymentKey(place: place, deployment: step.deployment)
    }

    /// Whether what began at a time is decided, whatever is said of it.
    private static func isOver(_ begin: Int64, at time: Int64) -> Bool {
        time - begin > ReleaseFiguresLimits.decisionLimit
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
    private mutating func endCurrent(of place: ReleasePlace) -> [Outcome] {
        let current = states.filter { $0.key.place == place }.max { $0.value.begin < $1.value.begin }
        guard let current, !current.value.isDecided else { return [] }
        return [decide(current.key, false, at: current.value.begin)]
    }

    private mutating func keep(_ key: DeploymentKey, _ state: State) {
        if states.count >= limit {
            let least = states.min { left, right in
                if left.value.isDecided != right.value.isDecided { return left.value.isDecided }
                return left.value.lastTime < right.value.lastTime
            }
            if let least { states[least.key] = nil }
        }
        states[key] = state
    }
}
