// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// Runs of retention: plans with every decision, and what became of each; and the rules, each version that was in
    /// force.
    ///
    /// Times are seconds since 1970, `undo_until_st` is of service time. `stamp` is the timestamp that the tag or the
    /// manifest had when the plan was made: an item that has changed since is skipped, and `outcome` says why. Items of
    /// one `root` are applied in one transaction: a manifest with its tags and with what describes it.
    ///
    /// `tag.set_at` is the time that a tag was set, in seconds since 1970, where a restore has brought it back: its
    /// timestamp is then later. `pull_tracking` says since when pulls are known, and until when.
    static let retention = """
        CREATE TABLE retention_policy(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            version TEXT NOT NULL,
            body TEXT NOT NULL,
            since INTEGER NOT NULL);

        CREATE TABLE retention_run(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            state TEXT NOT NULL CHECK(state IN
                ('planning', 'planned', 'applying', 'applied', 'restoring', 'restored', 'discarded')),
            scope TEXT NOT NULL,
            policy TEXT NOT NULL,
            plan_hash TEXT,
            actor TEXT NOT NULL,
            planned_at INTEGER NOT NULL,
            applied_at INTEGER,
            undo_until_st INTEGER,
            restored_at INTEGER,
            kept INTEGER NOT NULL DEFAULT 0,
            tags INTEGER NOT NULL DEFAULT 0,
            manifests INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            warnings TEXT NOT NULL DEFAULT '[]');

        CREATE TABLE retention_decision(
            run_id INTEGER NOT NULL REFERENCES retention_run ON DELETE CASCADE,
            item INTEGER NOT NULL,
            root INTEGER NOT NULL,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            tag TEXT,
            digest BLOB NOT NULL,
            verdict TEXT NOT NULL CHECK(verdict IN ('keep', 'delete')),
            rule TEXT,
            because TEXT NOT NULL,
            stamp INTEGER NOT NULL,
            set_at INTEGER,
            state TEXT NOT NULL CHECK(state IN
                ('kept', 'planned', 'done', 'skipped', 'restored', 'conflict')),
            outcome TEXT,
            PRIMARY KEY(run_id, item)) WITHOUT ROWID;
        CREATE INDEX retention_decision_image ON retention_decision(repo_id, digest, run_id);
        CREATE INDEX retention_decision_open ON retention_decision(run_id, state, root, item);
        CREATE INDEX retention_decision_repo ON retention_decision(repo_id);

        ALTER TABLE tag ADD COLUMN set_at INTEGER;

        CREATE TABLE pull_tracking(
            one INTEGER PRIMARY KEY CHECK(one = 1),
            since INTEGER NOT NULL,
            until INTEGER NOT NULL CHECK(until >= since));
        """

    /// What each rule of a plan deletes, as ``RetentionShare`` writes it.
    static let retentionShares = "ALTER TABLE retention_run ADD COLUMN shares TEXT NOT NULL DEFAULT '[]'"
}
