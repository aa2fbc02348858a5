# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The Merkle tree of RFC 6962 section 2.1, from the definitions, and the checks of proofs of RFC 9162 section 2.1.

A tree is given as `subtree(start, end)`, which returns the hash over the leaves [start, end); `Leaves` is the plain
form of it, tiles are another.
"""

import hashlib

from .faults import Fault

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count):
    """The largest power of two below count."""
    return 1 << ((count - 1).bit_length() - 1)


def hash_of(hashes):
    """The tree hash over leaf hashes, by the recursion of section 2.1."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return node_hash(hash_of(hashes[:middle]), hash_of(hashes[middle:]))


def hash_of_power(hashes):
    """The same where the count is a power of two, level by level."""
    while len(hashes) > 1:
        hashes = [
            hashlib.sha256(b"\x01" + hashes[index] + hashes[index + 1]).digest() for index in range(0, len(hashes), 2)
        ]
    return hashes[0]


class Leaves:
    """A tree over a list of leaf hashes."""

    def __init__(self, hashes):
        self.hashes = hashes

    def subtree(self, start, end):
        return hash_of(self.hashes[start:end])


def inclusion_proof(tree, index, size):
    """PATH(index, D[size]) of section 2.1.1: from the leaf's sibling up."""
    assert 0 <= index < size
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(tree.subtree(middle, end))
            end = middle
        else:
            path.append(tree.subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(tree, old, new):
    """PROOF(old, D[new]) of section 2.1.2."""
    assert 0 < old <= new
    proof, start, end, whole = [], 0, new, True
    while end > old:
        middle = start + split(end - start)
        if old <= middle:
            proof.append(tree.subtree(middle, end))
            end = middle
        else:
            proof.append(tree.subtree(start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(tree.subtree(start, end))
    return proof[::-1]


def check_inclusion(index, size, leaf, path, root):
    """RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        raise Fault("inclusion", f"index {index} is not in a tree of {size}")
    number, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Fault("inclusion", f"a path of {len(path)} hashes is too long for entry {index} of {size}")
        if number & 1 or number == last:
            result = node_hash(sibling, result)
            while not number & 1 and number != 0:
                number, last = number >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise Fault("inclusion", f"a path of {len(path)} hashes is too short for entry {index} of {size}")
    if result != root:
        raise Fault("inclusion", f"entry {index} of {size} hashes to another root")


def check_consistency(old, new, old_root, new_root, proof):
    """RFC 9162 section 2.1.4.2, with the trivial cases of an empty and of an equal tree."""
    if old > new:
        raise Fault("consistency", f"{old} is larger than {new}")
    if old == new or old == 0:
        if proof:
            raise Fault("consistency", f"{len(proof)} hashes where none is needed")
        if old == new and old_root != new_root:
            raise Fault("consistency", f"two roots of size {old}")
        if old == 0 and old_root != EMPTY_ROOT:
            raise Fault("consistency", "a root of the empty tree that is not the hash of nothing")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise Fault("consistency", "no hashes")
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Fault("consistency", f"{len(proof)} hashes are too many from {old} to {new}")
        if number & 1 or number == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not number & 1 and number != 0:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise Fault("consistency", f"{len(proof)} hashes are too few from {old} to {new}")
    if first != old_root:
        raise Fault("consistency", f"the proof from {old} to {new} does not give the older root")
    if second != new_root:
        raise Fault("consistency", f"the proof from {old} to {new} does not give the newer root")
