// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

package enum BlobDeletion: Sendable, Hashable {
    case deleted
    case notFound
    /// Refused: live manifests refer to it, of which at most 100 are named.
    case referenced(by: [Digest])
}

package enum BlobMount: Sendable, Hashable {
    case mounted
    /// There is nothing to mount, or nothing that the caller may read.
    case notMountable
    case overQuota(QuotaExcess)
}

extension SQL {
    static let mountableFrom = """
        SELECT b.size FROM repo r JOIN repo_blob l ON l.repo_id = r.id JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest = ? AND l.hidden = 0 AND b.state = 'live' AND b.health = 'ok'
        """
    static let mountCandidates = """
        SELECT r.name, b.size FROM repo_blob l JOIN repo r ON r.id = l.repo_id JOIN blob b ON b.digest = l.digest
        WHERE l.digest = ? AND l.hidden = 0 AND b.state = 'live' AND b.health = 'ok' LIMIT ?
        """
    static let visibleLink = """
        SELECT l.lease_until_st, b.size FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repo_id = ? AND l.digest = ? AND l.hidden = 0
        """
    static let liveReferences = """
        SELECT m.digest FROM ref_blob e JOIN manifest m ON m.id = e.manifest_id
        WHERE e.repo_id = ? AND e.digest = ? AND m.live = 1 LIMIT ?
        """
    static let hideLink = "UPDATE repo_blob SET hidden = 1 WHERE repo_id = ? AND digest = ?"
    static let setHealth = "UPDATE blob SET health = ? WHERE digest = ? AND health <> ? AND state = 'live'"
}

extension Transaction {
    /// Marks every repository that links the blob as changed. The caches' epochs are bumped all at once: which
    /// repositories those are is not worth a list.
    func changedEverywhere(_ digest: Digest) throws {
        try database.run(SQL.touchRepositoriesOfBlob, digest.key)
        touchAll()
    }
}

extension Database {
    /// The size of the blob if a repository that may be read has a visible, whole one.
    fileprivate func mountableSize(
        _ digest: Digest,
        from source: RepositoryName?,
        isReadable: (RepositoryName) -> Bool
    ) throws -> Int64? {
        if let source {
            guard isReadable(source) else { return nil }
            return try row(SQL.mountableFrom, source.description, digest.key)?.int(0)
        }
        var size: Int64?
        try forEachRow(SQL.mountCandidates, digest.key, CatalogLimits.mountCandidates) { row in
            if isReadable(try row.repositoryName(0)) { size = try row.int(1) }
            return size == nil
        }
        return size
    }
}

extension Catalog {
    /// The size in bytes of what `mount` would find now, nil where it would find nothing. Reads only, so that a mount
    /// of what is not here, or may not be read, takes the same course and waits for no commit.
    package func mountableSize(
        _ digest: Digest,
        from source: RepositoryName?,
        isReadable: @escaping @Sendable (RepositoryName) -> Bool
    ) async throws(CatalogError) -> Int64? {
        try await readers.readOne { try $0.mountableSize(digest, from: source, isReadable: isReadable) }
    }

    /// Links a blob of another repository, if the caller may read it there. One transaction decides and links.
    ///
    /// `source` is what the client named, `isReadable` says whether the caller may pull from a repository; it is called
    /// on the writer's thread and must not block. The target's row is created only on success.
    /// Without a source, at most 100 links of the blob are looked at. Whatever the reason for `notMountable`, a caller
    /// answers it in the same way, or the answer would tell what other repositories hold.
    package func mount(
        _ digest: Digest,
        from source: RepositoryName?,
        to name: RepositoryName,
        isReadable: @escaping @Sendable (RepositoryName) -> Bool,
        quotas: [StorageQuota] = [],
        context: Context
    ) async throws(CatalogError) -> BlobMount {
        try await writer.submit { transaction in
            let found = try transaction.database.mountableSize(digest, from: source, isReadable: isReadable)
            guard let size = found else { return .notMountable }
            if let excess = try transaction.excess(of: quotas, adding: size, of: digest, to: name) {
                return .overQuota(excess)
            }
            let repository = try transaction.repositoryForWriting(name, context)
            if try transaction.linkExisting(digest, size: size, to: repository) != .refreshed {
                try transaction.audit(.blobMounted, repository, context, digest)
            }
            try transaction.changed(repository)
            return .mounted
        }
    }

    /// Hides a blob of a repository at once and queues it for collection.
    ///
    /// Refused while a live manifest of the repository refers to it. The lease stays as it is, and trashed manifests
    /// keep their edges, so the bytes last as long as anything was promised about them; a push or a mount brings the
    /// blob back into sight. A hidden blob is not counted as used.
    package func deleteBlob(
        _ digest: Digest,
        in name: RepositoryName,
        context: Context
    ) async throws(CatalogError) -> BlobDeletion {
        try await writer.submit { transaction in
            let database = transaction.database
            guard let repository = try transaction.repository(name),
                let link = try database.row(SQL.visibleLink, repository.id, digest.key)
            else { return .notFound }
            let references = try database.rows(
                SQL.liveReferences,
                repository.id,
                digest.key,
                CatalogLimits.refusalDigests
            ).map { try $0.digest(0) }
            guard references.isEmpty else { return .referenced(by: references) }
            let due = max(try link.int(0), transaction.now.seconds)
            try database.run(SQL.hideLink, repository.id, digest.key)
            try database.run(SQL.queueLink, repository.id, digest.key, due, "hidden")
            try transaction.account(repository, bytes: -link.int(1))
            try transaction.audit(.blobDeleted, repository, context, digest)
            try transaction.changed(repository)
            return .deleted
        }
    }

    /// Records what a check of the bytes has found. False when the catalog has no such blob, does not need
    /// it any more, or knew it already.
    @discardableResult
    package func markBlob(_ digest: Digest, health: BlobHealth) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            guard try transaction.database.run(SQL.setHealth, health.rawValue, digest.key, health.rawValue) > 0 else {
                return false
            }
            switch health {
            case .ok: try transaction.healed(digest)
            case .corrupt:
                try transaction.database.run(SQL.countFound)
                try transaction.changedEverywhere(digest)
            }
            return true
        }
    }
}
