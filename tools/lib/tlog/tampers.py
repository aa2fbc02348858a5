# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What is done to a store. Each takes (store, campaign, chance), changes something, and says what; None where there is
nothing of the kind to change."""

import os
import shutil

from .checkpoints import Checkpoint, make_checkpoint
from .leaves import canonical, parse_leaf
from .maker import read_leaves, write_file, write_tiles
from .sources import Directory
from .tamper_store import DATABASE, LOG
from .tiles import ENTRIES, HASH_BYTES, tile_path, tiles_of


def files(store, part):
    """Paths of hash tiles, of entry bundles, or of the note."""
    if part == "checkpoint":
        return ["checkpoint"]
    found = sorted(Directory(store.log).files())
    return [path for path in found if path.startswith("tile/entries/") == (part == "bundle")]


def read(store, path):
    with open(os.path.join(store.log, path), "rb") as file:
        return file.read()


def flip(content, chance):
    """The content with one to eight bits of one byte changed, and the place."""
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ chance.randrange(1, 256)]) + content[place + 1:], place


def flip_byte(part):
    def tamper(store, campaign, chance):
        path = chance.choice(files(store, part))
        content, place = flip(read(store, path), chance)
        write_file(store.log, path, content)
        return f"byte {place} of {path}"
    return tamper


def cut(part):
    def tamper(store, campaign, chance):
        path = chance.choice(files(store, part))
        content = read(store, path)
        # By whole hashes too: the length alone must not be what gives it away.
        length = chance.choice((chance.randrange(len(content)), len(content) - min(len(content), HASH_BYTES), 0))
        write_file(store.log, path, content[:length])
        return f"{path} cut from {len(content)} to {length} bytes"
    return tamper


def lengthen(part):
    def tamper(store, campaign, chance):
        path = chance.choice(files(store, part))
        more = chance.randbytes(chance.choice((1, HASH_BYTES, 100)))
        write_file(store.log, path, read(store, path) + more)
        return f"{len(more)} bytes after {path}"
    return tamper


def remove(part):
    def tamper(store, campaign, chance):
        path = chance.choice(present_files(store, part))
        os.remove(os.path.join(store.log, path))
        return f"{path} removed"
    return tamper


def present_files(store, part):
    """Those that the checkpoint requires: a narrower tile of a former size may go when a wider one is there."""
    if part == "checkpoint":
        return ["checkpoint"]
    size = Checkpoint(store.checkpoint()).size
    if part == "tile":
        return [tile_path(*tile) for tile in tiles_of(size)]
    return [tile_path(ENTRIES, index, width) for level, index, width in tiles_of(size) if level == 0]


def swap_files(part):
    def tamper(store, campaign, chance):
        one, other = chance.sample(files(store, part), 2)
        first, second = read(store, one), read(store, other)
        if first == second:
            return None
        write_file(store.log, one, second)
        write_file(store.log, other, first)
        return f"{one} and {other} swapped"
    return tamper


def swap_hashes(store, campaign, chance):
    path = chance.choice(files(store, "tile"))
    content = read(store, path)
    hashes = [content[start:start + HASH_BYTES] for start in range(0, len(content), HASH_BYTES)]
    if len(hashes) < 2:
        return None
    one, other = chance.sample(range(len(hashes)), 2)
    hashes[one], hashes[other] = hashes[other], hashes[one]
    write_file(store.log, path, b"".join(hashes))
    return f"hashes {one} and {other} of {path} swapped"


def roll_back(*names):
    """Parts of the root from a former copy; None stands for the signer's state."""
    def tamper(store, campaign, chance):
        number = chance.randrange(len(campaign.former))
        for name in names:
            if name is None and not os.path.exists(campaign.former[number].signer):
                return None
            store.replace(campaign.former[number], name)
        return f"{', '.join(name or 'signer' for name in names)} of former copy {number}"
    return tamper


def former_note(store, campaign, chance):
    former = chance.choice(campaign.former).checkpoint()
    write_file(store.log, "checkpoint", former)
    return f"the note of size {Checkpoint(former).size}"


def without_log(store, campaign, chance):
    shutil.rmtree(store.log)
    return "the folder of the log removed"


def forked_leaves(store, chance, least=0):
    """The log's entries with the actor of one changed."""
    checkpoint = Checkpoint(store.checkpoint())
    leaves = read_leaves(Directory(store.log), checkpoint.size)
    index = chance.randrange(least, len(leaves))
    value = parse_leaf(leaves[index], checkpoint.origin)
    leaves[index] = canonical(value | {"actor": value["actor"] + "x"})
    return checkpoint, leaves, index


def fork_files(store, campaign, chance):
    """Entries and all tiles agree with each other; only the note does not follow."""
    checkpoint, leaves, index = forked_leaves(store, chance)
    shutil.rmtree(os.path.join(store.log, "tile"))
    write_tiles(store.log, leaves)
    return f"a fork at entry {index}, under the note as it was"


def fork_signed(database):
    """Signed with the log's own key, as its operator could: same size, other root."""
    def tamper(store, campaign, chance):
        if campaign.signing is None:
            return None
        checkpoint, leaves, index = forked_leaves(store, chance)
        shutil.rmtree(os.path.join(store.log, "tile"))
        root = write_tiles(store.log, leaves)
        note = make_checkpoint([campaign.signing], checkpoint.origin, len(leaves), root)
        write_file(store.log, "checkpoint", note)
        if database:
            with store.connect() as connection:
                connection.execute("UPDATE event SET leaf = ? WHERE seq = ?", (leaves[index], index))
                connection.execute("UPDATE checkpoint SET root = ?, note = ? WHERE size = ?", (root, note, len(leaves)))
                connection.commit()
        return f"a signed fork at entry {index} of {len(leaves)}{', in the database too' if database else ''}"
    return tamper


def shrink_signed(store, campaign, chance):
    """A shorter log under a good signature: the note of a size that was never published."""
    if campaign.signing is None:
        return None
    checkpoint = Checkpoint(store.checkpoint())
    leaves = read_leaves(Directory(store.log), checkpoint.size)
    size = chance.randrange(1, len(leaves))
    shutil.rmtree(os.path.join(store.log, "tile"))
    root = write_tiles(store.log, leaves, size)
    write_file(store.log, "checkpoint", make_checkpoint([campaign.signing], checkpoint.origin, size, root))
    return f"shortened from {checkpoint.size} to {size}, and signed"


# Kind -> how. Those of the database are in a table of their own.
FILES = {
    **{f"{part}: byte flipped": flip_byte(part) for part in ("tile", "bundle", "checkpoint")},
    **{f"{part}: cut": cut(part) for part in ("tile", "bundle", "checkpoint")},
    **{f"{part}: lengthened": lengthen(part) for part in ("tile", "bundle", "checkpoint")},
    **{f"{part}: removed": remove(part) for part in ("tile", "bundle", "checkpoint")},
    **{f"{part}s: two swapped": swap_files(part) for part in ("tile", "bundle")},
    "tile: two hashes swapped": swap_hashes,
}
HISTORY = {
    "log rolled back": roll_back(LOG),
    "database rolled back": roll_back(os.path.dirname(DATABASE)),
    "volume rolled back": roll_back(LOG, os.path.dirname(DATABASE)),
    "volume and signer rolled back": roll_back(LOG, os.path.dirname(DATABASE), None),
    "checkpoint: former note": former_note,
    "log removed": without_log,
    "fork: files": fork_files,
    "fork: signed": fork_signed(False),
    "fork: signed, database too": fork_signed(True),
    "shortened and signed": shrink_signed,
}
