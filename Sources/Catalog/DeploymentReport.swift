// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Where an image runs.
package struct DeploymentPlace: Sendable, Hashable {
    package let environment: PlaceName
    package let target: PlaceName
    /// nil for the only service of a target.
    package let service: PlaceName?

    package init(environment: PlaceName, target: PlaceName, service: PlaceName?) {
        self.environment = environment
        self.target = target
        self.service = service
    }

    var serviceText: String { service?.description ?? "" }
}

/// What a reporter says runs somewhere.
package struct DeploymentReport: Sendable, Hashable {
    package let place: DeploymentPlace
    package let repository: RepositoryName
    package let digest: Digest
    /// The rollout that brought it there, as the reporter calls it.
    package let deployment: PlaceName?
    /// The configuration artifact that it runs with.
    package let configuration: Digest?
    /// Seconds for which it holds; after them, and until the grace is over, the report is stale.
    package let expires: Int64

    package init(
        place: DeploymentPlace,
        repository: RepositoryName,
        digest: Digest,
        deployment: PlaceName?,
        configuration: Digest? = nil,
        expires: Int64
    ) {
        self.place = place
        self.repository = repository
        self.digest = digest
        self.deployment = deployment
        self.configuration = configuration
        self.expires = expires
    }
}
