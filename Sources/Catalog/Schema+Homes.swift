// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// In which region immutable tags of a repository are created, and reports of deployments of other regions.
    ///
    /// `repo.home_region` is the name of that region's log, null where nobody has said; `home_epoch` rises with each
    /// handing over. `home_hlc` and `home_by` are the stamp of the entry that says so, and `home_idx` its index in that
    /// log, null for one of this registry's own. `tag_write.home_epoch` is set for what was immutable when it was set.
    ///
    /// `peer.followed` are the patterns of the repositories of a peer that are followed, one a
    /// line; empty for all.
    /// `peer.joined_hlc` is when a peer was first heard, and `pulls_until` until when it is known what was pulled
    /// there, in seconds since 1970.
    ///
    /// `deployment.hlc` is the time of the newest change that is known of a report, and `logged_at` when the log was
    /// last told of it, in seconds since 1970.
    static let homes = """
        ALTER TABLE repo ADD COLUMN home_hlc INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE repo ADD COLUMN home_by TEXT NOT NULL DEFAULT '';
        ALTER TABLE repo ADD COLUMN home_idx INTEGER;
        ALTER TABLE peer ADD COLUMN followed TEXT NOT NULL DEFAULT '';
        ALTER TABLE peer ADD COLUMN joined_hlc INTEGER;
        ALTER TABLE peer ADD COLUMN pulls_until INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX manifest_pulled ON manifest(last_pull, id) WHERE last_pull IS NOT NULL;
        ALTER TABLE tag_write ADD COLUMN home_epoch INTEGER;
        ALTER TABLE deployment ADD COLUMN hlc INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE deployment ADD COLUMN logged_at INTEGER NOT NULL DEFAULT 0;
        """
}
