// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A live manifest, as rules of retention see it. Times are seconds since 1970.
package struct RetainedManifest: Sendable {
    package let digest: Digest
    package let mediaType: MediaType
    package let artifactType: MediaType?
    package let configType: MediaType?
    package let subject: Digest?
    /// What an index holds.
    package let children: [Digest]
    /// 0 for an image, one more than the deepest child for an index.
    package let depth: Int
    package let pushedAt: Int64
    package let lastPull: Int64?
    /// A JSON object with sorted keys; nil when the manifest has none.
    package let annotations: String?
    /// What it was last touched with: another one says that it has changed.
    package let stamp: HybridTimestamp
}

/// A tag, as rules of retention see it.
package struct RetainedTag: Sendable {
    package let tag: Tag
    package let digest: Digest
    /// Seconds since 1970.
    package let setAt: Int64
    package let stamp: HybridTimestamp
}

extension SQL {
    static let retainedManifests = """
        SELECT m.id, m.digest, m.media_type, m.artifact_type, m.config_type, m.subject, m.depth, m.pushed_at,
            m.last_pull, m.annotations, m.touch_hlc
        FROM repo r JOIN manifest m ON m.repo_id = r.id
        WHERE r.name = ? AND m.digest > ? AND m.live = 1 ORDER BY m.digest LIMIT ?
        """
    static let retainedTags = """
        SELECT t.name, t.digest, t.hlc, t.set_at FROM repo r JOIN tag t ON t.repo_id = r.id
        WHERE r.name = ? AND t.name > ? ORDER BY t.name LIMIT ?
        """
    static let blobsOfManifest = """
        SELECT e.digest, b.size FROM repo r JOIN manifest m ON m.repo_id = r.id AND m.digest = ?
        JOIN ref_blob e ON e.manifest_id = m.id JOIN blob b ON b.digest = e.digest WHERE r.name = ?
        """
    static let countBlobReferences = """
        SELECT COUNT(*) FROM (SELECT 1 FROM repo_blob l JOIN ref_blob e ON e.repo_id = l.repo_id
            AND e.digest = l.digest WHERE l.digest = ? LIMIT ?) AS bounded
        """
    static let latestChange = "SELECT MAX(hlc) FROM event"
    static let repositoriesWithManifests = """
        SELECT r.name FROM repo r WHERE r.name > ?
            AND EXISTS (SELECT 1 FROM manifest m WHERE m.repo_id = r.id) ORDER BY r.name LIMIT ?
        """
    static let pullTracking = "SELECT since, until FROM pull_tracking WHERE one = 1"
    static let notePullTracking = """
        INSERT INTO pull_tracking(one, since, until) VALUES (1, ?, ?)
        ON CONFLICT(one) DO UPDATE SET until = MAX(until, excluded.until)
        """
}

extension Catalog {
    /// The live manifests of a repository after a digest, by digest.
    package func retainedManifests(
        in name: RepositoryName,
        after: Digest?,
        limit: Int
    ) async throws(CatalogError) -> [RetainedManifest] {
        let (limit, after) = (Catalog.rows(limit), after?.key ?? Digest.beforeFirst)
        return try await readers.read { database in
            try database.rows(SQL.retainedManifests, name.description, after, limit).map { row in
                let children = try row.int(6) == 0 ? [] : database.rows(SQL.manifestEdges, row.int(0))
                return try RetainedManifest(row, children: children.map { try $0.digest(0) })
            }
        }
    }

    /// The tags of a repository after one, by name.
    package func retainedTags(
        in name: RepositoryName,
        after: Tag?,
        limit: Int
    ) async throws(CatalogError) -> [RetainedTag] {
        let (limit, after) = (Catalog.rows(limit), after?.description ?? "")
        return try await readers.read { database in
            try database.rows(SQL.retainedTags, name.description, after, limit).map { row in
                let stamp = HybridTimestamp(rawValue: try row.int(2))
                return RetainedTag(
                    tag: try row.tag(0),
                    digest: try row.digest(1),
                    setAt: try row.optionalInt(3) ?? stamp.milliseconds / 1_000,
                    stamp: stamp
                )
            }
        }
    }

    /// The blobs that each of these manifests of a repository refers to, its own bytes among them, with their sizes.
    package func blobs(
        of manifests: [Digest],
        in name: RepositoryName
    ) async throws(CatalogError) -> [(manifest: Digest, blobs: [(digest: Digest, size: Int64)])] {
        try await readers.read { database in
            try manifests.map { manifest in
                let rows = try database.rows(SQL.blobsOfManifest, manifest.key, name.description)
                return (manifest, try rows.map { (try $0.digest(0), try $0.int(1)) })
            }
        }
    }

    /// How many manifests of all repositories refer to each blob, live and trashed; counted no further than one beyond
    /// the bound that is given with it.
    package func references(
        to blobs: [(digest: Digest, bound: Int)]
    ) async throws(CatalogError) -> [Int] {
        try await readers.read { database in
            try blobs.map { blob in
                Int(try database.row(SQL.countBlobReferences, blob.digest.key, blob.bound + 1)?.int(0) ?? 0)
            }
        }
    }

    /// The time of the latest change of all; nil before the first.
    package func latestChange() async throws(CatalogError) -> HybridTimestamp? {
        try await readers.readOne { database in
            try database.row(SQL.latestChange)?.optionalInt(0).map(HybridTimestamp.init(rawValue:))
        }
    }

    /// Repositories that have or had manifests, by name.
    package func repositoriesWithManifests(
        after: RepositoryName?,
        limit: Int
    ) async throws(CatalogError) -> [RepositoryName] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.repositoriesWithManifests, after?.description ?? "", limit).map {
                try $0.repositoryName(0)
            }
        }
    }

    /// Since when and until when pulls are known, in seconds since 1970; nil where they never were.
    package func pullTracking() async throws(CatalogError) -> (since: Int64, until: Int64)? {
        try await readers.readOne { database in
            try database.row(SQL.pullTracking).map { (try $0.int(0), try $0.int(1)) }
        }
    }

    /// Writes down that pulls are known up to now, in seconds since 1970.
    package func notePullTracking(now: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.notePullTracking, now, now)
        }
    }
}

extension RetainedManifest {
    fileprivate init(_ row: Row, children: [Digest]) throws {
        self.init(
            digest: try row.digest(1),
            mediaType: try row.mediaType(2),
            artifactType: try row.optionalMediaType(3),
            configType: try row.optionalMediaType(4),
            subject: try row.optionalDigest(5),
            children: children,
            depth: Int(try row.int(6)),
            pushedAt: try row.int(7),
            lastPull: try row.optionalInt(8),
            annotations: try row.optionalText(9),
            stamp: HybridTimestamp(rawValue: try row.int(10))
        )
    }
}
