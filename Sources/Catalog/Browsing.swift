// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A repository's place in the list of all of them, which tells nothing of its name.
package struct RepositoryPlace: Sendable, Hashable {
    package let id: Int64
    package let name: RepositoryName
}

/// What a repository holds, by its accounts.
package struct RepositoryFigures: Sendable, Hashable {
    package let tags: Int64
    package let manifests: Int64
    /// Logical bytes: what quotas count.
    package let bytes: Int64
}

/// A tag with what people want to know of its manifest. Times are seconds since 1970.
package struct TagDetail: Sendable, Hashable {
    package let tag: Tag
    package let digest: Digest
    package let mediaType: MediaType
    package let artifactType: MediaType?
    /// Of all blobs that it refers to, those of the images of an index among them; at most `BrowsingLimits.sizedBlobs`
    /// are added up.
    package let bytes: Int64
    package let setAt: Int64
    package let lastPull: Int64?
}

/// When a manifest came, and was last pulled. Times are seconds since 1970.
package struct ManifestTimes: Sendable, Hashable {
    package let pushedAt: Int64
    package let lastPull: Int64?
}

/// The bounds of what people look at page by page.
package enum BrowsingLimits {
    /// Blobs that are added up for the size of one image.
    package static let sizedBlobs = 500
}

extension SQL {
    static let repositoryNameOfID = "SELECT name FROM repo WHERE id = ?"
    static let repositoriesFrom = """
        SELECT r.id, r.name FROM repo r WHERE r.name >= ? AND r.name < ?
            AND EXISTS (SELECT 1 FROM manifest m WHERE m.repo_id = r.id AND m.live = 1)
        ORDER BY r.name LIMIT ?
        """
    static let repositoryFigures = """
        SELECT r.tag_count,
            COALESCE((SELECT u.manifests FROM usage u WHERE u.repo_id = r.id), 0)
            + COALESCE((SELECT SUM(d.manifests) FROM usage_delta d WHERE d.repo_id = r.id), 0),
            COALESCE((SELECT u.logical_bytes FROM usage u WHERE u.repo_id = r.id), 0)
            + COALESCE((SELECT SUM(d.bytes) FROM usage_delta d WHERE d.repo_id = r.id), 0)
        FROM repo r WHERE r.name = ?
        """
    /// The parts of an image are cut off before equal ones are taken together: a page costs no more for a huge index.
    static let tagDetails = """
        SELECT t.name, t.digest, t.hlc, t.set_at, m.media_type, m.artifact_type, m.last_pull,
            (SELECT COALESCE(SUM(bounded.size), 0) FROM (SELECT DISTINCT page.digest, page.size FROM (
                SELECT b.digest, b.size FROM ref_blob e JOIN blob b ON b.digest = e.digest WHERE e.manifest_id = m.id
                LIMIT \(BrowsingLimits.sizedBlobs)) AS page) AS bounded)
            + (SELECT COALESCE(SUM(bounded.size), 0) FROM (SELECT DISTINCT page.digest, page.size FROM (
                SELECT b.digest, b.size FROM ref_manifest c
                JOIN manifest k ON k.repo_id = c.repo_id AND k.digest = c.child
                JOIN ref_blob e ON e.manifest_id = k.id JOIN blob b ON b.digest = e.digest WHERE c.manifest_id = m.id
                LIMIT \(BrowsingLimits.sizedBlobs)) AS page) AS bounded)
        FROM repo r JOIN tag t ON t.repo_id = r.id JOIN manifest m ON m.repo_id = t.repo_id AND m.digest = t.digest
        WHERE r.name = ? AND t.name >= ? AND t.name < ? ORDER BY t.name LIMIT ?
        """
    static let tagsNaming = """
        SELECT t.name FROM repo r JOIN tag t ON t.repo_id = r.id AND t.digest = ? AND t.live = 1 WHERE r.name = ?
        LIMIT ?
        """
    static let manifestTimes = """
        SELECT m.pushed_at, m.last_pull FROM repo r JOIN manifest m ON m.repo_id = r.id
        WHERE r.name = ? AND m.digest = ? AND m.live = 1
        """
}

