// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI
package import Releases

extension SQL {
    private static let releaseColumns = """
        SELECT x.id, x.kind, r.name, x.digest, x.env, x.service, x.target, x.deployment, x.phase, x.config, x.source,
            x.revision, x.builder, x.from_env, x.reporter, x.until_ms, x.actor, x.at, x.region
        FROM release x JOIN repo r ON r.id = x.repo_id
        """
    static let releasesByTime = releaseColumns + " WHERE (x.at, x.id) > (?, ?) AND x.at < ? ORDER BY x.at, x.id LIMIT ?"
    static let releasesOfImage =
        releaseColumns + " WHERE x.repo_id = ? AND x.digest = ? AND x.id < ? ORDER BY x.id DESC LIMIT ?"
    static let buildsOfImage =
        releaseColumns + """
             WHERE x.repo_id = ? AND x.digest = ? AND x.kind = 'build.report' ORDER BY x.id DESC LIMIT ?
            """
    static let firstBuild = """
        SELECT at FROM release WHERE repo_id = ? AND digest = ? AND env = '' AND kind = 'build.report'
            AND phase = 'succeeded' ORDER BY at, id LIMIT 1
        """
    static let firstPromotion = """
        SELECT at, id FROM release WHERE repo_id = ? AND digest = ? AND env = ? AND kind = 'image.promote'
            AND phase = '' ORDER BY at, id LIMIT 1
        """
    static let releasesAfter = releaseColumns + " WHERE x.id > ? ORDER BY x.id LIMIT ?"
    static let lastRelease = "SELECT MAX(id) FROM release"
    static let firstRelease = "SELECT MIN(id) FROM release"
    static let releasesBefore = "SELECT id FROM release WHERE at < ? ORDER BY at, id LIMIT ?"
    static let dropRelease = "DELETE FROM release WHERE id = ?"

    /// Its parameters: repository and environment where asked for, id, limit. The newest first.
    static func releases(ofRepository: Bool, ofEnvironment: Bool) -> String {
        releaseColumns + " WHERE" + (ofRepository ? " x.repo_id = ? AND" : "")
            + (ofEnvironment ? " x.env = ? AND" : "") + " x.id < ? ORDER BY x.id DESC LIMIT ?"
    }
}

extension Catalog {
    /// Rows before an id, the newest first; pass `.max` for the first page.
    package func releases(
        _ filter: ReleaseFilter,
        before id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [ReleaseRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var arguments: [Argument] = []
            if let name = filter.repository {
                guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
                arguments.append(repository)
            }
            if let environment = filter.environment { arguments.append(environment.description) }
            let sql = SQL.releases(ofRepository: filter.repository != nil, ofEnvironment: filter.environment != nil)
            return try database.rows(sql, arguments: arguments + [id, limit]).map(ReleaseRecord.init)
        }
    }

    /// Rows of one image before an id, the newest first.
    package func releases(
        of digest: Digest,
        in name: RepositoryName,
        before id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [ReleaseRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            return try database.rows(SQL.releasesOfImage, repository, digest.key, id, limit).map(ReleaseRecord.init)
        }
    }

