// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI
package import Releases

extension SQL {
    static let desiredImage = """
        SELECT d.env, r.name, d.service, d.digest, d.config, d.deployment, d.actor, d.at, m.live, d.repo_id
        FROM desired d JOIN repo r ON r.id = d.repo_id
            LEFT JOIN manifest m ON m.repo_id = d.repo_id AND m.digest = d.digest
        WHERE d.env = ? AND d.repo_id = ? AND d.service = ?
        """
    static let desiredOfService = """
        SELECT r.name, d.repo_id FROM desired d JOIN repo r ON r.id = d.repo_id
        WHERE d.env = ? AND d.repo_id > ? AND d.service = ? AND d.digest IS NOT NULL ORDER BY d.repo_id LIMIT ?
        """
    static let desiredPlacesOfImage = """
        SELECT env, service FROM desired WHERE repo_id = ? AND digest = ? LIMIT ?
        """
    static let nextEnvironment = """
        SELECT env FROM desired WHERE env > ? AND digest IS NOT NULL ORDER BY env LIMIT 1
        """
    static let rollbackImages = """
        SELECT o.digest FROM outcome o JOIN manifest m ON m.repo_id = o.repo_id AND m.digest = o.digest AND m.live = 1
        WHERE o.repo_id = ? AND o.env = ? AND o.service = ? AND o.digest <> ? AND o.good_hlc > o.bad_hlc
        ORDER BY o.good_hlc DESC, o.digest LIMIT ?
        """
    /// The same where nothing was ever said to be healthy: what ran there before and was not given up. The plus keeps
    /// it from walking all images of the repository in the order of their digests.
    static let formerImages = """
        SELECT p.digest FROM deployed p
            JOIN manifest m ON m.repo_id = p.repo_id AND m.digest = p.digest AND m.live = 1
            LEFT JOIN outcome o ON o.repo_id = p.repo_id AND o.env = p.env AND o.service = p.service
                AND o.digest = p.digest
        WHERE p.repo_id = ? AND p.env = ? AND p.service = ? AND p.digest <> ? AND COALESCE(o.bad_hlc, 0) = 0
        GROUP BY +p.digest ORDER BY MAX(p.last_hlc) DESC, p.digest LIMIT ?
        """
    static let wasHealthy = """
        SELECT 1 FROM outcome WHERE repo_id = ? AND env = ? AND service = ? AND digest = ? AND good_hlc > bad_hlc
        """
    static let targetsOfService = """
        SELECT target, reporter, digest, config, reported_at, stale_at FROM deployment
        WHERE repo_id = ? AND env = ? AND service = ? AND ended_at IS NULL ORDER BY target, reporter LIMIT ?
        """

    /// Its parameters: environment, repository where asked for, limit.
    static func desiredDigests(ofRepository: Bool) -> String {
        "SELECT r.name, page.digest FROM (SELECT DISTINCT repo_id, digest FROM desired WHERE env = ?"
            + (ofRepository ? " AND repo_id = ?" : "")
            + " AND digest IS NOT NULL ORDER BY repo_id, digest LIMIT ?) AS page JOIN repo r ON r.id = page.repo_id"
    }
}

