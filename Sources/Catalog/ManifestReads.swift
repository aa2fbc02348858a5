// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A live manifest as clients get it.
package struct ManifestRecord: Sendable {
    package let digest: Digest
    package let mediaType: MediaType
    package let artifactType: MediaType?
    package let subject: Digest?
    /// The repository's version when this was read: what makes a cache valid beyond this process.
    package let repositoryVersion: Int64
    /// The exact bytes that were pushed, unless the disk has changed them: to be held against the digest.
    package let payload: [UInt8]
    /// Whether its bytes are known to be damaged: then it counts as absent until it is pushed again.
    package let isDamaged: Bool

    package var size: Int64 { Int64(payload.count) }
}

extension SQL {
    static let manifestByDigest = """
        SELECT m.digest, m.media_type, m.artifact_type, m.subject, r.version, m.payload, b.health
        FROM repo r JOIN manifest m ON m.repo_id = r.id JOIN blob b ON b.digest = m.digest
        WHERE r.name = ? AND m.digest = ? AND m.live = 1
        """
    static let manifestByTag = """
        SELECT m.digest, m.media_type, m.artifact_type, m.subject, r.version, m.payload, b.health
        FROM repo r JOIN tag t ON t.repo_id = r.id JOIN manifest m ON m.repo_id = t.repo_id AND m.digest = t.digest
        JOIN blob b ON b.digest = m.digest
        WHERE r.name = ? AND t.name = ?
        """
}

extension Catalog {
    /// The live manifest that a tag or a digest names. One statement: a tag and its manifest are of the same moment.
    package func manifest(
        _ reference: Reference,
        in name: RepositoryName
    ) async throws(CatalogError) -> ManifestRecord? {
        try await readers.readOne { database in
            let row =
                switch reference {
                case .tag(let tag): try database.row(SQL.manifestByTag, name.description, tag.description)
                case .digest(let digest): try database.row(SQL.manifestByDigest, name.description, digest.key)
                }
            return try row.map(ManifestRecord.init)
        }
    }
}

extension ManifestRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            digest: try row.digest(0),
            mediaType: try row.mediaType(1),
            artifactType: try row.optionalMediaType(2),
            subject: try row.optionalDigest(3),
            repositoryVersion: try row.int(4),
            payload: try row.bytes(5),
            isDamaged: try row.text(6) != BlobHealth.ok.rawValue
        )
    }
}
