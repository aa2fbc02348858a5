// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// How many blobs have a row, and how many bytes they are: each counts once, whoever links it.
package struct StoredBytes: Sendable, Hashable {
    package let bytes: Int64
    package let blobs: Int64

    package init(bytes: Int64, blobs: Int64) {
        self.bytes = bytes
        self.blobs = blobs
    }
}

extension SQL {
    static let insertStored = "INSERT INTO stored(bytes, blobs) VALUES (?, ?)"
    static let storedBytes = "SELECT COALESCE(SUM(bytes), 0), COALESCE(SUM(blobs), 0) FROM stored"
    static let storedPage = """
        SELECT MAX(id), SUM(bytes), SUM(blobs), COUNT(*)
        FROM (SELECT id, bytes, blobs FROM stored ORDER BY id LIMIT ?) AS page
        """
    static let dropStoredPage = "DELETE FROM stored WHERE id <= ?"
}

extension Transaction {
    /// Books a change of what is stored in all. Rows are only added, so that no row is contended.
    func accountStored(bytes: Int64, blobs: Int) throws {
        guard bytes != 0 || blobs != 0 else { return }
        try database.run(SQL.insertStored, bytes, blobs)
    }

    /// Makes one row of a page of bookings.
    func foldStored() throws {
        guard let page = try database.row(SQL.storedPage, CatalogLimits.usageFold), try page.int(3) > 1 else { return }
        let (last, bytes, blobs) = (try page.int(0), try page.int(1), try page.int(2))
        try database.run(SQL.dropStoredPage, last)
        try database.run(SQL.insertStored, bytes, blobs)
    }
}

extension Catalog {
    /// What is stored in all, as it is booked.
    package func storedBytes() async throws(CatalogError) -> StoredBytes {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.storedBytes) else { return StoredBytes(bytes: 0, blobs: 0) }
            return StoredBytes(bytes: try row.int(0), blobs: try row.int(1))
        }
    }
}
