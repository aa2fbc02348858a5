// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The figures of the release record, computed as its entries go by.
///
/// Memory is in proportion to what is open, and to the images and deployments of which something was said lately; never
/// to the entries. `docs/release-record.md` defines each figure.
package struct ReleaseFigures: Sendable {
    private let scope: FigureScope
    private var order = 0
    private var lastTime = Int64.min
    private var builds: BuildFigures
    private var deployments: DeploymentFigures
    private var replacements: ReplacementFigures
    private var images: ImageFigures
    private var rollbacks: RollbackFigures
    private var drift: DriftFigures
    private var boots: BootFigures
    /// Drift and vulnerabilities as of the end of the window, once entries have come that are later.
    private var atEnd: (drift: Figure, vulnerabilities: Figure)?

    /// - Parameters:
    ///   - scope: The window, and which entries count.
    ///   - openLimit: What may be open of one kind at once.
    package init(_ scope: FigureScope, openLimit: Int = ReleaseFiguresLimits.openLimit) {
        self.scope = scope
        builds = BuildFigures(scope)
        deployments = DeploymentFigures(scope, limit: openLimit)
        replacements = ReplacementFigures(scope, limit: openLimit)
        images = ImageFigures(scope, limit: openLimit)
        rollbacks = RollbackFigures(scope, limit: openLimit)
        drift = DriftFigures(scope, limit: openLimit)
        boots = BootFigures(scope, limit: openLimit)
    }

    /// Takes the next entry, from the beginning of the record on: what was said before the window counts for what is
    /// desired, built and open in it, and what was said after it for how that ended.
    ///
    /// - Parameter entry: An entry not earlier than the one before.
    package mutating func add(_ entry: ReleaseEntry) {
        precondition(entry.time >= lastTime, "entries of the release record are in ascending time")
        lastTime = entry.time
        order += 1
        guard scope.admits(entry) else { return }
        if entry.time >= scope.to, atEnd == nil { atEnd = standing(at: scope.to - 1) }
        switch entry.fact {
        case .build(let report):
            builds.add(report, of: entry, order: order)
            guard atEnd == nil, report.succeeded, let digest = entry.digest else { return }
            images.add(build: ReleaseImage(repository: entry.repository, digest: digest), at: entry.time)
        case .step(let step):
            guard let digest = entry.digest else { return }
            add(step, of: entry, digest)
        case .promotion(let report) where entry.digest == nil:
            if atEnd == nil { drift.withdraw(report, of: entry.repository, at: entry.time) }
        case .promotion, .running, .scan:
            guard atEnd == nil, let digest = entry.digest else { return }
            add(entry.fact, of: ReleaseImage(repository: entry.repository, digest: digest), at: entry.time)
        }
    }

    private mutating func add(_ step: DeploymentStep, of entry: ReleaseEntry, _ digest: Digest) {
        let place = ReleasePlace(
            repository: entry.repository,
            environment: step.environment,
            service: step.service
        )
        let opening = Opening(time: entry.time, order: order, digest: digest)
        let placed = PlacedStep(place: place, step: step, opening: opening)
        deployments.add(placed)
        replacements.add(placed)
        rollbacks.add(placed)
        boots.add(placed)
        if atEnd == nil { drift.add(placed) }
    }

    private mutating func add(_ fact: ReleaseFact, of image: ReleaseImage, at time: Int64) {
        switch fact {
        case .promotion(let report):
            images.add(report, of: image, Opening(time: time, order: order, digest: image.digest))
            drift.add(report, of: image, at: time)
        case .running(let report): drift.add(report, of: image, at: time)
        case .scan(let counts): images.add(counts, of: image, at: time)
        case .build, .step: break
        }
    }

    /// Things that are kept: what is open, and what may still be spoken of.
    package var heldCount: Int {
        deployments.heldCount + replacements.heldCount + images.heldCount + rollbacks.heldCount + drift.heldCount
            + boots.heldCount
    }

    /// What is about one moment rather than a span. Entries that are later have not been added.
    private func standing(at time: Int64) -> (drift: Figure, vulnerabilities: Figure) {
        var drift = drift
        let vulnerabilities = VulnerabilityFigures(desired: drift.desiredImages()) { images.scan(of: $0, at: time) }
        return (drift.finish(at: time), vulnerabilities.figure)
    }

    /// The figures of the entries so far; more may be added afterwards.
    ///
    /// - Parameter time: When they are evaluated, in milliseconds since 1970: what is open is as old as this makes it.
    ///   Not earlier than the last entry; where it is, the time of that one stands for it.
    /// - Returns: All figures, each without a value where there was nothing to count.
    package func finish(at time: Int64) -> FigureSet {
        let time = max(time, lastTime)
        let atEnd = atEnd ?? standing(at: min(scope.to - 1, time))
        var deployments = deployments
        var replacements = replacements
        var rollbacks = rollbacks
        var boots = boots
        let (outcomes, telemetry) = deployments.finish(at: time)
        let uncounted = [
            deployments.refused, replacements.refused, images.refused, rollbacks.refused, drift.refused, boots.refused,
        ]
        return FigureSet(
            scope: scope,
            evaluatedAt: time,
            figures: [
                builds.finish(), outcomes, replacements.finish(at: time), images.finish(), atEnd.vulnerabilities,
                rollbacks.finish(at: time), atEnd.drift, boots.finish(at: time), telemetry,
            ],
            uncounted: uncounted.reduce(0, +)
        )
    }
}
