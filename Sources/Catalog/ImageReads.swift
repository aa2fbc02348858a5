// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

extension SQL {
    static let tagsOfImage = """
        SELECT t.name FROM repo r JOIN tag t ON t.repo_id = r.id WHERE r.name = ? AND t.digest = ? LIMIT ?
        """
    static let timesOfImage = """
        SELECT m.pushed_at, m.last_pull, m.live FROM repo r JOIN manifest m ON m.repo_id = r.id
        WHERE r.name = ? AND m.digest = ?
        """
    static let deploymentsOfImage = """
        SELECT d.id, r.name, d.env, d.target, d.service, d.digest, d.deployment, d.reported_at, d.stale_at,
            d.expires_at, d.ended_at, d.reporter, m.live, m.last_pull
        FROM repo r JOIN deployment d ON d.repo_id = r.id
            LEFT JOIN manifest m ON m.repo_id = d.repo_id AND m.digest = d.digest
        WHERE r.name = ? AND d.digest = ? LIMIT ?
        """
}

/// What is known of one image of a repository.
extension Catalog {
    /// Tags that name it now.
    package func tags(
        of digest: Digest,
        in name: RepositoryName,
        limit: Int
    ) async throws(CatalogError) -> [Tag] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.tagsOfImage, name.description, digest.key, limit)
                .compactMap { try Tag($0.text(0)) }
        }
    }

    /// When it was pushed and last pulled, in seconds since 1970, and whether it is not deleted; nil where it is not
    /// here.
    package func times(
        of digest: Digest,
        in name: RepositoryName
    ) async throws(CatalogError) -> (pushedAt: Int64, lastPull: Int64?, isLive: Bool)? {
        try await readers.readOne { database in
            try database.row(SQL.timesOfImage, name.description, digest.key).map { row in
                (try row.int(0), try row.optionalInt(1), try row.flag(2))
            }
        }
    }

    /// Reports of it, of everyone and of all places.
    package func deployments(
        of digest: Digest,
        in name: RepositoryName,
        limit: Int
    ) async throws(CatalogError) -> [DeploymentRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.deploymentsOfImage, name.description, digest.key, limit).map(DeploymentRecord.init)
        }
    }
}
