// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// How far the present pass over all blobs has come, and what the last whole one found.
    static let scrub = """
        CREATE TABLE scrub(
            one INTEGER PRIMARY KEY CHECK(one = 1),
            after BLOB NOT NULL,
            started_at INTEGER NOT NULL,
            blobs INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            bad INTEGER NOT NULL DEFAULT 0,
            last_started_at INTEGER,
            last_finished_at INTEGER,
            last_blobs INTEGER,
            last_bytes INTEGER,
            last_bad INTEGER);
        """
}
