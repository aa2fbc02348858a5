# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Tests of the verifier itself: published vectors, definitions against iterations, and logs with planted faults."""

import random

from . import selftest_logs, selftest_served
from .checkpoints import Checkpoint, make_checkpoint
from .faults import Fault
from .leaves import canonical, parse_leaf
from .maker import make_leaves
from .merkle import (
    EMPTY_ROOT, Leaves, check_consistency, check_inclusion, consistency_proof, hash_of, inclusion_proof, leaf_hash)
from .notes import COSIGNATURE, DASH, Note, SignerKey, VerifierKey
from .proofs import Proof, make_proof
from .tiles import ENTRIES, parse_tile_path, tile_path, tiles_of

# C2SP signed-note, section "Verifier keys", and the example of Go's package note.
NOTES = [
    ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
     f"This is an example message.\n\n{DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ER"
     "YNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"),
    ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
     "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
     f"{DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ"
     "nAM=\n"),
]
# The test tree of the reference implementation of RFC 6962: entries, and roots of sizes 0 to 8.
ENTRIES_6962 = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS_6962 = [bytes.fromhex(text) for text in (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)]
PATH_0_OF_8 = [bytes.fromhex(text) for text in (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)]


def expect(condition, sentence):
    if not condition:
        raise Fault("self-test", sentence)


def refused(kinds, action):
    """The action ends with a fault of one of these kinds, or with ValueError where None is among them."""
    try:
        action()
    except Fault as fault:
        expect(fault.kind in kinds, f"refused as {fault}, not as {kinds}")
    except ValueError as error:
        expect(None in kinds, f"refused as {error!r}, not as {kinds}")
    else:
        raise Fault("self-test", f"accepted, and {kinds} was expected")


def flips(content, chance, count):
    """Copies with one bit changed, each at a place of its own."""
    for place in chance.sample(range(len(content)), min(count, len(content))):
        yield place, content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1:]


def notes():
    chance = random.Random(1)
    for text, content in NOTES:
        key = VerifierKey.parse(text)
        expect(str(key) == text, "a key is printed otherwise than it was read")
        expect(Note(content.encode()).verify([key])[0] == [key], "a published note is not accepted")
        for place, wrong in flips(content.encode(), chance, 400):
            try:
                good, _ = Note(wrong).verify([key])
            except Fault:
                continue
            expect(not good, f"accepted with byte {place} changed")
        for place, wrong in flips(text.encode(), chance, 400):
            refused([None], lambda wrong=wrong: VerifierKey.parse(wrong.decode("latin-1")))
    line = NOTES[0][1].split("\n\n")[1]
    for wrong in ("", "text", "text\n", "text\n\n", f"text\n{line}", f"text\n\n{line}"[:-1], f"te\txt\n\n{line}",
                  f"text\n\n{line}\n", f"text\n\n-{line[1:]}", f"text\n\n{line[:-1]} \n", f"text\n\n {line}",
                  f"text\n\n{line[:-2]}\n", f"text\n\n{DASH} a+b {line.split(' ')[2]}", f"text\n\n{DASH} a AAAAAA==\n"):
        refused(["note"], lambda wrong=wrong: Note(wrong.encode()))
    refused(["note"], lambda: Note(b"\xff\n\n" + line.encode()))
    many = f"text\n\n{line * 20}".encode()
    expect(len(Note(many).signatures) == 20, "20 signatures are too many for it")


