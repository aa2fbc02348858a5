# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What can be wrong with a log."""

# The kinds, and what each means.
KINDS = {
    "note": "a signed note is not of the form of C2SP signed-note",
    "signature": "a signature of a known key is wrong, or there is none",
    "checkpoint": "the text of a note is not a checkpoint of this log",
    "missing": "a file that the checkpoint requires is not there",
    "tile": "a tile is not what its place requires: length, or hashes that disagree with the level below",
    "bundle": "an entry bundle is not a sequence of entries, or disagrees with its tile",
    "root": "the tiles do not hash to the root that was signed",
    "leaf": "an entry is not a leaf of version 1 in canonical form",
    "order": "an entry's timestamp does not follow that of the entry before it",
    "stray": "a file beside the log's, or an older partial tile that is no prefix of the present one",
    "inclusion": "a proof of inclusion does not verify",
    "consistency": "a proof of consistency does not verify",
    "shrank": "the log is shorter than it was",
    "forked": "the log is not a continuation of what it was",
    "proof": "a served proof is malformed, or proves something else",
    "quorum": "too few cosignatures",
    "http": "an answer has a wrong status or media type",
    "witness": "a witness answers otherwise than the specification says",
    "self-test": "this verifier itself is wrong",
    "database": "a row of the log's tables disagrees with the log",
}


class Fault(Exception):
    """One finding: its kind, and a sentence that says what was wrong."""

    def __init__(self, kind, sentence):
        assert kind in KINDS, kind
        super().__init__(f"{kind}: {sentence}")
        self.kind = kind
        self.sentence = sentence
