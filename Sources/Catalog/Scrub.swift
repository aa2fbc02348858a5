// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// A blob whose bytes are to be read.
package struct ScrubCandidate: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    package let health: BlobHealth
    /// Whether it is a manifest, of which the catalog has copies.
    package let isManifest: Bool
}

/// How many blobs there are, and how many bytes.
package struct BlobTotals: Sendable, Hashable {
    package var blobs: Int64 = 0
    package var bytes: Int64 = 0

    package init(blobs: Int64 = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

/// The pass over all blobs, as it is kept: what is counted here survives a restart.
package struct ScrubRecord: Sendable, Hashable {
    /// A whole pass that has ended. Times are seconds since 1970.
    package struct Past: Sendable, Hashable {
        package let startedAt: Int64
        package let finishedAt: Int64
        package let done: BlobTotals
        package let bad: Int64
    }

    /// The last blob that was read; nil at the beginning.
    package let after: Digest?
    /// Seconds since 1970; nil where no pass is under way.
    package let startedAt: Int64?
    /// What was there when the pass began.
    package let total: BlobTotals
    package let done: BlobTotals
    package let bad: Int64
    package let last: Past?
    /// Blobs ever found damaged, and ever healed, by whatever.
    package let found: Int64
    package let healed: Int64
}

/// What a scrub has read since it last said so.
package struct ScrubProgress: Sendable {
    /// Found whole.
    package var verified: [Digest] = []
    /// Where the pass stands; nil for a run beside it, which leaves that alone.
    package var after: Digest?
    package var done = BlobTotals()
    package var bad: Int64 = 0

    package init() {}

    package var isEmpty: Bool { verified.isEmpty && after == nil && done.blobs == 0 }
}

extension SQL {
    static let scrubCandidates = """
        SELECT b.digest, b.size, b.health, EXISTS (SELECT 1 FROM manifest m WHERE m.digest = b.digest)
        FROM blob b WHERE b.digest > ? AND b.state = 'live' ORDER BY b.digest LIMIT ?
        """
    static let scrubCandidatesOf = """
        SELECT b.digest, b.size, b.health, EXISTS (SELECT 1 FROM manifest m WHERE m.digest = b.digest)
        FROM repo r JOIN repo_blob l ON l.repo_id = r.id JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest > ? AND b.state = 'live' ORDER BY l.digest LIMIT ?
        """
    static let scrubRecord = """
        SELECT after, started_at, total_blobs, total_bytes, blobs, bytes, bad, last_started_at, last_finished_at,
            last_blobs, last_bytes, last_bad, found, healed FROM scrub WHERE one = 1
        """
    static let beginScrub = """
        UPDATE scrub SET after = x'', started_at = ?, total_blobs = ?, total_bytes = ?, blobs = 0, bytes = 0, bad = 0
        WHERE one = 1
        """
    static let advanceScrub = """
        UPDATE scrub SET after = ?, blobs = blobs + ?, bytes = bytes + ?, bad = bad + ? WHERE one = 1
        """
    static let endScrub = """
        UPDATE scrub SET last_started_at = started_at, last_finished_at = ?, last_blobs = blobs, last_bytes = bytes,
            last_bad = bad, started_at = NULL, after = x''
        WHERE one = 1 AND started_at IS NOT NULL
        """
    static let setVerified = "UPDATE blob SET verified_at = ? WHERE digest = ? AND state = 'live' AND health = 'ok'"
    static let oldestVerification = """
        SELECT MIN(verified_at) FROM
            (SELECT verified_at FROM blob WHERE digest > ? AND state = 'live' ORDER BY digest LIMIT ?) AS page
        """
    static let damagedBlobs = "SELECT digest FROM blob WHERE health <> 'ok' AND state = 'live' LIMIT ?"
    static let countFound = "UPDATE scrub SET found = found + 1 WHERE one = 1"
    static let countHealed = "UPDATE scrub SET healed = healed + 1 WHERE one = 1"
    static let manifestCopies = "SELECT id, payload FROM manifest WHERE digest = ? AND id > ? ORDER BY id LIMIT ?"
    static let setCopy = "UPDATE manifest SET payload = ? WHERE id = ? AND digest = ?"
    static let setCopies = "UPDATE manifest SET payload = ? WHERE digest = ?"
}

extension Transaction {
    /// A damaged blob is whole again: whatever was told of it is so no more.
    func healed(_ digest: Digest) throws {
        try database.run(SQL.countHealed)
        try changedEverywhere(digest)
    }
}

extension Catalog {
    /// Live blobs after a digest, by digest; those of one repository where one is named.
    package func scrubCandidates(
        after digest: Digest?,
        in name: RepositoryName?,
        limit: Int
    ) async throws(CatalogError) -> [ScrubCandidate] {
        let (limit, after) = (Catalog.rows(limit), digest?.key ?? Digest.beforeFirst)
        return try await readers.readOne { database in
            let rows =
                if let name {
                    try database.rows(SQL.scrubCandidatesOf, name.description, after, limit)
                } else {
                    try database.rows(SQL.scrubCandidates, after, limit)
                }
            return try rows.map(ScrubCandidate.init)
        }
    }

    package func scrubRecord() async throws(CatalogError) -> ScrubRecord {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.scrubRecord) else {
                throw CatalogError(.inconsistent, "the row of the scrub is missing")
            }
            return try ScrubRecord(row)
        }
    }

    /// Begins a pass from its first blob.
    package func beginScrubPass(over total: BlobTotals) async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(
                SQL.beginScrub,
                transaction.wallSeconds,
                total.blobs,
                total.bytes
            )
        }
    }

    /// Notes what was read, as one change. At most `CatalogLimits.pageRows` blobs at once.
    ///
    /// Crash story: what was read since the last note is read again.
    package func recordScrub(_ progress: ScrubProgress) async throws(CatalogError) {
        try await writer.submit { transaction in
            for digest in progress.verified.prefix(CatalogLimits.pageRows) {
                try transaction.database.run(SQL.setVerified, transaction.wallSeconds, digest.key)
            }
            guard let after = progress.after else { return }
            try transaction.database.run(
                SQL.advanceScrub,
                after.key,
                progress.done.blobs,
                progress.done.bytes,
                progress.bad
            )
        }
    }

    /// The pass has come to its end.
    package func endScrubPass() async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.endScrub, transaction.wallSeconds)
        }
    }

    /// When the blob was verified that has waited longest for it, in seconds since 1970; nil where none was. A pass
    /// goes by digest, so it is looked for among the thousand that come after the last that was read.
    package func oldestVerification(after digest: Digest?) async throws(CatalogError) -> Int64? {
        let after = digest?.key ?? Digest.beforeFirst
        return try await readers.readOne { database in
            try database.row(SQL.oldestVerification, after, CatalogLimits.scrubOutlook)?.optionalInt(0)
        }
    }

    /// Blobs that are known to be damaged and count as absent.
    package func damagedBlobs(limit: Int) async throws(CatalogError) -> [Digest] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { try $0.rows(SQL.damagedBlobs, limit).map { try $0.digest(0) } }
    }
}

