# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Proofs for keeping (C2SP tlog-proof): an index, a path, and the checkpoint that they lead to."""

from . import base64text
from .checkpoints import Checkpoint
from .faults import Fault
from .merkle import check_inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MAXIMUM_PATH = 63


class Proof:
    """A proof that has the right form."""

    def __init__(self, content):
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Fault("proof", f"not UTF-8: {error}") from None
        head, blank, rest = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != HEADER:
            raise Fault("proof", f"does not begin with {HEADER!r}, or has no empty line")
        try:
            self.extra = None
            if lines and lines[0].startswith("extra "):
                self.extra = base64text.decode(lines.pop(0)[6:])
            if not lines or not lines[0].startswith("index "):
                raise ValueError("no index")
            self.index = base64text.decimal(lines.pop(0)[6:])
            self.path = [base64text.decode_hash(line) for line in lines]
        except ValueError as error:
            raise Fault("proof", str(error)) from None
        if len(self.path) > MAXIMUM_PATH:
            raise Fault("proof", f"{len(self.path)} hashes are too many")
        self.checkpoint = Checkpoint(rest.encode())

    def verify(self, entry, log_keys, origin, cosigners=(), quorum=0):
        self.checkpoint.verify(log_keys, origin, cosigners, quorum)
        check_inclusion(self.index, self.checkpoint.size, leaf_hash(entry), self.path, self.checkpoint.root)


def make_proof(index, path, checkpoint, extra=None):
    lines = [HEADER]
    if extra is not None:
        lines.append("extra " + base64text.encode(extra))
    lines.append(f"index {index}")
    lines += [base64text.encode(sibling) for sibling in path]
    return "\n".join(lines).encode() + b"\n\n" + checkpoint
