# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Logs that are made on the spot, right ones and ones with a planted fault of each kind."""

import json
import os
import shutil
import tempfile

from .base64text import encode
from .checkpoints import make_checkpoint
from .faults import Fault
from .leaves import canonical
from .maker import make_leaves, write_file, write_log, write_tiles
from .notes import SignerKey
from .report import Report
from .sources import Directory
from .tiles import ENTRIES, tile_path
from .verifier import Expectation, Verifier

ORIGIN = "log.example/a"
LARGE, SMALL = 66_000, 600
SIZES = (1, 255, 256, 300, 511)


def changed(folder, path, place, mask=1):
    with open(os.path.join(folder, path), "r+b") as file:
        content = bytearray(file.read())
        content[place] ^= mask
        file.seek(0)
        file.write(content)


def swapped(folder, one, other):
    one, other = os.path.join(folder, one), os.path.join(folder, other)
    os.rename(one, one + "~")
    os.rename(other, one)
    os.rename(one + "~", other)


def resized(folder, path, change):
    with open(os.path.join(folder, path), "r+b") as file:
        size = file.seek(0, 2)
        file.truncate(size + change) if change < 0 else file.write(b"\0" * change)


class Bench:
    """A small log, and copies of it to spoil."""

    def __init__(self, folder):
        self.folder, self.key = folder, SignerKey(ORIGIN)
        self.expectation = Expectation([self.key.verifier])
        self.leaves = make_leaves(ORIGIN, SMALL)
        self.good = os.path.join(folder, "good")
        self.checkpoints = write_log(self.good, [self.key], ORIGIN, self.leaves, SIZES)

    def check(self, log, entries=True, former=(), expectation=None):
        report = Report()
        Verifier(Directory(log), expectation or self.expectation, report).run(entries, 20, former)
        return report

    def spoil(self, change):
        log = os.path.join(self.folder, "spoilt")
        shutil.rmtree(log, ignore_errors=True)
        shutil.copytree(self.good, log)
        change(log)
        return log

    def resign(self, log, leaves, size=None):
        """The log of other leaves, signed by its own key: what only the entries, or an older checkpoint, can tell."""
        shutil.rmtree(log)
        size = len(leaves) if size is None else size
        write_file(log, "checkpoint", make_checkpoint([self.key], ORIGIN, size, write_tiles(log, leaves, size)))

    def with_leaf(self, index, edit):
        leaf = edit(json.loads(self.leaves[index]))
        content = leaf if isinstance(leaf, bytes) else canonical(leaf)
        return [*self.leaves[:index], content, *self.leaves[index + 1:]]


