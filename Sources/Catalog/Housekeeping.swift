// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

extension SQL {
    static let serviceTime = "SELECT st FROM service_time WHERE one = 1"
    static let persistServiceTime = "UPDATE service_time SET st = ? WHERE one = 1 AND st < ?"
    static let lastDeltaToFold = """
        SELECT MAX(id) FROM (SELECT id FROM usage_delta ORDER BY id LIMIT ?) AS page
        """
    /// Grouped by an expression, or the index by repository would be walked from end to end for the order it has.
    static let foldUsage = """
        INSERT INTO usage(repo_id, logical_bytes, manifests, tags)
        SELECT repo_id + 0, SUM(bytes), SUM(manifests), SUM(tags) FROM usage_delta WHERE id <= ? GROUP BY repo_id + 0
        ON CONFLICT(repo_id) DO UPDATE SET logical_bytes = usage.logical_bytes + excluded.logical_bytes,
            manifests = usage.manifests + excluded.manifests, tags = usage.tags + excluded.tags
        """
    static let dropFoldedUsage = "DELETE FROM usage_delta WHERE id <= ?"
}

extension Catalog {
    /// Work that no request should wait for: persists service time, folds usage, copies the WAL back.
    ///
    /// To be called about once a minute and after bursts; each call does a bounded amount.
    package func housekeep() async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            try database.run(SQL.persistServiceTime, transaction.now.seconds, transaction.now.seconds)
            try transaction.foldStored()
            guard let last = try database.row(SQL.lastDeltaToFold, CatalogLimits.usageFold)?.optionalInt(0) else {
                return
            }
            try database.run(SQL.foldUsage, last)
            try database.run(SQL.dropFoldedUsage, last)
        }
        try await writer.checkpoint()
    }
}
