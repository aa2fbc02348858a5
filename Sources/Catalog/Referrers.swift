// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A manifest that names a subject, as the descriptor in an answer needs it.
package struct Referrer: Sendable, Hashable {
    package let digest: Digest
    package let mediaType: MediaType
    package let size: Int64
    package let artifactType: MediaType?
    /// A JSON object with sorted keys; nil when the manifest has none.
    package let annotations: String?
}

package struct ReferrersPage: Sendable, Hashable {
    package let referrers: [Referrer]
    /// Whether there are more after the last digest.
    package let hasMore: Bool
}

extension SQL {
    static let referrers = """
        SELECT m.digest, m.media_type, b.size, m.artifact_type, m.annotations
        FROM repo r JOIN manifest m ON m.repo_id = r.id JOIN blob b ON b.digest = m.digest
        WHERE r.name = ? AND m.subject = ? AND m.live = 1 AND m.digest > ? ORDER BY m.digest LIMIT ?
        """
    static let referrersOfType = """
        SELECT m.digest, m.media_type, b.size, m.artifact_type, m.annotations
        FROM repo r JOIN manifest m ON m.repo_id = r.id JOIN blob b ON b.digest = m.digest
        WHERE r.name = ? AND m.subject = ? AND m.live = 1 AND m.digest > ? AND m.artifact_type = ?
        ORDER BY m.digest LIMIT ?
        """
}

extension Catalog {
    /// The live manifests of a repository that name a subject, by digest; the subject itself need not exist.
    ///
    /// Clients of registries without this answer keep an index under the tag `sha256-<hex>` instead. Its entries count
    /// if their manifests are here and name the subject; such manifests are in this answer by their own subject, no
    /// matter how they came here. So the index is folded in by construction: none can be missed or listed twice.
    ///
    /// A page ends after `limit` rows, or after the row with which its annotations exceed a fixed number of bytes.
    package func referrers(
        of subject: Digest,
        in name: RepositoryName,
        artifactType: MediaType? = nil,
        after: Digest? = nil,
        limit: Int
    ) async throws(CatalogError) -> ReferrersPage {
        let limit = Catalog.rows(limit)
        let after = after?.key ?? Digest.beforeFirst
        return try await readers.readOne { database in
            var page: [Referrer] = []
            var bytes = 0
            var hasMore = false
            let take = { (row: Row) throws -> Bool in
                guard page.count < limit, bytes <= CatalogLimits.referrersPageBytes else {
                    hasMore = true
                    return false
                }
                let referrer = try Referrer(row)
                bytes += referrer.annotations?.utf8.count ?? 0
                page.append(referrer)
                return true
            }
            if let artifactType {
                try database.forEachRow(
                    SQL.referrersOfType,
                    name.description,
                    subject.key,
                    after,
                    artifactType.description,
                    limit + 1,
                    body: take
                )
            } else {
                try database.forEachRow(
                    SQL.referrers,
                    name.description,
                    subject.key,
                    after,
                    limit + 1,
                    body: take
                )
            }
            return ReferrersPage(referrers: page, hasMore: hasMore)
        }
    }
}

extension Referrer {
    fileprivate init(_ row: Row) throws {
        self.init(
            digest: try row.digest(0),
            mediaType: try row.mediaType(1),
            size: try row.int(2),
            artifactType: try row.optionalMediaType(3),
            annotations: try row.optionalText(4)
        )
    }
}
