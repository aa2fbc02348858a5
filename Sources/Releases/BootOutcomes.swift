// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// How boots of instances end, as their steps come in, for counters: each attempt once, also where it just hangs.
///
/// It says what ``ReleaseFigures`` says of boots (M8) of the same entries in the order of their times. What comes late,
/// of another region, has ten minutes from then on for its result to come too. Times are milliseconds since 1970.
package struct BootOutcomes: Sendable {
    package struct Outcome: Sendable, Hashable {
        package let environment: PlaceName
        package let isGood: Bool
    }

    private struct Attempt {
        let begin: Int64
        /// When its beginning came in here; not before it was.
        let heard: Int64
        /// When it came to its end; nil while it is open.
        var end: Int64?
    }

    /// Attempts that are open, and for a while those that are over.
    private var attempts: OpenTable<InstanceKey, Attempt>

    /// - Parameter limit: Attempts that are known at once; the beginnings of others are not heard, their results are.
    package init(limit: Int = 100_000) { attempts = OpenTable(limit: limit) }

    /// Takes the next entry.
    ///
    /// - Parameters:
    ///   - entry: The entry, in the order of coming in.
    ///   - now: When it came in.
    /// - Returns: What it decides; at most two, where what follows says that an attempt was over long before.
    package mutating func add(_ entry: ReleaseEntry, at now: Int64) -> [Outcome] {
        guard case .step(let step) = entry.fact, step.target != nil else { return [] }
        let place = ReleasePlace(repository: entry.repository, environment: step.environment, service: step.service)
        let key = InstanceKey(place: place, deployment: step.deployment, target: step.target)
        var outcomes: [Outcome] = []
        if let attempt = attempts[key], attempt.end == nil, Self.isOver(attempt.begin, at: entry.time) {
            outcomes.append(close(key, attempt, at: attempt.begin + ReleaseFiguresLimits.bootLimit, isGood: false))
        }
        let attempt = attempts[key]
        switch step.phase {
        case .bootAttempted:
            // Who boots once more did not come up before.
            if let attempt, attempt.end == nil {
                outcomes.append(Outcome(environment: step.environment, isGood: false))
            }
            attempts.put(key, Attempt(begin: entry.time, heard: max(now, entry.time)))
        case .booted, .bootFailed:
            let isGood = step.phase == .booted
            guard let attempt else {
                outcomes.append(Outcome(environment: step.environment, isGood: isGood))
                break
            }
            guard let end = attempt.end else {
                outcomes.append(close(key, attempt, at: entry.time, isGood: isGood))
                break
            }
            // Soon after the end it is said again, or late; otherwise of a boot whose beginning nobody reported.
            guard Self.isOver(end, at: entry.time) else { break }
            attempts.remove(key)
            outcomes.append(Outcome(environment: step.environment, isGood: isGood))
        case .healthy:
            guard let attempt, attempt.end == nil else { break }
            outcomes.append(close(key, attempt, at: entry.time, isGood: true))
        default: break
        }
        return outcomes
    }

    /// What has no result ten minutes after its beginning, and so is bad.
    package mutating func overdue(at time: Int64) -> [Outcome] {
        let late = attempts.values.filter { $1.end == nil && Self.isOver($1.heard, at: time) }
        let outcomes = late.map { key, attempt in
            close(key, attempt, at: attempt.begin + ReleaseFiguresLimits.bootLimit, isGood: false)
        }
        // What is said again of an attempt that was closed now is heard for as long as if it had been closed in time.
        _ = attempts.sweep { _, attempt in
            attempt.end.map { Self.isOver(max($0, attempt.heard + ReleaseFiguresLimits.bootLimit), at: time) } ?? false
        }
        return outcomes
    }

    /// Whether ten minutes are over.
    private static func isOver(_ begin: Int64, at time: Int64) -> Bool {
        time - begin > ReleaseFiguresLimits.bootLimit
    }

    private mutating func close(_ key: InstanceKey, _ attempt: Attempt, at end: Int64, isGood: Bool) -> Outcome {
        attempts.put(key, Attempt(begin: attempt.begin, heard: attempt.heard, end: end))
        return Outcome(environment: key.place.environment, isGood: isGood)
    }
}
