// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// How available regions were, and when they were allowed not to be.
    ///
    /// `availability` has a row for each minute since 1970, region and source in which something was sampled; `good`
    /// and `total` are numbers of samples. One with a total of 0 was seen and does not count.
    ///
    /// `server_run` is how the process that has the catalog open came to run: `is_clean` is 0 while one runs, and after
    /// one that was killed. `clean_at` (of `warmUp`) is when the last one began that did so after a clean end, or as
    /// the first; 0 where that is not known.
    ///
    /// `maintenance` has what was declared, by the log of the region that it is about and the id that its entry gave
    /// it. `until_at` is 0 where only the end was heard of yet, `ended_at` null where it was not ended early. Times are
    /// seconds since 1970.
    static let availability = """
        CREATE TABLE availability(
            minute INTEGER NOT NULL,
            region TEXT NOT NULL,
            source TEXT NOT NULL,
            good INTEGER NOT NULL CHECK(good >= 0),
            total INTEGER NOT NULL CHECK(total >= good),
            PRIMARY KEY(minute, region, source)) WITHOUT ROWID;

        CREATE TABLE server_run(
            one INTEGER PRIMARY KEY CHECK(one = 1),
            is_clean INTEGER NOT NULL CHECK(is_clean IN (0, 1)),
            changed_at INTEGER NOT NULL);

        CREATE TABLE maintenance(
            origin TEXT NOT NULL,
            id TEXT NOT NULL,
            env TEXT NOT NULL,
            start_at INTEGER NOT NULL,
            until_at INTEGER NOT NULL,
            ended_at INTEGER,
            reason TEXT NOT NULL,
            actor TEXT NOT NULL,
            PRIMARY KEY(origin, id)) WITHOUT ROWID;
        CREATE INDEX maintenance_until ON maintenance(until_at, origin, id);
        """

    static let warmUp = "ALTER TABLE server_run ADD COLUMN clean_at INTEGER NOT NULL DEFAULT 0"
}
