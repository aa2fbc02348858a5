// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A blob that a repository links, and what holds it.
package struct LinkUsage: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    /// A delete took it out of sight.
    package let isHidden: Bool
    /// Another repository links it too.
    package let isShared: Bool
    /// A live manifest of this repository refers to it.
    package let isLive: Bool
    /// A manifest of this repository refers to it, live or trashed.
    package let isReferenced: Bool
}

/// A blob of an image, and which other images have it.
package struct BlobUsage: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    /// Live manifests that refer to it, all repositories taken together, without the one that was asked about; counted
    /// to a bound.
    package let others: Int
    /// Some of those.
    package let examples: [SharedUse]
}

/// A live manifest, by a name that people know.
package struct SharedUse: Sendable, Hashable {
    package let repository: RepositoryName
    package let digest: Digest
    /// One of its tags, if it has any.
    package let tag: Tag?
}

extension SQL {
    static let linkUsage = """
        SELECT l.digest, b.size, l.hidden,
            EXISTS (SELECT 1 FROM repo_blob o WHERE o.digest = l.digest AND o.repo_id <> l.repo_id),
            EXISTS (SELECT 1 FROM ref_blob e JOIN manifest m ON m.id = e.manifest_id
                WHERE e.repo_id = l.repo_id AND e.digest = l.digest AND m.live = 1),
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
        FROM repo r JOIN repo_blob l ON l.repo_id = r.id JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest > ? ORDER BY l.digest LIMIT ?
        """
    static let usersOfBlob = """
        SELECT r.name, m.digest, (SELECT t.name FROM tag t WHERE t.repo_id = m.repo_id AND t.digest = m.digest
            AND t.live = 1 LIMIT 1)
        FROM repo_blob l JOIN ref_blob e ON e.repo_id = l.repo_id AND e.digest = l.digest
        JOIN manifest m ON m.id = e.manifest_id JOIN repo r ON r.id = m.repo_id
        WHERE l.digest = ? AND m.live = 1 AND NOT (r.name = ? AND m.digest = ?) LIMIT ?
        """
    static let uploadBytes = """
        SELECT COUNT(*), COALESCE(SUM(u.durable_offset), 0) FROM repo r JOIN upload u ON u.repo_id = r.id
        WHERE r.name = ?
        """
    static let repositoryCounts = """
        SELECT r.tag_count,
            COALESCE((SELECT u.manifests FROM usage u WHERE u.repo_id = r.id), 0)
            + COALESCE((SELECT SUM(d.manifests) FROM usage_delta d WHERE d.repo_id = r.id), 0)
        FROM repo r WHERE r.name = ?
        """
    static let allRepositories = "SELECT name FROM repo WHERE name > ? ORDER BY name LIMIT ?"
}

extension Catalog {
    /// The blobs that a repository links after one, by digest.
    package func linkUsage(
        in name: RepositoryName,
        after: Digest?,
        limit: Int
    ) async throws(CatalogError) -> [LinkUsage] {
        let (limit, after) = (Catalog.rows(limit), after?.key ?? Digest.beforeFirst)
        return try await readers.read { database in
            try database.rows(SQL.linkUsage, name.description, after, limit).map { row in
                LinkUsage(
                    digest: try row.digest(0),
                    size: try row.int(1),
                    isHidden: try row.flag(2),
                    isShared: try row.flag(3),
                    isLive: try row.flag(4),
                    isReferenced: try row.flag(5)
                )
            }
        }
    }

    /// The blobs of a manifest, its own bytes among them, with the other live manifests that have them; of those at
    /// most `bound` are counted for each blob and `examples` named.
    package func blobUsage(
        of manifest: Digest,
        in name: RepositoryName,
        bound: Int,
        examples: Int
    ) async throws(CatalogError) -> [BlobUsage] {
        try await readers.read { database in
            try database.rows(SQL.blobsOfManifest, manifest.key, name.description).map { row in
                let digest = try row.digest(0)
                var users: [SharedUse] = []
                var count = 0
                try database.forEachRow(SQL.usersOfBlob, digest.key, name.description, manifest.key, bound) { user in
                    count += 1
                    if users.count < examples {
                        users.append(
                            SharedUse(
                                repository: try user.repositoryName(0),
                                digest: try user.digest(1),
                                tag: try user.optionalText(2).flatMap { Tag($0) }
                            )
                        )
                    }
                    return true
                }
                return BlobUsage(digest: digest, size: try row.int(1), others: count, examples: users)
            }
        }
    }

    /// Open uploads into a repository, and the bytes that they have so far.
    package func uploadUsage(in name: RepositoryName) async throws(CatalogError) -> (uploads: Int64, bytes: Int64) {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.uploadBytes, name.description) else { return (0, 0) }
            return (try row.int(0), try row.int(1))
        }
    }

    /// How many tags and live manifests a repository has, by its accounts; nil where there is none.
    package func counts(of name: RepositoryName) async throws(CatalogError) -> (tags: Int64, manifests: Int64)? {
        try await readers.readOne { database in
            try database.row(SQL.repositoryCounts, name.description).map { (try $0.int(0), try $0.int(1)) }
        }
    }

    /// All repositories after one, by name, also those that hold nothing.
    package func allRepositories(
        after: RepositoryName?,
        limit: Int
    ) async throws(CatalogError) -> [RepositoryName] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.allRepositories, after?.description ?? "", limit).map { try $0.repositoryName(0) }
        }
    }
}
