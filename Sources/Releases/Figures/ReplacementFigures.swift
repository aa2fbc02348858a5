// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// How long instances take from the order to replace them until they are healthy (M3).
struct ReplacementFigures {
    private let scope: FigureScope
    private var orders: OpenTable<InstanceKey, Opening>
    private var durations = DurationSummary(unit: 1_000, bound: FigureKind.replacements.target.bound)
    private var never = 0
    private var open = 0
    private var exemplars = FigureExemplars()

    init(_ scope: FigureScope, limit: Int) {
        self.scope = scope
        orders = OpenTable(limit: limit)
    }

    var heldCount: Int { orders.count }
    var refused: Int { orders.refused }

    mutating func add(_ step: PlacedStep) {
        guard step.step.target != nil else { return }
        let key = step.instance
        switch step.step.phase {
        case .replacementOrdered:
            if let order = orders[key] {
                // Said again: the instance waits since the first order.
                if !Self.isOver(order, at: step.time) { return }
                give(up: key, order)
            }
            orders.put(key, step.opening)
            if orders.needsSweep { sweep(at: step.time) }
        case .healthy:
            guard let order = orders[key] else { return }
            orders.remove(key)
            if Self.isOver(order, at: step.time) {
                give(up: key, order)
            } else if scope.contains(order.time) {
                let duration = step.time - order.time
                durations.add(duration)
                offer(key, order, duration)
            }
        default: break
        }
    }

    private static func isOver(_ order: Opening, at time: Int64) -> Bool {
        time - order.time > ReleaseFiguresLimits.replacementLimit
    }

    private mutating func give(up key: InstanceKey, _ order: Opening) {
        guard scope.contains(order.time) else { return }
        never += 1
        offer(key, order, nil)
    }

    private mutating func offer(_ key: InstanceKey, _ order: Opening, _ duration: Int64?) {
        let rank = ExemplarRank(weight: duration ?? .max, time: order.time, order: order.order)
        exemplars.offer(rank, FigureExemplar(key, order, value: duration.map(durations.value)))
    }

    private mutating func sweep(at time: Int64) {
        for (key, order) in orders.sweep({ Self.isOver($1, at: time) }) { give(up: key, order) }
    }

    /// Counts everything that is left. Nothing is added afterwards.
    mutating func finish(at time: Int64) -> Figure {
        for (key, order) in orders.values {
            if time - order.time >= ReleaseFiguresLimits.replacementLimit {
                give(up: key, order)
            } else if scope.contains(order.time) {
                open += 1
            }
        }
        return Figure(
            .replacements,
            value: durations.percentile(95),
            isMet: durations.isMet(never: never),
            counts: [
                FigureCount("count", durations.count), FigureCount("within", durations.within),
                FigureCount("never", never), FigureCount("open", open),
            ],
            statistics: durations.statistics,
            exemplars: exemplars
        )
    }
}
