// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

extension Schema {
    /// In which region immutable tags of a repository are created, and reports of deployments of other regions.
    ///
    /// `repo.home_region` is the name of that region's log, null where nobody has said; `home_epoch` rises with each
    /// handing over. `home_hlc` and `home_by` are the stamp of the entry that says so, and `home_idx` its index in that
    /// log, null for one of this registry's own; `home_heard` how many entries of other logs counted where it
    /// was written, one log a line. `tag_write.home_epoch` is set for what was immutable when it was set.
    ///
    /// `peer.followed` are the patterns of the repositories of a peer that are followed, one a
    /// line; empty for all.
    /// `peer.joined_hlc` is when a peer was added, and `pulls_until` until when it is known what was pulled
    /// there, in seconds since 1970.
    ///
    /// `blob.remote_of` is the log whose entry first spoke of a blob whose bytes were not here.
    ///
    /// `deployment.hlc` is the time of the newest change that is known of a report, and `logged_at` when the log was
    /// last told of it, in seconds since 1970.
    static let homes = """
        ALTER TABLE repo ADD COLUMN home_hlc INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE repo ADD COLUMN home_by TEXT NOT NULL DEFAULT '';
        ALTER TABLE repo ADD COLUMN home_idx INTEGER;
        ALTER TABLE repo ADD COLUMN home_heard TEXT NOT NULL DEFAULT '';
        ALTER TABLE peer ADD COLUMN followed TEXT NOT NULL DEFAULT '';
        ALTER TABLE peer ADD COLUMN joined_hlc INTEGER;
        ALTER TABLE peer ADD COLUMN pulls_until INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX manifest_pulled ON manifest(last_pull, id) WHERE last_pull IS NOT NULL;
        ALTER TABLE blob ADD COLUMN remote_of TEXT;
        ALTER TABLE tag_write ADD COLUMN home_epoch INTEGER;
        ALTER TABLE deployment ADD COLUMN hlc INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE deployment ADD COLUMN logged_at INTEGER NOT NULL DEFAULT 0;
        """

    private static let creations = """
        SELECT MIN(id), repo_id, hlc FROM event WHERE kind = 'repo.create' AND repo_id IS NOT NULL GROUP BY repo_id
        """
    private static let giveHome = "UPDATE repo SET home_region = ?, home_hlc = ?, home_by = ? WHERE id = ?"

    /// The home of what was created here is here, as it is for who replays the log. Reads the events once.
    static func giveHomes(_ database: Database, _ origin: String) throws {
        try database.forEachRow(creations) { row in
            try database.run(giveHome, origin, row.int(2), origin, row.int(1))
            return true
        }
    }
}
