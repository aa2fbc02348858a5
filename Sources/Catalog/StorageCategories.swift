// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// Blobs and their bytes.
package struct StorageSum: Sendable, Hashable {
    package var blobs: Int64 = 0
    package var bytes: Int64 = 0

    package init(blobs: Int64 = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }

    package static func += (sum: inout StorageSum, more: StorageSum) {
        sum.blobs += more.blobs
        sum.bytes += more.bytes
    }
}

/// What keeps the blobs that have a row, each under the first that holds for it.
package struct StorageCategories: Sendable, Hashable {
    /// A manifest that clients see refers to it.
    package var live = StorageSum()
    /// Only manifests in the trash do.
    package var trashed = StorageSum()
    /// No manifest does: its lease keeps it, or it will be collected soon.
    package var leased = StorageSum()
    /// No repository has it: its file is about to go.
    package var condemned = StorageSum()
    /// Its bytes are in another region.
    package var remote = StorageSum()

    package init() {}

    package static func += (sum: inout StorageCategories, more: StorageCategories) {
        sum.live += more.live
        sum.trashed += more.trashed
        sum.leased += more.leased
        sum.condemned += more.condemned
        sum.remote += more.remote
    }
}

extension SQL {
    static let categorizedBlobs = """
        SELECT b.digest, b.size, b.state,
            EXISTS (SELECT 1 FROM repo_blob l
                JOIN ref_blob e ON e.repo_id = l.repo_id AND e.digest = l.digest
                JOIN manifest m ON m.id = e.manifest_id WHERE l.digest = b.digest AND m.live = 1),
            EXISTS (SELECT 1 FROM repo_blob l
                JOIN ref_blob e ON e.repo_id = l.repo_id AND e.digest = l.digest WHERE l.digest = b.digest)
        FROM blob b WHERE b.digest > ? ORDER BY b.digest LIMIT ?
        """
}

extension Catalog {
    /// What keeps the blobs of one page, and where the next page begins; nil for the last one.
    package func storageCategories(
        after last: Digest?
    ) async throws(CatalogError) -> (sums: StorageCategories, next: Digest?) {
        try await readers.readOne { database in
            var sums = StorageCategories()
            let limit = CatalogLimits.auditedRows
            let rows = try database.rows(SQL.categorizedBlobs, last?.key ?? Digest.beforeFirst, limit)
            for row in rows {
                let blob = StorageSum(blobs: 1, bytes: try row.int(1))
                switch try (row.text(2), row.flag(3), row.flag(4)) {
                case (BlobState.condemned.rawValue, _, _): sums.condemned += blob
                case (BlobState.remote.rawValue, _, _): sums.remote += blob
                case (_, true, _): sums.live += blob
                case (_, false, true): sums.trashed += blob
                case (_, false, false): sums.leased += blob
                }
            }
            return (sums, rows.count == limit ? try rows.last?.digest(0) : nil)
        }
    }
}