def cosignatures():
    log, witness = SignerKey("log.example/a"), SignerKey("witness.example/w", COSIGNATURE)
    content = make_checkpoint([log], "log.example/a", 8, ROOTS_6962[8])
    note = Note(content + witness.line(Note(content).text, 1_700_000_000))
    good, times = note.verify([log.verifier, witness.verifier])
    expect(good == [log.verifier] and times == {"witness.example/w": 1_700_000_000}, f"verified as {good}, {times}")
    earlier = witness.line(note.text, 1_600_000_000)
    stolen = content + earlier.replace(earlier, witness.line(b"another text\n", 1_600_000_000))
    refused(["signature"], lambda: Note(stolen).verify([log.verifier, witness.verifier]))
    expect(Note(stolen).verify([log.verifier])[0] == [log.verifier], "an unknown key's signature is not ignored")
    checkpoint = Checkpoint(content)
    refused(["quorum"], lambda: checkpoint.verify([log.verifier], "log.example/a", [witness.verifier], 1))
    refused(["checkpoint"], lambda: checkpoint.verify([log.verifier], "log.example/b"))
    only = make_checkpoint([], "log.example/a", 8, ROOTS_6962[8]) + witness.line(note.text, 1)
    refused(["signature"], lambda: Checkpoint(only).verify([log.verifier], "log.example/a", [witness.verifier]))
    for text in ("a\n1\n", "a\n01\nX\n", "a\n-1\nX\n", "\n1\nX\n", "a\n1\nAAAA\n", "a\n9223372036854775808\nX\n",
                 "a\n0\nX\n", "a\n1\nX\n\nb\n"):
        whole = text.replace("X", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=").encode()
        refused(["checkpoint", "note"], lambda whole=whole: Checkpoint(whole + b"\n" + log.line(whole)))


def published_tree():
    hashes = [leaf_hash(entry) for entry in ENTRIES_6962]
    for size, root in enumerate(ROOTS_6962):
        expect(hash_of(hashes[:size]) == root, f"the root of size {size}")
    expect(inclusion_proof(Leaves(hashes), 0, 8) == PATH_0_OF_8, "the path of entry 0 of 8")


def definitions():
    """Proofs by the recursion of RFC 6962 are accepted by the iteration of RFC 9162, and nothing near them is."""
    hashes = [leaf_hash(str(number).encode()) for number in range(70)]
    tree, other = Leaves(hashes), b"\x55" * 32
    for size in range(1, len(hashes) + 1):
        root = hash_of(hashes[:size])
        for index in range(size):
            path = inclusion_proof(tree, index, size)
            check_inclusion(index, size, hashes[index], path, root)
            wrong = [(index, [*path, other]), ((index + 1) % size, path)] if size > 1 else [(0, [other])]
            wrong += [(index, path[:-1]), (index, [other, *path[1:]])] if path else []
            for place, nodes in wrong:
                refused(["inclusion"], lambda: check_inclusion(place, size, hashes[index], nodes, root))
        for old in range(size + 1):
            proof = consistency_proof(tree, old, size) if old else []
            before = hash_of(hashes[:old])
            check_consistency(old, size, before, root, proof)
            wrong = [(proof + [other], before, root), (proof, before, other)] if old else [([other], before, root)]
            wrong += [(proof[:-1], before, root), (proof, other, root)] if proof else []
            for nodes, first, second in wrong:
                refused(["consistency"], lambda: check_consistency(old, size, first, second, nodes))
    refused(["consistency"], lambda: check_consistency(0, 3, other, hash_of(hashes[:3]), []))
    refused(["inclusion"], lambda: check_inclusion(0, 0, hashes[0], [], EMPTY_ROOT))
    # Too short, and right as far as it goes.
    refused(["inclusion"], lambda: check_inclusion(0, 8, hashes[0], [hashes[1]], hash_of(hashes[:2])))
    refused(["consistency"], lambda: check_consistency(4, 8, hash_of(hashes[:4]), hash_of(hashes[:4]), []))


def tile_names():
    expect(tile_path(2, 1_234_067) == "tile/2/x001/x234/067", "the name of tile 1234067")
    expect(tile_path(ENTRIES, 67, 5) == "tile/entries/067.p/5", "the name of a partial bundle")
    for path in ("tile/0/x001/x234/067.p/5", "tile/63/000", "tile/entries/x001/000"):
        expect(tile_path(*parse_tile_path(path)) == path, path)
    for path in ("tile/0", "tile/0/1", "tile/00/001", "tile/64/001", "tile/0/x000/001", "tile/0/001.p/0",
                 "tile/0/001.p/256", "tile/0/001.p/05", "tile/0/001/002", "tile/0/x001", "tile/0/+01", "/tile/0/001",
                 "tile/0/001/", "tile/a/001"):
        refused([None], lambda path=path: parse_tile_path(path))
    widths = {}
    for level, _, width in tiles_of(70_000):
        widths.setdefault(level, []).append(width)
    expect(widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}, "the tiles of size 70,000")
    expect(list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)], "the tiles of size 256")
    expect(not list(tiles_of(0)) and list(tiles_of(255)) == [(0, 0, 255)], "the tiles of sizes 0 and 255")


