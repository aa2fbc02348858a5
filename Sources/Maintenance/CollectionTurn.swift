// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog

/// What collection did, in one turn or since the start.
package struct CollectionWork: Sendable, Hashable {
    /// Manifests whose window to be brought back has ended.
    package var purgedManifests = 0
    /// Links that repositories no longer have, and the bytes that they no longer use.
    package var removedLinks = 0
    package var unusedBytes: Int64 = 0
    /// Blobs that are gone, and the bytes that the disk has back.
    package var removedBlobs = 0
    package var freedBytes: Int64 = 0
    /// What could not be judged or deleted, and was kept.
    package var failures = 0

    package init() {}

    static func += (sum: inout CollectionWork, more: CollectionWork) {
        sum.purgedManifests += more.purgedManifests
        sum.removedLinks += more.removedLinks
        sum.unusedBytes += more.unusedBytes
        sum.removedBlobs += more.removedBlobs
        sum.freedBytes += more.freedBytes
        sum.failures += more.failures
    }

    static func - (work: CollectionWork, former: CollectionWork) -> CollectionWork {
        var difference = CollectionWork()
        difference.purgedManifests = work.purgedManifests - former.purgedManifests
        difference.removedLinks = work.removedLinks - former.removedLinks
        difference.unusedBytes = work.unusedBytes - former.unusedBytes
        difference.removedBlobs = work.removedBlobs - former.removedBlobs
        difference.freedBytes = work.freedBytes - former.freedBytes
        difference.failures = work.failures - former.failures
        return difference
    }

    mutating func add(_ purge: ManifestPurge) {
        purgedManifests += purge.purged
        failures += purge.failed
    }

    mutating func add(_ links: LinkCollection) {
        removedLinks += links.removed
        unusedBytes += links.bytes
        failures += links.failed
    }

    mutating func add(_ removal: BlobRemoval) {
        removedBlobs += removal.blobs
        freedBytes += removal.bytes
    }
}

/// A turn of the collector: everything that was due when it ended.
package struct CollectionTurn: Sendable, Hashable {
    /// Counted from 1 at each start of the process.
    package let number: Int64
    package var work = CollectionWork()
    package var nanoseconds: UInt64 = 0
    /// Why it ended early; nil for one that did all that was due.
    package var failure: String?

    var didNothing: Bool { work == CollectionWork() }
}

/// What collection does and has to do.
package struct CollectionStatus: Sendable {
    package let options: CollectionOptions
    /// Seconds of service time.
    package let grace: Int64
    package let undo: Int64
    package let isRunning: Bool
    /// Turns that have ended since the start, and the last of them that did something or failed.
    package let turns: Int64
    package let lastTurn: CollectionTurn?
    /// Since the start.
    package let total: CollectionWork
    package let backlog: CollectionBacklog
    /// As it is booked.
    package let stored: StoredBytes
    /// The last audit since the start.
    package let audit: AuditSummary?

    /// What is stored, by the names that clients are told.
    package var storedFigures: [(String, Int64)] {
        [("stored_bytes", stored.bytes), ("stored_blobs", stored.blobs)]
    }

    /// What waits, by the names that clients are told.
    package var backlogFigures: [(String, Int64)] {
        [
            ("queued_links", backlog.queuedLinks), ("due_links", backlog.dueLinks),
            ("condemned_blobs", backlog.condemnedBlobs), ("trashed_manifests", backlog.trashedManifests),
            ("due_manifests", backlog.dueManifests), ("oldest_seconds", backlog.oldestSeconds),
        ]
    }
}
