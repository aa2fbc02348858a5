# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Makes a region large: layers with holes that are put into its store while it is stopped, and manifests that are
pushed, so that its log has them all."""

import concurrent.futures
import hashlib
import json
import os
import sqlite3

import gc_fill
from bench_client import Connection
from region_world import CONFIG, IMAGE, LAYER, digest_of

LEASE_SECONDS = 7 * 86_400
ZEROS = bytes(1 << 20)
PUSHERS = 4


class Filled:
    """An image that was put there."""

    def __init__(self, repository, tag, parts):
        self.repository, self.tag, self.parts = repository, tag, parts
        config, layer = parts
        self.data = json.dumps({
            "schemaVersion": 2, "mediaType": IMAGE,
            "config": {"mediaType": CONFIG, "digest": config[0], "size": config[1]},
            "layers": [{"mediaType": LAYER, "digest": layer[0], "size": layer[1]}],
        }).encode()
        self.digest = digest_of(self.data)


def layer(root, number, size):
    """A file whose first bytes are its own and whose rest is a hole, under its digest."""
    head = f"layer {number} ".encode().ljust(64, b".")
    hasher = hashlib.sha256(head)
    left = size - len(head)
    while left > 0:
        hasher.update(ZEROS if left >= len(ZEROS) else ZEROS[:left])
        left -= len(ZEROS)
    path = os.path.join(root, "blobs", "sha256", hasher.hexdigest())
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(size)
    return "sha256:" + hasher.hexdigest(), size


def configuration(root, number):
    data = json.dumps({"architecture": "amd64", "os": "linux", "number": number}).encode()
    digest = digest_of(data)
    with open(os.path.join(root, "blobs", "sha256", digest[7:]), "wb") as file:
        file.write(data)
    return digest, len(data)


def fill(region, images, layer_bytes, repositories):
    """The images, in a region that runs; it is restarted for it."""
    names = [f"old/app{number}" for number in range(repositories)]
    for name in names:
        region.push(name, "first", name, layers=1)
    region.stop()
    root = str(region.root)

    def make(number):
        parts = [configuration(root, number), layer(root, number, layer_bytes)]
        return Filled(names[number % repositories], f"v{number}", parts)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        filled = list(pool.map(make, range(images)))
    record(root, filled)
    region.start()
    push(region, filled)
    return filled


def record(root, filled):
    """The rows that uploads would have left."""
    database = sqlite3.connect(os.path.join(root, "meta", "registry.db"))
    database.execute("PRAGMA synchronous = OFF")
    ids = dict(database.execute("SELECT name, id FROM repo"))
    until = database.execute("SELECT st FROM service_time").fetchone()[0] + LEASE_SECONDS
    rows = sorted((b"\x01" + bytes.fromhex(digest[7:]), size, ids[image.repository])
                  for image in filled for digest, size in image.parts)
    database.executemany("INSERT INTO blob(digest, size, state) VALUES (?, ?, 'live')",
                         ((digest, size) for digest, size, _ in rows))
    database.executemany("INSERT INTO repo_blob(repo_id, digest, lease_until_st, linked_at) VALUES (?, ?, ?, 0)",
                         ((repository, digest, until) for digest, _, repository in rows))
    gc_fill.book(database)
    database.commit()
    database.close()


def push(region, filled):
    """The manifests alone, by a few clients."""
    def some(images):
        with Connection(region.port, region.address) as connection:
            for image in images:
                path = f"/v2/{image.repository}/manifests/{image.tag}"
                status, _, body = connection.request("PUT", path, [("Content-Type", IMAGE)], image.data)
                if status != 201:
                    raise RuntimeError(f"PUT {path}: {status} {body[:300]!r}")

    with concurrent.futures.ThreadPoolExecutor(PUSHERS) as pool:
        list(pool.map(some, [filled[number::PUSHERS] for number in range(PUSHERS)]))
