# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A walk over all of a log: every hash of every tile from the level below, up to the root."""

from .faults import Fault
from .leaves import Order, parse_leaf
from .merkle import hash_of_power, leaf_hash
from .tiles import ENTRIES, WIDTH, fetch_hashes, fetch_tile, root_of_edge, split_bundle, tile_path, tile_width


class Walk:
    """Goes once from left to right and keeps one tile of each level. Faults are noted, and the walk goes on with what
    it computed itself; it ends early only where neither a tile nor its entries are there."""

    def __init__(self, source, size, origin, report, read_entries):
        self.source, self.size, self.origin, self.report = source, size, origin, report
        self.read_entries = read_entries
        self.pending = [[]]  # by level: the hashes of the tile that is not full yet
        self.done = [0]  # by level: full tiles
        self.order = Order()
        self.tiles = self.bundles = self.entries = 0

    def run(self, on_entry=None):
        """The root. `on_entry(index, entry)` is called for each entry, if they are read."""
        for index in range(-(-self.size // WIDTH)):
            hashes = self.level_zero(index, on_entry)
            if len(hashes) == WIDTH:
                self.add(1, hash_of_power(hashes))
            else:
                self.pending[0] = hashes
        for level in range(1, len(self.pending)):
            if self.pending[level]:
                self.compare(level, self.pending[level])
        return root_of_edge(self.pending)

    def level_zero(self, index, on_entry):
        computed = self.noted(lambda: self.bundle(index, on_entry)) if self.read_entries else None
        self.tiles += 1
        stored = self.noted(lambda: fetch_hashes(self.source, self.size, 0, index))
        if stored is None and computed is None:
            raise Fault("missing", f"neither tile nor entries {index} can be read: the walk ends")
        if stored is not None and computed is not None and stored != computed:
            place = next(place for place in range(len(stored)) if stored[place] != computed[place])
            self.report.fault(Fault("bundle", f"entry {index * WIDTH + place} is not what its tile holds the hash of"))
        return computed if stored is None else stored

    def bundle(self, index, on_entry):
        """The hashes of the entries of a bundle."""
        self.bundles += 1
        where = tile_path(ENTRIES, index, tile_width(self.size, ENTRIES, index))
        content = fetch_tile(self.source, self.size, ENTRIES, index)
        entries = split_bundle(content, tile_width(self.size, ENTRIES, index), where)
        for number, entry in enumerate(entries, index * WIDTH):
            self.noted(lambda: self.leaf(number, entry))
            if on_entry is not None:
                on_entry(number, entry)
        self.entries += len(entries)
        return [leaf_hash(entry) for entry in entries]

    def leaf(self, number, entry):
        self.order.follow(parse_leaf(entry, self.origin, f"entry {number}"), f"entry {number}")

    def add(self, level, value):
        while len(self.pending) <= level:
            self.pending.append([])
            self.done.append(0)
        hashes = self.pending[level]
        hashes.append(value)
        if len(hashes) == WIDTH:
            self.compare(level, hashes)
            self.pending[level] = []
            self.done[level] += 1
            self.add(level + 1, hash_of_power(hashes))

    def compare(self, level, hashes):
        index = self.done[level]
        self.tiles += 1
        stored = self.noted(lambda: fetch_hashes(self.source, self.size, level, index))
        if stored is not None and stored != hashes:
            place = next(place for place in range(len(hashes)) if stored[place] != hashes[place])
            below = tile_path(level - 1, index * WIDTH + place)
            path = tile_path(level, index, len(hashes))
            self.report.fault(Fault("tile", f"hash {place} of {path} is not that of {below}"))

    def noted(self, action):
        """What the action gives; None where it found a fault, which is noted."""
        try:
            return action()
        except Fault as fault:
            self.report.fault(fault)
            return None
