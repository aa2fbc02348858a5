// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A blob that nothing links, whose file may go.
package struct CondemnedBlob: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    /// Service time, in seconds, at which it was condemned.
    package let since: Int64
}

/// What was deleted of the rows of blobs.
package struct BlobRemoval: Sendable, Hashable {
    package var blobs = 0
    package var bytes: Int64 = 0

    package init(blobs: Int = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

extension SQL {
    static let condemnedBlobs = """
        SELECT digest, size, condemned_st FROM blob
        WHERE state = 'condemned' AND (condemned_st, digest) > (?, ?) ORDER BY condemned_st, digest LIMIT ?
        """
    static let isCondemned = """
        SELECT 1 FROM blob b WHERE b.digest = ? AND b.state = 'condemned'
            AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)
        """
    static let deleteCondemned = """
        DELETE FROM blob WHERE digest = ? AND state = 'condemned'
            AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = blob.digest)
        RETURNING size
        """
    static let forgetLayerScan = "DELETE FROM layer_scan WHERE digest = ?"
    static let condemnFile = """
        INSERT INTO blob(digest, size, state, health, condemned_st) VALUES (?, ?, 'condemned', 'ok', ?)
        ON CONFLICT(digest) DO NOTHING
        """
    static let blobExists = "SELECT 1 FROM blob WHERE digest = ?"
}

/// The second level of collection: what the files of blobs wait for. Every blob's file goes in this way alone.
extension Catalog {
    /// Condemned blobs, the longest condemned first, after one of an earlier page. After a crash these are the ones to
    /// go on with.
    package func condemnedBlobs(after last: CondemnedBlob?, limit: Int) async throws(CatalogError) -> [CondemnedBlob] {
        let limit = min(max(limit, 1), CatalogLimits.collectedBlobs)
        return try await readers.readOne { database in
            try database.rows(
                SQL.condemnedBlobs,
                last?.since ?? -1,
                last?.digest.key ?? Digest.beforeFirst,
                limit
            ).map { row in
                CondemnedBlob(digest: try row.digest(0), size: try row.int(1), since: try row.int(2))
            }
        }
    }

    /// Which of these blobs are still condemned, with no link: one committed state answers for all of them.
    ///
    /// To be asked under the locks of their digests: a push brings a blob back under that lock alone, so what is said
    /// here stays true until the locks are released. A mount takes no lock, but finds no condemned blob.
    package func stillCondemned(_ digests: [Digest]) async throws(CatalogError) -> [Digest] {
        precondition(digests.count <= CatalogLimits.collectedBlobs)
        return try await readers.read { database in
            try digests.filter { try database.row(SQL.isCondemned, $0.key) != nil }
        }
    }

    /// Deletes the rows of condemned blobs whose files are durably gone, and what was found in their layers. A
    /// quarantine of the digest stays: it is about whatever has that digest, now and later.
    ///
    /// Still under the locks. A row that a link has come to is left alone.
    package func deleteCondemned(_ digests: [Digest]) async throws(CatalogError) -> BlobRemoval {
        precondition(digests.count <= CatalogLimits.collectedBlobs)
        return try await writer.submit { transaction in
            var removal = BlobRemoval()
            for digest in digests {
                guard let row = try transaction.database.row(SQL.deleteCondemned, digest.key) else { continue }
                try transaction.database.run(SQL.forgetLayerScan, digest.key)
                removal.blobs += 1
                removal.bytes += try row.int(0)
            }
            try transaction.accountStored(bytes: -removal.bytes, blobs: -removal.blobs)
            return removal
        }
    }

    /// Which of these files no row speaks of. Of many files each part is read by itself.
    package func digestsWithoutRow(among digests: [Digest]) async throws(CatalogError) -> [Digest] {
        var strangers: [Digest] = []
        var rest = digests[...]
        while !rest.isEmpty {
            let part = rest.prefix(CatalogLimits.comparedFiles)
            strangers += try await readers.read { database in
                try part.filter { try database.row(SQL.blobExists, $0.key) == nil }
            }
            rest = rest.dropFirst(part.count)
        }
        return strangers
    }

    /// Condemns files that no row speaks of: pushes that were never acknowledged. A push that is acknowledged
    /// meanwhile has made a row, which is left alone, or makes the condemned one live.
    ///
    /// - Returns: How many were condemned.
    package func condemnFiles(_ files: [(digest: Digest, size: Int64)]) async throws(CatalogError) -> Int {
        precondition(files.count <= CatalogLimits.condemnedFiles)
        return try await writer.submit { transaction in
            var condemned = 0
            for file in files {
                let changed = try transaction.database.run(
                    SQL.condemnFile,
                    file.digest.key,
                    file.size,
                    transaction.now.seconds
                )
                if changed > 0 { try transaction.accountStored(bytes: file.size, blobs: 1) }
                condemned += changed
            }
            return condemned
        }
    }
}
