// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

extension Schema {
    /// What is known of other regions, and by what their changes and those made here are ordered.
    ///
    /// A `peer` is the log of another region: how many of its entries came into the inbox (`size`), how many it had
    /// when it was first heard (`joined`, null until then), and how many of its first entries are applied.
    /// `peer_position` is how far a peer says that it has applied a log. `inbox` has the entries that are mirrored and
    /// not applied, and those that are, while one before them is not; times are of service time.
    ///
    /// `tag_write` are the newest times that a tag was set or deleted, wherever: the tag's value and its conflicts are
    /// a function of these rows. `tombstone` is the last time that a manifest was trashed, whether it is here or not.
    /// `register` is the last time that a digest or tag was kept back, pinned or held, and let go again; `repo_id` is 0
    /// for a quarantine. `conflict` are two values of a tag, of which neither was set with the other one known.
    /// `hybrid_clock` is the latest time of another region that was seen.
    static let regions = """
        CREATE TABLE hybrid_clock(one INTEGER PRIMARY KEY CHECK(one = 1), hlc INTEGER NOT NULL);
        INSERT INTO hybrid_clock(one, hlc) VALUES (1, 0);

        CREATE TABLE peer(
            origin TEXT NOT NULL PRIMARY KEY,
            region TEXT NOT NULL,
            size INTEGER NOT NULL DEFAULT 0 CHECK(size >= 0),
            joined INTEGER CHECK(joined >= 0),
            applied INTEGER NOT NULL DEFAULT 0 CHECK(applied >= 0),
            state TEXT NOT NULL CHECK(state IN ('following', 'paused', 'frozen', 'retired')),
            reason TEXT NOT NULL DEFAULT '',
            CHECK(applied <= size)) WITHOUT ROWID;

        CREATE TABLE peer_position(
            peer TEXT NOT NULL REFERENCES peer(origin) ON DELETE CASCADE,
            origin TEXT NOT NULL,
            size INTEGER NOT NULL CHECK(size >= 0),
            PRIMARY KEY(peer, origin)) WITHOUT ROWID;

        CREATE TABLE inbox(
            origin TEXT NOT NULL REFERENCES peer(origin) ON DELETE RESTRICT,
            idx INTEGER NOT NULL CHECK(idx >= 0),
            repo TEXT,
            state TEXT NOT NULL CHECK(state IN ('waiting', 'parked', 'applied')),
            attempts INTEGER NOT NULL DEFAULT 0,
            next_try_st INTEGER NOT NULL DEFAULT 0,
            reason TEXT,
            leaf BLOB NOT NULL,
            PRIMARY KEY(origin, idx)) WITHOUT ROWID;
        CREATE INDEX inbox_due ON inbox(origin, next_try_st, idx) WHERE state <> 'applied';
        CREATE INDEX inbox_repo ON inbox(repo, idx) WHERE state <> 'applied' AND repo IS NOT NULL;
        CREATE INDEX inbox_open ON inbox(origin, idx) WHERE state <> 'applied';

        CREATE TABLE tag_write(
            repo_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            digest BLOB,
            former BLOB,
            exempted INTEGER NOT NULL DEFAULT 0 CHECK(exempted IN (0, 1)),
            PRIMARY KEY(repo_id, name, hlc, region)) WITHOUT ROWID;

        CREATE TABLE tombstone(
            repo_id INTEGER NOT NULL,
            digest BLOB NOT NULL,
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            origin TEXT,
            idx INTEGER,
            noted_st INTEGER NOT NULL,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;
        CREATE INDEX tombstone_noted ON tombstone(noted_st);

        CREATE TABLE register(
            repo_id INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK(kind IN ('quarantine', 'pin', 'hold', 'lock')),
            subject TEXT NOT NULL,
            set_hlc INTEGER NOT NULL,
            set_region TEXT NOT NULL,
            cleared_hlc INTEGER NOT NULL,
            until INTEGER,
            reason TEXT NOT NULL,
            actor TEXT NOT NULL,
            PRIMARY KEY(repo_id, kind, subject)) WITHOUT ROWID;

        CREATE TABLE conflict(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            tag TEXT NOT NULL,
            winner BLOB,
            winner_hlc INTEGER NOT NULL,
            winner_region TEXT NOT NULL,
            loser BLOB NOT NULL,
            loser_hlc INTEGER NOT NULL,
            loser_region TEXT NOT NULL,
            opened INTEGER NOT NULL,
            resolved INTEGER,
            UNIQUE(repo_id, tag, loser_hlc, loser_region, winner_hlc, winner_region));
        CREATE INDEX conflict_open ON conflict(id) WHERE resolved IS NULL;

        CREATE INDEX blob_remote ON blob(digest) WHERE state = 'remote';
        CREATE INDEX ref_awaited ON ref_weak(repo_id, target) WHERE kind <> 'subject';

        INSERT INTO tombstone(repo_id, digest, hlc, region, noted_st)
            SELECT repo_id, digest, touch_hlc, touch_region, 0 FROM manifest WHERE live = 0;
        UPDATE manifest SET touch_hlc = touch_hlc - 1 WHERE live = 0;
        INSERT INTO tag_write(repo_id, name, hlc, region, digest) SELECT repo_id, name, hlc, region, digest FROM tag;
        """

