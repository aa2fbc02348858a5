// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI
package import Releases

package enum ReleaseRecording: Sendable, Hashable {
    /// Durable. `event` is nil where the record says so already: a call that is made again changes nothing. `former` is
    /// what was to run there, or ran, before. `variants` are other images of the same commit.
    case recorded(event: EventID?, former: Digest?, variants: [Digest])
    /// The repository has no such manifest, or it is deleted.
    case unknownImage
    case tooManyPlaces(limit: Int)
    /// The image may not go there, in words.
    case refused(String)
}

extension SQL {
    static let lastStep = """
        SELECT phase, digest FROM release WHERE repo_id = ? AND kind = 'deploy.step' AND env = ? AND service = ?
            AND deployment = ? AND target = ? ORDER BY id DESC LIMIT 1
        """
    /// Of the rollout or of an instance: a deployment begins with it.
    static let firstStep = """
        SELECT phase, digest, target, at FROM release WHERE repo_id = ? AND kind = 'deploy.step' AND env = ?
            AND service = ? AND deployment = ? ORDER BY at, id LIMIT 1
        """
    static let orderedImage = """
        SELECT digest FROM release WHERE repo_id = ? AND kind = 'deploy.step' AND env = ? AND service = ?
            AND deployment = ? AND target = '' AND phase = 'rollback-ordered' ORDER BY id DESC LIMIT 1
        """
    static let reportedBuild = """
        SELECT phase, digest FROM release WHERE repo_id = ? AND kind = 'build.report' AND env = '' AND service = ''
            AND deployment = ? AND target = '' ORDER BY id DESC LIMIT 1
        """
    static let imagesOfRevision = """
        SELECT DISTINCT digest FROM release
        WHERE repo_id = ? AND revision = ? AND revision <> '' AND kind = 'build.report' AND source = ?
            AND phase = 'succeeded' AND digest <> ? LIMIT ?
        """
    static let desiredIn = "SELECT digest, config FROM desired WHERE env = ? AND repo_id = ? AND service = ?"
    static let outcomesOfImage = """
        SELECT MAX(good_hlc), MAX(bad_hlc) FROM outcome WHERE repo_id = ? AND digest = ? AND env = ?
        """
    static let wasDesired = """
        SELECT 1 FROM release WHERE repo_id = ? AND digest = ? AND env = ?
            AND kind IN ('image.promote', 'deploy.step', 'deploy.report') LIMIT 1
        """
}

extension Catalog {
    /// Records that CI has built an image, or has failed to. A repository that is not here yet is created.
    ///
    /// The same run of CI with the same outcome is recorded once.
    package func recordBuild(
        _ build: BuildReport,
        of digest: Digest?,
        in name: RepositoryName,
        context: Context
    ) async throws(CatalogError) -> ReleaseRecording {
        precondition(digest != nil || !build.succeeded, "a build that succeeded has an image")
        return try await writer.submit { transaction in
            if let digest {
                guard let repository = try transaction.repository(name),
                    try transaction.isLive(digest, in: repository)
                else { return .unknownImage }
            }
            let repository = try transaction.repositoryForWriting(name, context)
            let columns = ReleaseColumns(.build(build))
            var variants: [Digest] = []
            if let digest, build.revision != nil {
                variants = try transaction.database.rows(
                    SQL.imagesOfRevision,
                    repository.id,
                    columns.revision,
                    columns.source,
                    digest.key,
                    ReleaseLimits.variants
                ).map { try $0.digest(0) }
            }
            if build.build != nil,
                let row = try transaction.database.row(SQL.reportedBuild, repository.id, columns.deployment),
                try row.text(0) == columns.phase, try row.optionalDigest(1) == digest
            {
                return .recorded(event: nil, former: nil, variants: variants)
            }
            let release = LoggedRelease(.buildReported, digest: digest, former: nil, .build(build))
            let event = try transaction.record(release, in: repository, context)
            return .recorded(event: event, former: nil, variants: variants)
        }
    }

