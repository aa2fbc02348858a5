# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A conversation with a witness (C2SP tlog-witness): what it must refuse, and what it must cosign."""

import hashlib

from . import base64text
from .checkpoints import make_checkpoint
from .faults import Fault
from .merkle import consistency_proof
from .notes import COSIGNATURE, Note, SignerKey, signature_lines
from .sources import Client
from .tiles import TileTree

SIZE_TYPE = "text/x.tlog.size"


def add_checkpoint_body(old, proof, checkpoint):
    lines = [f"old {old}", *map(base64text.encode, proof)]
    return "\n".join(lines).encode() + b"\n\n" + checkpoint


class Witness:
    def __init__(self, url, source, expectation, checkpoint):
        self.client, self.expectation, self.checkpoint = Client(url), expectation, checkpoint
        self.tree, self.note = TileTree(source, checkpoint.size), checkpoint.note.content

    def post(self, body):
        return self.client.request("POST", "/add-checkpoint", body, {"Content-Type": "text/plain; charset=utf-8"})

    def proof(self, old):
        return consistency_proof(self.tree, old, self.checkpoint.size) if old else []

    def refuses(self, status, body):
        got, _, _ = self.post(body)
        if got != status:
            raise Fault("witness", f"answers {got}, not {status}")

    def latest(self):
        """The size that it cosigned last, learnt by a request whose old size is certainly wrong."""
        for old in (self.checkpoint.size, self.checkpoint.size - 1):
            status, fields, content = self.post(add_checkpoint_body(old, [], self.note))
            if status == 409 and fields.get("content-type") == SIZE_TYPE:
                return base64text.decimal(content.decode().removesuffix("\n"))
        if status == 200:
            return self.checkpoint.size
        raise Fault("witness", f"a wrong old size is answered with {status} {fields.get('content-type')}")

    def cosigns(self, old):
        """It cosigns: the verified names, and their timestamps."""
        status, _, content = self.post(add_checkpoint_body(old, self.proof(old), self.note))
        if status != 200:
            raise Fault("witness", f"answers {status} {content[:200]!r}")
        signature_lines(content.decode())
        cosigners = [key for key in self.expectation.cosigners if key.kind == COSIGNATURE]
        _, times = Note(self.note + content).verify([*self.expectation.keys, *cosigners])
        if not times:
            raise Fault("witness", "no cosignature of a known witness in the answer")
        return times


def converse(url, source, expectation, checkpoint, report):
    """The log must have entries, and the witness must know its origin and key."""
    witness, size = Witness(url, source, expectation, checkpoint), checkpoint.size
    with report.check("witness: tells the latest size") as details:
        old = witness.latest()
        details.append(str(old))
    if report.faults:
        return
    with report.check("witness: unknown origin is 404"):
        name = "unknown.example/" + hashlib.sha256(checkpoint.root).hexdigest()[:8]
        foreign = make_checkpoint([SignerKey(name)], name, size, checkpoint.root)
        witness.refuses(404, add_checkpoint_body(0, [], foreign))
    with report.check("witness: unknown key is 403"):
        stranger = SignerKey(expectation.origin)
        unknown = make_checkpoint([stranger], expectation.origin, size, checkpoint.root)
        witness.refuses(403, add_checkpoint_body(old, witness.proof(old), unknown))
    with report.check("witness: wrong signature is 403"):
        wrong = checkpoint.note.text + b"\n" + damaged_lines(checkpoint)
        witness.refuses(403, add_checkpoint_body(old, witness.proof(old), wrong))
    with report.check("witness: old size above the checkpoint's is 400"):
        witness.refuses(400, add_checkpoint_body(size + 1, [], witness.note))
    with report.check("witness: other old size is 409"):
        other = old - 1 if old == size else old + 1
        witness.refuses(409, add_checkpoint_body(other, witness.proof(other), witness.note))
    if 0 < old < size:
        with report.check("witness: wrong proof is 422"):
            proof = witness.proof(old)
            proof[0] = bytes([proof[0][0] ^ 1]) + proof[0][1:]
            witness.refuses(422, add_checkpoint_body(old, proof, witness.note))
    with report.check("witness: cosigns") as details:
        details.append(", ".join(f"{name} at {time}" for name, time in witness.cosigns(old).items()))
    with report.check("witness: and again at the same size"):
        witness.cosigns(size)


def damaged_lines(checkpoint):
    """The log's signature lines with a bit of each signature changed."""
    lines = b""
    for name, identifier, signature in checkpoint.note.signatures:
        raw = identifier + bytes([signature[0] ^ 1]) + signature[1:]
        lines += f"\u2014 {name} {base64text.encode(raw)}\n".encode()
    return lines

