// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
package import Releases

/// What became of an entry for the release record.
package struct ReleaseReceipt: Sendable, Hashable {
    /// nil where the record says so already.
    package let event: String?
    /// What was to run there before.
    package let former: Digest?
    /// Other images that were built of the same commit: the build is not reproducible.
    package let variants: [Digest]
}

/// What is to run again.
package struct Rollback: Sendable, Hashable {
    package let repository: RepositoryName
    package let digest: Digest
    /// What it takes the place of; nil where this rollback was ordered before.
    package let former: Digest?
    package let event: String?
    /// Whether somebody has said that it was healthy there, and it was not given up since; false for one that merely
    /// ran.
    package let isProven: Bool
}

extension Registry {
    /// Records a build of CI.
    ///
    /// - Throws: `RegistryError.manifestUnknown` where the repository has no such manifest; `.badReport` for a build
    ///   that succeeded and names none.
    package func recordBuild(
        _ build: BuildReport,
        of digest: Digest?,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> ReleaseReceipt {
        guard digest != nil || !build.succeeded else {
            throw RegistryError.badReport("a build that succeeded names the digest of its image")
        }
        return try await translating {
            let outcome = try await catalog.recordBuild(build, of: digest, in: repository, context: caller.context)
            return try Self.receipt(outcome, digest)
        }
    }

    /// Says that an image is to run in an environment from now on, if the trust policy lets it: every rule that binds
    /// pulls or promotions has to be satisfied by it and by what it holds. nil: nothing is to run there any more.
    ///
    /// - Throws: `RegistryError.manifestUnknown`; `.untrusted` and `.quarantined`; `.recordConflict` for what was not
    ///   in the environment that it is said to come from, or failed there.
    package func promote(
        _ digest: Digest?,
        _ promotion: PromotionReport,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> ReleaseReceipt {
        if let digest { try await checkPromotion(of: digest, in: repository, caller: caller) }
        return try await translating {
            let outcome = try await catalog.promote(digest, promotion, in: repository, context: caller.context)
            return try Self.receipt(outcome, digest)
        }
    }

    /// Records a phase of a rollout. One that orders an image passes the trust policy first, as a promotion does.
    ///
    /// - Throws: `RegistryError.manifestUnknown`; `.badReport` for a phase of an instance without a target;
    ///   `.untrusted` and `.quarantined` for a beginning.
    package func recordStep(
        _ step: DeploymentStep,
        of digest: Digest,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> ReleaseReceipt {
        guard step.target != nil || !step.phase.needsTarget else {
            throw RegistryError.badReport("'\(step.phase.rawValue)' is of one instance: say which with \"target\"")
        }
        if step.ordersImage { try await checkPromotion(of: digest, in: repository, caller: caller) }
        return try await translating {
            let outcome = try await catalog.recordStep(step, of: digest, in: repository, context: caller.context)
            return try Self.receipt(outcome, digest)
        }
    }

    /// The one repository of which something is to run in a service of an environment. Those that do not pass the
    /// filter are not looked at, and not named.
    ///
    /// - Throws: `RegistryError.recordConflict` where there are several, `.notInLog` where there is none.
    package func repository(
        of service: PlaceName?,
        in environment: PlaceName,
        isAllowed: @escaping @Sendable (RepositoryName) -> Bool
    ) async throws -> RepositoryName {
        let found = try await translating {
            try await catalog.repositories(of: service, in: environment, isAllowed: isAllowed)
        }
        let place = "\(environment)" + (service.map { " (\($0))" } ?? "")
        guard let name = found.first else { throw RegistryError.notInLog("nothing is to run in \(place)") }
        guard found.count == 1 else {
            let names = found.map(\.description).joined(separator: ", ")
            throw RegistryError.recordConflict("images of several repositories run in \(place), name one: \(names)")
        }
        return name
    }

    /// Orders the last good image of a service to run again, or the one that is named. The former one counts as given
    /// up from then on.
    ///
    /// Images that are in quarantine, or that the trust policy does not let go there, are passed over. A rollback that
    /// is told again under its name changes nothing: it goes back once.
    ///
    /// - Throws: `RegistryError.notInLog` where nothing is to run there; `.recordConflict` where there is no image to
    ///   go back to.
    package func rollback(
        _ environment: PlaceName,
        _ service: PlaceName?,
        in repository: RepositoryName,
        to wanted: Digest?,
        deployment: PlaceName,
        caller: Caller
    ) async throws -> Rollback {
        let (current, ordered, images) = try await translating {
            guard
                let current = try await catalog.desiredImage(in: environment, of: repository, service: service)?.digest
            else { throw RegistryError.notInLog("no image of \(repository) is to run in \(environment)") }
            let images = try await catalog.rollbackImages(
                from: current,
                in: environment,
                of: repository,
                service: service
            ).digests
            let ordered = try await catalog.orderedImage(
                by: deployment,
                in: environment,
                of: repository,
                service: service
            )
            return (current, ordered, images)
        }
        func wasHealthy(_ digest: Digest) async throws -> Bool {
            try await translating {
                try await catalog.wasHealthy(digest, in: environment, of: repository, service: service)
            }
        }
        if ordered == current, wanted == nil || wanted == current {
            return Rollback(
                repository: repository,
                digest: current,
                former: nil,
                event: nil,
                isProven: try await wasHealthy(current)
            )
        }
        guard wanted != current else { throw RegistryError.recordConflict("\(current) is what is to run there now") }
        var refusals: [String] = []
        for digest in wanted.map({ [$0] }) ?? images {
            let step = DeploymentStep(
                deployment: deployment,
                environment: environment,
                service: service,
                phase: .rollbackOrdered
            )
            do {
                let isProven = try await wasHealthy(digest)
                let receipt = try await recordStep(step, of: digest, in: repository, caller: caller)
                return Rollback(
                    repository: repository,
                    digest: digest,
                    former: current,
                    event: receipt.event,
                    isProven: isProven
                )
            } catch RegistryError.untrusted where wanted == nil {
                refusals.append("\(digest) is not trusted")
            } catch RegistryError.quarantined where wanted == nil {
                refusals.append("\(digest) is in quarantine")
            }
        }
        let passedOver = refusals.isEmpty ? "" : " (\(refusals.joined(separator: ", ")))"
        throw RegistryError.recordConflict(
            "there is no former image of \(repository) in \(environment) to go back to\(passedOver); name one"
        )
    }

    private static func receipt(_ outcome: ReleaseRecording, _ digest: Digest?) throws -> ReleaseReceipt {
        switch outcome {
        case .recorded(let event, let former, let variants):
            return ReleaseReceipt(event: event?.description, former: former, variants: variants)
        case .unknownImage:
            guard let digest else { throw RegistryError.notInLog("there is no such repository") }
            throw RegistryError.manifestUnknown(.digest(digest))
        case .tooManyPlaces(let limit): throw RegistryError.tooManyTags(limit: limit)
        case .refused(let reason): throw RegistryError.recordConflict(reason)
        }
    }
}

extension DeploymentStep {
    /// Whether it says what is to run from now on.
    package var ordersImage: Bool { target == nil && (phase == .started || phase == .rollbackOrdered) }
}