/// A repository's copy of a manifest's bytes.
package struct ManifestCopy: Sendable {
    package let id: Int64
    /// Empty where it was given up: the file has the bytes.
    package let payload: [UInt8]
}

extension Catalog {
    /// The copies of a manifest after a row. A page ends early by its bytes: only an empty one is the end.
    package func manifestCopies(
        of digest: Digest,
        after id: Int64?,
        limit: Int
    ) async throws(CatalogError) -> [ManifestCopy] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            var copies: [ManifestCopy] = []
            var bytes = 0
            try database.forEachRow(SQL.manifestCopies, digest.key, id ?? 0, limit) { row in
                let copy = ManifestCopy(id: try row.int(0), payload: try row.bytes(1))
                bytes += copy.payload.count
                copies.append(copy)
                return bytes < CatalogLimits.auditPageBytes
            }
            return copies
        }
    }

    /// Replaces damaged copies of a manifest by its bytes, which the caller has held against the digest; by nothing
    /// where there are none to be had, so that no wrong byte is ever served.
    package func replaceCopies(
        _ ids: [Int64],
        of digest: Digest,
        by payload: [UInt8]
    ) async throws(CatalogError) {
        let data = Data(payload)
        try await writer.submit { transaction in
            for id in ids.prefix(CatalogLimits.pageRows) {
                try transaction.database.run(SQL.setCopy, data, id, digest.key)
            }
            transaction.touchAll()
        }
    }
}

extension ScrubCandidate {
    fileprivate init(_ row: Row) throws {
        guard let health = BlobHealth(rawValue: try row.text(2)) else {
            throw CatalogError(.inconsistent, "a blob in an unknown state")
        }
        self.init(digest: try row.digest(0), size: try row.int(1), health: health, isManifest: try row.flag(3))
    }
}

extension ScrubRecord {
    fileprivate init(_ row: Row) throws {
        let key = try row.bytes(0)
        var last: Past?
        if let startedAt = try row.optionalInt(7), let finishedAt = try row.optionalInt(8) {
            last = Past(
                startedAt: startedAt,
                finishedAt: finishedAt,
                done: BlobTotals(blobs: try row.int(9), bytes: try row.int(10)),
                bad: try row.int(11)
            )
        }
        self.init(
            after: key.isEmpty ? nil : try row.digest(0),
            startedAt: try row.optionalInt(1),
            total: BlobTotals(blobs: try row.int(2), bytes: try row.int(3)),
            done: BlobTotals(blobs: try row.int(4), bytes: try row.int(5)),
            bad: try row.int(6),
            last: last,
            found: try row.int(12),
            healed: try row.int(13)
        )
    }
}
