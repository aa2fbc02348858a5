// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// The release record: builds, promotions, phases of rollouts and reports of what runs, of this registry and of
    /// the regions that it follows.
    ///
    /// `release` has a row for each such entry of a log; the stamp `hlc` and `region` and what it is about are its key.
    /// Rows are only ever added, and trimmed by age. `at` is in milliseconds since 1970. `phase` is that of a step; of
    /// a build `succeeded` or `failed`; of a report `running` or `ended`. `deployment` of a build is CI's name of the
    /// run. Names that an entry does not have are empty. `until_ms` is when a report runs out, or when a build began.
    ///
    /// `desired` is what is to run in a service of an environment, the service being empty where none is named, which
    /// says nothing of others: the latest that was said, by `hlc` and `region`. A digest that is null says that nothing
    /// is to run there any more.
    ///
    /// `outcome` are the images that a service had: when each was last healthy as a whole, and when it was last given
    /// up, as times of the log, 0 for never.
    ///
    /// `traffic` are the requests and errors of a rollout since it began, as each reporter counts them; `at` is in
    /// seconds since 1970. It is of this registry alone, in no log, and goes when it is old.
    static let releases = """
        CREATE TABLE release(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            target TEXT NOT NULL,
            deployment TEXT NOT NULL,
            phase TEXT NOT NULL,
            config BLOB,
            source TEXT NOT NULL,
            revision TEXT NOT NULL,
            builder TEXT NOT NULL,
            from_env TEXT NOT NULL,
            reporter TEXT NOT NULL,
            until_ms INTEGER,
            actor TEXT NOT NULL,
            at INTEGER NOT NULL,
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            UNIQUE(hlc, region, env, service, target, reporter, deployment, phase));
        CREATE INDEX release_time ON release(at, id);
        CREATE INDEX release_repo ON release(repo_id, id);
        CREATE INDEX release_env ON release(env, id);
        CREATE INDEX release_image ON release(repo_id, digest, id);
        CREATE INDEX release_build ON release(repo_id, kind, digest, id);
        CREATE INDEX release_rollout ON release(repo_id, kind, env, service, deployment, target, id);
        CREATE INDEX release_revision ON release(repo_id, revision, id) WHERE revision <> '';

        CREATE TABLE desired(
            env TEXT NOT NULL,
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            service TEXT NOT NULL,
            digest BLOB,
            config BLOB,
            kind TEXT NOT NULL,
            deployment TEXT NOT NULL,
            actor TEXT NOT NULL,
            at INTEGER NOT NULL,
            hlc INTEGER NOT NULL,
            region TEXT NOT NULL,
            PRIMARY KEY(env, repo_id, service)) WITHOUT ROWID;
        CREATE INDEX desired_image ON desired(repo_id, digest);

        CREATE TABLE outcome(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            digest BLOB NOT NULL,
            good_hlc INTEGER NOT NULL DEFAULT 0,
            bad_hlc INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY(repo_id, env, service, digest)) WITHOUT ROWID;
        CREATE INDEX outcome_image ON outcome(repo_id, digest, good_hlc, bad_hlc);

        CREATE TABLE traffic(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            env TEXT NOT NULL,
            service TEXT NOT NULL,
            deployment TEXT NOT NULL,
            role TEXT NOT NULL CHECK(role IN ('canary', 'baseline')),
            reporter TEXT NOT NULL,
            requests INTEGER NOT NULL,
            errors INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY(repo_id, env, service, deployment, role, reporter)) WITHOUT ROWID;
        CREATE INDEX traffic_time ON traffic(at);

        ALTER TABLE deployment ADD COLUMN config BLOB;
        """

    /// What the writer asks of the record while others wait, and what lists ask, without a walk through reports:
    /// `release_deployment` has the first step of a deployment, `release_place` whether an image was in an environment,
    /// its first build and its first promotion, `release_revision` the images of a commit. `desired_live` leaves out
    /// what was withdrawn.
    static let releaseIndexes = """
        DROP INDEX release_revision;
        CREATE INDEX release_revision ON release(repo_id, kind, revision, source, phase, digest) WHERE revision <> '';
        CREATE INDEX release_deployment ON release(repo_id, env, service, deployment, at, id)
            WHERE kind = 'deploy.step';
        CREATE INDEX release_place ON release(repo_id, digest, env, kind, phase, at, id);
        CREATE INDEX release_repo_env ON release(repo_id, env, id);
        CREATE INDEX desired_live ON desired(env, repo_id, digest) WHERE digest IS NOT NULL;
        """
}
