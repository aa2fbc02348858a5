// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// How far the present pass over all blobs has come, what the last whole one found, and how much was ever found
    /// and healed. One row, which is there from the beginning; `started_at` is NULL before the first pass.
    static let scrub = """
        CREATE TABLE scrub(
            one INTEGER PRIMARY KEY CHECK(one = 1),
            after BLOB NOT NULL,
            started_at INTEGER,
            total_blobs INTEGER NOT NULL DEFAULT 0,
            total_bytes INTEGER NOT NULL DEFAULT 0,
            blobs INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            bad INTEGER NOT NULL DEFAULT 0,
            last_started_at INTEGER,
            last_finished_at INTEGER,
            last_blobs INTEGER NOT NULL DEFAULT 0,
            last_bytes INTEGER NOT NULL DEFAULT 0,
            last_bad INTEGER NOT NULL DEFAULT 0,
            found INTEGER NOT NULL DEFAULT 0,
            healed INTEGER NOT NULL DEFAULT 0);
        INSERT INTO scrub(one, after) VALUES (1, x'');
        """
}
