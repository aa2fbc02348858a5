// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of the catalog that no setting changes. Bounds that may be set live in ``Catalog/Settings``.
package enum CatalogLimits {
    /// Bytes of an event leaf: entry bundles carry a 16-bit length.
    package static let leafBytes = 65_535
    /// Unsealed events whose traces are remembered.
    static let tracedEvents = 256
    /// Checkpoints kept beside the newest: a smaller tree is never signed again in any case.
    package static let checkpointsKept = 10_000
    /// UTF-8 bytes kept of an actor and of a request id.
    package static let contextBytes = 256
    /// How often a repository's home can be handed over.
    static let homeEpochs: Int64 = 1 << 50
    /// Rows that one read returns, whatever was asked for.
    package static let pageRows = 10_000
    /// Bytes of annotations after which a page of referrers ends early.
    package static let referrersPageBytes = 2 * 1_024 * 1_024
    /// Bytes of payload after which a page of an audit ends early.
    package static let auditPageBytes = 16 * 1_024 * 1_024
    /// Links of a blob that a mount without a source looks at.
    package static let mountCandidates = 100
    /// Digests that a refusal names.
    package static let refusalDigests = 100
    /// Blobs among which the one is looked for that was verified longest ago.
    package static let scrubOutlook = 1_000
    /// Tags that may fall with one manifest: each is an event, and all are one savepoint.
    package static let tagsPerDeletion = 10_000
    /// Writes kept of one tag: its value and its conflicts follow from them.
    package static let tagWritesKept = 256
    /// Other regions that this one knows.
    package static let peers = 64
    /// Entries of a peer's log that are received, or dropped once they are applied, in one transaction.
    package static let receivedEntries = 1_024
    /// Entries that are listed as due at once.
    package static let dueEntries = 4_096
    /// Entries of a repository that wait, and are looked at for a tag.
    static let announcedEntries = 1_000
    /// Entries merged in one transaction, and edges after which it begins no other one.
    package static let mergedEntries = 256
    package static let mergedEdges = 4_096
    /// Indexes in indexes that are merged, whatever is allowed to be pushed here.
    package static let mergedIndexDepth = 16
    /// Milliseconds that the clock of another region may be ahead.
    package static let skewMilliseconds: Int64 = 60_000
    /// Seconds of service time after which an entry that waits is tried again at the latest.
    package static let inboxRetrySeconds: Int64 = 300
    /// Seconds of service time for which a deletion is remembered after its manifest has gone, and for which a peer
    /// that has not heard of it keeps it from going: 90 days.
    package static let tombstoneSeconds: Int64 = 7_776_000
    /// Former values kept of one tag; the event log has the older ones.
    package static let historyPerTag = 1_000
    /// Rows of availability that are added in one transaction, and minutes that are trimmed at once.
    package static let availabilityRows = 1_000
    package static let trimmedMinutes: Int64 = 1_440
    /// Seconds that declared maintenance lasts at most, how much of it there is at once, and rows that are looked at.
    package static let maintenanceSeconds: Int64 = 86_400
    package static let openMaintenance = 32
    static let maintenanceRows = 1_000
    /// Times since 1970 that an entry of a log can name, in seconds or milliseconds: far from what would overflow.
    static let loggedTimes: ClosedRange<Int64> = 0...(1 << 53)
    /// Denials dropped at once when there are too many, so that not every write drops some.
    package static let denialChunk = 1_000
    /// Denials that wait to be written, and how often they are, in seconds.
    package static let denialQueue = 4_096
    package static let denialSeconds: Int64 = 1
    /// UTF-8 bytes kept of the reason of a denial.
    package static let reasonBytes = 512
    /// Prefixes whose use the writer remembers.
    package static let ledgerPrefixes = 1_000
    /// Links judged, and condemned blobs looked up, in one transaction of collection.
    package static let collectedLinks = 200
    package static let collectedBlobs = 256
    /// Manifests purged in one transaction, and edges after which it begins no other one.
    package static let purgedManifests = 64
    package static let purgedEdges = 512
    /// Seconds of service time after which collection looks again at what it could not judge, or what is held.
    package static let collectionRetrySeconds: Int64 = 3_600
    /// Rows that a figure of what waits for collection counts at most.
    package static let countedRows = 100_000
    /// Digests of files that one read compares with the rows.
    package static let comparedFiles = 1_024
    /// Files without a row that one transaction condemns.
    package static let condemnedFiles = 256
    /// Rows that one read of an audit or of a report looks at.
    package static let auditedRows = 2_000
    /// The same for manifests, each of which has edges to be looked at.
    package static let auditedManifests = 200
    /// Usage rows folded by one call of housekeeping.
    package static let usageFold = 10_000
    /// Bytes written to the WAL after which it is copied back without waiting for readers.
    package static let passiveCheckpointBytes = 4 * 1_024 * 1_024
    /// Bytes of WAL after which the copy also starts the WAL from its beginning again.
    package static let restartCheckpointBytes = 64 * 1_024 * 1_024
    /// Bytes that the WAL file keeps once it starts again.
    package static let journalBytes = 64 * 1_024 * 1_024
    /// Page cache of the writer and of each reader, in KiB.
    package static let writerCacheKiB = 8_192
    package static let readerCacheKiB = 2_048
    /// Milliseconds that a reader waits for a lock: only recovery after a crash holds one.
    package static let readerBusyMilliseconds = 1_000
    /// Stripes of the cache epochs.
    package static let epochStripes = 1_024
    /// Decisions of a run of retention that go at once when it is given up.
    package static let decisionsDropped = 2_000
    /// UTF-8 bytes kept of what became of a decision.
    static let outcomeBytes = 256
}
