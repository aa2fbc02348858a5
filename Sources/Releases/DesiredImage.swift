// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What is to run in a service of an environment. Times are milliseconds since 1970.
package struct DesiredImage: Sendable, Hashable {
    package let environment: PlaceName
    package let repository: RepositoryName
    /// nil for the place without a service.
    package let service: PlaceName?
    package let digest: Digest
    package let configuration: Digest?
    /// The rollout that is to bring it there; nil where it was promoted only.
    package let deployment: PlaceName?
    package let actor: String
    package let since: Int64
    /// Whether the manifest is there and not deleted.
    package let isLive: Bool
    /// Former images that were healthy there and were not given up since, the newest first. Each is there.
    package let rollback: [Digest]
    /// Targets of it that say what they run, as far as one look goes.
    package let targets: [RunningTarget]

    package init(
        environment: PlaceName,
        repository: RepositoryName,
        service: PlaceName?,
        digest: Digest,
        configuration: Digest?,
        deployment: PlaceName?,
        actor: String,
        since: Int64,
        isLive: Bool,
        rollback: [Digest],
        targets: [RunningTarget]
    ) {
        self.environment = environment
        self.repository = repository
        self.service = service
        self.digest = digest
        self.configuration = configuration
        self.deployment = deployment
        self.actor = actor
        self.since = since
        self.isLive = isLive
        self.rollback = rollback
        self.targets = targets
    }
}

/// What a target says that it runs. Times are seconds since 1970.
package struct RunningTarget: Sendable, Hashable {
    package let target: PlaceName
    package let reporter: String
    package let digest: Digest
    package let configuration: Digest?
    package let reportedAt: Int64
    package let staleAt: Int64

    package init(
        target: PlaceName,
        reporter: String,
        digest: Digest,
        configuration: Digest?,
        reportedAt: Int64,
        staleAt: Int64
    ) {
        self.target = target
        self.reporter = reporter
        self.digest = digest
        self.configuration = configuration
        self.reportedAt = reportedAt
        self.staleAt = staleAt
    }
}

extension RunningTarget {
    /// `as-desired`; `drifted` where it runs another image, or another configuration where both name one; `stale`
    /// where its report is out of date. `now` is in seconds since 1970.
    package func state(of image: DesiredImage, at now: Int64) -> String {
        guard staleAt > now else { return "stale" }
        if digest != image.digest { return "drifted" }
        guard let configuration, let desired = image.configuration else { return "as-desired" }
        return configuration == desired ? "as-desired" : "drifted"
    }
}
