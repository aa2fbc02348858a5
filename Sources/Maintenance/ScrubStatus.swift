// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
package import OCI

/// What the scrub runs with.
package struct ScrubSettings: Sendable, Hashable {
    /// Whether all blobs are read again and again; runs that are asked for take place in any case.
    package var isEnabled = true
    /// Bytes that are read in a second at least.
    package var rate = ScrubLimits.rate
    /// Seconds within which all blobs are read: where `rate` is too slow for that, it is exceeded.
    package var every = ScrubLimits.every

    package init() {}

    /// Bytes in a second for a store of this size.
    func rate(over total: BlobTotals) -> Double {
        let cost = Double(total.bytes) + Double(total.blobs) * Double(ScrubLimits.blobCost)
        return max(Double(rate), cost / Double(every))
    }
}

/// Why a scrub stopped, or was not begun.
package struct ScrubError: Error, Sendable, Hashable {
    package enum Code: Sendable, Hashable {
        /// Another run is under way that does not cover this one.
        case busy
        /// There is no such repository, or nothing in it.
        case unknownRepository
        /// The disk has not answered in time.
        case stuck
        /// The disk gives nothing, of whatever blob.
        case storage
    }

    package let code: Code
    /// A sentence for people.
    package let reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// How far a reading of blobs is, or how far it came. Times are seconds since 1970.
package struct ScrubFigures: Sendable, Hashable {
    package let startedAt: Int64
    package let finishedAt: Int64?
    package let blobs: Int64
    package let bytes: Int64
    /// What was there when it began.
    package let totalBlobs: Int64
    package let totalBytes: Int64
    /// Blobs found damaged that were not known to be.
    package let found: Int64

    init(_ done: BlobTotals, of total: BlobTotals, found: Int64, from startedAt: Int64, to finishedAt: Int64? = nil) {
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.found = found
        (blobs, bytes) = (done.blobs, done.bytes)
        (totalBlobs, totalBytes) = (total.blobs, total.bytes)
    }

    init?(present record: ScrubRecord) {
        guard let startedAt = record.startedAt else { return nil }
        self.init(record.done, of: record.total, found: record.bad, from: startedAt)
    }

    init(_ past: ScrubRecord.Past) {
        self.init(past.done, of: past.done, found: past.bad, from: past.startedAt, to: past.finishedAt)
    }

    /// From 0 to 1, by bytes.
    package var share: Double { totalBytes == 0 ? 1 : min(1, Double(bytes) / Double(totalBytes)) }
}

/// What the scrub has done, and does. Times are seconds since 1970.
package struct ScrubStatus: Sendable {
    package let settings: ScrubSettings
    /// The pass over everything, as of its last note; nil between two of them.
    package let pass: ScrubFigures?
    /// The last whole pass.
    package let lastPass: ScrubFigures?
    /// Blobs ever found damaged, and ever healed by whatever.
    package let found: Int64
    package let healed: Int64
    /// Bytes in a second that the pass may read now.
    package let rate: Int64
    /// Bytes in a second that were read of late.
    package let bytesPerSecond: Int64
    package let oldestVerification: Int64?
    /// At most `ScrubLimits.countedDamaged`.
    package let damaged: [Digest]
    /// Since when a read does not come back.
    package let stalledSince: Int64?
    /// Why the pass does not go on at the moment.
    package let problem: String?
    /// The run that was asked for last.
    package let run: ScrubRun.Snapshot?
    package let now: Int64
}