extension Catalog {
    /// What is to run in a service of an environment; nil where nothing is.
    package func desiredImage(
        in environment: PlaceName,
        of name: RepositoryName,
        service: PlaceName?
    ) async throws(CatalogError) -> DesiredImage? {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return nil }
            let key: [Argument] = [environment.description, repository, service?.description ?? ""]
            guard let row = try database.rows(SQL.desiredImage, arguments: key).first, try row.optionalDigest(3) != nil
            else { return nil }
            return try database.desiredImage(row)
        }
    }

    /// The repositories of which something is to run in a service of an environment, in the order of their names: the
    /// first `ReleaseLimits.sameServices` that were created of those that pass a filter.
    package func repositories(
        of service: PlaceName?,
        in environment: PlaceName,
        isAllowed: @escaping @Sendable (RepositoryName) -> Bool
    ) async throws(CatalogError) -> [RepositoryName] {
        try await readers.read { database in
            var found: [RepositoryName] = []
            var last: Int64 = 0
            while true {
                let rows = try database.rows(
                    SQL.desiredOfService,
                    environment.description,
                    last,
                    service?.description ?? "",
                    ProtectionLimits.page
                )
                for row in rows where found.count < ReleaseLimits.sameServices {
                    let name = try row.repositoryName(0)
                    if isAllowed(name) { found.append(name) }
                }
                guard rows.count == ProtectionLimits.page, found.count < ReleaseLimits.sameServices,
                    let next = try rows.last?.int(1)
                else { break }
                last = next
            }
            return found.sorted { $0.description < $1.description }
        }
    }

    /// The images that are to run in an environment, of all repositories or of one, each once, as many as the limit and
    /// at most `CatalogLimits.pageRows`.
    package func desiredDigests(
        in environment: PlaceName,
        of name: RepositoryName?,
        limit: Int
    ) async throws(CatalogError) -> [(repository: RepositoryName, digest: Digest)] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var arguments: [Argument] = [environment.description]
            if let name {
                guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
                arguments.append(repository)
            }
            let sql = SQL.desiredDigests(ofRepository: name != nil)
            return try database.rows(sql, arguments: arguments + [limit]).map { row in
                (try row.repositoryName(0), try row.digest(1))
            }
        }
    }

    /// The names of environments in which something is to run, after one of them.
    package func environments(after name: String, limit: Int) async throws(CatalogError) -> [PlaceName] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var names: [PlaceName] = []
            var last = name
            while names.count < limit, let row = try database.row(SQL.nextEnvironment, last) {
                last = try row.text(0)
                if let name = PlaceName(last) { names.append(name) }
            }
            return names
        }
    }

    /// Where an image is to run, as far as one look goes.
    package func desiredPlaces(
        of digest: Digest,
        in name: RepositoryName
    ) async throws(CatalogError) -> [(environment: PlaceName, service: PlaceName?)] {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            return try database.rows(SQL.desiredPlacesOfImage, repository, digest.key, ReleaseLimits.targets)
                .compactMap { row in
                    guard let environment = PlaceName(try row.text(0)) else { return nil }
                    return (environment, PlaceName(try row.text(1)))
                }
        }
    }

    /// The image that a rollback of a name has ordered in a service of an environment; nil where there is none.
    package func orderedImage(
        by deployment: PlaceName,
        in environment: PlaceName,
        of name: RepositoryName,
        service: PlaceName?
    ) async throws(CatalogError) -> Digest? {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return nil }
            let place = ReleasePlace(environment, service)
            return try database.row(
                SQL.orderedImage,
                repository,
                place.environment,
                place.service,
                deployment.description
            )?.optionalDigest(0)
        }
    }

    /// Images that a service of an environment can go back to, other than one, the newest first: those that were
    /// healthy there and were not given up since; where there is none, those that ran there before.
    ///
    /// - Returns: The images, and whether somebody has said that they were healthy.
    package func rollbackImages(
        from digest: Digest,
        in environment: PlaceName,
        of name: RepositoryName,
        service: PlaceName?
    ) async throws(CatalogError) -> (digests: [Digest], isProven: Bool) {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return ([], true) }
            let key: [Argument] = [
                repository, environment.description, service?.description ?? "", digest.key,
                ReleaseLimits.rollbackImages,
            ]
            let proven = try database.rows(SQL.rollbackImages, arguments: key).map { try $0.digest(0) }
            guard proven.isEmpty else { return (proven, true) }
            return (try database.rows(SQL.formerImages, arguments: key).map { try $0.digest(0) }, false)
        }
    }

    /// Whether somebody has said that an image was healthy in a service of an environment, and it was not given up
    /// since.
    package func wasHealthy(
        _ digest: Digest,
        in environment: PlaceName,
        of name: RepositoryName,
        service: PlaceName?
    ) async throws(CatalogError) -> Bool {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return false }
            let place = ReleasePlace(environment, service)
            return try database.row(SQL.wasHealthy, repository, place.environment, place.service, digest.key) != nil
        }
    }
}

extension Database {
    fileprivate func desiredImage(_ row: Row) throws -> DesiredImage {
        guard let environment = PlaceName(try row.text(0)) else {
            throw CatalogError(.inconsistent, "an environment that has no such name")
        }
        let (service, digest, repository) = (try row.text(2), try row.digest(3), try row.int(9))
        let key: [Argument] = [repository, environment.description, service]
        let rollback = try rows(
            SQL.rollbackImages,
            arguments: key + [digest.key, ReleaseLimits.rollbackImages]
        ).map { try $0.digest(0) }
        let targets = try rows(SQL.targetsOfService, arguments: key + [ReleaseLimits.targets]).compactMap { row in
            try PlaceName(row.text(0)).map { target in
                RunningTarget(
                    target: target,
                    reporter: try row.text(1),
                    digest: try row.digest(2),
                    configuration: try row.optionalDigest(3),
                    reportedAt: try row.int(4),
                    staleAt: try row.int(5)
                )
            }
        }
        return DesiredImage(
            environment: environment,
            repository: try row.repositoryName(1),
            service: PlaceName(service),
            digest: digest,
            configuration: try row.optionalDigest(4),
            deployment: PlaceName(try row.text(5)),
            actor: try row.text(6),
            since: try row.int(7),
            isLive: try row.optionalInt(8) == 1,
            rollback: rollback,
            targets: targets
        )
    }
}