extension Catalog {
    /// The repositories with at least one live manifest whose names begin with a prefix, in byte order, after the one
    /// of an id. None follow an id that nobody has.
    package func repositories(
        prefix: String,
        after id: Int64?,
        limit: Int
    ) async throws(CatalogError) -> [RepositoryPlace] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var start = prefix
            if let id {
                guard let last = try database.row(SQL.repositoryNameOfID, id)?.text(0) else { return [] }
                start = max(start, Catalog.following(last))
            }
            return try database.rows(SQL.repositoriesFrom, start, Catalog.end(of: prefix), limit).map {
                RepositoryPlace(id: try $0.int(0), name: try $0.repositoryName(1))
            }
        }
    }

    /// What a repository holds; nil where there is none.
    package func figures(of name: RepositoryName) async throws(CatalogError) -> RepositoryFigures? {
        try await readers.readOne { database in
            try database.row(SQL.repositoryFigures, name.description).map {
                RepositoryFigures(tags: try $0.int(0), manifests: try $0.int(1), bytes: try $0.int(2))
            }
        }
    }

    /// The tags of a repository that begin with a prefix, in byte order, after one; nil when it is unknown.
    package func tagDetails(
        in name: RepositoryName,
        prefix: String,
        after: Tag?,
        limit: Int
    ) async throws(CatalogError) -> [TagDetail]? {
        let limit = Catalog.rows(limit)
        let start = max(prefix, after.map { Catalog.following($0.description) } ?? "")
        return try await readers.read { database in
            let rows = try database.rows(SQL.tagDetails, name.description, start, Catalog.end(of: prefix), limit)
            if rows.isEmpty, try database.row(SQL.repositoryHasContent, name.description) == nil { return nil }
            return try rows.map(TagDetail.init)
        }
    }

    /// Tags that name a manifest, no more than `limit` of them.
    package func tags(of digest: Digest, in name: RepositoryName, limit: Int) async throws(CatalogError) -> [Tag] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.tagsNaming, digest.key, name.description, limit).map { try $0.tag(0) }
        }
    }

    /// When a manifest came and was last pulled, as far as is written; nil where it is not here.
    package func times(of digest: Digest, in name: RepositoryName) async throws(CatalogError) -> ManifestTimes? {
        try await readers.readOne { database in
            try database.row(SQL.manifestTimes, name.description, digest.key).map {
                ManifestTimes(pushedAt: try $0.int(0), lastPull: try $0.optionalInt(1))
            }
        }
    }

    /// What keeps a tag or a digest; what is over is among it.
    package func pins(on subjects: [Reference], in name: RepositoryName) async throws(CatalogError) -> [PinRecord] {
        try await readers.read { database in
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            return try subjects.flatMap { subject in
                switch subject {
                case .tag(let tag): try database.rows(SQL.pinsOfTag, repository, tag.description)
                case .digest(let digest): try database.rows(SQL.pinsOfDigest, repository, digest.key)
                }
            }.map(PinRecord.init)
        }
    }

    /// Logical bytes of all repositories with a prefix, where the writer has had to know them; nothing is added up.
    package func knownUsage(prefix: String) -> Int64? { writer.knownUse(of: prefix) }

    /// The first text after one in byte order: no name and no tag has a character below `-`.
    private static func following(_ name: String) -> String { name + "!" }

    /// Where the names with a prefix end: none has a character as high.
    private static func end(of prefix: String) -> String { prefix + "\u{10FFFF}" }
}

extension TagDetail {
    fileprivate init(_ row: Row) throws {
        let set = HybridTimestamp(rawValue: try row.int(2)).milliseconds / 1_000
        self.init(
            tag: try row.tag(0),
            digest: try row.digest(1),
            mediaType: try row.mediaType(4),
            artifactType: try row.optionalMediaType(5),
            bytes: try row.int(7),
            setAt: try row.optionalInt(3) ?? set,
            lastPull: try row.optionalInt(6)
        )
    }
}
