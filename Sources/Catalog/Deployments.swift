// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI
import Releases

package enum DeploymentReporting: Sendable, Hashable {
    /// Durable. `event` is nil where the same image was reported before. `isTrashed` says that the manifest is deleted
    /// and goes for good unless it is brought back. Times are seconds since 1970.
    case recorded(event: EventID?, isTrashed: Bool, staleAt: Int64, expiresAt: Int64)
    /// The repository has no such manifest.
    case unknownImage
    case tooMany(limit: Int)
}

package enum DeploymentEnd: Sendable, Hashable {
    case ended(event: EventID)
    case notFound
    /// Something else than what was named is reported there.
    case otherImage(current: Digest)
}

extension SQL {
    static let deploymentOf = """
        SELECT id, digest, deployment, reported_at, stale_at, expires_at, ended_at, logged_at, hlc, config
        FROM deployment
        WHERE repo_id = ? AND env = ? AND service = ? AND target = ? AND reporter = ?
        """
    static let deploymentsOfTarget = """
        SELECT id, digest, reporter FROM deployment
        WHERE repo_id = ? AND env = ? AND service = ? AND target = ? AND ended_at IS NULL ORDER BY reporter LIMIT ?
        """
    static let setDeployment = """
        INSERT INTO deployment(repo_id, env, service, target, reporter, digest, deployment, reported_at, stale_at,
            expires_at, expires_st, logged_at, hlc, config)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, env, service, target, reporter) DO UPDATE SET digest = excluded.digest,
            deployment = excluded.deployment, reported_at = excluded.reported_at, stale_at = excluded.stale_at,
            expires_at = excluded.expires_at, expires_st = excluded.expires_st, ended_at = NULL,
            logged_at = excluded.logged_at, hlc = excluded.hlc, config = excluded.config
        """
    static let endDeployment = """
        UPDATE deployment SET ended_at = ?, stale_at = ?, expires_at = ?, expires_st = ?, hlc = ? WHERE id = ?
        """
    /// What ended before in the same service: one mark of an end is enough.
    static let dropEnded = """
        DELETE FROM deployment WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ? AND ended_at IS NOT NULL
        """
    static let countReportsOfReporter =
        "SELECT COUNT(*) FROM (SELECT 1 FROM deployment WHERE reporter = ? LIMIT ?) AS bounded"
    static let countReportsOfRepository =
        """
        SELECT COUNT(*) FROM (SELECT 1 FROM deployment
            WHERE repo_id = ? AND reporter NOT GLOB 'a-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*' LIMIT ?) AS bounded
        """
    static let setDeployed = """
        INSERT INTO deployed(repo_id, env, service, reporter, digest, first_at, last_hlc) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, env, service, reporter, digest) DO UPDATE SET
            last_hlc = CASE WHEN deployed.last_hlc < excluded.last_hlc THEN excluded.last_hlc ELSE deployed.last_hlc END
        """
    static let trimDeployed = """
        DELETE FROM deployed WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ? AND digest NOT IN
            (SELECT digest FROM deployed WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ?
                ORDER BY last_hlc DESC, digest LIMIT ?)
        """
}