def leaf_forms():
    origin = "log.example/a"
    leaf = make_leaves(origin, 1)[0]
    parse_leaf(leaf, origin)
    # RFC 8785 section 3.2.3: the order is by UTF-16 units, in which U+1F600 comes before U+FB33.
    expect(canonical({"\ufb33": 1, "\U0001f600": 2, "a": "\u2028\x07\n\"/"}).decode() ==
           '{"a":"\u2028\\u0007\\n\\"/","\U0001f600":2,"\ufb33":1}', "the canonical form of RFC 8785")
    text = leaf.decode()
    for old, new in (
            ('"v":1', '"v":2'), ('"v":1', '"v":1.0'), ('"v":1', '"v":true'), (',"v":1', ""), ('"v":1', '"v":1,"w":1'),
            ('"actor":', '"actor" :'), ("zoë", "zo\\u00eb"), ('"kind":', '"kinds":'), (origin, "log.example/b"),
            ('"subject":null', '"subject":NaN'), ('"subject":null', '"subject":9007199254740993'),
            ('"salt":"', '"salt":"AAAA'),
            ('"hlc":"', '"hlc":"0'), ('"hlc":"', '"hlc":"-'), ('{"actor"', '{"actor":"a","actor"'), ("}", "}\n"),
            ('"subject":null', '"subject":' + "[" * 2000 + "]" * 2000)):
        expect(old in text, f"{old} is not in the leaf")
        refused(["leaf"], lambda wrong=text.replace(old, new, 1): parse_leaf(wrong.encode(), origin))
    for place, wrong in flips(leaf, random.Random(2), 400):
        if wrong.find(b'"origin":"log.example/a"') < 0:
            refused(["leaf"], lambda wrong=wrong: parse_leaf(wrong, origin))


def kept_proofs():
    log, hashes = SignerKey("log.example/a"), [leaf_hash(entry) for entry in ENTRIES_6962]
    checkpoint = make_checkpoint([log], "log.example/a", 8, ROOTS_6962[8])
    for index, entry in enumerate(ENTRIES_6962):
        content = make_proof(index, inclusion_proof(Leaves(hashes), index, 8), checkpoint, entry or None)
        proof = Proof(content)
        expect(proof.index == index and proof.extra == (entry or None), "a proof is read otherwise than it was written")
        proof.verify(entry, [log.verifier], "log.example/a")
        for place, wrong in flips(content, random.Random(index), 500):
            try:
                again = Proof(wrong)
                again.verify(entry, [log.verifier], "log.example/a")
            except Fault:
                continue
            expect(again.extra != proof.extra, f"accepted with byte {place} changed")
    text = make_proof(0, PATH_0_OF_8, checkpoint).decode()
    for old, new in (("@v1", "@v2"), ("index 0", "index 00"), ("index 0", "index -0"), ("index 0", "index 8"),
                     ("index 0\n", ""), ("index 0", "extra AA\nindex 0"), ("index 0", "index 0\nAAAA"), ("\n\n", "\n")):
        wrong = text.replace(old, new, 1).encode()
        refused(["proof", "inclusion"], lambda wrong=wrong: Proof(wrong).verify(b"", [log.verifier], "log.example/a"))


def run(report):
    for part in (notes, cosignatures, published_tree, definitions, tile_names, leaf_forms, kept_proofs):
        with report.check(part.__name__.replace("_", " ")):
            part()
    selftest_logs.run(report)
    selftest_served.run(report)
