# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Signatures and attestations in the forms of sigstore and cosign, made and verified without any of Cairn's code."""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
SIGN_TYPE = "https://sigstore.dev/cosign/sign/v1"
TYPES = {
    "slsaprovenance": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}


class Invalid(Exception):
    """What is wrong with a signature or with its form."""


def encode(data):
    return base64.b64encode(data).decode()


def decode(text):
    """Base64 in the one spelling that the standard alphabet has for some bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Invalid(f"not base64: {text[:40]!r}") from error
    if encode(data) != text:
        raise Invalid("base64 in a second spelling")
    return data


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class PublicKey:
    def __init__(self, pem):
        self.pem = pem if isinstance(pem, bytes) else pem.encode()
        self.key = load_pem_public_key(self.pem)
        der = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # What cosign writes as the hint: the SHA-256 of the PKIX form, in base64.
        self.hint = encode(hashlib.sha256(der).digest())

    def check(self, signature, message):
        """Raises Invalid. Pure Ed25519, or ECDSA with SHA-256 in DER, which is cosign's default."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                self.key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Invalid("the signature is wrong") from None


class Key(PublicKey):
    """A private key, with the paths of its files where it has some."""

    def __init__(self, private, path=None, public=None):
        self.private = private
        self.path, self.public = path, public
        super().__init__(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    @classmethod
    def ed25519(cls):
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def p256(cls):
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path, password=None):
        """The key of the files that `cairn key generate PATH` made."""
        private = load_pem_private_key(Path(f"{path}.key").read_bytes(), password)
        return cls(private, Path(f"{path}.key"), Path(f"{path}.pub"))

    def save(self, path):
        self.path, self.public = Path(f"{path}.key"), Path(f"{path}.pub")
        self.path.write_bytes(self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.public.write_bytes(self.pem)
        return self

    def sign(self, message):
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))


# What is signed


def pae(payload, payload_type=IN_TOTO):
    """The pre-authentication encoding of DSSE."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def statement(digest, predicate_type=SIGN_TYPE, predicate=None, name=None):
    algorithm, _, encoded = digest.partition(":")
    subject = {"name": name} if name else {}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{**subject, "digest": {algorithm: encoded}}],
        "predicateType": predicate_type,
        "predicate": {} if predicate is None else predicate,
    }


def envelope(key, payload, payload_type=IN_TOTO, message=None):
    """A signed envelope; `message` is signed in place of the encoding, to be wrong."""
    signature = key.sign(pae(payload, payload_type) if message is None else message)
    return {"payload": encode(payload), "payloadType": payload_type, "signatures": [{"sig": encode(signature)}]}


def bundle(key, digest, predicate_type=SIGN_TYPE, predicate=None, hint=None, **options):
    """A bundle as a value, to be altered before it is written."""
    payload = compact(statement(digest, predicate_type, predicate))
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.hint if hint is None else hint}},
        "dsseEnvelope": envelope(key, payload, **options),
    }


def simple_signing(digest, reference):
    """The payload of cosign's older form, byte for byte as its Go code writes it."""
    return compact(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    )


# What is read


def members(value, required, optional=(), what="an object"):
    if not isinstance(value, dict):
        raise Invalid(f"{what} is no object")
    missing, unknown = set(required) - set(value), set(value) - set(required) - set(optional)
    if missing or unknown:
        raise Invalid(f"{what} lacks {sorted(missing)} and has {sorted(unknown)} in addition")


def once(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise Invalid("a member stands there twice")
    return dict(pairs)


def parse(data):
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except ValueError as error:
        raise Invalid(f"no JSON: {error}") from error


def check_envelope(value, key):
    """Verifies an envelope of DSSE with one signature; returns the payload."""
    members(value, ["payload", "payloadType", "signatures"], what="the envelope")
    if value["payloadType"] != IN_TOTO or len(value["signatures"]) != 1:
        raise Invalid("an envelope of one signature over a statement is wanted")
    members(value["signatures"][0], ["sig"], ["keyid"], "the signature")
    payload = decode(value["payload"])
    key.check(decode(value["signatures"][0]["sig"]), pae(payload))
    return payload


def check_statement(payload, digest, predicate_type):
    """Returns the predicate of a statement about one digest."""
    value = parse(payload)
    members(value, ["_type", "subject", "predicateType", "predicate"], what="the statement")
    if value["_type"] != "https://in-toto.io/Statement/v1" or value["predicateType"] != predicate_type:
        raise Invalid(f"a statement of type {value['_type']} and {value['predicateType']}")
    if [subject["digest"] for subject in value["subject"]] != [dict([digest.split(":", 1)])]:
        raise Invalid(f"a statement about {value['subject']}")
    return value["predicate"]


def check_bundle(data, key, digest, predicate_type=SIGN_TYPE):
    """Verifies a bundle as its definition in protobuf has it; returns the statement's predicate."""
    value = parse(data)
    members(value, ["mediaType", "verificationMaterial", "dsseEnvelope"], what="the bundle")
    if value["mediaType"] != BUNDLE:
        raise Invalid(f"a bundle of type {value['mediaType']}")
    members(value["verificationMaterial"], ["publicKey"], ["tlogEntries", "timestampVerificationData"], "material")
    members(value["verificationMaterial"]["publicKey"], ["hint"], what="the key")
    hint = value["verificationMaterial"]["publicKey"]["hint"]
    if hint != key.hint:
        raise Invalid(f"the hint is {hint}, not {key.hint}")
    key_id = value["dsseEnvelope"]["signatures"][0].get("keyid", "")
    if key_id not in ("", hint):
        raise Invalid("hint and keyid differ")
    return check_statement(check_envelope(value["dsseEnvelope"], key), digest, predicate_type)
