// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One entry of the release record: what CI, a rollout, an agent or a scanner said of an image, and when.
///
/// The record is a set of such entries, of this registry and of the regions that it follows. All figures are functions
/// of the set alone, so that they can be computed again from the logs.
package struct ReleaseEntry: Sendable, Hashable {
    /// When it happened, in milliseconds since 1970, by the clock of the registry that was told of it.
    package let time: Int64
    package let repository: RepositoryName
    /// The image; nil for a build that failed.
    package let digest: Digest?
    package let fact: ReleaseFact

    package init(time: Int64, repository: RepositoryName, digest: Digest?, fact: ReleaseFact) {
        self.time = time
        self.repository = repository
        self.digest = digest
        self.fact = fact
    }
}

/// What an entry of the release record says.
package enum ReleaseFact: Sendable, Hashable {
    /// CI has built the image, or has failed to.
    case build(BuildReport)
    /// It is to run in an environment from now on.
    case promotion(PromotionReport)
    /// A rollout, or one instance of it, has come to another phase.
    case step(DeploymentStep)
    /// It was observed running, or runs no more.
    case running(RunningReport)
    /// A scanner has said what is wrong with it.
    case scan(ScanCounts)
}

/// A build, as CI reports it. Texts are names of the grammar of ``PlaceName``.
package struct BuildReport: Sendable, Hashable {
    package let succeeded: Bool
    /// Where the source is, such as `github.com/acme/shop`.
    package let source: PlaceName?
    /// The commit.
    package let revision: PlaceName?
    package let builder: PlaceName?
    /// The run of CI, as it calls it.
    package let build: PlaceName?
    /// Milliseconds since 1970, as CI says; its end is the entry's time.
    package let startedAt: Int64?

    package init(
        succeeded: Bool,
        source: PlaceName? = nil,
        revision: PlaceName? = nil,
        builder: PlaceName? = nil,
        build: PlaceName? = nil,
        startedAt: Int64? = nil
    ) {
        self.succeeded = succeeded
        self.source = source
        self.revision = revision
        self.builder = builder
        self.build = build
        self.startedAt = startedAt
    }
}

/// What is to run in an environment.
package struct PromotionReport: Sendable, Hashable {
    /// Where it ran before, by what the promoter says; nil for the first environment.
    package let from: PlaceName?
    package let environment: PlaceName
    /// nil for the place without a service; it says nothing of services.
    package let service: PlaceName?

    package init(from: PlaceName? = nil, environment: PlaceName, service: PlaceName? = nil) {
        self.from = from
        self.environment = environment
        self.service = service
    }
}

/// What was observed on one target.
package struct RunningReport: Sendable, Hashable {
    package let environment: PlaceName
    package let service: PlaceName?
    package let target: PlaceName
    package let deployment: PlaceName?
    /// Who says so, by its name in the log: each reporter speaks for itself.
    package let reporter: String
    /// The configuration artifact that it runs with.
    package let configuration: Digest?
    /// Whether it runs there; false for one that does no more.
    package let isRunning: Bool
    /// Until when this holds, in milliseconds since 1970.
    package let until: Int64

    package init(
        environment: PlaceName,
        service: PlaceName? = nil,
        target: PlaceName,
        deployment: PlaceName? = nil,
        reporter: String,
        configuration: Digest? = nil,
        isRunning: Bool,
        until: Int64
    ) {
        self.environment = environment
        self.service = service
        self.target = target
        self.deployment = deployment
        self.reporter = reporter
        self.configuration = configuration
        self.isRunning = isRunning
        self.until = until
    }
}

/// Vulnerabilities of an image by severity, as one report of a scanner has them.
package struct ScanCounts: Sendable, Hashable {
    package let critical: Int
    package let high: Int
    package let medium: Int
    package let low: Int

    package init(critical: Int, high: Int, medium: Int, low: Int) {
        self.critical = critical
        self.high = high
        self.medium = medium
        self.low = low
    }
}
