# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Tiles (C2SP tlog-tiles): their names, which ones a tree has, and the tree that they hold."""

import collections

from .faults import Fault
from .merkle import EMPTY_ROOT, hash_of_power, node_hash, split

WIDTH = 256
HASH_BYTES = 32
MAXIMUM_LEVEL = 63
MAXIMUM_ENTRY = 65_535
ENTRIES = "entries"
# Tiles that a reader keeps; 8 KiB each.
KEPT_TILES = 4096


def tile_path(level, index, width=WIDTH):
    """`level` is a number, or ENTRIES for an entry bundle."""
    digits = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        digits = f"x{index % 1000:03}/{digits}"
    return f"tile/{level}/{digits}" + ("" if width == WIDTH else f".p/{width}")


def parse_tile_path(path):
    """(level, index, width) of a path; ValueError where it is not the one form of a tile's name."""
    parts = path.split("/")
    if len(parts) < 3 or parts[0] != "tile":
        raise ValueError(path)
    width = WIDTH
    if parts[-2].endswith(".p"):
        width = int(parts[-1]) if parts[-1].isascii() and parts[-1].isdigit() else 0
        parts = [*parts[:-2], parts[-2][:-2]]
    level = parts[1]
    if level != ENTRIES:
        level = int(level) if level.isascii() and level.isdigit() else -1
    index = 0
    for part in parts[2:]:
        number = part.removeprefix("x")
        if len(number) != 3 or not number.isascii() or not number.isdigit():
            raise ValueError(path)
        index = index * 1000 + int(number)
    if not 1 <= width <= WIDTH or (level != ENTRIES and not 0 <= level <= MAXIMUM_LEVEL):
        raise ValueError(path)
    if tile_path(level, index, width) != path:
        raise ValueError(path)
    return level, index, width


def tile_width(size, level, index):
    """How many hashes the tile has in a tree of that size; 0 where there is no such tile."""
    count = size if level == ENTRIES else size >> (8 * level)
    return max(0, min(WIDTH, count - index * WIDTH))


def tiles_of(size):
    """(level, index, width) of all hash tiles of a tree, level by level."""
    level = 0
    while size >> (8 * level):
        count = -(-(size >> (8 * level)) // WIDTH)
        for index in range(count):
            yield level, index, tile_width(size, level, index)
        level += 1


def split_bundle(content, count, where):
    """The entries of a bundle of so many."""
    entries, position = [], 0
    for number in range(count):
        length = int.from_bytes(content[position:position + 2], "big")
        entry = content[position + 2:position + 2 + length]
        if position + 2 > len(content) or len(entry) != length:
            raise Fault("bundle", f"{where} ends within entry {number} of {count}")
        entries.append(entry)
        position += 2 + length
    if position != len(content):
        raise Fault("bundle", f"{where} has {len(content) - position} bytes after its {count} entries")
    return entries


def fetch_tile(source, size, level, index):
    """The bytes of a tile at a size: the partial one, or the beginning of the full one where that took its place."""
    width = tile_width(size, level, index)
    content = source.fetch(tile_path(level, index, width))
    if content is None and width < WIDTH:
        content = source.fetch(tile_path(level, index))
        if content is not None and level != ENTRIES:
            content = content[:width * HASH_BYTES]
        elif content is not None:
            content = bundle_prefix(content, width)
    if content is None:
        raise Fault("missing", tile_path(level, index, width))
    return content


def bundle_prefix(content, count):
    position = 0
    for _ in range(count):
        position += 2 + int.from_bytes(content[position:position + 2], "big")
    return content[:position]


def fetch_hashes(source, size, level, index):
    content = fetch_tile(source, size, level, index)
    width = tile_width(size, level, index)
    if len(content) != width * HASH_BYTES:
        raise Fault("tile", f"{tile_path(level, index, width)} has {len(content)} bytes, not {width * HASH_BYTES}")
    return [content[position:position + HASH_BYTES] for position in range(0, len(content), HASH_BYTES)]


def root_of_edge(levels):
    """The root over the right edge: by level, the hashes that no higher level covers. They are the complete subtrees
    from the left, joined from the right."""
    subtrees = []
    for hashes in reversed(levels):
        start = 0
        for bit in range(7, -1, -1):
            if len(hashes) & (1 << bit):
                subtrees.append(hash_of_power(hashes[start:start + (1 << bit)]))
                start += 1 << bit
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees.pop()
    while subtrees:
        root = node_hash(subtrees.pop(), root)
    return root


class TileTree:
    """A tree of a size read from its tiles, as `subtree(start, end)`."""

    def __init__(self, source, size):
        self.source, self.size = source, size
        self.kept = collections.OrderedDict()

    def tile(self, level, index):
        key = level, index
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        hashes = fetch_hashes(self.source, self.size, level, index)
        self.kept[key] = hashes
        if len(self.kept) > KEPT_TILES:
            self.kept.popitem(last=False)
        return hashes

    def leaf(self, index):
        return self.tile(0, index // WIDTH)[index % WIDTH]

    def subtree(self, start, end):
        count = end - start
        if count == 0:
            return EMPTY_ROOT
        if count & (count - 1):
            middle = start + split(count)
            return node_hash(self.subtree(start, middle), self.subtree(middle, end))
        height = count.bit_length() - 1
        level, spread = divmod(height, 8)
        first = start >> (8 * level)
        index, offset = divmod(first, WIDTH)
        return hash_of_power(self.tile(level, index)[offset:offset + (1 << spread)])
