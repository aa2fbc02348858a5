// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A blob as one repository sees it.
package struct BlobLink: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    /// Whether a manifest of the repository, live or trashed, refers to it.
    package let isReferenced: Bool
    /// Seconds until the lease ends; negative once it has. Only an unreferenced blob lives by its lease.
    package let leaseRemaining: Int64
}

package enum BlobLookup: Sendable, Hashable {
    case present(BlobLink)
    /// Known here, but its bytes were found damaged: absent to clients, so that pushers send it again.
    case corrupt
    case absent
}

package enum BlobHealth: String, Sendable {
    case ok, corrupt
}

package enum BlobLinking: Sendable, Hashable {
    /// `isNew` where the repository had no link to it, not even a hidden one.
    case linked(isNew: Bool)
    /// Refused; nothing was changed.
    case overQuota(QuotaExcess)
}

/// What linking a blob to a repository changed there.
enum LinkChange {
    case added
    /// A delete had hidden it.
    case unhidden
    /// It was there: only its lease is longer.
    case refreshed
}

extension SQL {
    static let upsertBlob = """
        INSERT INTO blob(digest, size, state, health) VALUES (?, ?, 'live', 'ok')
        ON CONFLICT(digest) DO UPDATE SET
            size = excluded.size, state = 'live', health = 'ok', condemned_st = NULL, verified_at = NULL
        """
    static let blobSizeAndHealth = "SELECT size, health, state FROM blob WHERE digest = ?"
    static let linkExists = "SELECT hidden FROM repo_blob WHERE repo_id = ? AND digest = ?"
    static let insertLink = """
        INSERT INTO repo_blob(repo_id, digest, lease_until_st, hidden, linked_at) VALUES (?, ?, ?, 0, ?)
        """
    static let refreshLink = """
        UPDATE repo_blob SET hidden = 0,
            lease_until_st = CASE WHEN lease_until_st < ? THEN ? ELSE lease_until_st END
        WHERE repo_id = ? AND digest = ?
        """
    /// What a put of a manifest may rely on: a visible link to a whole blob that is here.
    static let linkedSize = """
        SELECT b.size FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repo_id = ? AND l.digest = ? AND l.hidden = 0 AND b.state = 'live' AND b.health = 'ok'
        """
    static let blobLink = """
        SELECT l.lease_until_st, b.size, b.health,
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
        FROM repo r JOIN repo_blob l ON l.repo_id = r.id JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest = ? AND l.hidden = 0 AND b.state = 'live'
        """
    static let renewLease = """
        UPDATE repo_blob SET lease_until_st = CASE WHEN lease_until_st < ? THEN ? ELSE lease_until_st END
        WHERE repo_id = ? AND digest = ? AND hidden = 0
            AND EXISTS (SELECT 1 FROM blob b WHERE b.digest = repo_blob.digest AND b.state = 'live' AND b.health = 'ok')
        RETURNING lease_until_st
        """
    static let queueLink = """
        INSERT INTO gc_queue(repo_id, digest, due_st, reason) VALUES (?, ?, ?, ?)
        ON CONFLICT(repo_id, digest) DO UPDATE SET due_st = excluded.due_st, reason = excluded.reason
        """
}

extension Transaction {
    /// Makes the blob live and whole and links it, visible and leased.
    func link(_ digest: Digest, size: Int64, to repository: Repository) throws -> LinkChange {
        let row = try database.row(SQL.blobSizeAndHealth, digest.key)
        // What is in another region is not booked as stored here.
        let isRemote = try row?.text(2) == BlobState.remote.rawValue
        let (known, health) = try (isRemote ? nil : row?.int(0), row?.text(1))
        if known != size { try accountStored(bytes: size - (known ?? 0), blobs: known == nil ? 1 : 0) }
        try database.run(SQL.upsertBlob, digest.key, size)
        if health == BlobHealth.corrupt.rawValue {
            hasHealed = true
            try healed(digest)
        }
        return try linkExisting(digest, size: size, to: repository)
    }

    /// The same for a blob whose row is as it must be. Linking queues the link, so that the collector looks at it when
    /// the lease has ended: what is never referenced goes without a search.
    func linkExisting(_ digest: Digest, size: Int64, to repository: Repository) throws -> LinkChange {
        let lease = leaseEnd.seconds
        let change: LinkChange
        if let known = try database.row(SQL.linkExists, repository.id, digest.key) {
            change = try known.flag(0) ? .unhidden : .refreshed
            try database.run(SQL.refreshLink, lease, lease, repository.id, digest.key)
        } else {
            change = .added
            try database.run(SQL.insertLink, repository.id, digest.key, lease, wallSeconds)
        }
        if change != .refreshed { try account(repository, bytes: size) }
        try database.run(SQL.queueLink, repository.id, digest.key, lease, "linked")
        return change
    }
}

