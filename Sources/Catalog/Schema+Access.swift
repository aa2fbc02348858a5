// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

extension Schema {
    /// Who changed what and who was denied what, by people's names for things: the rows outlive what they speak of.
    ///
    /// `at` is seconds since 1970. The index of `usage_delta` is what quotas add up. What is hidden is no longer
    /// counted as used: the last statement takes what older versions have counted off again.
    static let access = """
        CREATE TABLE audit(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            event_id INTEGER,
            kind TEXT NOT NULL,
            principal TEXT NOT NULL,
            method TEXT NOT NULL,
            address TEXT,
            request TEXT NOT NULL,
            repo TEXT,
            subject TEXT,
            digest TEXT);
        CREATE INDEX audit_principal ON audit(principal);
        CREATE INDEX audit_repo ON audit(repo) WHERE repo IS NOT NULL;

        CREATE TABLE denial(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            principal TEXT NOT NULL,
            method TEXT NOT NULL,
            address TEXT,
            request TEXT NOT NULL,
            action TEXT NOT NULL,
            repo TEXT,
            subject TEXT,
            rule TEXT,
            reason TEXT NOT NULL,
            count INTEGER NOT NULL CHECK(count > 0));

        CREATE INDEX usage_delta_repo ON usage_delta(repo_id, bytes);
        INSERT INTO usage_delta(repo_id, bytes, manifests, tags)
            SELECT l.repo_id, -SUM(b.size), 0, 0 FROM repo_blob l JOIN blob b ON b.digest = l.digest
            WHERE l.hidden = 1 GROUP BY l.repo_id;
        """
}

extension Catalog {
    /// Makes a database of an older schema, for tests of what a newer version does with it. Blocks.
    package static func create(path: String, upTo migration: String) throws(CatalogError) {
        do {
            let pool = try Connection.open(path: path, readers: 1, trace: nil)
            try Schema.migrator(origin: Settings().origin).migrate(pool, upTo: migration)
            try pool.close()
        } catch {
            throw Failure.ofRead(error)
        }
    }
}
