// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What can be told of the past of one place from the record.
package enum ReleaseInspection {
    /// An image that served a whole rollout.
    package struct GoodImage: Sendable, Hashable {
        package let digest: Digest
        /// The deployment that it was healthy in last, and when.
        package let deployment: PlaceName
        package let time: Int64
    }

    /// The image to go back to: of those that were healthy as a whole rollout, without a bad mark since, the one that
    /// was so last.
    ///
    /// An image has a bad mark where a whole rollout of it failed or was rolled back, or where another was ordered to
    /// run again in its place. Being healthy once more takes the mark away.
    ///
    /// - Parameters:
    ///   - repository: The repository.
    ///   - environment: The environment.
    ///   - service: The service; nil for the only one.
    ///   - other: The image that is not asked for, such as the present one.
    ///   - entries: The record in ascending time; entries of other places are passed over.
    /// - Returns: nil if there is none.
    package static func lastGood(
        repository: RepositoryName,
        environment: PlaceName,
        service: PlaceName?,
        otherThan other: Digest?,
        in entries: some Sequence<ReleaseEntry>
    ) -> GoodImage? {
        var marks = ImageMarks()
        for entry in entries where entry.repository == repository {
            guard case .step(let step) = entry.fact, let digest = entry.digest else { continue }
            guard step.environment == environment, step.service == service else { continue }
            marks.add(step, digest, at: entry.time)
        }
        return marks.lastGood(otherThan: other)
    }
}

/// The good and bad marks of the images of one place.
private struct ImageMarks {
    private struct Deployment {
        let digest: Digest
        let isRollback: Bool
        var last: Int
    }

    private struct Mark {
        var good: ReleaseInspection.GoodImage?
        var last: Int
    }

    private var deployments: [PlaceName: Deployment] = [:]
    /// The digest of the deployment that began last.
    private var current: Digest?
    private var marks: [Digest: Mark] = [:]
    private var order = 0

    mutating func add(_ step: DeploymentStep, _ digest: Digest, at time: Int64) {
        order += 1
        let isRollback: Bool
        let own: Digest
        if var known = deployments[step.deployment] {
            known.last = order
            deployments[step.deployment] = known
            isRollback = known.isRollback
            own = known.digest
        } else {
            isRollback = step.phase == .rollbackOrdered && step.target == nil
            if isRollback, let current, current != digest { mark(current, nil) }
            own = digest
            current = digest
            let deployment = Deployment(digest: digest, isRollback: isRollback, last: order)
            deployments[step.deployment] = deployment
            if deployments.count > ReleaseFiguresLimits.inspectedLimit {
                Self.forgetHalf(&deployments, by: \.last)
            }
        }
        guard step.target == nil else { return }
        switch step.phase {
        case .healthy:
            mark(digest, ReleaseInspection.GoodImage(digest: digest, deployment: step.deployment, time: time))
        case .failed: mark(digest, nil)
        case .rollbackOrdered, .rolledBack: if !isRollback { mark(own, nil) }
        default: break
        }
    }

    private mutating func mark(_ digest: Digest, _ good: ReleaseInspection.GoodImage?) {
        marks[digest] = Mark(good: good, last: order)
        if marks.count > ReleaseFiguresLimits.inspectedLimit { Self.forgetHalf(&marks, by: \.last) }
    }

    private static func forgetHalf<Key, Value>(_ table: inout [Key: Value], by last: (Value) -> Int) {
        let sorted = table.values.map(last).sorted()
        let middle = sorted[sorted.count / 2]
        table = table.filter { last($0.value) >= middle }
    }

    func lastGood(otherThan other: Digest?) -> ReleaseInspection.GoodImage? {
        marks.filter { $0.key != other && $0.value.good != nil }.max { $0.value.last < $1.value.last }?.value.good
    }
}
