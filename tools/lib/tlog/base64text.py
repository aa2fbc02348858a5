# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Base 64 of RFC 4648 section 4 in its one canonical form, and decimal numbers without leading zeroes."""

import base64
import binascii

# The largest tree size that is read.
MAXIMUM_SIZE = (1 << 63) - 1


def encode(content):
    return base64.b64encode(content).decode("ascii")


def decode(text):
    """The bytes; ValueError where another text would say the same."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"not base64: {error}") from None
    if encode(content) != text:
        raise ValueError("base64 that is not canonical")
    return content


def decode_hash(text):
    content = decode(text)
    if len(content) != 32:
        raise ValueError(f"a hash of {len(content)} bytes")
    return content


def decimal(text):
    """A number from 0 to 2^63 - 1 without sign or leading zeroes."""
    if not text or not text.isascii() or not text.isdigit() or (text[0] == "0" and text != "0") or len(text) > 19:
        raise ValueError(f"{text[:30]!r} is not a decimal number")
    number = int(text)
    if number > MAXIMUM_SIZE:
        raise ValueError(f"{text} is too large")
    return number