extension Catalog {
    /// Records what runs somewhere. It speaks for its reporter alone: what others reported stays.
    ///
    /// The same report again is not written within a minute of the last, and is an event only when the image is another
    /// one, or the log was not told of it for a quarter of the grace: other regions learn of it by the log alone.
    /// `grace` is how many seconds the image stays protected after the report went stale.
    package func reportDeployment(
        _ report: DeploymentReport,
        grace: Int64,
        context: Context
    ) async throws(CatalogError) -> DeploymentReporting {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(report.repository),
                let isLive = try transaction.database.row(SQL.manifestRow, repository.id, report.digest.key)?.flag(1)
            else { return .unknownImage }
            let group = DeploymentGroup(report.place, repository.id, reporter: context.actor)
            let former = try transaction.deployment(at: report.place, group)
            let now = transaction.wallSeconds
            let (staleAt, expiresAt) = (now + report.expires, now + report.expires + grace)
            if let former, former.says(report), former.isFresh(at: now, staleAt: staleAt) {
                return .recorded(
                    event: nil,
                    isTrashed: !isLive,
                    staleAt: former.staleAt,
                    expiresAt: former.expiresAt
                )
            }
            if former == nil, let limit = try transaction.reportLimitReached(group) { return .tooMany(limit: limit) }
            let span = ProtectionLimits.logSpan(grace: grace)
            let isOther =
                former?.digest != report.digest || former?.endedAt != nil
                || former?.configuration != report.configuration
            let isLogged = isOther || former.map { $0.wantsLogging(report, at: now, span: span, grace: grace) } ?? true
            try transaction.database.run(
                SQL.setDeployment,
                group.repository,
                group.environment,
                group.service,
                report.place.target.description,
                group.reporter,
                report.digest.key,
                report.deployment?.description,
                now,
                staleAt,
                expiresAt,
                transaction.now.seconds + report.expires + grace,
                isLogged ? now : former?.loggedAt,
                transaction.timestamp.rawValue,
                report.configuration?.key
            )
            var event: EventID?
            if isLogged {
                let ends = DeploymentEnds(staleAt: staleAt + span, expiresAt: expiresAt + span)
                event = try transaction.noteChange(from: former, to: report, ends, group, repository, context)
            }
            return .recorded(event: event, isTrashed: !isLive, staleAt: staleAt, expiresAt: expiresAt)
        }
    }

    /// Records that an image runs somewhere no more: with a digest, only if that is the one reported.
    ///
    /// Ends the caller's own report, or with `ofAnyone` those of all reporters of the place. The images that ran stay
    /// protected as former ones for the grace.
    package func endDeployment(
        at place: DeploymentPlace,
        in name: RepositoryName,
        digest: Digest?,
        ofAnyone: Bool,
        grace: Int64,
        context: Context
    ) async throws(CatalogError) -> DeploymentEnd {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name) else { return .notFound }
            let rows = try transaction.database.rows(
                SQL.deploymentsOfTarget,
                repository.id,
                place.environment.description,
                place.serviceText,
                place.target.description,
                ProtectionLimits.page
            )
            var event: EventID?
            var other: Digest?
            for row in rows {
                let (id, current, reporter) = (try row.int(0), try row.digest(1), try row.text(2))
                guard ofAnyone || reporter == context.actor else { continue }
                guard digest == nil || digest == current else {
                    other = current
                    continue
                }
                let group = DeploymentGroup(place, repository.id, reporter: reporter)
                event = try transaction.end(id, current, at: place, group, grace: grace, in: repository, context)
            }
            if let event { return .ended(event: event) }
            return other.map { .otherImage(current: $0) } ?? .notFound
        }
    }
}

/// What one reporter says of one service of an environment: the unit whose former images are kept.
struct DeploymentGroup: Hashable {
    let repository: Int64
    let environment: String
    let service: String
    let reporter: String

    init(repository: Int64, environment: String, service: String, reporter: String) {
        self.repository = repository
        self.environment = environment
        self.service = service
        self.reporter = reporter
    }

    init(_ place: DeploymentPlace, _ repository: Int64, reporter: String) {
        self.init(
            repository: repository,
            environment: place.environment.description,
            service: place.serviceText,
            reporter: reporter
        )
    }
}

/// Until when the log says that a report holds: longer than it does, by the time in which the log is told again.
struct DeploymentEnds {
    let staleAt: Int64
    let expiresAt: Int64
}

extension Transaction {
    fileprivate func deployment(at place: DeploymentPlace, _ group: DeploymentGroup) throws -> FormerReport? {
        let row = try database.row(
            SQL.deploymentOf,
            group.repository,
            group.environment,
            group.service,
            place.target.description,
            group.reporter
        )
        return try row.map { row in
            FormerReport(
                digest: try row.digest(1),
                deployment: try row.optionalText(2),
                reportedAt: try row.int(3),
                staleAt: try row.int(4),
                expiresAt: try row.int(5),
                endedAt: try row.optionalInt(6),
                loggedAt: try row.int(7),
                configuration: try row.optionalDigest(9)
            )
        }
    }

