// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
import Synchronization

/// An image that runs somewhere, as one reporter says. Times are seconds since 1970.
package struct Deployment: Sendable, Hashable {
    package let environment: PlaceName
    package let target: PlaceName
    package let service: PlaceName?

    package init(environment: PlaceName, target: PlaceName, service: PlaceName?) {
        self.environment = environment
        self.target = target
        self.service = service
    }

    /// What was reported last of a place, as it is shown.
    package struct Note: Sendable, Hashable {
        package let id: Int64
        package let place: Deployment
        package let repository: RepositoryName
        package let digest: Digest
        /// The rollout that brought it there.
        package let deployment: PlaceName?
        package let reportedAt: Int64
        /// From then on the reporter counts as silent.
        package let staleAt: Int64
        /// Until then the image is protected.
        package let expiresAt: Int64
        package let endedAt: Int64?
        package let reporter: String
        package let isLive: Bool
        package let lastPull: Int64?
    }

    /// What became of a report.
    package struct Receipt: Sendable, Hashable {
        /// nil where nothing changed but the time.
        package let event: String?
        /// The manifest is deleted, and goes for good unless it is brought back.
        package let isTrashed: Bool
        package let staleAt: Int64
        package let expiresAt: Int64
    }
}

extension Registry {
    /// How many seconds an image stays protected after its report went stale.
    package var deployGrace: Int64 { graceSeconds.load(ordering: .relaxed) }

    /// For reports from now on.
    package func setDeployGrace(seconds: Int64) { graceSeconds.store(seconds, ordering: .relaxed) }

    /// Records that an image runs somewhere: it and its predecessors are protected from retention.
    ///
    /// It holds for `expires` seconds, a day where that is nil.
    ///
    /// - Returns: When it goes stale and when the protection ends.
    /// - Throws: `RegistryError.manifestUnknown` where the repository has no such manifest; `.badReport` for a span
    ///   that is too short or too long.
    package func report(
        _ place: Deployment,
        runs digest: Digest,
        of repository: RepositoryName,
        deployment: PlaceName?,
        configuration: Digest? = nil,
        expires: Int64?,
        caller: Caller
    ) async throws -> Deployment.Receipt {
        let expires = expires ?? RegistryLimits.reportSeconds
        let spans = ProtectionLimits.reportSeconds
        guard spans.contains(expires) else {
            throw RegistryError.badReport(
                "a report holds for \(spans.lowerBound) to \(spans.upperBound) seconds, not \(expires)"
            )
        }
        return try await translating {
            let outcome = try await catalog.reportDeployment(
                DeploymentReport(
                    place: place.stored,
                    repository: repository,
                    digest: digest,
                    deployment: deployment,
                    configuration: configuration,
                    expires: expires
                ),
                grace: deployGrace,
                context: caller.context
            )
            switch outcome {
            case .recorded(let event, let isTrashed, let staleAt, let expiresAt):
                return Deployment.Receipt(
                    event: event?.description,
                    isTrashed: isTrashed,
                    staleAt: staleAt,
                    expiresAt: expiresAt
                )
            case .unknownImage: throw RegistryError.manifestUnknown(.digest(digest))
            case .tooMany(let limit): throw RegistryError.tooManyTags(limit: limit)
            }
        }
    }

    /// Records that an image runs somewhere no more: the caller's own report, or those of everyone.
    ///
    /// With a digest, only reports of that image end.
    ///
    /// - Returns: The id of the event; nil where nothing is reported there.
    /// - Throws: `RegistryError.recordConflict` where another image is reported there.
    package func end(
        _ place: Deployment,
        of repository: RepositoryName,
        digest: Digest?,
        ofAnyone: Bool,
        caller: Caller
    ) async throws -> String? {
        try await translating {
            let outcome = try await catalog.endDeployment(
                at: place.stored,
                in: repository,
                digest: digest,
                ofAnyone: ofAnyone,
                grace: deployGrace,
                context: caller.context
            )
            switch outcome {
            case .ended(let event): return event.description
            case .notFound: return nil
            case .otherImage(let current):
                throw RegistryError.recordConflict("\(current) is reported there now; nothing was ended")
            }
        }
    }

    /// Reports after an id, of one repository, of one environment or of all.
    package func deployments(
        in repository: RepositoryName?,
        environment: PlaceName?,
        after id: Int64,
        limit: Int
    ) async throws -> Page<Deployment.Note> {
        try await translating {
            let found = try await catalog.deployments(
                in: repository,
                environment: environment,
                after: id,
                limit: limit + 1
            )
            return Page(elements: found.prefix(limit).map(Deployment.Note.init), hasMore: found.count > limit)
        }
    }

    /// Reports of one image by environment, after that of an id.
    package func deployments(
        of digest: Digest,
        in repository: RepositoryName,
        after id: Int64?,
        limit: Int
    ) async throws -> Page<Deployment.Note> {
        try await translating {
            let found = try await catalog.deployments(of: digest, in: repository, after: id, limit: limit + 1)
            return Page(elements: found.prefix(limit).map(Deployment.Note.init), hasMore: found.count > limit)
        }
    }
}

extension Deployment {
    fileprivate var stored: DeploymentPlace {
        DeploymentPlace(environment: environment, target: target, service: service)
    }
}

extension Deployment.Note {
    init(_ record: DeploymentRecord) {
        self.init(
            id: record.id,
            place: Deployment(
                environment: record.place.environment,
                target: record.place.target,
                service: record.place.service
            ),
            repository: record.repository,
            digest: record.digest,
            deployment: record.deployment,
            reportedAt: record.reportedAt,
            staleAt: record.staleAt,
            expiresAt: record.expiresAt,
            endedAt: record.endedAt,
            reporter: record.reporter,
            isLive: record.isLive,
            lastPull: record.lastPull
        )
    }
}
