// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// The tables, by migrations that are never edited once released: each change of the schema is a new one.
///
/// References that must not dangle are foreign keys, so the engine refuses what a verb would get wrong. There are no
/// triggers: the verbs do it, in the same transaction.
///
/// In tables without row ids the columns of the key come first: the integrity check of SQLite 3.40 otherwise takes one
/// column for another and reports values that are not NULL as NULL.
enum Schema {
    /// `origin` is that of the log, for what is here of changes that were made before stamps had one.
    static func migrator(origin: String) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-core") { database in
            for statement in [repositories, blobs, manifests, tags, changes, accounts] {
                try database.execute(sql: statement)
            }
        }
        migrator.registerMigration("2-access") { try $0.execute(sql: access) }
        migrator.registerMigration("3-log") { try $0.execute(sql: log) }
        migrator.registerMigration("4-trust") { try $0.execute(sql: trust) }
        migrator.registerMigration("5-retention") { database in
            for statement in [protection, retention, collection, scrub, replay] { try database.execute(sql: statement) }
        }
        migrator.registerMigration("6-retention-shares") { try $0.execute(sql: retentionShares) }
        migrator.registerMigration("7-regions") { database in
            try database.execute(sql: regions)
            try stampWhatIsHere(database, origin)
        }
        migrator.registerMigration("8-homes") { database in
            try database.execute(sql: homes)
            try giveHomes(database, origin)
        }
        migrator.registerMigration("9-releases") { try $0.execute(sql: releases) }
        migrator.registerMigration("10-availability") { try $0.execute(sql: availability) }
        migrator.registerMigration("11-webhooks") { try $0.execute(sql: webhooks) }
        migrator.registerMigration("12-release-indexes") { try $0.execute(sql: releaseIndexes) }
        migrator.registerMigration("13-warm-up") { try $0.execute(sql: warmUp) }
        return migrator
    }

    /// `version` is the cache epoch, `tag_count` the number of rows in `tag`: both change with the rows they speak of.
    private static let repositories = """
        CREATE TABLE repo(
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            home_region TEXT,
            home_epoch INTEGER NOT NULL DEFAULT 0,
            tag_mode TEXT NOT NULL DEFAULT 'mutable',
            sparse_index INTEGER NOT NULL DEFAULT 0,
            version INTEGER NOT NULL DEFAULT 0,
            tag_count INTEGER NOT NULL DEFAULT 0 CHECK(tag_count >= 0));
        """

    /// Digests are the byte of their algorithm, then the raw hash. `location` is NULL for the path that the digest
    /// names, else the key of an object, so that a collector deletes exactly the object it decided on.
    private static let blobs = """
        CREATE TABLE blob(
            digest BLOB NOT NULL PRIMARY KEY,
            size INTEGER NOT NULL CHECK(size >= 0),
            state TEXT NOT NULL CHECK(state IN ('live', 'condemned', 'remote')),
            health TEXT NOT NULL DEFAULT 'ok' CHECK(health IN ('ok', 'corrupt')),
            location TEXT,
            condemned_st INTEGER,
            verified_at INTEGER,
            next_scrub INTEGER) WITHOUT ROWID;
        CREATE INDEX blob_condemned ON blob(condemned_st) WHERE state = 'condemned';
        CREATE INDEX blob_scrub ON blob(next_scrub) WHERE next_scrub IS NOT NULL;
        CREATE INDEX blob_sick ON blob(health) WHERE health <> 'ok';

        CREATE TABLE repo_blob(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL REFERENCES blob ON DELETE RESTRICT,
            lease_until_st INTEGER NOT NULL,
            hidden INTEGER NOT NULL DEFAULT 0 CHECK(hidden IN (0, 1)),
            linked_at INTEGER NOT NULL,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;
        CREATE INDEX repo_blob_rev ON repo_blob(digest);
        """

    /// `payload` is last: SQLite reaches a column behind it only through all its pages. `depth` is 0 for an image and
    /// one more than the deepest child for an index. The edges of a trashed manifest stay, so that it can be restored.
    private static let manifests = """
        CREATE TABLE manifest(
            id INTEGER PRIMARY KEY,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL REFERENCES blob ON DELETE RESTRICT,
            media_type TEXT NOT NULL,
            artifact_type TEXT,
            config_type TEXT,
            subject BLOB,
            depth INTEGER NOT NULL CHECK(depth >= 0),
            pushed_at INTEGER NOT NULL,
            last_pull INTEGER,
            touch_hlc INTEGER NOT NULL,
            touch_region TEXT NOT NULL,
            live INTEGER NOT NULL CHECK(live IN (0, 1)),
            purge_after_st INTEGER,
            annotations TEXT,
            payload BLOB NOT NULL,
            UNIQUE(repo_id, digest),
            UNIQUE(repo_id, digest, live));
        CREATE INDEX referrers ON manifest(repo_id, subject, digest, artifact_type)
            WHERE subject IS NOT NULL AND live = 1;
        CREATE INDEX manifest_purge ON manifest(purge_after_st) WHERE live = 0;
        CREATE INDEX manifest_rev ON manifest(digest);

        CREATE TABLE ref_blob(
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            digest BLOB NOT NULL,
            repo_id INTEGER NOT NULL,
            PRIMARY KEY(manifest_id, digest),
            FOREIGN KEY(repo_id, digest) REFERENCES repo_blob(repo_id, digest) ON DELETE RESTRICT) WITHOUT ROWID;
        CREATE INDEX ref_blob_rev ON ref_blob(repo_id, digest);

        CREATE TABLE ref_manifest(
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            child BLOB NOT NULL,
            repo_id INTEGER NOT NULL,
            PRIMARY KEY(manifest_id, child),
            FOREIGN KEY(repo_id, child) REFERENCES manifest(repo_id, digest) ON DELETE RESTRICT) WITHOUT ROWID;
        CREATE INDEX ref_manifest_rev ON ref_manifest(repo_id, child);

        CREATE TABLE ref_weak(
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            target BLOB NOT NULL,
            repo_id INTEGER NOT NULL,
            kind TEXT NOT NULL,
            PRIMARY KEY(manifest_id, target)) WITHOUT ROWID;
        """

    /// The key of a tag includes `live`, so no tag can point at a trashed manifest and no manifest with a tag can be
    /// trashed. `tag_rev` has all columns of that key, or a change of a manifest would walk all tags of its repository.
    /// `tag_history` holds the values that tags no longer have.
    private static let tags = """
        CREATE TABLE tag(
            repo_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            digest BLOB NOT NULL,
            live INTEGER NOT NULL DEFAULT 1 CHECK(live = 1),
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            PRIMARY KEY(repo_id, name),
            FOREIGN KEY(repo_id, digest, live) REFERENCES manifest(repo_id, digest, live)
                ON UPDATE RESTRICT ON DELETE RESTRICT) WITHOUT ROWID;
        CREATE INDEX tag_rev ON tag(repo_id, digest, live);

        CREATE TABLE tag_history(
            repo_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            seq INTEGER NOT NULL,
            digest BLOB NOT NULL,
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            actor TEXT NOT NULL,
            why TEXT NOT NULL,
            PRIMARY KEY(repo_id, name, seq)) WITHOUT ROWID;
        """

    private static let changes = """
        CREATE TABLE upload(
            id TEXT NOT NULL PRIMARY KEY,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            actor TEXT NOT NULL,
            node TEXT,
            durable_offset INTEGER NOT NULL CHECK(durable_offset >= 0),
            expires_st INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX upload_expiry ON upload(expires_st);
        CREATE INDEX upload_repo ON upload(repo_id);

        CREATE TABLE event(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            repo_id INTEGER,
            hlc INTEGER NOT NULL,
            leaf BLOB NOT NULL CHECK(length(leaf) <= \(CatalogLimits.leafBytes)),
            seq INTEGER UNIQUE);
        """

    private static let accounts = """
        CREATE TABLE usage_delta(
            id INTEGER PRIMARY KEY,
            repo_id INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            manifests INTEGER NOT NULL,
            tags INTEGER NOT NULL);

        CREATE TABLE usage(
            repo_id INTEGER PRIMARY KEY,
            logical_bytes INTEGER NOT NULL,
            manifests INTEGER NOT NULL,
            tags INTEGER NOT NULL);

        CREATE TABLE service_time(one INTEGER PRIMARY KEY CHECK(one = 1), st INTEGER NOT NULL);
        INSERT INTO service_time(one, st) VALUES (1, 0);

        CREATE TABLE gc_queue(
            repo_id INTEGER NOT NULL,
            digest BLOB NOT NULL,
            due_st INTEGER NOT NULL,
            reason TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;
        CREATE INDEX gc_queue_due ON gc_queue(due_st);
        """
}
