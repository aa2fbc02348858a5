# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Makes garbage by SQL and files while the server is stopped, as pushes that nobody ended would have left it."""

import hashlib
import os
import sqlite3

LINKED_NAMES = 50_000


def garbage(root, repository, groups, seed, size=1024):
    """Adds blobs that nothing refers to: `groups` are pairs of a number and the service time at which they are due."""
    folder = os.path.join(root, "blobs", "sha256")
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    database.execute("PRAGMA synchronous = OFF")
    repo_id, = database.execute("SELECT id FROM repo WHERE name = ?", (repository,)).fetchone()
    rows = []
    for group, (number, due) in enumerate(groups):
        for index in range(number):
            content = f"{seed} {group} {index} ".encode().ljust(size, b".")
            raw = hashlib.sha256(content).digest()
            with open(os.path.join(folder, raw.hex()), "wb") as file:
                file.write(content)
            rows.append((b"\x01" + raw, due))
    rows.sort()
    database.executemany("INSERT INTO blob(digest, size, state) VALUES (?, ?, 'live')",
                         ((digest, size) for digest, _ in rows))
    database.executemany("INSERT INTO repo_blob(repo_id, digest, lease_until_st, linked_at) VALUES (?, ?, ?, 0)",
                         ((repo_id, digest, due) for digest, due in rows))
    database.executemany("INSERT INTO gc_queue(repo_id, digest, due_st, reason) VALUES (?, ?, ?, 'linked')",
                         ((repo_id, digest, due) for digest, due in rows))
    book(database)
    database.commit()
    database.close()


def book(database):
    """Makes the accounts what the rows add up to."""
    database.execute("DELETE FROM stored")
    database.execute("INSERT INTO stored(bytes, blobs) SELECT SUM(size), COUNT(*) FROM blob")
    database.execute("DELETE FROM usage_delta")
    database.execute("DELETE FROM usage")
    database.execute("""
        INSERT INTO usage(repo_id, logical_bytes, manifests, tags)
        SELECT r.id, COALESCE((SELECT SUM(b.size) FROM repo_blob l JOIN blob b ON b.digest = l.digest
                WHERE l.repo_id = r.id AND l.hidden = 0), 0),
            (SELECT COUNT(*) FROM manifest m WHERE m.repo_id = r.id AND m.live = 1),
            (SELECT COUNT(*) FROM tag t WHERE t.repo_id = r.id) FROM repo r""")


def names(root, digests):
    """Gives every digest a name in `blobs/`, so that the directory is as large as it would be: links to few files."""
    folder = os.path.join(root, "blobs", "sha256")
    source = None
    for number, digest in enumerate(digests):
        path = os.path.join(folder, digest.hex())
        if os.path.exists(path):
            continue
        if source is None or number % LINKED_NAMES == 0:
            source = path
            with open(path, "wb") as file:
                file.write(b".")
        else:
            os.link(source, path)


def advance(root, seconds):
    """Lets service time pass."""
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    database.execute("UPDATE service_time SET st = st + ?", (seconds,))
    database.commit()
    database.close()


def service_time(root):
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    try:
        return database.execute("SELECT st FROM service_time").fetchone()[0]
    finally:
        database.close()


def digests(root):
    """The raw digests of all blobs."""
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    try:
        return [digest[1:] for digest, in database.execute("SELECT digest FROM blob")]
    finally:
        database.close()