    /// Rows about builds of one image, the newest first: what hosts say of it does not crowd them out.
    package func builds(
        of digest: Digest,
        in name: RepositoryName,
        limit: Int
    ) async throws(CatalogError) -> [ReleaseRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            return try database.rows(SQL.buildsOfImage, repository, digest.key, limit).map(ReleaseRecord.init)
        }
    }

    /// When an image was first built with success, in milliseconds since 1970; nil where nobody has said so.
    package func firstBuildTime(
        of digest: Digest,
        in name: RepositoryName
    ) async throws(CatalogError) -> Int64? {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return nil }
            return try database.row(SQL.firstBuild, repository, digest.key)?.int(0)
        }
    }

    /// The first promotion of an image into any of some environments, by its time and then its id; nil where there is
    /// none.
    package func firstPromotion(
        of digest: Digest,
        in name: RepositoryName,
        to environments: Set<PlaceName>
    ) async throws(CatalogError) -> ReleasePosition? {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return nil }
            return try environments.compactMap { environment in
                try database.row(SQL.firstPromotion, repository, digest.key, environment.description).map { row in
                    ReleasePosition(time: try row.int(0), id: try row.int(1))
                }
            }.min { ($0.time, $0.id) < ($1.time, $1.id) }
        }
    }

    /// When the first step of a deployment was, of the rollout or of an instance, in milliseconds since 1970; nil where
    /// there is none.
    package func firstStepTime(
        of deployment: PlaceName,
        in environment: PlaceName,
        of name: RepositoryName,
        service: PlaceName?
    ) async throws(CatalogError) -> Int64? {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return nil }
            let place = ReleasePlace(environment, service)
            return try database.row(
                SQL.firstStep,
                repository,
                place.environment,
                place.service,
                deployment.description
            )?.int(3)
        }
    }

    /// Rows in the order of their times, after a place and before a time, in milliseconds since 1970.
    package func releases(
        after position: ReleasePosition,
        before end: Int64,
        limit: Int
    ) async throws(CatalogError) -> [ReleaseRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.releasesByTime, position.time, position.id, end, limit).map(ReleaseRecord.init)
        }
    }

    /// Rows in the order in which they came in, after an id.
    package func releases(after id: Int64, limit: Int) async throws(CatalogError) -> [ReleaseRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.releasesAfter, id, limit).map(ReleaseRecord.init)
        }
    }

    /// The id of the row that came in last; 0 where there is none.
    package func lastRelease() async throws(CatalogError) -> Int64 {
        try await readers.readOne { try $0.row(SQL.lastRelease)?.optionalInt(0) ?? 0 }
    }

    /// Drops rows that are older than a time, in milliseconds since 1970, or that are too many.
    ///
    /// - Returns: How many were dropped; as many as `ReleaseLimits.trimmed` where there may be more.
    package func trimReleases(before time: Int64) async throws(CatalogError) -> Int {
        try await writer.submit { transaction in
            let database = transaction.database
            let first = try database.row(SQL.firstRelease)?.optionalInt(0) ?? 0
            let last = try database.row(SQL.lastRelease)?.optionalInt(0) ?? 0
            let isFull = last - first >= ReleaseLimits.rows
            let rows = try database.rows(SQL.releasesBefore, isFull ? Int64.max : time, ReleaseLimits.trimmed)
            for row in rows { try database.run(SQL.dropRelease, try row.int(0)) }
            return rows.count
        }
    }
}

extension ReleaseRecord {
    init(_ row: Row) throws {
        self.init(
            id: try row.int(0),
            entry: ReleaseEntry(
                time: try row.int(17),
                repository: try row.repositoryName(2),
                digest: try row.optionalDigest(3),
                fact: try Self.fact(row)
            ),
            actor: try row.text(16),
            region: try row.text(18)
        )
    }

    private static func fact(_ row: Row) throws -> ReleaseFact {
        func name(_ column: Int) throws -> PlaceName? { PlaceName(try row.text(column)) }
        func needed(_ column: Int) throws -> PlaceName {
            guard let name = try name(column) else {
                throw CatalogError(.inconsistent, "a row of the release record lacks a name")
            }
            return name
        }
        let phase = try row.text(8)
        switch EventKind(rawValue: try row.text(1)) {
        case .buildReported:
            return .build(
                BuildReport(
                    succeeded: phase == "succeeded",
                    source: try name(10),
                    revision: try name(11),
                    builder: try name(12),
                    build: try name(7),
                    startedAt: try row.optionalInt(15).flatMap { CatalogLimits.loggedTimes.contains($0) ? $0 : nil }
                )
            )
        case .imagePromoted:
            return .promotion(
                PromotionReport(from: try name(13), environment: try needed(4), service: try name(5))
            )
        case .deploymentStepped:
            guard let phase = DeploymentStep.Phase(rawValue: phase) else { break }
            return .step(
                DeploymentStep(
                    deployment: try needed(7),
                    environment: try needed(4),
                    service: try name(5),
                    target: try name(6),
                    phase: phase,
                    configuration: try row.optionalDigest(9)
                )
            )
        case .deploymentReported:
            return .running(
                RunningReport(
                    environment: try needed(4),
                    service: try name(5),
                    target: try needed(6),
                    deployment: try name(7),
                    reporter: try row.text(14),
                    configuration: try row.optionalDigest(9),
                    isRunning: phase == "running",
                    until: try row.int(15)
                )
            )
        default: break
        }
        throw CatalogError(.inconsistent, "a row of the release record is of no kind that it has")
    }
}
