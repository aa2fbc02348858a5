// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What is known of the trust that manifests deserve.
    ///
    /// `trust.generation` rises, in the transaction of the change, with everything that may speak for a manifest: its
    /// referrers, the tags that old clients attach by, the indexes that hold it. A verdict counts while its generation
    /// is the manifest's. `own_attachment` are referrers that the registry itself made. `quarantine` is by digest, of a
    /// manifest or of a blob. `witnessed` is the largest tree of each other log that was cosigned. `layer_scan` and
    /// `scan_queue` are about secrets in layers.
    static let trust = """
        CREATE TABLE trust(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL,
            generation INTEGER NOT NULL,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;

        CREATE TABLE trust_verdict(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL,
            tag TEXT NOT NULL,
            generation INTEGER NOT NULL,
            verdict BLOB NOT NULL,
            PRIMARY KEY(repo_id, digest, tag)) WITHOUT ROWID;

        CREATE TABLE own_attachment(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;

        CREATE TABLE quarantine(
            digest BLOB NOT NULL PRIMARY KEY,
            reason TEXT NOT NULL,
            actor TEXT NOT NULL,
            since INTEGER NOT NULL) WITHOUT ROWID;

        CREATE TABLE witnessed(
            origin TEXT NOT NULL PRIMARY KEY,
            size INTEGER NOT NULL CHECK(size >= 0),
            root BLOB NOT NULL CHECK(length(root) = 32)) WITHOUT ROWID;

        CREATE TABLE layer_scan(
            digest BLOB NOT NULL PRIMARY KEY,
            scanner INTEGER NOT NULL,
            result BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE scan_queue(
            repo_id INTEGER NOT NULL REFERENCES repo ON DELETE RESTRICT,
            digest BLOB NOT NULL,
            PRIMARY KEY(repo_id, digest)) WITHOUT ROWID;
        """
}
