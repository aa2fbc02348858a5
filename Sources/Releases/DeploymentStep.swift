// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A phase of a rollout, or of one instance of it.
package struct DeploymentStep: Sendable, Hashable {
    /// Phases by their names in the log and in the API. Those of the second group need a target; of the first, one
    /// without a target is of the whole rollout.
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        /// The rollout has begun: the image is to run there from now on.
        case started
        /// All of it serves, or the instance does.
        case healthy
        /// It served and does no more.
        case unhealthy
        /// It was given up.
        case failed
        /// The image named is to run again in place of the one before.
        case rollbackOrdered = "rollback-ordered"
        case rolledBack = "rolled-back"
        /// Metrics, logs or traces of it have been seen.
        case telemetrySeen = "telemetry-seen"

        case replacementOrdered = "replacement-ordered"
        case bootAttempted = "boot-attempted"
        case booted
        case bootFailed = "boot-failed"

        package var needsTarget: Bool {
            switch self {
            case .replacementOrdered, .bootAttempted, .booted, .bootFailed: true
            default: false
            }
        }
    }

    /// Whether it says what is to run, or which image was good or given up: such steps decide what a rollback goes back
    /// to, and are more than an observation.
    package var decides: Bool {
        guard target == nil else { return false }
        switch phase {
        case .started, .healthy, .failed, .rollbackOrdered, .rolledBack: return true
        default: return false
        }
    }

    /// The rollout, as its tool calls it.
    package let deployment: PlaceName
    package let environment: PlaceName
    /// nil for the only service of the repository in the environment.
    package let service: PlaceName?
    /// The instance; nil for the rollout as a whole.
    package let target: PlaceName?
    package let phase: Phase
    /// The configuration artifact that it is to run with.
    package let configuration: Digest?

    package init(
        deployment: PlaceName,
        environment: PlaceName,
        service: PlaceName? = nil,
        target: PlaceName? = nil,
        phase: Phase,
        configuration: Digest? = nil
    ) {
        self.deployment = deployment
        self.environment = environment
        self.service = service
        self.target = target
        self.phase = phase
        self.configuration = configuration
    }
}
