// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Boots, and those that failed (M8).
struct BootFigures {
    private struct Attempt {
        let opening: Opening
        /// When it came to its end; nil while it is open.
        var closedAt: Int64?
    }

    private let scope: FigureScope
    /// Attempts that were reported to begin: open ones, and for a while those that are over.
    private var attempts: OpenTable<InstanceKey, Attempt>
    private var good = 0
    private var bad = 0
    private var open = 0
    private var exemplars = FigureExemplars()

    init(_ scope: FigureScope, limit: Int) {
        self.scope = scope
        attempts = OpenTable(limit: limit)
    }

    var heldCount: Int { attempts.count }
    var refused: Int { attempts.refused }

    mutating func add(_ step: PlacedStep) {
        guard step.step.target != nil else { return }
        switch step.step.phase {
        case .bootAttempted:
            // Who boots once more did not come up before.
            if let attempt = attempts[step.instance], attempt.closedAt == nil {
                count(step.instance, attempt.opening, isGood: false)
            }
            attempts.put(step.instance, Attempt(opening: step.opening))
            if attempts.needsSweep { sweep(at: step.time) }
        case .booted: result(step, isGood: true)
        case .bootFailed: result(step, isGood: false)
        case .healthy:
            guard let attempt = attempts[step.instance], closed(attempt, at: step.time) == nil else { return }
            close(step.instance, attempt, at: step.time, isGood: true)
        default: break
        }
    }

    private mutating func result(_ step: PlacedStep, isGood: Bool) {
        guard let attempt = attempts[step.instance] else {
            return count(step.instance, step.opening, isGood: isGood)
        }
        guard let closedAt = closed(attempt, at: step.time) else {
            return close(step.instance, attempt, at: step.time, isGood: isGood)
        }
        // Soon after the end it is said again, or late; otherwise of a boot whose beginning nobody reported.
        guard step.time - closedAt > ReleaseFiguresLimits.bootLimit else { return }
        forget(step.instance, attempt)
        count(step.instance, step.opening, isGood: isGood)
    }

    /// When an attempt was over, as of a time; nil while it is not.
    private func closed(_ attempt: Attempt, at time: Int64) -> Int64? {
        if let closedAt = attempt.closedAt { return closedAt }
        let limit = ReleaseFiguresLimits.bootLimit
        return time - attempt.opening.time > limit ? attempt.opening.time + limit : nil
    }

    private mutating func close(_ key: InstanceKey, _ attempt: Attempt, at time: Int64, isGood: Bool) {
        count(key, attempt.opening, isGood: isGood)
        attempts.put(key, Attempt(opening: attempt.opening, closedAt: time))
    }

    private mutating func forget(_ key: InstanceKey, _ attempt: Attempt) {
        if attempt.closedAt == nil { count(key, attempt.opening, isGood: false) }
        attempts.remove(key)
    }

    private mutating func count(_ key: InstanceKey, _ opening: Opening, isGood: Bool) {
        guard scope.contains(opening.time) else { return }
        if isGood {
            good += 1
        } else {
            bad += 1
            exemplars.offer(
                ExemplarRank(time: opening.time, order: opening.order),
                FigureExemplar(key, opening)
            )
        }
    }

    private mutating func sweep(at time: Int64) {
        let limit = ReleaseFiguresLimits.bootLimit
        let over = attempts.sweep { _, attempt in
            time - (attempt.closedAt ?? attempt.opening.time + limit) > limit
        }
        for (key, attempt) in over where attempt.closedAt == nil { count(key, attempt.opening, isGood: false) }
    }

    /// Counts everything that is left. Nothing is added afterwards.
    mutating func finish(at time: Int64) -> Figure {
        for (key, attempt) in attempts.values where attempt.closedAt == nil {
            if time - attempt.opening.time >= ReleaseFiguresLimits.bootLimit {
                count(key, attempt.opening, isGood: false)
            } else if scope.contains(attempt.opening.time) {
                open += 1
            }
        }
        return Figure(
            .boots,
            part: bad,
            of: good + bad,
            counts: [FigureCount("good", good), FigureCount("bad", bad), FigureCount("open", open)],
            exemplars: exemplars
        )
    }
}