    /// Records that an image is to run in an environment from now on; nil says that nothing is to run there any more.
    ///
    /// With `from` the image has to be known there, and not to have failed there last.
    package func promote(
        _ digest: Digest?,
        _ promotion: PromotionReport,
        in name: RepositoryName,
        context: Context
    ) async throws(CatalogError) -> ReleaseRecording {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name) else { return .unknownImage }
            let place = ReleasePlace(promotion.environment, promotion.service)
            let current = try transaction.desired(at: place, in: repository)?.digest
            guard let digest else {
                guard let current else { return .recorded(event: nil, former: nil, variants: []) }
                let release = LoggedRelease(.imagePromoted, digest: nil, former: current, .promotion(promotion))
                return .recorded(
                    event: try transaction.record(release, in: repository, context),
                    former: current,
                    variants: []
                )
            }
            guard try transaction.isLive(digest, in: repository) else { return .unknownImage }
            if current == nil, try transaction.isFull(repository) {
                return .tooManyPlaces(limit: ReleaseLimits.placesPerRepository)
            }
            if let from = promotion.from, let refusal = try transaction.refusal(of: digest, from: from, in: repository)
            {
                return .refused(refusal)
            }
            if current == digest { return .recorded(event: nil, former: current, variants: []) }
            let release = LoggedRelease(.imagePromoted, digest: digest, former: current, .promotion(promotion))
            let event = try transaction.record(release, in: repository, context)
            return .recorded(event: event, former: current, variants: [])
        }
    }

    /// Records that a rollout, or one instance of it, has come to another phase. What is said again at once is recorded
    /// once; what says which image is to run, only while that is the one, with the configuration that it names.
    ///
    /// A rollback that was ordered here and is said to be `rolled-back` is healthy: what runs is what was ordered.
    package func recordStep(
        _ step: DeploymentStep,
        of digest: Digest,
        in name: RepositoryName,
        context: Context
    ) async throws(CatalogError) -> ReleaseRecording {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name),
                try transaction.database.row(SQL.manifestRow, repository.id, digest.key) != nil
            else { return .unknownImage }
            let wants = step.target == nil && [.started, .rollbackOrdered].contains(step.phase)
            if wants, try !transaction.isLive(digest, in: repository) { return .unknownImage }
            let columns = ReleaseColumns(.step(step))
            let key: [Argument] = [repository.id, columns.environment, columns.service, columns.deployment]
            let first = try transaction.database.rows(SQL.firstStep, arguments: key).first
            let order = DeploymentStep.Phase.rollbackOrdered.rawValue
            let isBack = try first.map { try $0.text(0) == order && $0.text(2).isEmpty } ?? false
            let phase = isBack && step.phase == .rolledBack ? .healthy : step.phase
            let place = ReleasePlace(step.environment, step.service)
            let desired = try transaction.desired(at: place, in: repository)
            let current = desired?.digest
            if wants, current == nil, try transaction.isFull(repository) {
                return .tooManyPlaces(limit: ReleaseLimits.placesPerRepository)
            }
            let last = try transaction.database.rows(SQL.lastStep, arguments: key + [columns.target]).first
            // An order that something else has taken the place of is given anew.
            let stands = !wants || desired?.meets(digest, step.configuration) == true
            if stands, let last, try last.text(0) == phase.rawValue, try last.optionalDigest(1) == digest {
                return .recorded(event: nil, former: current, variants: [])
            }
            let told = DeploymentStep(
                deployment: step.deployment,
                environment: step.environment,
                service: step.service,
                target: step.target,
                phase: phase,
                configuration: step.configuration
            )
            let givenUp = step.target == nil && phase == .rolledBack ? try first?.optionalDigest(1) : nil
            let release = LoggedRelease(
                .deploymentStepped,
                digest: digest,
                former: wants ? current : givenUp,
                .step(told)
            )
            let event = try transaction.record(release, in: repository, context)
            return .recorded(event: event, former: current, variants: [])
        }
    }
}

/// What is to run in a place.
private struct DesiredState {
    let digest: Digest
    let configuration: Digest?

    /// Whether it is what an order wants; one without a configuration leaves it open.
    func meets(_ digest: Digest, _ configuration: Digest?) -> Bool {
        self.digest == digest && (configuration == nil || self.configuration == configuration)
    }
}

extension Transaction {
    fileprivate func isLive(_ digest: Digest, in repository: Repository) throws -> Bool {
        try database.row(SQL.manifestRow, repository.id, digest.key)?.flag(1) == true
    }

    /// Whether something of the repository is to run in as many places as may be.
    fileprivate func isFull(_ repository: Repository) throws -> Bool {
        let limit = ReleaseLimits.placesPerRepository
        return try database.row(SQL.countDesired, repository.id, limit)?.int(0) ?? 0 >= Int64(limit)
    }

    fileprivate func desired(at place: ReleasePlace, in repository: Repository) throws -> DesiredState? {
        guard let row = try database.row(SQL.desiredIn, place.environment, repository.id, place.service),
            let digest = try row.optionalDigest(0)
        else { return nil }
        return DesiredState(digest: digest, configuration: try row.optionalDigest(1))
    }

    /// Why an image does not come from an environment; nil where it does.
    fileprivate func refusal(of digest: Digest, from: PlaceName, in repository: Repository) throws -> String? {
        let environment = from.description
        let outcome = try database.row(SQL.outcomesOfImage, repository.id, digest.key, environment)
        let (good, bad) = (try outcome?.optionalInt(0) ?? 0, try outcome?.optionalInt(1) ?? 0)
        if bad > good { return "it failed in \(environment), or was rolled back there, when it ran there last" }
        if good > 0 { return nil }
        let isKnown = try database.row(SQL.wasDesired, repository.id, digest.key, environment) != nil
        return isKnown ? nil : "nothing says that it was ever in \(environment)"
    }

    fileprivate func record(
        _ release: LoggedRelease,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        try keep(release, actor: context.actor, in: repository)
        return try record(
            release.kind,
            repository,
            context,
            subject: release.subject,
            digest: release.digest ?? release.former,
            release.body
        )
    }

    /// What an entry of a log says, of this registry or of another region.
    func apply(_ release: LoggedRelease, _ change: LoggedChange, in repository: Repository) throws {
        try keep(release, actor: database.row(SQL.actorName, change.actor)?.text(0) ?? change.actor, in: repository)
    }
}
