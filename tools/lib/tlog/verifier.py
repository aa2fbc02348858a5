# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The whole check of a log against its checkpoint, older checkpoints, and itself."""

import random

from .checkpoints import Checkpoint
from .faults import Fault
from .merkle import check_consistency, check_inclusion, consistency_proof, inclusion_proof, leaf_hash
from .tiles import ENTRIES, HASH_BYTES, TileTree, bundle_prefix, fetch_tile, parse_tile_path, split_bundle, tile_width
from .walk import Walk

BOUNDARIES = (1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537)
# Above, only the newest part of a log would be compared file by file.
MAXIMUM_FILES = 2_000_000


class Expectation:
    """Which log it should be: keys, origin, cosigners and how many of them."""

    def __init__(self, keys, origin=None, cosigners=(), quorum=0):
        self.keys, self.origin = list(keys), origin or keys[0].name
        self.cosigners, self.quorum = list(cosigners), quorum

    def read(self, content):
        """A checkpoint that is of this log."""
        checkpoint = Checkpoint(content)
        checkpoint.verify(self.keys, self.origin, self.cosigners, self.quorum)
        return checkpoint

    def read_former(self, content):
        """The same without the quorum: cosigners may have come later."""
        checkpoint = Checkpoint(content)
        checkpoint.verify(self.keys, self.origin, self.cosigners)
        return checkpoint


class Verifier:
    def __init__(self, source, expectation, report, seed=0):
        self.source, self.expectation, self.report = source, expectation, report
        self.random = random.Random(seed)
        self.checkpoint = self.tree = None

    def run(self, entries=True, samples=100, former=(), on_entry=None, with_files=True):
        """`former` are contents of older checkpoints. Returns the checkpoint, or None where none is right."""
        with self.report.check("checkpoint") as details:
            content = self.source.fetch("checkpoint")
            if content is None:
                raise Fault("missing", "checkpoint")
            self.checkpoint = self.expectation.read(content)
            self.tree = TileTree(self.source, self.checkpoint.size)
            details.append(f"{self.checkpoint.origin} size {self.checkpoint.size}")
        if self.checkpoint is None:
            return None
        for content in former:
            with self.report.check("continues an older checkpoint") as details:
                self.continues(content, details)
        self.walk(entries, on_entry)
        with self.report.check("inclusion") as details:
            details.append(f"{self.inclusion(samples, entries)} entries")
        with self.report.check("consistency") as details:
            details.append(f"{self.consistency(samples)} older sizes")
        if with_files and hasattr(self.source, "files"):
            with self.report.check("files") as details:
                self.files(details)
        return self.checkpoint

    def walk(self, entries, on_entry):
        walk = Walk(self.source, self.checkpoint.size, self.expectation.origin, self.report, entries)
        with self.report.check("tiles, entries and root" if entries else "tiles and root") as details:
            root = walk.run(on_entry)
            if root != self.checkpoint.root:
                raise Fault("root", f"the tree of {self.checkpoint.size} hashes to {root.hex()}, and "
                                    f"{self.checkpoint.root.hex()} was signed")
            details += [f"{walk.tiles} tiles", f"{walk.bundles} bundles", f"{walk.entries} entries"]

    def continues(self, content, details):
        """The log now is the former one with entries appended."""
        old, new = self.expectation.read_former(content), self.checkpoint
        details.append(f"from {old.size}")
        both = f"\n--- the former\n{old.text}--- the present\n{new.text}---"
        if old.size > new.size:
            raise Fault("shrank", f"from {old.size} to {new.size} entries{both}")
        if old.size == new.size and old.root != new.root:
            raise Fault("forked", f"two roots of size {old.size}{both}")
        if self.tree.subtree(0, old.size) != old.root:
            raise Fault("forked", f"the first {old.size} entries have another root{both}")
        proof = consistency_proof(self.tree, old.size, new.size) if old.size else []
        check_consistency(old.size, new.size, old.root, new.root, proof)

    def places(self, count):
        """Boundaries, and random places, below the size."""
        size = self.checkpoint.size
        chosen = {place for place in (0, *BOUNDARIES, size - 1, size // 2) if 0 <= place < size}
        for _ in range(count if size else 0):
            chosen.add(self.random.randrange(size))
        return sorted(chosen)

    def inclusion(self, samples, entries):
        places = self.places(samples)
        for index in places:
            leaf = self.tree.leaf(index)
            if entries:
                number, place = divmod(index, 256)
                content = fetch_tile(self.source, self.checkpoint.size, ENTRIES, number)
                width = tile_width(self.checkpoint.size, ENTRIES, number)
                leaf = leaf_hash(split_bundle(content, width, f"bundle {number}")[place])
            path = inclusion_proof(self.tree, index, self.checkpoint.size)
            check_inclusion(index, self.checkpoint.size, leaf, path, self.checkpoint.root)
        return len(places)

    def consistency(self, samples):
        sizes = [place for place in self.places(samples) if place] + [self.checkpoint.size] * (self.checkpoint.size > 0)
        for old in sizes:
            proof = consistency_proof(self.tree, old, self.checkpoint.size)
            check_consistency(
                old, self.checkpoint.size, self.tree.subtree(0, old), self.checkpoint.root, proof)
        return len(sizes)

    def files(self, details):
        """Each tile on disk agrees with the present tile of its place, also the narrower ones of former sizes."""
        names, others, ahead = [], 0, 0
        for path in self.source.files():
            if len(names) >= MAXIMUM_FILES:
                raise Fault("stray", f"more than {MAXIMUM_FILES} files")
            try:
                names.append((*map(str, parse_tile_path(path)[:2]), parse_tile_path(path), path))
            except ValueError:
                others += 1
        for *_, (level, index, width), path in sorted(names):
            present = tile_width(self.checkpoint.size, level, index)
            ahead += width > present
            if present:
                self.agree(level, index, width, present, path)
        details += [f"{len(names)} tiles and bundles", f"{ahead} ahead of the checkpoint", f"{others} others"]

    def agree(self, level, index, width, present, path):
        content, common = self.source.fetch(path), min(width, present)
        now = fetch_tile(self.source, self.checkpoint.size, level, index)
        if level == ENTRIES:
            split_bundle(content, width, path)
            same = bundle_prefix(content, common) == bundle_prefix(now, common)
        else:
            if len(content) != width * HASH_BYTES:
                raise Fault("stray", f"{path} has {len(content)} bytes, not {width * HASH_BYTES}")
            same = content[:common * HASH_BYTES] == now[:common * HASH_BYTES]
        if not same:
            raise Fault("stray", f"{path} disagrees with the tile of width {present}")
