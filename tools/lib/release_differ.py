# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Compares figures of the registry with those of the oracle, number by number."""

import math


def differences(ours, theirs, path=""):
    """Where an answer of the registry is not what the oracle says. Members that only the registry has are its own."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs:
            yield from differences(ours.get(key, "nothing"), theirs[key], f"{path}.{key}")
        if path.endswith((".counts", ".statistics")) or ".exemplars" in path or path.endswith(".worst"):
            for key in ours.keys() - theirs.keys():
                yield f"{path}.{key}: {ours[key]}, and the oracle has none"
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(ours) != len(theirs):
            yield f"{path}: {len(ours)} elements, and {len(theirs)} by the oracle: {ours} {theirs}"
        else:
            for number, (one, other) in enumerate(zip(ours, theirs)):
                yield from differences(one, other, f"{path}.{number}")
    elif isinstance(theirs, bool) or isinstance(ours, bool) or isinstance(theirs, (str, type(None))):
        if ours != theirs:
            yield f"{path}: {ours}, and {theirs} by the oracle"
    elif not isinstance(ours, (int, float)):
        yield f"{path}: {ours}, and {theirs} by the oracle"
    elif isinstance(theirs, int):
        if ours != theirs:
            yield f"{path}: {ours}, and {theirs} by the oracle"
    elif not math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=0):
        yield f"{path}: {ours}, and {theirs} by the oracle"
