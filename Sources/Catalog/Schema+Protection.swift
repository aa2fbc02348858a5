// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What keeps images, whatever the rules of retention say.
    ///
    /// A `pin` is about a tag or about a digest. Its kinds: a `pin`, which whoever may retain sets and removes; a
    /// `hold`, for law and audits, which an administrator alone removes; a `lock`, which nobody removes before
    /// `until`. `deployment` is what runs somewhere, the latest report of each target and service; `deployed` are the
    /// images that a service of an environment ran, for the way back. Times are seconds since 1970.
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

        CREATE TABLE deployment(
            env TEXT NOT NULL,
            target TEXT NOT NULL,
            service TEXT NOT NULL,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL,
            deployment TEXT,
            reported_at INTEGER NOT NULL,
            stale_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL CHECK(expires_at >= stale_at),
            reporter TEXT NOT NULL,
            PRIMARY KEY(env, target, service, repo_id)) WITHOUT ROWID;
        CREATE INDEX deployment_image ON deployment(repo_id, digest);
        CREATE INDEX deployment_expiry ON deployment(expires_at);

        CREATE TABLE deployed(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            digest BLOB NOT NULL,
            first_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            PRIMARY KEY(repo_id, env, service, digest)) WITHOUT ROWID;
        """
}
