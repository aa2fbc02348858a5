// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Instances, and rollouts as a whole, that go back and forth between healthy and unhealthy.
///
/// A flip is a step `healthy` or `unhealthy` that says the other of what the one before said, of the same deployment
/// and target; one that was said more than a day before is forgotten. Memory is in proportion to what a day said.
package struct Flapping: Sendable {
    /// What flips too often.
    package struct Case: Sendable, Hashable {
        package let repository: RepositoryName
        /// The image of its last flip.
        package let digest: Digest
        package let environment: PlaceName
        package let service: PlaceName?
        package let deployment: PlaceName
        /// nil for the rollout as a whole.
        package let target: PlaceName?
        /// Flips within the hour.
        package let flips: Int
        package let lastFlip: Int64
    }

    private struct Health {
        var isHealthy: Bool
        var digest: Digest
        var lastTime: Int64
        /// Flips within an hour of the last one, in ascending time.
        var flips: [Int64] = []
    }

    private var states: OpenTable<InstanceKey, Health>

    /// - Parameter openLimit: Instances that are looked at at once; others are not counted.
    package init(openLimit: Int = ReleaseFiguresLimits.openLimit) { states = OpenTable(limit: openLimit) }

    /// Things that were not counted because there were too many.
    package var uncounted: Int { states.refused }

    /// Takes the next entry.
    ///
    /// - Parameter entry: An entry not earlier than the one before of the same deployment and target.
    package mutating func add(_ entry: ReleaseEntry) {
        guard case .step(let step) = entry.fact, let digest = entry.digest else { return }
        guard step.phase == .healthy || step.phase == .unhealthy else { return }
        let isHealthy = step.phase == .healthy
        let place = ReleasePlace(repository: entry.repository, environment: step.environment, service: step.service)
        let key = InstanceKey(place: place, deployment: step.deployment, target: step.target)
        let first = Health(isHealthy: isHealthy, digest: digest, lastTime: entry.time)
        states.change(key, first: first) { health in
            if entry.time - health.lastTime > ReleaseFiguresLimits.healthMemory { health = first }
            health.lastTime = entry.time
            guard health.isHealthy != isHealthy else { return }
            health.isHealthy = isHealthy
            health.digest = digest
            health.flips.removeAll { !Self.counts($0, at: entry.time) }
            if health.flips.count == ReleaseFiguresLimits.flipsLimit { health.flips.removeFirst() }
            health.flips.append(entry.time)
        }
        guard states.needsSweep else { return }
        _ = states.sweep { entry.time - $1.lastTime > ReleaseFiguresLimits.healthMemory }
    }

    private static func counts(_ flip: Int64, at time: Int64) -> Bool {
        time - flip < ReleaseFiguresLimits.flapWindow
    }

    /// What flaps: three flips or more in the hour up to a time. The worst come first.
    package func cases(at time: Int64) -> [Case] {
        let cases = states.values.compactMap { key, health -> (Case, String)? in
            let flips = health.flips.count { Self.counts($0, at: time) }
            guard flips >= ReleaseFiguresLimits.flapsFrom, let last = health.flips.last else { return nil }
            let flapping = Case(
                repository: key.place.repository,
                digest: health.digest,
                environment: key.place.environment,
                service: key.place.service,
                deployment: key.deployment,
                target: key.target,
                flips: flips,
                lastFlip: last
            )
            return (flapping, key.text)
        }
        let sorted = cases.sorted { left, right in
            if left.0.flips != right.0.flips { return left.0.flips > right.0.flips }
            if left.0.lastFlip != right.0.lastFlip { return left.0.lastFlip > right.0.lastFlip }
            return left.1 < right.1
        }
        return sorted.prefix(ReleaseFiguresLimits.flapsLimit).map(\.0)
    }
}

extension InstanceKey {
    /// For an order among those that are alike otherwise.
    fileprivate var text: String {
        let names = [
            place.repository.description, place.environment.description, place.service?.description ?? "",
            deployment.description, target?.description ?? "",
        ]
        return names.joined(separator: "\n")
    }
}