    private static let restamp = ["tag", "manifest", "tag_write", "tombstone"].map { table in
        "UPDATE \(table) SET \(table == "manifest" ? "touch_region" : "region") = ?"
    }

    private static let leafOfEvent = "SELECT leaf FROM event WHERE id = ?"
    private static let newestChanges = """
        SELECT MAX(id), repo_id FROM event
        WHERE subject IS NOT NULL AND repo_id IS NOT NULL AND kind IN ('tag.set', 'tag.delete', 'manifest.trash')
        GROUP BY repo_id, subject, kind = 'manifest.trash'
        """
    private static let keptChanges = """
        SELECT id, repo_id FROM event
        WHERE kind IN ('quarantine.set', 'quarantine.clear', 'hold.set', 'hold.clear') ORDER BY id
        """

    private static let insertTagWrite = """
        INSERT INTO tag_write(repo_id, name, hlc, region, digest, former, exempted) VALUES (?, ?, ?, ?, ?, ?, ?)
        """

    private static func insert(
        _ write: TagWrite,
        of tag: Tag,
        in repository: Int64,
        _ database: Database
    ) throws {
        try database.run(
            insertTagWrite,
            repository,
            tag.description,
            write.stamp.time.rawValue,
            write.stamp.origin,
            write.digest?.key,
            write.former?.key,
            write.isExempted
        )
    }

    /// Gives what is here the stamps of the changes that made it so, as they stand in the log. Reads the newest change
    /// of each tag and each trashed manifest, and every one of quarantines and holds.
    static func stampWhatIsHere(_ database: Database, _ origin: String) throws {
        for statement in restamp { try database.run(statement, origin) }
        let (time, region) = (try database.row(SQL.serviceTime)?.int(0) ?? 0, origin)
        for query in [newestChanges, keptChanges] {
            try database.forEachRow(query) { row in
                guard let leaf = try database.row(leafOfEvent, row.int(0))?.bytes(0) else { return true }
                let change = try LoggedChange(parsing: leaf)
                let stamp = Stamp(time: change.timestamp, origin: region)
                let repository = try row.optionalInt(1)
                if let write = TagWrite(change, stamp), let tag = change.tag, let repository {
                    try database.run(SQL.forgetTagWrites, repository, tag.description)
                    try insert(write, of: tag, in: repository, database)
                } else if change.kind == EventKind.manifestTrashed.rawValue, let repository {
                    guard let digest = change.digest("digest") else { return true }
                    try database.noteTrash(digest, Trashing(stamp, at: nil), in: repository, now: time)
                } else if let key = RegisterKey(change, in: repository) {
                    try database.note(RegisterChange(change, stamp), of: key)
                }
                return true
            }
        }
    }
}
