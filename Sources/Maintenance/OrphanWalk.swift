// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Logging
import OCI

/// Looks for files in `blobs/` that no row speaks of: pushes that were never acknowledged, because the process died
/// between the file's name and its record.
///
/// It only condemns them: the collector takes them away like any other blob, under the lock of the digest, if they are
/// still condemned then. A push of the same bytes at any moment makes the row live. Only files that are older than the
/// grace period are looked at, so that pushes under way are not bothered, and so that somebody who has put an old
/// catalog back notices before its blobs go.
struct OrphanWalk {
    let collector: Collector

    /// One walk over all names. Returns how many files were condemned.
    func run() async throws -> Int {
        var condemned = 0
        for algorithm in Digest.Algorithm.allCases {
            try await collector.content.forEachDigest(algorithm) { page in
                try Task.checkCancellation()
                condemned += try await look(at: page)
                try await collector.environment.sleep(.milliseconds(CollectionLimits.walkPause))
            }
        }
        collector.metrics.found(orphans: condemned)
        if condemned > 0 {
            collector.environment.logger.info(
                "files of pushes that were never acknowledged are collected",
                metadata: ["files": "\(condemned)"]
            )
        }
        return condemned
    }

    private func look(at digests: [Digest]) async throws -> Int {
        let strangers = try await collector.catalog.digestsWithoutRow(among: digests)
        guard !strangers.isEmpty else { return 0 }
        let now = collector.environment.wallSeconds()
        let grace = collector.catalog.settings.grace
        var old: [(digest: Digest, size: Int64)] = []
        for digest in strangers {
            guard let file = try await collector.content.storedFile(digest), now - file.changedAt > grace else {
                continue
            }
            old.append((digest: digest, size: file.size))
        }
        var condemned = 0
        while !old.isEmpty {
            condemned += try await collector.catalog.condemnFiles(Array(old.prefix(CatalogLimits.condemnedFiles)))
            old.removeFirst(min(old.count, CatalogLimits.condemnedFiles))
        }
        return condemned
    }
}
