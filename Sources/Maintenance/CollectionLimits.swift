// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog

/// The bounds of collection that no setting changes.
package enum CollectionLimits {
    /// Batches a second into which the rate of a kind of work is cut: few, since each is flushed to the disk, yet so
    /// small that no push waits long for one.
    package static let batchesPerSecond = 10
    /// Work of a kind in one batch, whatever the rate.
    static let linksPerBatch = CatalogLimits.collectedLinks
    static let blobsPerBatch = CatalogLimits.collectedBlobs
    static let manifestsPerBatch = CatalogLimits.purgedManifests
    /// The largest rate that may be set, which is none in practice.
    package static let largestRate = 1_000_000
    /// Seconds between two looks at what is due: at least, at most, and after a failure.
    package static let shortestPause: Int64 = 1
    package static let longestPause: Int64 = 60
    package static let retryPause: Int64 = 10
    /// Seconds of service after a start before files without a row are looked for, or the grace period, if that is
    /// shorter.
    package static let orphanDelay: Int64 = 3_600
    /// Milliseconds between two pages of the walk over the names of files, and between two of an audit.
    package static let walkPause: Int64 = 250
    package static let auditPause: Int64 = 50
    /// What an audit names of what it found.
    package static let findingsNamed = 20
}
