// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Deployments, what became of them (M2), and whether telemetry of them was seen (M10).
struct DeploymentFigures {
    private struct Deployment {
        let opening: Opening
        /// It began with the order to run a former image again.
        let isRollback: Bool
        var isGood: Bool?
        var hasTelemetry = false
        var lastTime: Int64

        func isWithin(_ limit: Int64, at time: Int64) -> Bool { time - opening.time <= limit }
    }

    private let scope: FigureScope
    private var deployments: OpenTable<DeploymentKey, Deployment>
    /// The deployment of each place that began last.
    private var current: OpenTable<ReleasePlace, PlaceName>
    private var good = 0
    private var bad = 0
    private var pending = 0
    private var failures = FigureExemplars()
    private var seen = 0
    private var unseen = 0
    private var unseenPending = 0
    private var silent = FigureExemplars()

    init(_ scope: FigureScope, limit: Int) {
        self.scope = scope
        deployments = OpenTable(limit: limit)
        current = OpenTable(limit: limit)
    }

    var heldCount: Int { deployments.count + current.count }
    var refused: Int { deployments.refused + current.refused }

    mutating func add(_ step: PlacedStep) {
        let key = DeploymentKey(place: step.place, deployment: step.step.deployment)
        var deployment: Deployment
        if let known = deployments[key], !isForgotten(key, known, at: step.time) {
            deployment = known
        } else {
            if let former = deployments[key] { settle(key, former, at: step.time) }
            deployment = begin(key, step)
        }
        deployment.lastTime = step.time
        let phase = step.step.phase
        if phase == .telemetrySeen, deployment.isWithin(ReleaseFiguresLimits.telemetryLimit, at: step.time) {
            deployment.hasTelemetry = true
        }
        if deployment.isGood == nil, deployment.isWithin(ReleaseFiguresLimits.decisionLimit, at: step.time) {
            deployment.isGood = step.wholePhase.flatMap { Self.decision($0, ofRollback: deployment.isRollback) }
        }
        deployments.put(key, deployment)
        if deployments.needsSweep { sweep(at: step.time) }
    }

    private static func decision(_ phase: DeploymentStep.Phase, ofRollback isRollback: Bool) -> Bool? {
        switch phase {
        case .healthy: true
        case .failed: false
        case .rollbackOrdered: isRollback ? nil : false
        case .rolledBack: isRollback
        default: nil
        }
    }

    private mutating func begin(_ key: DeploymentKey, _ step: PlacedStep) -> Deployment {
        let isRollback = step.wholePhase == .rollbackOrdered
        if isRollback, let former = current[key.place] {
            giveUp(DeploymentKey(place: key.place, deployment: former), at: step.time)
        }
        current.put(key.place, key.deployment)
        return Deployment(opening: step.opening, isRollback: isRollback, lastTime: step.time)
    }

    /// A deployment that is rolled back from before it was decided was bad.
    private mutating func giveUp(_ key: DeploymentKey, at time: Int64) {
        guard var deployment = deployments[key], deployment.isGood == nil,
            deployment.isWithin(ReleaseFiguresLimits.decisionLimit, at: time)
        else { return }
        deployment.isGood = false
        deployments.put(key, deployment)
    }

    private func isForgotten(_ key: DeploymentKey, _ deployment: Deployment, at time: Int64) -> Bool {
        time - deployment.lastTime > ReleaseFiguresLimits.deploymentMemory && current[key.place] != key.deployment
    }

    private mutating func sweep(at time: Int64) {
        let current = current
        let over = deployments.sweep { key, deployment in
            time - deployment.lastTime > ReleaseFiguresLimits.deploymentMemory
                && current[key.place] != key.deployment
        }
        for (key, deployment) in over { settle(key, deployment, at: time) }
    }

    /// Counts a deployment by what is known of it at a time.
    private mutating func settle(_ key: DeploymentKey, _ deployment: Deployment, at time: Int64) {
        let opening = deployment.opening
        guard scope.contains(opening.time) else { return }
        let rank = ExemplarRank(time: opening.time, order: opening.order)
        let instance = InstanceKey(place: key.place, deployment: key.deployment, target: nil)
        let age = time - opening.time
        if deployment.isGood == true {
            good += 1
        } else if deployment.isGood == false || age >= ReleaseFiguresLimits.decisionLimit {
            bad += 1
            failures.offer(rank, FigureExemplar(instance, opening))
        } else {
            pending += 1
        }
        if deployment.hasTelemetry {
            seen += 1
        } else if age >= ReleaseFiguresLimits.telemetryLimit {
            unseen += 1
            silent.offer(rank, FigureExemplar(instance, opening))
        } else {
            unseenPending += 1
        }
    }

    /// Counts everything that is left. Nothing is added afterwards.
    mutating func finish(at time: Int64) -> (deployments: Figure, telemetry: Figure) {
        for (key, deployment) in deployments.values { settle(key, deployment, at: time) }
        let outcomes = Figure(
            .deployments,
            part: good,
            of: good + bad,
            counts: [FigureCount("good", good), FigureCount("bad", bad), FigureCount("pending", pending)],
            exemplars: failures
        )
        let coverage = Figure(
            .telemetry,
            part: seen,
            of: seen + unseen,
            counts: [FigureCount("seen", seen), FigureCount("unseen", unseen), FigureCount("pending", unseenPending)],
            exemplars: silent
        )
        return (outcomes, coverage)
    }
}
