# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Checkpoints (C2SP tlog-checkpoint): the notes that sign a tree."""

from . import base64text
from .faults import Fault
from .merkle import EMPTY_ROOT
from .notes import Note


class Checkpoint:
    """A checkpoint that has the right form."""

    def __init__(self, content):
        self.note = Note(content)
        lines = self.note.text.decode().split("\n")[:-1]
        if len(lines) < 3 or not all(lines):
            raise Fault("checkpoint", "fewer than three lines, or an empty one")
        self.origin, self.extensions = lines[0], lines[3:]
        try:
            self.size = base64text.decimal(lines[1])
            self.root = base64text.decode_hash(lines[2])
        except ValueError as error:
            raise Fault("checkpoint", str(error)) from None
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Fault("checkpoint", "size 0, and a root that is not the hash of nothing")

    @property
    def text(self):
        return self.note.content.decode()

    def verify(self, log_keys, origin, cosigners=(), quorum=0):
        """Its origin, a signature by the log, and as many cosigners as asked for. Returns {cosigner: timestamp}."""
        if self.origin != origin:
            raise Fault("checkpoint", f"the origin is {self.origin!r}, not {origin!r}")
        good, times = self.note.verify([*log_keys, *cosigners])
        if not any(key in log_keys for key in good):
            raise Fault("signature", "no signature by a key of the log")
        if len(times) < quorum:
            raise Fault("quorum", f"{len(times)} of {quorum} cosignatures")
        return times


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{base64text.encode(root)}\n".encode()


def make_checkpoint(signers, origin, size, root):
    text = checkpoint_text(origin, size, root)
    return text + b"\n" + b"".join(signer.line(text) for signer in signers)
