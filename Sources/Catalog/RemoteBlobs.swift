// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

extension SQL {
    /// A blob that is known by a manifest of this log, and whose file is not here.
    static let upsertMissingBlob = """
        INSERT INTO blob(digest, size, state, health) VALUES (?, ?, 'live', 'corrupt')
        ON CONFLICT(digest) DO UPDATE SET state = 'live', health = 'corrupt', condemned_st = NULL
        RETURNING size
        """
    /// A blob whose bytes another region has. What is condemned is on its way out: its bytes are fetched again.
    static let upsertRemoteBlob = """
        INSERT INTO blob(digest, size, state, health, remote_of) VALUES (?, ?, 'remote', 'ok', ?)
        ON CONFLICT(digest) DO UPDATE SET
            state = CASE WHEN state = 'condemned' THEN 'remote' ELSE state END, condemned_st = NULL
        RETURNING size
        """
    static let dropRemote = """
        DELETE FROM blob WHERE digest = ? AND state = 'remote'
            AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = blob.digest)
        """
    private static let blobAndRepository = """
        SELECT b.digest, b.size, (SELECT r.name FROM repo_blob l JOIN repo r ON r.id = l.repo_id
            WHERE l.digest = b.digest ORDER BY l.repo_id LIMIT 1) FROM blob b
        """
    static let missingBlobs =
        blobAndRepository + " WHERE b.state = 'remote' AND b.digest > ? ORDER BY b.digest LIMIT ?"
    static let spoiltBlobs =
        blobAndRepository
        + " WHERE b.health <> 'ok' AND b.state = 'live' AND b.digest > ? ORDER BY b.digest LIMIT ?"
    static let blobHolding = """
        SELECT b.size, b.state, b.health, l.hidden
        FROM repo r JOIN repo_blob l ON l.repo_id = r.id JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest = ?
        """
    static let knownManifest = """
        SELECT 1 FROM repo r JOIN manifest m ON m.repo_id = r.id WHERE r.name = ? AND m.digest = ?
        """
    static let knownTombstone = """
        SELECT 1 FROM repo r JOIN tombstone d ON d.repo_id = r.id WHERE r.name = ? AND d.digest = ?
        """
    static let knownTag = """
        SELECT 1 FROM repo r JOIN tag_write t ON t.repo_id = r.id WHERE r.name = ? AND t.name = ? LIMIT 1
        """
    static let announcedChanges = """
        SELECT leaf FROM inbox WHERE repo = ? AND state <> 'applied' ORDER BY idx DESC LIMIT ?
        """
    static let remoteByLog = """
        SELECT remote_of, COUNT(*), COALESCE(SUM(MIN(size, 8796093022208)), 0) FROM
            (SELECT remote_of, size FROM blob WHERE state = 'remote' AND digest > x'' LIMIT ?) AS bounded
        WHERE remote_of IS NOT NULL GROUP BY remote_of
        """
    static let countRemote = """
        SELECT COUNT(*), COALESCE(SUM(MIN(size, 8796093022208)), 0) FROM
            (SELECT size FROM blob WHERE state = 'remote' AND digest > x'' LIMIT ?) AS bounded
        """
}

/// Where the bytes of a blob are that a repository has a link to; sizes are bytes.
package enum BlobHolding: Sendable, Hashable {
    case here(size: Int64)
    /// In other regions alone.
    case elsewhere(size: Int64)
    /// They were here, and are missing or damaged.
    case damaged(size: Int64)
    /// The repository has a link, and a delete has hidden it.
    case deleted
    /// The repository has no link.
    case unlinked
}

extension Transaction {
    /// Links a blob whose bytes are known to be lost: it counts as absent until it is pushed again.
    func linkMissing(_ digest: Digest, size: Int64, to repository: Repository) throws {
        let (known, state) = try knownBlob(digest)
        if known == nil || state == .remote { try accountStored(bytes: known ?? size, blobs: 1) }
        let actual = try database.row(SQL.upsertMissingBlob, digest.key, size)?.int(0)
        _ = try linkExisting(digest, size: actual ?? size, to: repository)
    }

    /// Links a blob that another region has. Its bytes are used where they are here; otherwise it is `remote`: linked,
    /// so that nothing of its manifest is collected, but absent for clients, mounts and the scrub until it is fetched,
    /// by the way of any other upload.
    func linkRemote(_ digest: Digest, size: Int64, to repository: Repository) throws {
        let (known, state) = try knownBlob(digest)
        if let known, state == .condemned { try accountStored(bytes: -known, blobs: -1) }
        let actual = try database.row(SQL.upsertRemoteBlob, digest.key, size, stamp.origin)?.int(0)
        _ = try linkExisting(digest, size: actual ?? size, to: repository)
    }