    /// The bound that one more report would exceed.
    fileprivate func reportLimitReached(_ group: DeploymentGroup) throws -> Int? {
        let (own, all) = (ProtectionLimits.reportsPerReporter, ProtectionLimits.reportsPerRepository)
        let mine = try database.row(SQL.countReportsOfReporter, group.reporter, own)?.int(0) ?? 0
        if mine >= Int64(own) { return own }
        let total = try database.row(SQL.countReportsOfRepository, group.repository, all)?.int(0) ?? 0
        return total >= Int64(all) ? all : nil
    }

    /// The log hears of what runs there. Where that is another image than before, both are among those of the service.
    fileprivate func noteChange(
        from former: FormerReport?,
        to report: DeploymentReport,
        _ ends: DeploymentEnds,
        _ group: DeploymentGroup,
        _ repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        try keep(report.digest, of: group)
        if let former, former.digest != report.digest { try keep(former.digest, of: group) }
        try trim(group)
        let ran = former?.endedAt == nil ? former?.digest : nil
        return try record(
            report.place,
            from: ran,
            to: report.digest,
            report.deployment,
            report.configuration,
            ends,
            by: group.reporter,
            in: repository,
            context
        )
    }

    fileprivate func end(
        _ id: Int64,
        _ digest: Digest,
        at place: DeploymentPlace,
        _ group: DeploymentGroup,
        grace: Int64,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        // What another region reported may still be told of in any order.
        if try logName(of: group.reporter) != group.reporter {
            try database.run(SQL.dropEnded, group.repository, group.environment, group.service, group.reporter)
        }
        try database.run(
            SQL.endDeployment,
            wallSeconds,
            wallSeconds,
            wallSeconds + grace,
            now.seconds + grace,
            timestamp.rawValue,
            id
        )
        try keep(digest, of: group)
        return try record(
            place,
            from: digest,
            to: nil,
            nil,
            nil,
            DeploymentEnds(staleAt: wallSeconds, expiresAt: wallSeconds + grace),
            by: group.reporter,
            in: repository,
            context
        )
    }

    func trim(_ group: DeploymentGroup) throws {
        try database.run(
            SQL.trimDeployed,
            group.repository,
            group.environment,
            group.service,
            group.reporter,
            group.repository,
            group.environment,
            group.service,
            group.reporter,
            ProtectionLimits.imagesPerService
        )
    }

    func keep(_ digest: Digest, of group: DeploymentGroup) throws {
        try database.run(
            SQL.setDeployed,
            group.repository,
            group.environment,
            group.service,
            group.reporter,
            digest.key,
            stampSeconds,
            stamp.time.rawValue
        )
    }

    private func record(
        _ place: DeploymentPlace,
        from former: Digest?,
        to digest: Digest?,
        _ deployment: PlaceName?,
        _ configuration: Digest?,
        _ ends: DeploymentEnds,
        by reporter: String,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        let name = try logName(of: reporter)
        let report = RunningReport(
            environment: place.environment,
            service: place.service,
            target: place.target,
            deployment: deployment,
            reporter: name,
            configuration: configuration,
            isRunning: digest != nil,
            until: ends.staleAt * 1_000
        )
        let release = LoggedRelease(.deploymentReported, digest: digest ?? former, former: former, .running(report))
        try keep(release, actor: context.actor, in: repository)
        return try record(
            .deploymentReported,
            repository,
            context,
            subject: "\(place.environment) \(place.target)",
            digest: digest ?? former,
            [
                "environment": .string(place.environment.description),
                "target": .string(place.target.description),
                "service": CanonicalJSON(place.service?.description),
                "deployment": CanonicalJSON(deployment?.description),
                "digest": CanonicalJSON(digest?.description),
                "former": CanonicalJSON(former?.description),
                "config": CanonicalJSON(configuration?.description),
                "reporter": .string(name),
                "stale_at": .integer(ends.staleAt),
                "expires_at": .integer(ends.expiresAt),
            ]
        )
    }
}
