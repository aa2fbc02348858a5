# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Signed notes (C2SP signed-note), verifier keys, and timestamped cosignatures (C2SP tlog-cosignature)."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import base64text
from .faults import Fault

ED25519 = 0x01
COSIGNATURE = 0x04
DASH = "\u2014"
MAXIMUM_NOTE_BYTES = 1 << 20
MAXIMUM_SIGNATURES = 256


def check_name(name):
    if not name or "+" in name or any(character.isspace() for character in name):
        raise ValueError(f"{name!r} is not a key's name")


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def cosigned_message(text, timestamp):
    return f"cosignature/v1\ntime {timestamp}\n".encode() + text


class VerifierKey:
    """A key that is trusted: `<name>+<key id>+<base64 of type and key>`."""

    def __init__(self, name, kind, public):
        check_name(name)
        self.name, self.kind, self.public = name, kind, public
        self.id = key_id(name, kind, public)
        self.key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def parse(cls, text):
        """ValueError where the text is no verifier key, or one of a kind that is not known here."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise ValueError(f"{text!r} is not of the form name+id+key")
        name, identifier, encoded = parts
        material = base64text.decode(encoded)
        if len(material) != 33 or material[0] not in (ED25519, COSIGNATURE):
            raise ValueError("only Ed25519 keys of type 1 or 4 are known")
        key = cls(name, material[0], material[1:])
        if identifier != key.id.hex():
            raise ValueError(f"the key's id is {key.id.hex()}, not {identifier}")
        return key

    def __str__(self):
        return f"{self.name}+{self.id.hex()}+{base64text.encode(bytes([self.kind]) + self.public)}"

    def check(self, text, signature):
        """The cosignature's timestamp, or None for a plain signature. Raises Fault."""
        message, timestamp = text, None
        if self.kind == COSIGNATURE:
            timestamp = int.from_bytes(signature[:8], "big")
            if len(signature) != 72 or timestamp > base64text.MAXIMUM_SIZE:
                raise Fault("signature", f"a cosignature of {self.name} is malformed")
            message, signature = cosigned_message(text, timestamp), signature[8:]
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            raise Fault("signature", f"the signature of {self.name} is wrong") from None
        return timestamp


class SignerKey:
    """The other half, for logs that are made here."""

    def __init__(self, name, kind=ED25519, private=None):
        self.private = private or Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.verifier = VerifierKey(name, kind, public)

    def line(self, text, timestamp=0):
        """The signature line over a note's text, as bytes."""
        if self.verifier.kind == COSIGNATURE:
            signature = timestamp.to_bytes(8, "big") + self.private.sign(cosigned_message(text, timestamp))
        else:
            signature = self.private.sign(text)
        return f"{DASH} {self.verifier.name} {base64text.encode(self.verifier.id + signature)}\n".encode()


class Note:
    """A note that has the right form; nothing is verified yet."""

    def __init__(self, content):
        if len(content) > MAXIMUM_NOTE_BYTES:
            raise Fault("note", f"{len(content)} bytes are too many")
        try:
            decoded = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Fault("note", f"not UTF-8: {error}") from None
        if any(ord(character) < 0x20 and character != "\n" for character in decoded):
            raise Fault("note", "a control character")
        text, blank, block = decoded.rpartition("\n\n")
        if not blank:
            raise Fault("note", "no empty line before the signatures")
        self.content = content
        self.text = (text + "\n").encode()
        self.signatures = signature_lines(block)

    def verify(self, keys):
        """(keys whose plain signature is right, {cosigner's name: timestamp}). A wrong one of a known key is a
        fault."""
        good, times = [], {}
        known = {(key.name, key.id): key for key in keys}
        for name, identifier, signature in self.signatures:
            key = known.get((name, identifier))
            if key is None:
                continue
            timestamp = key.check(self.text, signature)
            if key.kind == COSIGNATURE:
                times[key.name] = timestamp
            elif key not in good:
                good.append(key)
        return good, times


def signature_lines(block):
    """[(name, key id, signature)] of the lines after the empty one."""
    if not block or not block.endswith("\n"):
        raise Fault("note", "no signature, or the last line does not end")
    lines = block[:-1].split("\n")
    if len(lines) > MAXIMUM_SIGNATURES:
        raise Fault("note", f"{len(lines)} signatures are too many")
    signatures = []
    for line in lines:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != DASH:
            raise Fault("note", f"{line[:60]!r} is not a signature line")
        try:
            check_name(parts[1])
            raw = base64text.decode(parts[2])
        except ValueError as error:
            raise Fault("note", f"a signature line: {error}") from None
        if len(raw) < 5:
            raise Fault("note", "a signature without a key id")
        signatures.append((parts[1], raw[:4], raw[4:]))
    return signatures