def planted(bench):
    """(what was done, the kinds of which one must be found, how to do it, with entries or not, former checkpoints)."""
    note, root = bench.checkpoints[SMALL], bench.checkpoints[SMALL].split(b"\n")[2].decode()
    stranger = SignerKey(ORIGIN)
    edge, bundle = tile_path(0, 2, 88), tile_path(ENTRIES, 2, 88)

    def signed(text):
        return lambda log: write_file(log, "checkpoint", text.encode() + b"\n" + bench.key.line(text.encode()))

    rows = [
        ("a byte of a full tile", {"root"}, lambda log: changed(log, "tile/0/000", 4000), False, ()),
        ("the same, with entries", {"bundle"}, lambda log: changed(log, "tile/0/000", 4000), True, ()),
        ("a byte of the partial tile", {"root"}, lambda log: changed(log, edge, 88 * 32 - 1), False, ()),
        ("a byte of a tile of level 1", {"tile"}, lambda log: changed(log, tile_path(1, 0, 2), 0), False, ()),
        ("a byte of a former partial tile", {"stray"}, lambda log: changed(log, tile_path(0, 1, 44), 9), False, ()),
        ("a byte of a former partial bundle", {"stray"},
         lambda log: changed(log, tile_path(ENTRIES, 1, 44), 9), True, ()),
        ("a byte of an entry", {"bundle"}, lambda log: changed(log, "tile/entries/001", 5000), True, ()),
        ("a length in a bundle", {"bundle"}, lambda log: changed(log, bundle, 1), True, ()),
        ("two tiles swapped", {"root"}, lambda log: swapped(log, "tile/0/000", "tile/0/001"), False, ()),
        ("two bundles swapped", {"bundle"}, lambda log: swapped(log, "tile/entries/000", "tile/entries/001"), True, ()),
        ("a tile cut", {"tile"}, lambda log: resized(log, "tile/0/001", -32), False, ()),
        ("a tile longer", {"tile"}, lambda log: resized(log, edge, 32), False, ()),
        ("a bundle cut", {"bundle"}, lambda log: resized(log, bundle, -1), True, ()),
        ("a bundle longer", {"bundle"}, lambda log: resized(log, bundle, 1), True, ()),
        ("no tile", {"missing"}, lambda log: os.remove(os.path.join(log, "tile/0/001")), False, ()),
        ("no partial tile", {"missing"}, lambda log: os.remove(os.path.join(log, edge)), False, ()),
        ("no tile of level 1", {"missing"}, lambda log: os.remove(os.path.join(log, tile_path(1, 0, 2))), False, ()),
        ("no bundle", {"missing"}, lambda log: os.remove(os.path.join(log, "tile/entries/000")), True, ()),
        ("no checkpoint", {"missing"}, lambda log: os.remove(os.path.join(log, "checkpoint")), False, ()),
        ("a byte of the signature", {"signature", "note"},
         lambda log: changed(log, "checkpoint", len(note) - 9), False, ()),
        ("a byte of the root", {"signature", "checkpoint"}, lambda log: changed(log, "checkpoint", 24), False, ()),
        ("an unknown key", {"signature"}, lambda log: write_file(
            log, "checkpoint", make_checkpoint([stranger], ORIGIN, SMALL, bytes(32))), False, ()),
        ("another origin", {"checkpoint"}, signed(f"log.example/b\n{SMALL}\n{root}\n"), False, ()),
        ("a size with a leading zero", {"checkpoint"}, signed(f"{ORIGIN}\n0{SMALL}\n{root}\n"), False, ()),
        ("a root of 31 bytes", {"checkpoint"}, signed(f"{ORIGIN}\n{SMALL}\n{encode(bytes(31))}\n"), False, ()),
        ("a signed root that is another", {"root"}, signed(f"{ORIGIN}\n{SMALL}\n{encode(bytes(32))}\n"), False, ()),
        ("a signed size that is larger", {"missing"}, signed(f"{ORIGIN}\n{SMALL + 1}\n{root}\n"), False, ()),
        ("an older log", {"shrank"}, lambda log: bench.resign(log, bench.leaves, 511), True, (SMALL,)),
        ("another log of the same size", {"forked"}, lambda log: bench.resign(
            log, bench.with_leaf(599, lambda leaf: leaf | {"actor": "user:x"})), True, (SMALL,)),
        ("another log that is longer", {"forked"}, lambda log: bench.resign(
            log, bench.with_leaf(3, lambda leaf: leaf | {"actor": "user:x"})), True, (1, 255, 511)),
    ]
    edits = [
        ("an entry that is no JSON", "leaf", lambda leaf: b"entry"),
        ("an entry with white space", "leaf", lambda leaf: canonical(leaf) + b" "),
        ("an entry of another origin", "leaf", lambda leaf: leaf | {"origin": "log.example/b"}),
        ("an entry without salt", "leaf", lambda leaf: {key: leaf[key] for key in leaf if key != "salt"}),
        ("an entry of an earlier time", "order", lambda leaf: leaf | {"hlc": "5"}),
        ("an entry of the same time, of another request", "order", lambda leaf: leaf | {"request": "other"}),
        ("an empty entry", "leaf", lambda leaf: b""),
    ]
    rows += [(name, {kind}, lambda log, edit=edit: bench.resign(log, bench.with_leaf(301, edit)), True, ())
             for name, kind, edit in edits]
    return rows


def run(report):
    with tempfile.TemporaryDirectory(prefix="cairn-log-") as folder:
        with report.check(f"a log of {LARGE} entries") as details:
            large(folder, details)
        bench = Bench(folder)
        with report.check("a right log, from each former size"):
            clean(bench)
        for name, kinds, change, entries, former in planted(bench):
            with report.check(f"planted: {name}") as details:
                found = bench.check(
                    bench.spoil(change), entries, [bench.checkpoints[size] for size in former]).kinds
                details.append(", ".join(sorted(found)))
                if not kinds <= found and not (len(kinds) > 1 and kinds & found):
                    raise Fault("self-test", f"found {sorted(found)}, not {sorted(kinds)}")


def large(folder, details):
    """Large enough for tiles of level 2, with a full one of level 1."""
    log, key = os.path.join(folder, "large"), SignerKey(ORIGIN)
    checkpoints = write_log(log, [key], ORIGIN, make_leaves(ORIGIN, LARGE), (65_535, 65_536))
    report = Report()
    Verifier(Directory(log), Expectation([key.verifier]), report).run(True, 50, checkpoints.values())
    details.append(f"{report.passed} checks")
    if report.faults:
        raise report.faults[0]


def outgrown(bench, log):
    """The full tiles of a size to come are there, and the partial ones of the present size are not any more."""
    write_tiles(log, bench.leaves + make_leaves(ORIGIN, 768 - SMALL, seed=1))
    for path in (tile_path(0, 2, 88), tile_path(ENTRIES, 2, 88)):
        os.remove(os.path.join(log, path))


def clean(bench):
    for entries in (True, False):
        report = bench.check(bench.good, entries, bench.checkpoints.values())
        if report.faults:
            raise report.faults[0]
    report = bench.check(bench.spoil(lambda log: outgrown(bench, log)), former=bench.checkpoints.values())
    if report.faults:
        raise report.faults[0]
    for size in (0, 1, 2, 256, 257, 512):
        log = bench.spoil(lambda log, size=size: bench.resign(log, bench.leaves, size))
        report = bench.check(log)
        if report.faults:
            raise report.faults[0]
