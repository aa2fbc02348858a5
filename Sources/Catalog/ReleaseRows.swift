// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI
import Releases

extension SQL {
    static let insertRelease = """
        INSERT INTO release(kind, repo_id, digest, env, service, target, deployment, phase, config, source, revision,
            builder, from_env, reporter, until_ms, actor, at, hlc, region)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let setDesired = """
        INSERT INTO desired(env, repo_id, service, digest, config, kind, deployment, actor, at, hlc, region)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(env, repo_id, service) DO UPDATE SET digest = excluded.digest, config = excluded.config,
            kind = excluded.kind, deployment = excluded.deployment, actor = excluded.actor, at = excluded.at,
            hlc = excluded.hlc, region = excluded.region
        WHERE (excluded.hlc, excluded.region) > (desired.hlc, desired.region)
        """
    static let markGood = """
        INSERT INTO outcome(repo_id, env, service, digest, good_hlc) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, env, service, digest) DO UPDATE SET
            good_hlc = CASE WHEN good_hlc < excluded.good_hlc THEN excluded.good_hlc ELSE good_hlc END
        """
    static let markBad = """
        INSERT INTO outcome(repo_id, env, service, digest, bad_hlc) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, env, service, digest) DO UPDATE SET
            bad_hlc = CASE WHEN bad_hlc < excluded.bad_hlc THEN excluded.bad_hlc ELSE bad_hlc END
        """
    static let trimOutcomes = """
        DELETE FROM outcome WHERE repo_id = ? AND env = ? AND service = ? AND digest NOT IN
            (SELECT digest FROM outcome WHERE repo_id = ? AND env = ? AND service = ?
                ORDER BY good_hlc DESC, bad_hlc DESC, digest LIMIT ?)
        """
}

/// A service of an environment, whose images the record knows.
struct ReleasePlace {
    let environment: String
    /// Empty for the place without a service.
    let service: String

    init(_ environment: PlaceName, _ service: PlaceName?) {
        self.environment = environment.description
        self.service = service?.description ?? ""
    }
}

extension Transaction {
    /// Writes the rows of an entry, of this registry or of another region: at the time of the stamp that is assumed.
    /// What the rows come to is the same in whatever order entries come.
    func keep(_ release: LoggedRelease, actor: String, in repository: Repository) throws {
        try insert(release, actor: actor, in: repository)
        switch release.fact {
        case .build, .running, .scan: return
        case .promotion(let promotion):
            let place = ReleasePlace(promotion.environment, promotion.service)
            try setDesired(release, at: place, configuration: nil, deployment: "", actor: actor, in: repository)
        case .step(let step):
            let place = ReleasePlace(step.environment, step.service)
            guard step.target == nil, let digest = release.digest else { return }
            switch step.phase {
            case .started, .rollbackOrdered:
                try setDesired(
                    release,
                    at: place,
                    configuration: step.configuration,
                    deployment: step.deployment.description,
                    actor: actor,
                    in: repository
                )
                if step.phase == .rollbackOrdered, let former = release.former, former != digest {
                    try mark(SQL.markBad, former, at: place, in: repository)
                }
            case .healthy: try mark(SQL.markGood, digest, at: place, in: repository)
            case .failed: try mark(SQL.markBad, digest, at: place, in: repository)
            case .rolledBack: try mark(SQL.markBad, release.former ?? digest, at: place, in: repository)
            default: return
            }
        }
    }

    private func mark(_ sql: String, _ digest: Digest, at place: ReleasePlace, in repository: Repository) throws {
        let (environment, service) = (place.environment, place.service)
        try database.run(sql, repository.id, environment, service, digest.key, stamp.time.rawValue)
        try database.run(
            SQL.trimOutcomes,
            repository.id,
            environment,
            service,
            repository.id,
            environment,
            service,
            ReleaseLimits.outcomes
        )
    }

    private func setDesired(
        _ release: LoggedRelease,
        at place: ReleasePlace,
        configuration: Digest?,
        deployment: String,
        actor: String,
        in repository: Repository
    ) throws {
        try database.run(
            SQL.setDesired,
            place.environment,
            repository.id,
            place.service,
            release.digest?.key,
            configuration?.key,
            release.kind.rawValue,
            deployment,
            actor,
            stamp.time.milliseconds,
            stamp.time.rawValue,
            stamp.origin
        )
    }

    private func insert(_ release: LoggedRelease, actor: String, in repository: Repository) throws {
        let columns = ReleaseColumns(release.fact)
        try database.run(
            SQL.insertRelease,
            release.kind.rawValue,
            repository.id,
            release.digest?.key,
            columns.environment,
            columns.service,
            columns.target,
            columns.deployment,
            columns.phase,
            columns.configuration?.key,
            columns.source,
            columns.revision,
            columns.builder,
            columns.from,
            columns.reporter,
            columns.until,
            actor,
            stamp.time.milliseconds,
            stamp.time.rawValue,
            stamp.origin
        )
    }
}

/// What the columns of `release` have of an entry; names that it does not have are empty.
struct ReleaseColumns {
    var environment = ""
    var service = ""
    var target = ""
    var deployment = ""
    var phase = ""
    var configuration: Digest?
    var source = ""
    var revision = ""
    var builder = ""
    var from = ""
    var reporter = ""
    var until: Int64?

    init(_ fact: ReleaseFact) {
        switch fact {
        case .build(let build):
            phase = build.succeeded ? "succeeded" : "failed"
            source = build.source?.description ?? ""
            revision = build.revision?.description ?? ""
            builder = build.builder?.description ?? ""
            deployment = build.build?.description ?? ""
            until = build.startedAt
        case .promotion(let promotion):
            environment = promotion.environment.description
            service = promotion.service?.description ?? ""
            from = promotion.from?.description ?? ""
        case .step(let step):
            environment = step.environment.description
            service = step.service?.description ?? ""
            target = step.target?.description ?? ""
            deployment = step.deployment.description
            phase = step.phase.rawValue
            configuration = step.configuration
        case .running(let report):
            environment = report.environment.description
            service = report.service?.description ?? ""
            target = report.target.description
            deployment = report.deployment?.description ?? ""
            phase = report.isRunning ? "running" : "ended"
            configuration = report.configuration
            reporter = report.reporter
            until = report.until
        case .scan: break
        }
    }
}
