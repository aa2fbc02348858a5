// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// What was reported last of a place by one reporter. Times are seconds since 1970.
package struct DeploymentRecord: Sendable, Hashable {
    package let id: Int64
    package let repository: RepositoryName
    package let place: DeploymentPlace
    package let digest: Digest
    package let deployment: PlaceName?
    package let reportedAt: Int64
    package let staleAt: Int64
    package let expiresAt: Int64
    /// When it was said to run there no more.
    package let endedAt: Int64?
    package let reporter: String
    /// Whether the manifest is there and not deleted.
    package let isLive: Bool
    /// The manifest's last pull, exact to a minute or two.
    package let lastPull: Int64?
}

extension SQL {
    private static let deploymentColumns = """
        SELECT d.id, r.name, d.env, d.target, d.service, d.digest, d.deployment, d.reported_at, d.stale_at,
            d.expires_at, d.ended_at, d.reporter, m.live, m.last_pull
        FROM deployment d JOIN repo r ON r.id = d.repo_id
            LEFT JOIN manifest m ON m.repo_id = d.repo_id AND m.digest = d.digest
        WHERE
        """
    /// In the order of the index: an image may run in thousands of places.
    static let deploymentsOfImage =
        deploymentColumns + """
             d.repo_id = ? AND d.digest = ?
            ORDER BY d.env, d.service, d.reporter, d.id LIMIT ?
            """
    static let furtherDeploymentsOfImage =
        deploymentColumns + """
             d.repo_id = ? AND d.digest = ?
                AND (d.env, d.service, d.reporter, d.id)
                > (SELECT env, service, reporter, id FROM deployment WHERE id = ?)
            ORDER BY d.env, d.service, d.reporter, d.id LIMIT ?
            """
    /// Its parameters: repository and environment where asked for, id, limit.
    static func deployments(ofRepository: Bool, ofEnvironment: Bool) -> String {
        deploymentColumns + (ofRepository ? " d.repo_id = ? AND" : "") + (ofEnvironment ? " d.env = ? AND" : "")
            + " d.id > ? ORDER BY d.id LIMIT ?"
    }
    static let expiredDeployments = """
        SELECT id, repo_id, env, service, reporter FROM deployment WHERE expires_at <= ? AND expires_st <= ?
        ORDER BY expires_at LIMIT ?
        """
    static let dropDeployment = "DELETE FROM deployment WHERE id = ?"
    static let groupIsReported = """
        SELECT 1 FROM deployment WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ? LIMIT 1
        """
    static let dropDeployed = "DELETE FROM deployed WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ?"
    static let staleDeployments = """
        SELECT COUNT(*) FROM (SELECT 1 FROM deployment WHERE ended_at IS NULL AND stale_at <= ? LIMIT ?) AS bounded
        """
}

extension Catalog {
    /// Reports after an id, of one repository, of one environment or of all.
    package func deployments(
        in name: RepositoryName?,
        environment: PlaceName?,
        after id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [DeploymentRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var arguments: [Argument] = []
            if let name {
                guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
                arguments.append(repository)
            }
            if let environment { arguments.append(environment.description) }
            let sql = SQL.deployments(ofRepository: name != nil, ofEnvironment: environment != nil)
            return try database.rows(sql, arguments: arguments + [id, limit]).map(DeploymentRecord.init)
        }
    }

    /// Reports of one image by environment, after that of an id; none follow an id that nobody has.
    package func deployments(
        of digest: Digest,
        in name: RepositoryName,
        after id: Int64?,
        limit: Int
    ) async throws(CatalogError) -> [DeploymentRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            let rows =
                if let id {
                    try database.rows(SQL.furtherDeploymentsOfImage, repository, digest.key, id, limit)
                } else {
                    try database.rows(SQL.deploymentsOfImage, repository, digest.key, limit)
                }
            return try rows.map(DeploymentRecord.init)
        }
    }

    /// Drops reports whose grace is over, and the former images of services of which nothing is reported any more.
    ///
    /// Both the wall clock and service time must have passed the end: a step of either drops nothing.
    ///
    /// - Returns: How many were dropped; as many as the limit where there may be more.
    package func expireDeployments(limit: Int) async throws(CatalogError) -> Int {
        let limit = Catalog.rows(min(limit, ProtectionLimits.page))
        return try await writer.submit { transaction in
            let database = transaction.database
            let (wall, service) = (transaction.wallSeconds, transaction.now.seconds)
            let rows = try database.rows(SQL.expiredDeployments, wall, service, limit)
            for row in rows {
                try database.run(SQL.dropDeployment, try row.int(0))
                let key: [Argument] = [try row.int(1), try row.text(2), try row.text(3), try row.text(4)]
                guard try database.rows(SQL.groupIsReported, arguments: key).isEmpty else { continue }
                try database.run(SQL.dropDeployed, key[0], key[1], key[2], key[3])
            }
            return rows.count
        }
    }

    /// Reports that went stale and were not ended, at a time in seconds since 1970; at most 100 000 are counted.
    package func staleDeployments(now: Int64) async throws(CatalogError) -> Int {
        try await readers.readOne { database in
            Int(try database.row(SQL.staleDeployments, now, ProtectionLimits.staleCount)?.int(0) ?? 0)
        }
    }
}

extension DeploymentRecord {
    init(_ row: Row) throws {
        let service = try row.text(4)
        self.init(
            id: try row.int(0),
            repository: try row.repositoryName(1),
            place: DeploymentPlace(
                environment: try row.placeName(2),
                target: try row.placeName(3),
                service: service.isEmpty ? nil : try row.placeName(4)
            ),
            digest: try row.digest(5),
            deployment: try row.optionalText(6) == nil ? nil : row.placeName(6),
            reportedAt: try row.int(7),
            staleAt: try row.int(8),
            expiresAt: try row.int(9),
            endedAt: try row.optionalInt(10),
            reporter: try row.text(11),
            isLive: try row.optionalInt(12) == 1,
            lastPull: try row.optionalInt(13)
        )
    }
}

extension Row {
    fileprivate func placeName(_ column: Int) throws -> PlaceName {
        guard let name = PlaceName(try text(column)) else {
            throw CatalogError(.inconsistent, "a report of a place that has no such name")
        }
        return name
    }
}
