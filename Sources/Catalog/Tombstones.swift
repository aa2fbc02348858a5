// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// A deletion of a manifest: its stamp, and the place of its entry where it is another region's.
struct Trashing {
    let stamp: Stamp
    let place: LogPlace?

    init(_ stamp: Stamp, at place: LogPlace?) {
        self.stamp = stamp
        self.place = place
    }
}

/// The place of an entry in the log of an origin.
struct LogPlace: Hashable {
    let origin: String
    let index: Int64
}

/// A manifest that has lost a tag, an index that held it, or got a deletion.
struct LoosenedManifest {
    let digest: Digest
    let repository: Repository
}

extension SQL {
    static let noteTrash = """
        INSERT INTO tombstone(repo_id, digest, hlc, region, origin, idx, noted_st) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, digest) DO UPDATE SET hlc = excluded.hlc, region = excluded.region,
            origin = excluded.origin, idx = excluded.idx, noted_st = excluded.noted_st
        WHERE (tombstone.hlc, tombstone.region) < (excluded.hlc, excluded.region)
        """
    static let trashTime = "SELECT hlc FROM tombstone WHERE repo_id = ? AND digest = ?"
    static let touchManifest = """
        UPDATE manifest SET touch_hlc = ?, touch_region = ?
        WHERE repo_id = ? AND digest = ? AND (touch_hlc, touch_region) < (?, ?)
        """
    /// What decides whether a manifest is live: its last touch, its last deletion, its tags and its live indexes.
    static let standing = """
        SELECT m.id, m.live, m.touch_hlc, d.hlc,
            EXISTS (SELECT 1 FROM tag t WHERE t.repo_id = m.repo_id AND t.digest = m.digest AND t.live = 1),
            EXISTS (SELECT 1 FROM ref_manifest e JOIN manifest p ON p.id = e.manifest_id
                WHERE e.repo_id = m.repo_id AND e.child = m.digest AND p.live = 1)
        FROM manifest m LEFT JOIN tombstone d ON d.repo_id = m.repo_id AND d.digest = m.digest
        WHERE m.repo_id = ? AND m.digest = ?
        """
    /// Children for which a deletion waits, and those that are in the trash.
    static let unsettledChildren = """
        SELECT e.child FROM ref_manifest e
        JOIN manifest c ON c.repo_id = e.repo_id AND c.digest = e.child
        JOIN tombstone d ON d.repo_id = c.repo_id AND d.digest = c.digest
        WHERE e.manifest_id = ? AND (c.live = 0 OR d.hlc > c.touch_hlc)
        """
    static let expiredTombstones = """
        SELECT d.repo_id, d.digest FROM tombstone d WHERE d.noted_st < ? AND NOT EXISTS
            (SELECT 1 FROM manifest m WHERE m.repo_id = d.repo_id AND m.digest = d.digest)
        ORDER BY d.noted_st LIMIT ?
        """
    static let dropTombstone = "DELETE FROM tombstone WHERE repo_id = ? AND digest = ?"
}

/// Whether a manifest is live, as all that is known says.
struct Standing {
    let id: Int64
    let isLive: Bool
    /// It is, or should be: touched at or after its deletion, or held by a live tag or index.
    let isMeant: Bool

    fileprivate init(_ row: Row) throws {
        id = try row.int(0)
        isLive = try row.flag(1)
        let touched = try row.int(2)
        let isTouched = try row.optionalInt(3).map { touched >= $0 } ?? true
        isMeant = try isTouched || row.flag(4) || row.flag(5)
    }
}

extension Database {
    /// nil for a manifest that is not here.
    func standing(of digest: Digest, in repository: Int64) throws -> Standing? {
        try row(SQL.standing, repository, digest.key).map(Standing.init)
    }

    /// Keeps the latest deletion of a manifest, which need not be here. `now` is service time.
    func noteTrash(_ digest: Digest, _ trashing: Trashing, in repository: Int64, now: Int64) throws {
        try run(
            SQL.noteTrash,
            repository,
            digest.key,
            trashing.stamp.time.rawValue,
            trashing.stamp.origin,
            trashing.place?.origin,
            trashing.place?.index,
            now
        )
    }
}

extension Transaction {
    /// A put, a tag or a restoration speaks for a manifest: an earlier deletion does not count any more.
    func touch(_ digest: Digest, in repository: Repository) throws {
        let (time, region) = (stamp.time.rawValue, stamp.origin)
        try database.run(SQL.touchManifest, time, region, repository.id, digest.key, time, region)
    }

    /// Lets a manifest be judged before the operation ends.
    func loosen(_ digest: Digest, in repository: Repository) {
        // A manifest may lose thousands of tags at once.
        if let last = loosened.last, last.digest == digest, last.repository.id == repository.id { return }
        loosened.append(LoosenedManifest(digest: digest, repository: repository))
    }

    /// The same for what it holds and what may come into the trash, or out of it, with it.
    func loosenChildren(of id: Int64, in repository: Repository) throws {
        for row in try database.rows(SQL.unsettledChildren, id) { loosen(try row.digest(0), in: repository) }
    }

    /// Moves what was loosened to where it belongs: a deletion that came while a tag or an index held its manifest
    /// takes effect when that goes, and what a live tag or index holds comes back from the trash.
    ///
    /// Each manifest moves its children along, so this is bounded by what is in the indexes that moved.
    func judgeLoosened() throws {
        while let next = loosened.popLast() {
            let repository = next.repository
            guard let standing = try database.standing(of: next.digest, in: repository.id),
                standing.isLive != standing.isMeant
            else { continue }
            if standing.isMeant {
                try unbury(standing.id, in: repository)
            } else {
                try bury(standing.id, in: repository)
                try account(repository, manifests: -1)
                try changed(repository)
            }
        }
    }
}

extension Catalog {
    /// Forgets deletions of manifests that are gone for `CatalogLimits.tombstoneSeconds`: a region that was away for
    /// longer has to be set up anew.
    ///
    /// - Returns: How many, at most `limit`.
    package func expireTombstones(limit: Int) async throws(CatalogError) -> Int {
        let limit = Catalog.rows(limit)
        return try await writer.submit { transaction in
            let before = transaction.now.seconds - CatalogLimits.tombstoneSeconds
            let rows = try transaction.database.rows(SQL.expiredTombstones, before, limit)
            for row in rows { try transaction.database.run(SQL.dropTombstone, row.int(0), row.digest(1).key) }
            return rows.count
        }
    }
}
