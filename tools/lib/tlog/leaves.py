# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Entries of a Cairn log: leaf version 1, a JSON object in the canonical form of RFC 8785."""

import json

from . import base64text
from .faults import Fault

KEYS = {"v", "salt", "kind", "origin", "hlc", "repo", "actor", "request", "body"}
SALT_BYTES = 16
# Readers of JSON keep no larger number exactly (RFC 8785 section 3.1, RFC 7493 section 2.2).
MAXIMUM_INTEGER = 1 << 53
MAXIMUM_DEPTH = 32


def refuse(text):
    raise ValueError(f"{text} is not an integer")


def arranged(value, depth=0):
    """The value with all keys in the order of their UTF-16 units."""
    if depth > MAXIMUM_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: arranged(value[key], depth + 1) for key in keys}
    if isinstance(value, list):
        return [arranged(item, depth + 1) for item in value]
    if isinstance(value, int) and not -MAXIMUM_INTEGER <= value <= MAXIMUM_INTEGER:
        raise ValueError(f"{value} is larger than readers of JSON keep")
    return value


def canonical(value):
    """RFC 8785 for values whose numbers are integers. ValueError for what it has no form for."""
    return json.dumps(arranged(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def parse_leaf(entry, origin, where="the entry"):
    """The object of a leaf; its form, members and origin are right then."""
    try:
        value = json.loads(entry.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
        same = canonical(value) == entry
    except (ValueError, RecursionError) as error:
        raise Fault("leaf", f"{where}: {error}") from None
    if not same:
        raise Fault("leaf", f"{where} is not in canonical form")
    wrong = wrong_member(value, origin)
    if wrong:
        raise Fault("leaf", f"{where}: {wrong}")
    return value


def wrong_member(value, origin):
    if not isinstance(value, dict) or set(value) != KEYS:
        return f"not an object with exactly the members {sorted(KEYS)}"
    if type(value["v"]) is not int or value["v"] != 1:
        return f"version {value['v']!r}"
    if value["origin"] != origin:
        return f"the origin is {value['origin']!r}, not {origin!r}"
    for name in ("salt", "kind", "actor", "request"):
        if not isinstance(value[name], str):
            return f"{name} is not a string"
    if value["repo"] is not None and not isinstance(value["repo"], str):
        return "repo is neither a string nor null"
    if not isinstance(value["body"], dict) or not value["kind"]:
        return "the body is not an object, or the kind is empty"
    try:
        if len(base64text.decode(value["salt"])) != SALT_BYTES:
            return f"a salt that has not {SALT_BYTES} bytes"
        base64text.decimal(value["hlc"] if isinstance(value["hlc"], str) else "")
    except ValueError as error:
        return str(error)
    return None


class Order:
    """Timestamps rise from leaf to leaf; those of one request may share theirs, for they are one change."""

    def __init__(self):
        self.time, self.request = -1, None

    def follow(self, leaf, where):
        time, request = int(leaf["hlc"]), leaf["request"]
        before, self.time = self.time, time
        before_request, self.request = self.request, request
        if time < before:
            raise Fault("order", f"{where} has the time {time}, and the one before it {before}")
        if time == before and request != before_request:
            raise Fault("order", f"{where} has the time of the one before it, and is of another request")
