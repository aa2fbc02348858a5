# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The tables of the log in a store's database, held against the log that was verified."""

import contextlib
import os
import sqlite3

from .faults import Fault
from .leaves import parse_leaf

EVENTS = """SELECT event.id, event.seq, event.kind, event.hlc, event.leaf, repo.name
            FROM event LEFT JOIN repo ON repo.id = event.repo_id WHERE event.seq IS NOT NULL ORDER BY event.seq"""
CHECKPOINTS = "SELECT size, root, note, state FROM checkpoint ORDER BY size"
STATES = {"intended", "signed"}


def rows_of(path, query):
    """The rows; the file is left as it is."""
    option = "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?{option}", uri=True)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise Fault("database", f"{path}: {error}") from None


class Database:
    def __init__(self, path, expectation, report):
        self.path, self.expectation, self.report = path, expectation, report
        self.entries = []

    def on_entry(self, number, entry):
        """For the walk over the log: keeps what is compared later."""
        self.entries.append(entry)

    def check(self, checkpoint, tree):
        """Everything, after the walk."""
        with self.report.check("rows of entries") as details:
            details.append(f"{self.events(checkpoint)} rows")
        with self.report.check("rows of checkpoints") as details:
            details.append(f"{self.checkpoints(checkpoint, tree)} rows")

    def events(self, checkpoint):
        rows, last = rows_of(self.path, EVENTS), 0
        if len(rows) < checkpoint.size:
            raise Fault("database", f"{len(rows)} numbered rows, and {checkpoint.size} entries")
        for number, (identifier, seq, kind, hlc, leaf, repository) in enumerate(rows):
            if seq != number or identifier <= last:
                raise Fault("database", f"row {identifier} has the number {seq}, and {number} is due")
            last = identifier
            if number < len(self.entries) and bytes(leaf) != self.entries[number]:
                raise Fault("database", f"row {identifier} holds another leaf than entry {number}")
            value = parse_leaf(bytes(leaf), self.expectation.origin, f"row {identifier}")
            if (value["kind"], value["hlc"], value["repo"]) != (kind, str(hlc), repository):
                raise Fault("database", f"row {identifier} says {kind} {hlc} {repository}, and its leaf does not")
        return len(rows)

    def checkpoints(self, checkpoint, tree):
        rows, states = rows_of(self.path, CHECKPOINTS), set()
        for size, root, note, state in rows:
            states.add(state)
            if size > checkpoint.size:
                continue
            if note is None:
                raise Fault("database", f"the checkpoint of size {size} has no note")
            signed = self.expectation.read_former(note.encode() if isinstance(note, str) else bytes(note))
            if (signed.size, signed.root) != (size, bytes(root)) or tree.subtree(0, size) != signed.root:
                raise Fault("database", f"the checkpoint of size {size} is not of this log")
        numbered = rows_of(self.path, "SELECT count(*) FROM event WHERE seq IS NOT NULL")[0][0]
        if checkpoint.size not in {row[0] for row in rows} or numbered != max((row[0] for row in rows), default=0):
            raise Fault("database", f"the last checkpoint is not that of {checkpoint.size} entries, or {numbered} rows")
        if not states <= STATES:
            raise Fault("database", f"checkpoints have the states {sorted(states)}")
        return len(rows)
