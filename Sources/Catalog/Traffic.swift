// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI
package import Releases

/// A rollout in a service of an environment.
package struct RolloutKey: Sendable, Hashable {
    package let repository: RepositoryName
    package let environment: PlaceName
    package let service: PlaceName?
    package let deployment: PlaceName

    package init(
        repository: RepositoryName,
        environment: PlaceName,
        service: PlaceName?,
        deployment: PlaceName
    ) {
        self.repository = repository
        self.environment = environment
        self.service = service
        self.deployment = deployment
    }
}

extension SQL {
    static let setTraffic = """
        INSERT INTO traffic(repo_id, env, service, deployment, role, reporter, requests, errors, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, env, service, deployment, role, reporter) DO UPDATE SET
            requests = excluded.requests, errors = excluded.errors, at = excluded.at
        """
    static let traffic = """
        SELECT role, requests, errors FROM traffic
        WHERE repo_id = ? AND env = ? AND service = ? AND deployment = ? LIMIT ?
        """
    static let trafficReporters = """
        SELECT COUNT(*) FROM (SELECT 1 FROM traffic
            WHERE repo_id = ? AND env = ? AND service = ? AND deployment = ? LIMIT ?) AS bounded
        """
    static let oldTraffic = """
        SELECT repo_id, env, service, deployment, role, reporter FROM traffic WHERE at < ? ORDER BY at LIMIT ?
        """
    static let dropTraffic = """
        DELETE FROM traffic
        WHERE repo_id = ? AND env = ? AND service = ? AND deployment = ? AND role = ? AND reporter = ?
        """
    static let isTrafficReporter = """
        SELECT 1 FROM traffic
        WHERE repo_id = ? AND env = ? AND service = ? AND deployment = ? AND role = ? AND reporter = ?
        """
}

extension Catalog {
    /// Keeps what a reporter has counted of a rollout since it began, in place of what it said before.
    ///
    /// - Returns: false where the repository is not here, where too many others report of that rollout already, or
    ///   where there are more requests than `ReleaseLimits.trafficRequests`.
    package func reportTraffic(
        _ traffic: RolloutTraffic,
        as role: RolloutRole,
        of key: RolloutKey,
        context: Context
    ) async throws(CatalogError) -> Bool {
        guard traffic.requests <= ReleaseLimits.trafficRequests else { return false }
        return try await writer.submit { transaction in
            guard let repository = try transaction.repository(key.repository) else { return false }
            let place = ReleasePlace(key.environment, key.service)
            let arguments: [Argument] = [
                repository.id, place.environment, place.service, key.deployment.description,
            ]
            let limit = ReleaseLimits.trafficReporters
            let own: [Argument] = arguments + [role.rawValue, context.actor]
            // Who reports already goes on, however many others do.
            if try transaction.database.rows(SQL.isTrafficReporter, arguments: own).isEmpty {
                let count = try transaction.database.rows(SQL.trafficReporters, arguments: arguments + [limit])
                guard try count.first?.int(0) ?? 0 < Int64(limit) else { return false }
            }
            try transaction.database.run(
                SQL.setTraffic,
                repository.id,
                place.environment,
                place.service,
                key.deployment.description,
                role.rawValue,
                context.actor,
                traffic.requests,
                traffic.errors,
                transaction.wallSeconds
            )
            return true
        }
    }

    /// The requests and errors of a rollout by role, of all reporters together.
    ///
    /// - Throws: `CatalogError.Code.inconsistent` for more than can be judged, which no reports come to that were
    ///   taken within `ReleaseLimits.trafficRequests`: without them a bad rollout would look like one without requests.
    package func traffic(of key: RolloutKey) async throws(CatalogError) -> [RolloutRole: RolloutTraffic] {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, key.repository.description)?.int(0) else {
                return [:]
            }
            let place = ReleasePlace(key.environment, key.service)
            var sums: [RolloutRole: (requests: Int, errors: Int)] = [:]
            let rows = try database.rows(
                SQL.traffic,
                repository,
                place.environment,
                place.service,
                key.deployment.description,
                ReleaseLimits.trafficReporters
            )
            for row in rows {
                guard let role = RolloutRole(rawValue: try row.text(0)) else { continue }
                sums[role, default: (0, 0)].requests += Int(try row.int(1))
                sums[role, default: (0, 0)].errors += Int(try row.int(2))
            }
            return try sums.mapValues { sum in
                guard let traffic = RolloutTraffic(requests: sum.requests, errors: sum.errors) else {
                    throw CatalogError(.inconsistent, "a rollout has \(sum.requests) requests, \(sum.errors) failed")
                }
                return traffic
            }
        }
    }

    /// Drops counts that nobody has renewed since a time, in seconds since 1970.
    package func trimTraffic(before time: Int64) async throws(CatalogError) -> Int {
        try await writer.submit { transaction in
            let rows = try transaction.database.rows(SQL.oldTraffic, time, ReleaseLimits.trimmed)
            for row in rows {
                try transaction.database.run(
                    SQL.dropTraffic,
                    try row.int(0),
                    try row.text(1),
                    try row.text(2),
                    try row.text(3),
                    try row.text(4),
                    try row.text(5)
                )
            }
            return rows.count
        }
    }
}
