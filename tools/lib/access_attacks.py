# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of tokens that must not be accepted: of ours, and of the CI system's."""

import base64
import hashlib
import hmac
import json
import time

from access_server import PATIENCE_SECONDS, basic, bearer, claims
from access_world import AUDIENCE
from e2e_cases import case, expect, expect_equal

SCOPE = "repository:alpha/app:pull"
TARGET = "/v2/alpha/app/manifests/v1"
# A kid that is not known is looked for at once, but not more often than every ten seconds.
KEY_SECONDS = 10 + PATIENCE_SECONDS


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def assemble(header, payload, sign):
    """A JWT; `sign` takes the signing input."""
    body = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
    return f"{body}.{encode(sign(body.encode()))}"


def parts(token):
    """Header, claims and signature of a JWT."""
    first, second, third = token.split(".")
    return json.loads(decode(first)), json.loads(decode(second)), decode(third)


def private_key(world, kid):
    """The server's own signing key, from its file: tests of time and audience need well-signed tokens."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    document = json.loads((world.folder / "token-keys.json").read_text())
    entry = next(entry for entry in document["keys"] if entry["kid"] == kid)
    return Ed25519PrivateKey.from_private_bytes(decode(entry["d"]))


def public_bytes(key):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return [
        raw, encode(raw).encode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ]


def refuse(world, token, what):
    reply = world.server.call("GET", TARGET, [bearer(token)])
    expect_equal((reply.status, reply.code), (401, "UNAUTHORIZED"), what)
    expect("www-authenticate" in dict(reply.fields), f"{what}: no challenge")
    # Nor may a bad token be taken for no token where everyone may read.
    reply = world.server.call("GET", "/v2/public/app/tags/list", [bearer(token)])
    expect_equal(reply.status, 401, f"{what}, where no token is needed")


def good_token(world):
    world.server.push_image(world.who("alice"), "alpha/app", "v1")
    token = world.server.token(world.who("alice"), SCOPE)
    expect_equal(world.server.call("GET", TARGET, [bearer(token)]).status, 200, "GET with a good token")
    return token


@case("tokens with a forged or swapped signature are refused")
def forged(world):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    token = good_token(world)
    header, payload, signature = parts(token)
    expect_equal((header["alg"], header["typ"]), ("EdDSA", "JWT"), "header of a token")
    real = private_key(world, header["kid"])
    expect(real.sign(token.rpartition(".")[0].encode()) == signature, "the key file is not the key that signs")
    other = Ed25519PrivateKey.generate()
    refuse(world, assemble(header, payload, other.sign), "another key under the same kid")
    refuse(world, assemble({**header, "kid": "other"}, payload, other.sign), "another key under another kid")
    refuse(world, assemble({**header, "kid": "other"}, payload, real.sign), "our key under an unknown kid")
    nameless = {key: value for key, value in header.items() if key != "kid"}
    refuse(world, assemble(nameless, payload, real.sign), "no kid")
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode(public_bytes(other)[0])}
    refuse(world, assemble({**header, "jwk": jwk}, payload, other.sign), "a key brought along as jwk")
    flipped = bytearray(signature)
    flipped[7] ^= 1
    refuse(world, f"{token.rpartition('.')[0]}.{encode(bytes(flipped))}", "one bit of the signature")
    refuse(world, f"{token.rpartition('.')[0]}.", "an empty signature")
    refuse(world, token.rpartition(".")[0], "no signature")
    for alg in ("none", "None", "NONE", ""):
        refuse(world, assemble({**header, "alg": alg}, payload, lambda _: b""), f"alg {alg!r}")
        refuse(world, assemble({**header, "alg": alg}, payload, real.sign), f"alg {alg!r}, well signed")
    for number, secret in enumerate(public_bytes(real)):
        swapped = assemble(
            {**header, "alg": "HS256"}, payload, lambda data, key=secret: hmac.new(key, data, hashlib.sha256).digest()
        )
        refuse(world, swapped, f"HS256 with the public key, form {number}")
    for text in ("", "x", "a.b", "a.b.c", "..", "a.b.c.d", "x" * 9000, token + "x", token.replace(".", "..", 1)):
        refuse(world, text or "-", f"the token {text[:20]!r}")


@case("tokens with changed claims are refused")
def changed(world):
    token = good_token(world)
    header, payload, _ = parts(token)
    signature = token.rpartition(".")[2]
    wider = {**payload, "access": [{"type": "repository", "name": "alpha/app", "actions": ["pull", "push", "delete"]}]}
    for change, what in ((wider, "scope widened"), ({**payload, "sub": "user:root"}, "another subject")):
        body = assemble(header, change, lambda _: b"").rpartition(".")[0]
        refuse(world, f"{body}.{signature}", what)
    key = private_key(world, header["kid"])
    expect_equal(
        world.server.call("GET", TARGET, [bearer(assemble(header, payload, key.sign))]).status, 200,
        "the same claims, signed again",
    )
    now = int(time.time())
    for change, what in (
        ({"exp": now - 1}, "expired a second ago"), ({"exp": now - 86400}, "expired yesterday"),
        ({"nbf": now + 120}, "not yet valid"), ({"aud": "another"}, "other audience"),
        ({"aud": ["another", "third"]}, "other audiences"), ({"iss": "another"}, "other issuer"),
        ({"exp": None}, "no expiry"), ({"exp": "never"}, "an expiry that is no number"),
    ):
        document = {name: value for name, value in {**payload, **change}.items() if value is not None}
        refuse(world, assemble(header, document, key.sign), what)


@case("a token is good for its scope only, whatever its holder may do")
def scope_held(world):
    server = world.server
    token = good_token(world)
    for method, target in (
        ("POST", "/v2/alpha/app/blobs/uploads/"), ("DELETE", TARGET), ("GET", "/v2/alpha/other/tags/list"),
        ("GET", "/v2/alpha/app2/tags/list"), ("GET", "/v2/_catalog"),
    ):
        reply = server.call(method, target, [bearer(token)])
        expect_equal(reply.status, 401, f"{method} {target} with a token for {SCOPE}")
        expect('error="insufficient_scope"' in reply.header("www-authenticate", ""), f"{method} {target}: no error")
    admin = server.token(world.root, SCOPE)
    expect_equal(server.call("GET", "/api/v1/audit", [bearer(admin)]).status, 401, "audit with a token for a pull")


@case("refresh tokens and access tokens are not mistaken for each other")
def uses(world):
    server = world.server
    reply = server.ask_token(world.who("alice"), SCOPE, offline_token="true", client_id="test")
    body = json.loads(reply.body)
    refuse(world, body["refresh_token"], "a refresh token as bearer")
    swapped = server.post_token(grant_type="refresh_token", refresh_token=body["token"], client_id="test")
    expect_equal(swapped.status, 401, "an access token as refresh token")
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    for name in ("token", "refresh_token"):
        reply = server.post_token(grant_type=exchange, subject_token=body[name])
        expect_equal(reply.status, 401, f"our own {name} in an exchange")


@case("ID tokens: other audience, claims, key and time are refused")
def id_tokens(world):
    server = world.server

    def status(token, scope=SCOPE):
        reply = server.ask_token(basic("oidc", token), scope)
        return reply.status, reply.status == 200 and claims(json.loads(reply.body)["token"])["access"]

    good = world.job()
    pull = [{"type": "repository", "name": "alpha/app", "actions": ["pull"]}]
    expect_equal(status(good), (200, pull), "a good token")
    expect_equal(status(world.job(audience="someone-else"))[0], 401, "other audience")
    expect_equal(status(world.job(ref="refs/heads/feature")), (200, []), "another branch: a workload without rights")
    expect_equal(status(world.job(repository="plain"))[0], 401, "claims that no workload matches")
    header, payload, _ = parts(good)
    expect_equal(status(assemble({**header, "alg": "none"}, payload, lambda _: b""))[0], 401, "alg none")
    widened = assemble(header, {**payload, "repository": "alpha/other"}, lambda _: b"").rpartition(".")[0]
    expect_equal(status(f"{widened}.{good.rpartition('.')[2]}")[0], 401, "changed claims")
    modulus = decode(world.issuer.keys()[0]["n"])
    mac = assemble({**header, "alg": "HS256"}, payload, lambda data: hmac.new(modulus, data, hashlib.sha256).digest())
    expect_equal(status(mac)[0], 401, "HS256 with the public key")
    ours = server.token(world.who("alice"), SCOPE)
    expect_equal(status(ours)[0], 401, "our own token as an ID token")
    expect_equal(server.call("GET", TARGET, [bearer(good)]).status, 401, "an ID token as bearer of the registry")
    expect_equal(payload["aud"] if isinstance(payload["aud"], str) else payload["aud"][0], AUDIENCE, "audience")


@case("the issuer's keys rotate in mid-run; expired ID tokens are refused")
def rotation(world):
    server = world.server
    before = world.job()
    expect_equal(server.ask_token(basic("oidc", before), SCOPE).status, 200, "an ID token before the rotation")
    old = {key["kid"] for key in world.issuer.keys()}
    world.issuer.rotate()
    expect(not old & {key["kid"] for key in world.issuer.keys()}, "the issuer has the same key again")
    after = world.job()
    seconds = server.eventually(
        lambda: server.ask_token(basic("oidc", after), SCOPE).status == 200, "a token of the new key is accepted",
        KEY_SECONDS,
    )
    expect_equal(server.ask_token(basic("oidc", before), SCOPE).status, 401, "an ID token of a withdrawn key")
    world.issuer.rotate(seconds=5)
    last = []

    def taken():
        last[:] = [world.job()]
        return server.ask_token(basic("oidc", last[0]), SCOPE).status == 200

    # Each lives five seconds at most: one that is taken was asked about in time.
    server.eventually(taken, "tokens of the third key are taken", KEY_SECONDS)
    (brief,) = last
    # It ends at that second.
    time.sleep(max(0, claims(brief)["exp"] - time.time()) + 1)
    expect_equal(server.ask_token(basic("oidc", brief), SCOPE).status, 401, "the same token after its end")
    world.issuer.rotate()
    server.eventually(taken, "tokens of the fourth key are taken", KEY_SECONDS)
    return f"the new key was accepted after {seconds:.1f} s"


@case("the registry's own key rotates; tokens of the former one live on")
def own_rotation(world):
    token = good_token(world)
    before = parts(token)[0]["kid"]
    world.server.access("token-key", "rotate")
    world.server.eventually(
        lambda: parts(world.server.token(world.who("alice"), SCOPE))[0]["kid"] != before, "a new key signs"
    )
    expect_equal(world.server.call("GET", TARGET, [bearer(token)]).status, 200, "a token of the former key")
