// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What collection works on.
    ///
    /// Versions before this one queued no link that lost its last reference: all that have none are queued, so that no
    /// garbage is left for ever.
    static let collection = """
        INSERT INTO gc_queue(repo_id, digest, due_st, reason)
            SELECT l.repo_id, l.digest, l.lease_until_st, 'upgrade' FROM repo_blob l
            WHERE NOT EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
            ON CONFLICT DO NOTHING;
        """
}
