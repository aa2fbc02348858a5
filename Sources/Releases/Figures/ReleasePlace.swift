// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Where an image of a repository runs.
struct ReleasePlace: Hashable {
    let repository: RepositoryName
    let environment: PlaceName
    let service: PlaceName?
}

/// A deployment.
struct DeploymentKey: Hashable {
    let place: ReleasePlace
    let deployment: PlaceName
}

/// A deployment, or one instance of it.
struct InstanceKey: Hashable {
    let place: ReleasePlace
    let deployment: PlaceName
    let target: PlaceName?
}

/// A step of a deployment with the image that it names and its place in the record.
struct PlacedStep {
    let place: ReleasePlace
    let step: DeploymentStep
    let opening: Opening

    var instance: InstanceKey { InstanceKey(place: place, deployment: step.deployment, target: step.target) }
    var time: Int64 { opening.time }

    /// The phase, if the step is of the whole rollout.
    var wholePhase: DeploymentStep.Phase? { step.target == nil ? step.phase : nil }
}

/// The entry that something began with.
struct Opening {
    let time: Int64
    /// Its place in the record.
    let order: Int
    let digest: Digest
}