    private func knownBlob(_ digest: Digest) throws -> (size: Int64?, state: BlobState?) {
        let row = try database.row(SQL.blobSizeAndHealth, digest.key)
        return (try row?.int(0), try row.flatMap { BlobState(rawValue: try $0.text(2)) })
    }
}

/// Why the bytes of a blob that is linked here are not.
package enum BlobLack: Sendable, Hashable, CaseIterable {
    /// They are in other regions alone.
    case elsewhere
    /// They were here, and are missing or damaged.
    case damaged
}

/// A blob that is linked here, and whose bytes are not.
package struct MissingBlob: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    /// One of the repositories that link it.
    package let repository: RepositoryName
}

extension Catalog {
    /// Blobs that are linked here and whose bytes are not, after a digest.
    package func missingBlobs(
        _ lack: BlobLack = .elsewhere,
        after digest: Digest?,
        limit: Int
    ) async throws(CatalogError) -> [MissingBlob] {
        let (limit, after) = (Catalog.rows(limit), digest?.key ?? Digest.beforeFirst)
        return try await readers.readOne { database in
            try database.rows(lack == .damaged ? SQL.spoiltBlobs : SQL.missingBlobs, after, limit).compactMap { row in
                guard try row.optionalText(2) != nil else { return nil }
                return MissingBlob(
                    digest: try row.digest(0),
                    size: try row.int(1),
                    repository: try row.repositoryName(2)
                )
            }
        }
    }

    /// Where a blob's bytes are. Reads only: the answer may be stale the moment it is out.
    package func holding(of digest: Digest, in name: RepositoryName) async throws(CatalogError) -> BlobHolding {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.blobHolding, name.description, digest.key) else { return .unlinked }
            if try row.flag(3) { return .deleted }
            let size = try row.int(0)
            switch BlobState(rawValue: try row.text(1)) {
            case .live:
                return try row.text(2) == BlobHealth.ok.rawValue ? .here(size: size) : .damaged(size: size)
            case .remote: return .elsewhere(size: size)
            default: return .unlinked
            }
        }
    }

    /// Whether anything is known here of a manifest, if only that it was deleted. Reads only.
    package func knows(_ digest: Digest, in name: RepositoryName) async throws(CatalogError) -> Bool {
        try await readers.readOne { database in
            try database.row(SQL.knownManifest, name.description, digest.key) != nil
                || database.row(SQL.knownTombstone, name.description, digest.key) != nil
        }
    }

    /// What other regions' logs say that a tag is of which nothing counts here yet, by entries that are here, verified,
    /// and wait: the latest one of them. nil where there is none, or the latest deletes it. Looks at the newest
    /// `CatalogLimits.announcedEntries` of the repository.
    package func announced(_ tag: Tag, in name: RepositoryName) async throws(CatalogError) -> Digest? {
        try await readers.readOne { database in
            guard try database.row(SQL.knownTag, name.description, tag.description) == nil else { return nil }
            var latest: (stamp: Stamp, digest: Digest?)?
            for row in try database.rows(SQL.announcedChanges, name.description, CatalogLimits.announcedEntries) {
                guard let change = try? LoggedChange(parsing: row.bytes(0)), change.tag == tag,
                    let write = TagWrite(change, Stamp(time: change.timestamp, origin: change.origin))
                else { continue }
                if latest.map({ $0.stamp < write.stamp }) ?? true { latest = (write.stamp, write.digest) }
            }
            return latest?.digest
        }
    }

    /// The same by the log whose entries first spoke of them.
    package func remoteBacklogs() async throws(CatalogError) -> [String: StorageSum] {
        try await readers.readOne { database in
            var sums: [String: StorageSum] = [:]
            for row in try database.rows(SQL.remoteByLog, CatalogLimits.countedRows) {
                sums[try row.text(0)] = StorageSum(blobs: try row.int(1), bytes: try row.int(2))
            }
            return sums
        }
    }

    /// How many there are, and their bytes: at most `CatalogLimits.countedRows` are counted.
    package func remoteBacklog() async throws(CatalogError) -> StorageSum {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.countRemote, CatalogLimits.countedRows) else { return StorageSum() }
            return StorageSum(blobs: try row.int(0), bytes: try row.int(1))
        }
    }
}
