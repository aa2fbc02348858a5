// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// How long it takes from the order to run a former image again until it does (M6).
struct RollbackFigures {
    /// Orders of one image at one place are one rollback while it is open, whatever deployment they are of.
    private struct Key: Hashable {
        let place: ReleasePlace
        let digest: Digest
    }

    private struct Order {
        let opening: Opening
        let deployment: PlaceName
    }

    private let scope: FigureScope
    private var orders: OpenTable<Key, Order>
    private var durations = DurationSummary(unit: 1_000, bound: FigureKind.rollbacks.target.bound)
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
        let key = Key(place: step.place, digest: step.opening.digest)
        switch step.wholePhase {
        case .rollbackOrdered:
            if let order = orders[key] {
                if !Self.isOver(order, at: step.time) { return }
                give(up: key, order)
            }
            orders.put(key, Order(opening: step.opening, deployment: step.step.deployment))
            if orders.needsSweep { sweep(at: step.time) }
        case .healthy, .rolledBack:
            guard let order = orders[key] else { return }
            orders.remove(key)
            if Self.isOver(order, at: step.time) {
                give(up: key, order)
            } else if scope.contains(order.opening.time) {
                let duration = step.time - order.opening.time
                durations.add(duration)
                offer(key, order, duration)
            }
        default: break
        }
    }

    private static func isOver(_ order: Order, at time: Int64) -> Bool {
        time - order.opening.time > ReleaseFiguresLimits.rollbackLimit
    }

    private mutating func give(up key: Key, _ order: Order) {
        guard scope.contains(order.opening.time) else { return }
        never += 1
        offer(key, order, nil)
    }

    private mutating func offer(_ key: Key, _ order: Order, _ duration: Int64?) {
        let opening = order.opening
        let instance = InstanceKey(place: key.place, deployment: order.deployment, target: nil)
        let rank = ExemplarRank(weight: duration ?? .max, time: opening.time, order: opening.order)
        exemplars.offer(rank, FigureExemplar(instance, opening, value: duration.map(durations.value)))
    }

    private mutating func sweep(at time: Int64) {
        for (key, order) in orders.sweep({ Self.isOver($1, at: time) }) { give(up: key, order) }
    }

    /// Counts everything that is left. Nothing is added afterwards.
    mutating func finish(at time: Int64) -> Figure {
        for (key, order) in orders.values {
            if time - order.opening.time >= ReleaseFiguresLimits.rollbackLimit {
                give(up: key, order)
            } else if scope.contains(order.opening.time) {
                open += 1
            }
        }
        let value = durations.mean
        let isMet = never > 0 ? false : value.map(FigureKind.rollbacks.target.isMet)
        return Figure(
            .rollbacks,
            value: value,
            isMet: isMet,
            counts: [
                FigureCount("count", durations.count), FigureCount("within", durations.within),
                FigureCount("never", never), FigureCount("open", open),
            ],
            statistics: durations.statistics,
            exemplars: exemplars
        )
    }
}
