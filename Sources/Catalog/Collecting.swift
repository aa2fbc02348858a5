// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What one batch of the first level of collection did: links that nothing refers to and no lease protects go.
package struct LinkCollection: Sendable, Hashable {
    /// Rows of the queue that were looked at.
    package var examined = 0
    /// Links that are gone.
    package var removed = 0
    /// Bytes that repositories no longer use: those of removed links that were in sight.
    package var bytes: Int64 = 0
    /// Blobs that no repository links any more.
    package var condemned = 0
    /// Links that could not be judged; each comes up again later.
    package var failed = 0
    /// Whether more rows may be due.
    package var hasMore = false
}

extension SQL {
    static let dueLinks = "SELECT repo_id, digest FROM gc_queue WHERE due_st < ? ORDER BY due_st LIMIT ?"
    /// A reference by a trashed manifest counts like any other: it can still be brought back.
    static let collectedLink = """
        SELECT l.lease_until_st, l.hidden, b.size, r.name,
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
        FROM repo_blob l JOIN blob b ON b.digest = l.digest JOIN repo r ON r.id = l.repo_id
        WHERE l.repo_id = ? AND l.digest = ?
        """
    static let deleteLink = "DELETE FROM repo_blob WHERE repo_id = ? AND digest = ?"
    static let dropQueued = "DELETE FROM gc_queue WHERE repo_id = ? AND digest = ?"
    static let requeue = "UPDATE gc_queue SET due_st = ? WHERE repo_id = ? AND digest = ?"
    static let postpone = "UPDATE gc_queue SET attempts = attempts + 1, due_st = ? WHERE repo_id = ? AND digest = ?"
    static let condemn = """
        UPDATE blob SET state = 'condemned', condemned_st = ?
        WHERE digest = ? AND state <> 'condemned'
            AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = blob.digest)
        """
}

extension Catalog {
    /// The first level of collection: judges up to `limit` links that are due, the longest due first.
    ///
    /// Each link is judged inside the transaction that removes it, in a savepoint of its own; no list of candidates is
    /// ever older than that. A link that has a reference leaves the queue: who takes its last reference away queues it
    /// again, in the same transaction. One with a lease comes up when that has ended. The last link of a blob condemns
    /// it. What cannot be judged is kept, and is looked at again later. At most `CatalogLimits.collectedLinks` are
    /// judged at once.
    package func collectLinks(limit: Int) async throws(CatalogError) -> LinkCollection {
        let limit = min(max(limit, 1), CatalogLimits.collectedLinks)
        return try await writer.submit { transaction in
            var collection = LinkCollection()
            let due = try transaction.database.rows(SQL.dueLinks, transaction.now.seconds, limit).map { row in
                (repository: try row.int(0), digest: try row.digest(1))
            }
            for link in due {
                try transaction.isolated {
                    try transaction.collect(link.digest, in: link.repository, &collection)
                } onFailure: {
                    let later = transaction.now.advanced(by: CatalogLimits.collectionRetrySeconds).seconds
                    try transaction.database.run(SQL.postpone, later, link.repository, link.digest.key)
                    collection.failed += 1
                }
            }
            collection.examined = due.count
            collection.hasMore = due.count == limit
            return collection
        }
    }
}

extension Transaction {
    fileprivate func collect(_ digest: Digest, in repository: Int64, _ collection: inout LinkCollection) throws {
        guard let link = try database.row(SQL.collectedLink, repository, digest.key), try !link.flag(4) else {
            try database.run(SQL.dropQueued, repository, digest.key)
            return
        }
        let lease = try link.int(0)
        guard lease < now.seconds else {
            try database.run(SQL.requeue, lease, repository, digest.key)
            return
        }
        try database.run(SQL.deleteLink, repository, digest.key)
        try database.run(SQL.dropQueued, repository, digest.key)
        var bytes: Int64 = 0
        if try !link.flag(1) {
            bytes = try link.int(2)
            try account(Repository(id: repository, name: link.repositoryName(3), tagCount: 0), bytes: -bytes)
        }
        // The bytes of what is remote are not here: its row goes at once.
        let forgotten = try database.run(SQL.dropRemote, digest.key)
        let condemned = forgotten > 0 ? 0 : try database.run(SQL.condemn, now.seconds, digest.key)
        collection.removed += 1
        collection.bytes += bytes
        collection.condemned += condemned
    }

    /// Runs a part of an operation in a savepoint. Where it fails for a reason of its own, that part is undone and
    /// `onFailure` runs; a failure of the disk or of the database ends the whole operation.
    func isolated(_ body: () throws -> Void, onFailure: () throws -> Void) throws {
        try database.run("SAVEPOINT part")
        do {
            try body()
        } catch {
            guard case .operation = Failure(error), database.isInsideTransaction else { throw error }
            try database.run("ROLLBACK TO SAVEPOINT part")
            try database.run("RELEASE SAVEPOINT part")
            try onFailure()
            return
        }
        try database.run("RELEASE SAVEPOINT part")
    }
}
