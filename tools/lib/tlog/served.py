# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Proofs that a registry serves: of a tag, or of a manifest by its digest."""

import urllib.parse

from .faults import Fault
from .leaves import parse_leaf
from .merkle import check_consistency, consistency_proof
from .proofs import Proof
from .sources import Client
from .tiles import TileTree

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"


def split_reference(text):
    """(repository, tag or digest) of `repository:tag` or `repository@digest`."""
    repository, at, reference = text.partition("@")
    if not at:
        repository, _, reference = text.rpartition(":")
    if not repository or not reference:
        raise ValueError(f"{text!r} is not repository:tag or repository@digest")
    return repository, reference


class ServedProofs:
    def __init__(self, registry, user, source, expectation, checkpoint):
        self.client, self.source, self.expectation = Client(registry, user), source, expectation
        self.checkpoint = checkpoint

    def check(self, text):
        """Fetches one proof and holds it against the log that was verified. Returns its index."""
        repository, reference = split_reference(text)
        path = f"/v2/{repository}/_cairn/proof/{urllib.parse.quote(reference, safe=':')}"
        status, _, content = self.client.request("GET", path)
        if status != 200:
            raise Fault("proof", f"{path} answers {status}")
        proof = Proof(content)
        if proof.extra is None:
            raise Fault("proof", "without the entry as its extra data")
        expected = self.expectation
        proof.verify(proof.extra, expected.keys, expected.origin, expected.cosigners, expected.quorum)
        self.says(parse_leaf(proof.extra, expected.origin), repository, reference)
        self.agrees(proof)
        return proof.index

    def says(self, leaf, repository, reference):
        """The entry is of this repository and tag or digest, and what the registry serves is what it names."""
        body, is_digest = leaf["body"], ":" in reference
        kind, member = ("manifest.put", "digest") if is_digest else ("tag.set", "tag")
        if leaf["kind"] != kind or leaf["repo"] != repository or body.get(member) != reference:
            raise Fault("proof", f"the entry is {leaf['kind']} of {leaf['repo']}, {body.get(member)!r}")
        path = f"/v2/{repository}/manifests/{reference}"
        status, fields, _ = self.client.request("HEAD", path, headers={"Accept": ACCEPT})
        served = fields.get("docker-content-digest")
        if status != 200 or served != body.get("digest"):
            raise Fault("proof", f"{path} answers {status} with {served}, and the log says {body.get('digest')}")

    def agrees(self, proof):
        """The proof's checkpoint and the one that was verified are of one log."""
        old, new = self.checkpoint, proof.checkpoint
        if old.size > new.size:
            old, new = new, old
        tree = TileTree(self.source, new.size)
        if tree.subtree(0, old.size) != old.root or tree.subtree(0, new.size) != new.root:
            raise Fault("forked", f"the proof's checkpoint\n{proof.checkpoint.text}is not of the log that was verified")
        check_consistency(old.size, new.size, old.root, new.root,
                          consistency_proof(tree, old.size, new.size) if old.size else [])
