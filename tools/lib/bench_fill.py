# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""Makes a catalog large by SQL while the server is stopped: manifests, tags and blobs as pushes would have left them.

The blobs' files are not there. Nothing that reads only the catalog can tell.
"""

import hashlib
import json
import os
import sqlite3

BLOBS_PER_MANIFEST = 9
CHUNK = 2_000
SEED = b"cairn growth "


def sha256(kind, number):
    return hashlib.sha256(SEED + f"{kind} {number}".encode()).digest()


def key(raw):
    """A digest as the catalog stores it: the number of SHA-256, then the hash."""
    return b"\x01" + raw


def manifest_bytes(media_type, config, layers):
    def descriptor(raw, of):
        return {"mediaType": of, "digest": "sha256:" + raw.hex(), "size": 1000}

    return json.dumps({
        "schemaVersion": 2, "mediaType": media_type,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(raw, "application/vnd.oci.image.layer.v1.tar+gzip") for raw in layers],
    }).encode()


def fill(root, repository, template, tags, blobs):
    """Adds `tags` tags, each with a manifest of its own, and blob rows until there are `blobs` in all.

    `template` is a tag of `repository` whose rows say what the new ones have in common.
    """
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("PRAGMA cache_size = -500000")
    repo_id, = database.execute("SELECT id FROM repo WHERE name = ?", (repository,)).fetchone()
    hlc, region, media_type, config_type, pushed_at, touch_region = database.execute(
        """SELECT t.hlc, t.region, m.media_type, m.config_type, m.pushed_at, m.touch_region
           FROM tag t JOIN manifest m ON m.repo_id = t.repo_id AND m.digest = t.digest
           WHERE t.repo_id = ? AND t.name = ?""",
        (repo_id, template),
    ).fetchone()
    first_id = database.execute("SELECT MAX(id) FROM manifest").fetchone()[0] + 1

    blob_rows, tag_rows, edges = [], [], []
    for start in range(0, tags, CHUNK):
        manifests = []
        for number in range(start, min(start + CHUNK, tags)):
            parts = [sha256("blob", number * BLOBS_PER_MANIFEST + n) for n in range(BLOBS_PER_MANIFEST)]
            payload = manifest_bytes(media_type, parts[0], parts[1:])
            digest = key(hashlib.sha256(payload).digest())
            manifests.append((
                first_id + number, repo_id, digest, media_type, config_type, 0, pushed_at, hlc, touch_region, payload,
            ))
            tag_rows.append((repo_id, f"t{number:06}", digest, hlc, region))
            edges += [(first_id + number, key(part), repo_id) for part in parts]
            blob_rows.append((digest, len(payload)))
            blob_rows += [(key(part), 1000) for part in parts]
        database.executemany(
            """INSERT INTO manifest(id, repo_id, digest, media_type, config_type, depth, pushed_at, touch_hlc,
                   touch_region, live, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)""",
            manifests,
        )
    present, = database.execute("SELECT COUNT(*) FROM blob").fetchone()
    blob_rows += [(key(sha256("more", n)), 1000) for n in range(blobs - present - len(blob_rows))]
    blob_rows.sort()
    database.executemany("INSERT INTO blob(digest, size, state) VALUES (?, ?, 'live')", blob_rows)
    lease = database.execute("SELECT MAX(lease_until_st) FROM repo_blob").fetchone()[0]
    database.executemany(
        "INSERT INTO repo_blob(repo_id, digest, lease_until_st, linked_at) VALUES (?, ?, ?, ?)",
        ((repo_id, digest, lease, pushed_at) for digest, _ in blob_rows),
    )
    edges.sort()
    database.executemany("INSERT INTO ref_blob(manifest_id, digest, repo_id) VALUES (?, ?, ?)", edges)
    database.executemany("INSERT INTO tag(repo_id, name, digest, hlc, region) VALUES (?, ?, ?, ?, ?)", tag_rows)
    database.execute(
        "UPDATE repo SET tag_count = (SELECT COUNT(*) FROM tag WHERE repo_id = ?1), version = version + 1 WHERE id = ?1",
        (repo_id,),
    )
    database.commit()
    problems = database.execute("PRAGMA foreign_key_check").fetchmany(3)
    if problems:
        raise RuntimeError(f"the rows that were made break foreign keys: {problems}")
    counts = [database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("tag", "manifest", "blob")]
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return counts
