// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// What waits for collection. Counts end at `CatalogLimits.countedRows`.
package struct CollectionBacklog: Sendable, Hashable {
    /// Links that will be looked at, and those of them that are due.
    package let queuedLinks: Int64
    package let dueLinks: Int64
    /// Blobs whose files may go.
    package let condemnedBlobs: Int64
    /// Manifests in the trash, and those of them that are due.
    package let trashedManifests: Int64
    package let dueManifests: Int64
    /// Seconds of service time since the one that has waited longest became due; 0 where nothing is.
    package let oldestSeconds: Int64
}

extension SQL {
    // A condition on a time that holds for all rows makes sure that its index is searched, and not another one walked.
    static let firstDueLink = "SELECT due_st FROM gc_queue WHERE due_st >= 0 ORDER BY due_st LIMIT 1"
    static let firstDueManifest = """
        SELECT purge_after_st FROM manifest WHERE live = 0 AND purge_after_st >= 0 ORDER BY purge_after_st LIMIT 1
        """
    static let firstCondemned = """
        SELECT condemned_st FROM blob WHERE state = 'condemned' AND condemned_st >= 0 ORDER BY condemned_st LIMIT 1
        """
    static let countQueued = "SELECT COUNT(*) FROM (SELECT 1 FROM gc_queue WHERE due_st >= 0 LIMIT ?) AS bounded"
    static let countDueLinks = "SELECT COUNT(*) FROM (SELECT 1 FROM gc_queue WHERE due_st < ? LIMIT ?) AS bounded"
    static let countCondemned = """
        SELECT COUNT(*) FROM (SELECT 1 FROM blob WHERE state = 'condemned' AND condemned_st >= 0 LIMIT ?) AS bounded
        """
    static let countTrashed = """
        SELECT COUNT(*) FROM (SELECT 1 FROM manifest WHERE live = 0 AND purge_after_st >= 0 LIMIT ?) AS bounded
        """
    static let countDueManifests = """
        SELECT COUNT(*) FROM (SELECT 1 FROM manifest WHERE live = 0 AND purge_after_st < ? LIMIT ?) AS bounded
        """
}

extension Catalog {
    /// Seconds of service time until something is due for collection, 0 where something is; nil where nothing waits.
    package func secondsUntilCollectable() async throws(CatalogError) -> Int64? {
        let now = serviceTime
        return try await readers.read { database in
            if try database.row(SQL.firstCondemned) != nil { return 0 }
            let times = try [SQL.firstDueLink, SQL.firstDueManifest].compactMap { try database.row($0)?.optionalInt(0) }
            // What is due at a second may be judged once that second has passed.
            return times.min().map { max(0, $0 + 1 - now.seconds) }
        }
    }

    package func collectionBacklog() async throws(CatalogError) -> CollectionBacklog {
        let now = serviceTime.seconds
        let limit = CatalogLimits.countedRows
        return try await readers.read { database in
            let first = try [SQL.firstDueLink, SQL.firstDueManifest, SQL.firstCondemned].compactMap {
                try database.row($0)?.optionalInt(0)
            }
            return CollectionBacklog(
                queuedLinks: try database.row(SQL.countQueued, limit)?.int(0) ?? 0,
                dueLinks: try database.row(SQL.countDueLinks, now, limit)?.int(0) ?? 0,
                condemnedBlobs: try database.row(SQL.countCondemned, limit)?.int(0) ?? 0,
                trashedManifests: try database.row(SQL.countTrashed, limit)?.int(0) ?? 0,
                dueManifests: try database.row(SQL.countDueManifests, now, limit)?.int(0) ?? 0,
                oldestSeconds: first.min().map { max(0, now - $0) } ?? 0
            )
        }
    }
}
