// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What keeps images, whatever the rules of retention say.
    ///
    /// A `pin` is about a tag or about a digest. Its kinds: a `pin`, which whoever may retain sets and removes; a
    /// `hold`, for law and audits, which an administrator alone removes; a `lock`, which nobody removes before
    /// `until`.
    ///
    /// `deployment` is what runs somewhere: the latest report of each reporter on each target and service. Who reports
    /// is part of the key, so that nobody's report takes another's away. `ended_at` is set on the last one that a
    /// reporter ended in a service of an environment: it runs there no more, and its former images stay for the grace.
    /// `expires_st` is of service time: a report is over only when both clocks say so. `deployed` are the images that
    /// a service of an environment ran by the same reporter, for the way back, in the order of `last_hlc`.
    ///
    /// Other times are seconds since 1970.
    static let protection = """
        CREATE TABLE pin(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            kind TEXT NOT NULL CHECK(kind IN ('pin', 'hold', 'lock')),
            tag TEXT,
            digest BLOB,
            until INTEGER,
            reason TEXT NOT NULL,
            actor TEXT NOT NULL,
            since INTEGER NOT NULL,
            CHECK((tag IS NULL) <> (digest IS NULL)),
            CHECK(kind <> 'lock' OR until IS NOT NULL));
        CREATE UNIQUE INDEX pin_tag ON pin(repo_id, tag, kind) WHERE tag IS NOT NULL;
        CREATE UNIQUE INDEX pin_digest ON pin(repo_id, digest, kind) WHERE digest IS NOT NULL;
        CREATE INDEX pin_repo ON pin(repo_id, id);

        CREATE TABLE deployment(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            target TEXT NOT NULL,
            reporter TEXT NOT NULL,
            digest BLOB NOT NULL,
            deployment TEXT,
            reported_at INTEGER NOT NULL,
            stale_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL CHECK(expires_at >= stale_at),
            expires_st INTEGER NOT NULL,
            ended_at INTEGER,
            UNIQUE(repo_id, env, service, target, reporter));
        CREATE INDEX deployment_repo ON deployment(repo_id, id);
        CREATE INDEX deployment_env ON deployment(env, id);
        CREATE INDEX deployment_group ON deployment(repo_id, env, service, reporter, ended_at);
        CREATE INDEX deployment_image ON deployment(repo_id, digest, env, service, reporter);
        CREATE INDEX deployment_reporter ON deployment(reporter);
        CREATE INDEX deployment_stale ON deployment(stale_at) WHERE ended_at IS NULL;
        CREATE INDEX deployment_expiry ON deployment(expires_at);

        CREATE TABLE deployed(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            reporter TEXT NOT NULL,
            digest BLOB NOT NULL,
            first_at INTEGER NOT NULL,
            last_hlc INTEGER NOT NULL,
            PRIMARY KEY(repo_id, env, service, reporter, digest)) WITHOUT ROWID;
        CREATE INDEX deployed_image ON deployed(repo_id, digest);
        """
}
