# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Makes logs: for the tests of the verifier, and forks for the campaign that tampers."""

import os
import random

from . import base64text
from .checkpoints import make_checkpoint
from .faults import Fault
from .leaves import canonical
from .merkle import hash_of_power, leaf_hash
from .tiles import ENTRIES, WIDTH, root_of_edge, split_bundle, tile_path, tile_width, tiles_of

FIRST_TIME = 117_683_964_173_680_640


def make_leaves(origin, count, seed=0):
    """Leaves like a registry's: a manifest and its tag in one change, that is with one timestamp."""
    chance = random.Random(seed)
    leaves, time = [], FIRST_TIME
    for number in range(count):
        kind = ("manifest.put", "tag.set")[number % 2]
        time += chance.randrange(1, 1 << 20) * (number % 2 == 0)
        digest = "sha256:" + chance.randbytes(32).hex()
        body = {"digest": digest, "former": None, "tag": f"v{number // 2}"} if number % 2 else {
            "digest": digest, "existed": False, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": chance.randrange(1 << 20), "subject": None}
        leaves.append(canonical({
            "v": 1, "salt": base64text.encode(chance.randbytes(16)), "kind": kind, "origin": origin, "hlc": str(time),
            "repo": f"team/app-{number % 7}", "actor": "user:zoë", "request": f"r{number // 2}", "body": body,
        }))
    return leaves


def levels_of(hashes):
    """By level, all hashes that tiles hold."""
    levels = [hashes]
    while len(levels[-1]) >= WIDTH:
        below = levels[-1]
        levels.append([
            hash_of_power(below[start:start + WIDTH]) for start in range(0, len(below) - WIDTH + 1, WIDTH)])
    return levels


def write_file(folder, path, content):
    target = os.path.join(folder, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)


def write_tiles(folder, leaves, size=None):
    """The tiles and bundles of the first `size` leaves. Returns the root."""
    size = len(leaves) if size is None else size
    leaves = leaves[:size]
    levels = levels_of([leaf_hash(leaf) for leaf in leaves])
    for level, index, width in tiles_of(size):
        start = index * WIDTH
        write_file(folder, tile_path(level, index, width), b"".join(levels[level][start:start + width]))
        if level == 0:
            bundle = b"".join(
                len(leaf).to_bytes(2, "big") + leaf for leaf in leaves[start:start + width])
            write_file(folder, tile_path(ENTRIES, index, width), bundle)
    return root_of_edge([level[len(level) - len(level) % WIDTH:] for level in levels])


def write_log(folder, signers, origin, leaves, sizes=()):
    """A log that passed through these sizes. Returns {size: checkpoint}."""
    checkpoints = {}
    for size in sorted({*sizes, len(leaves)}):
        root = write_tiles(folder, leaves, size)
        checkpoints[size] = make_checkpoint(signers, origin, size, root)
    write_file(folder, "checkpoint", checkpoints[len(leaves)])
    return checkpoints


def read_leaves(source, size):
    """All entries of a log."""
    leaves = []
    for index in range(-(-size // WIDTH)):
        width = tile_width(size, ENTRIES, index)
        content = source.fetch(tile_path(ENTRIES, index, width)) or source.fetch(tile_path(ENTRIES, index))
        if content is None:
            raise Fault("missing", tile_path(ENTRIES, index, width))
        leaves += split_bundle(content, width, tile_path(ENTRIES, index, width))
    return leaves
