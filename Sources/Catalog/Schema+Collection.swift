// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What collection works on.
    ///
    /// Versions before this one queued no link that lost its last reference: all that have none are queued, so that no
    /// garbage is left for ever. `stored` books all blobs that have a row, by their rows: it is added up, and
    /// housekeeping makes one row of many.
    static let collection = """
        INSERT INTO gc_queue(repo_id, digest, due_st, reason)
            SELECT l.repo_id, l.digest, l.lease_until_st, 'upgrade' FROM repo_blob l
            WHERE NOT EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
            ON CONFLICT DO NOTHING;

        CREATE TABLE stored(
            id INTEGER PRIMARY KEY,
            bytes INTEGER NOT NULL,
            blobs INTEGER NOT NULL);
        INSERT INTO stored(bytes, blobs) SELECT COALESCE(SUM(size), 0), COUNT(*) FROM blob;
        """
}