extension Catalog {
    /// Records a blob whose file is durable under its digest, and ends its upload session in the same transaction.
    ///
    /// Heals a blob that was condemned or found corrupt. There is no audit row: that of the manifest says who pushed.
    package func linkUploadedBlob(
        _ digest: Digest,
        size: Int64,
        in name: RepositoryName,
        upload id: String?,
        quotas: [StorageQuota] = [],
        context: Context
    ) async throws(CatalogError) -> BlobLinking {
        try await writer.submit { transaction in
            if let excess = try transaction.excess(of: quotas, adding: size, of: digest, to: name) {
                return .overQuota(excess)
            }
            let repository = try transaction.repositoryForWriting(name, context)
            let change = try transaction.link(digest, size: size, to: repository)
            if let id { try transaction.database.run(SQL.deleteUpload, id) }
            try transaction.changed(repository)
            return .linked(isNew: change == .added)
        }
    }

    /// Links a blob that came from another registry, and whose file is durable. Nobody pushed it: it is no event.
    package func linkFetchedBlob(
        _ digest: Digest,
        size: Int64,
        in name: RepositoryName
    ) async throws(CatalogError) {
        try await writer.submit { transaction in
            let repository = try transaction.repositoryRow(name)
            _ = try transaction.link(digest, size: size, to: repository)
            if repository.isSparse { try transaction.settle(blob: digest, in: repository) }
            try transaction.changed(repository)
        }
    }

    /// Whether the bytes of a blob are here and sound, in whatever repository.
    package func hasWholeBlob(_ digest: Digest) async throws(CatalogError) -> Bool {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.blobSizeAndHealth, digest.key) else { return false }
            return try row.text(1) == BlobHealth.ok.rawValue && row.text(2) == BlobState.live.rawValue
        }
    }

    /// What the repository sees under a digest. Reads only: the answer may be stale the moment it is out.
    package func blob(_ digest: Digest, in name: RepositoryName) async throws(CatalogError) -> BlobLookup {
        let now = serviceTime
        return try await readers.readOne { database in
            guard let row = try database.row(SQL.blobLink, name.description, digest.key) else { return .absent }
            guard try row.text(2) == BlobHealth.ok.rawValue else { return .corrupt }
            return try .present(
                BlobLink(
                    digest: digest,
                    size: row.int(1),
                    isReferenced: row.flag(3),
                    leaseRemaining: ServiceTime(seconds: row.int(0)).seconds(since: now)
                )
            )
        }
    }

    /// For HEAD and GET: what `blob` returns, and whoever is told `present` can rely on it for the grace period.
    ///
    /// A referenced blob writes nothing: losing the last reference renews its lease. An unreferenced one whose lease
    /// has less than the grace left is renewed durably before this returns; if it went meanwhile, it is absent.
    package func touchBlob(_ digest: Digest, in name: RepositoryName) async throws(CatalogError) -> BlobLookup {
        let found = try await blob(digest, in: name)
        guard case .present(let link) = found, !link.isReferenced, link.leaseRemaining < settings.grace else {
            return found
        }
        guard let remaining = try await renew(digest, in: name) else {
            return try await blobAfterLostRenewal(digest, name)
        }
        return .present(
            BlobLink(digest: digest, size: link.size, isReferenced: false, leaseRemaining: remaining)
        )
    }

    /// A renewal that found no row says absent or corrupt, never present.
    private func blobAfterLostRenewal(
        _ digest: Digest,
        _ name: RepositoryName
    ) async throws(CatalogError) -> BlobLookup {
        let found = try await blob(digest, in: name)
        if case .corrupt = found { return found }
        return .absent
    }

    /// Extends the lease of a visible link to 1.5 graces from now. False when there is none.
    @discardableResult
    package func renewLease(_ digest: Digest, in name: RepositoryName) async throws(CatalogError) -> Bool {
        try await renew(digest, in: name) != nil
    }

    /// Seconds that the lease has left after the renewal; nil when there was nothing to renew.
    private func renew(_ digest: Digest, in name: RepositoryName) async throws(CatalogError) -> Int64? {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name) else { return nil }
            let lease = transaction.leaseEnd.seconds
            let row = try transaction.database.row(SQL.renewLease, lease, lease, repository.id, digest.key)
            return try row.map { try ServiceTime(seconds: $0.int(0)).seconds(since: transaction.now) }
        }
    }
}
