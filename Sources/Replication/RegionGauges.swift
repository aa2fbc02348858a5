// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import Metrics

/// Shows what the status of regions says as metrics, as of the last look.
package struct RegionGauges: Sendable {
    private let control: RegionControl
    private let environment: LogFollower.Environment

    package init(_ control: RegionControl, _ environment: LogFollower.Environment) {
        self.control = control
        self.environment = environment
    }

    /// Looks from time to time, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do { try await look() } catch {
                environment.logger.debug("the status of regions cannot be read", metadata: ["error": "\(error)"])
            }
            try? await environment.sleep(ReplicationLimits.gaugePause)
        }
    }

    /// - Throws: What keeps the status from being read.
    package func look() async throws {
        for region in try await control.status() {
            let dimensions = [("region", region.name)]
            func show(_ label: String, _ value: Int64) { Meter(label: label, dimensions: dimensions).set(value) }
            show("cairn_region_following", region.phase == LogFollower.Phase.following.rawValue ? 1 : 0)
            show("cairn_region_entries_waiting", region.waiting)
            show("cairn_region_entries_parked", region.parked)
            show("cairn_region_behind_seconds", region.secondsBehind)
            show("cairn_region_behind_bytes", region.bytesBehind)
            show("cairn_region_entries_confirmed", region.confirmed)
            if let time = region.log.verifiedAt { show("cairn_region_verified_timestamp_seconds", time) }
        }
        let summary = try await control.summary()
        Meter(label: "cairn_remote_blobs").set(summary.remoteBlobs)
        Meter(label: "cairn_remote_blobs_bytes").set(summary.remoteBytes)
        Meter(label: "cairn_conflicts_open").set(summary.conflictsOpen)
    }
}
