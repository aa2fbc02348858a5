# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of signatures at pull: what is no signature of the image is refused with the reason, and what is one flows."""

import json

from e2e_cases import case, expect, expect_equal
from e2e_http import digest, push_manifest
from e2e_images import CONFIG
from trust_signing import (
    BUNDLE,
    ENVELOPE,
    SIGNATURE,
    SIMPLE_SIGNING,
    bundle,
    compact,
    decode,
    encode,
    envelope,
    simple_signing,
    statement,
)
from trust_world import EMPTY, Image, KeptConnection

CLIENTS = ("skopeo", "podman")


@case("policy: unsigned")
def unsigned(world):
    image = world.server.push_image("signed/plain")
    world.refused(image, "it has 0 of 1 signatures by alice, desk, and none at all", clients=CLIENTS)
    with KeptConnection(world.server, image, "v1", method="HEAD") as connection:
        # It tells what is there to those who are to sign it, and gives nothing of it.
        expect_equal(set(connection.seen), {200}, "answers to HEAD")
        connection.method = "GET"
        expect_equal(connection.ask().status, 403, "GET on the same connection")
    for field in [("If-None-Match", f'"{image.digest}"'), ("Range", "bytes=0-9"), ("Accept", "*/*")]:
        for target in ("manifests/v1", f"manifests/{image.digest}", f"blobs/{image.digest}"):
            reply = world.server.call("GET", f"/v2/signed/plain/{target}", field)
            expect_equal(reply.status, 403, f"GET of {target} with {field}")
    expect_equal(world.explained(image)["allowed"], False, "allowed")
    world.sign_elsewhere(image)
    world.flows(image, clients=CLIENTS)
    rules = world.explained(image)["rules"]
    expect_equal(rules[0]["requirements"][0]["keys"], ["alice"], "keys that counted")


@case("policy: signed by an unknown key")
def unknown_key(world):
    image = world.server.push_image("signed/stranger")
    reference = world.server.attach_signature(image, world.keys["mallory"])
    world.refused(image, reference, "no key that may count signed it", clients=CLIENTS)
    world.server.attach_signature(image, world.keys["mallory"], hint="")
    world.server.attach_signature(image, world.keys["mallory"], hint=world.keys["alice"].hint)
    world.server.attach_layers(image, ".sig", [signature_layer(world.keys["mallory"], image)])
    world.refused(image, "no key that may count signed it")
    # A key of the policy that this rule does not name.
    world.server.attach_signature(image, world.keys["bob"])
    world.refused(image, "no key that may count signed it")
    world.sign_elsewhere(image)
    world.flows(image, clients=CLIENTS)


def signature_layer(key, image, payload=None, reference="registry.example/app"):
    """A layer of cosign's older form."""
    payload = payload or simple_signing(image.digest, reference)
    return payload, SIMPLE_SIGNING, {SIGNATURE: encode(key.sign(payload))}


def wrong_signatures(key, image):
    """Bundles that nobody must believe, each with what is wrong."""

    def altered(change, **options):
        value = bundle(key, image.digest, **options)
        change(value, value["dsseEnvelope"])
        return value

    def flip(text, position):
        data = bytearray(decode(text))
        data[position] ^= 1
        return encode(bytes(data))

    def set_signature(value, text):
        value["dsseEnvelope"]["signatures"][0]["sig"] = text

    payload = compact(statement(image.digest))
    other = compact(statement(image.digest, name="another"))
    signature = bundle(key, image.digest)["dsseEnvelope"]["signatures"][0]["sig"]
    for position in (0, 31, 32, 63):
        yield f"byte {position} of the signature", altered(
            lambda value, inner, position=position: set_signature(value, flip(inner["signatures"][0]["sig"], position)))
    yield "a signature of zeros", altered(lambda value, _: set_signature(value, encode(bytes(64))))
    yield "a signature cut short", altered(lambda value, _: set_signature(value, encode(decode(signature)[:-1])))
    longer = encode(decode(signature) + b"x")
    yield "a signature and a byte more", altered(lambda value, _: set_signature(value, longer))
    yield "another payload", altered(lambda _, inner: inner.update(payload=encode(other)))
    yield "another payload type", altered(lambda _, inner: inner.update(payloadType="application/json"))
    yield "the payload signed without its type", altered(lambda _, inner: None, message=payload)
    yield "the encoding of another type signed", altered(
        lambda _, inner: inner.update(envelope(key, payload, "text/plain"), payloadType="application/vnd.in-toto+json"))
    yield "two signatures", altered(lambda _, inner: inner["signatures"].append({"sig": encode(bytes(64))}))
    yield "no signature", altered(lambda _, inner: inner.update(signatures=[]))
    yield "a hint and another key id", altered(lambda _, inner: inner["signatures"][0].update(keyid="AAAA"))
    yield "the hint of another key", bundle(key, image.digest, hint=encode(bytes(32)))
    yield "another version", altered(lambda value, _: value.update(mediaType=BUNDLE.replace("v0.3", "v0.9")))
    yield "a member that is not known", altered(lambda value, _: value.update(trusted=True))
    yield "base64 for URLs", altered(
        lambda value, inner: set_signature(
            value, inner["signatures"][0]["sig"].replace("+", "-").replace("/", "_").rstrip("=")))
    yield "a signature of bytes, not of a statement", {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.hint}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": encode(bytes.fromhex(digest(image.data)[7:]))},
            "signature": encode(key.sign(image.data)),
        },
    }
    yield "an attestation, not a signature", bundle(key, image.digest, "https://example.org/said", {"signed": True})


@case("policy: wrongly signed")
def wrongly_signed(world):
    count = 0
    first = world.server.push_image("signed/wrong0")
    name, value = next(wrong_signatures(world.keys["alice"], first))
    world.server.attach(first, value)
    world.refused(first, "it has 0 of 1 signatures", clients=CLIENTS)
    for number, (name, value) in enumerate(wrong_signatures(world.keys["alice"], first)):
        image = world.server.copy(first, f"signed/wrong/{number}")
        world.server.attach(image, value)
        reply = world.server.get(image.repository, "v1")
        expect_equal((reply.status, reply.code), (403, "DENIED"), f"GET with {name}")
        count += 1
    # All of them at once neither help nor stand in the way of a right one.
    for _, value in wrong_signatures(world.keys["alice"], first):
        world.server.attach(first, value)
    world.refused(first, "it has 0 of 1 signatures")
    world.sign_elsewhere(first)
    world.flows(first, clients=CLIENTS)
    return f"{count} kinds"


@case("policy: signature of another digest copied over")
def copied(world):
    signed = world.server.push_image("signed/original")
    (referrer, _), _ = world.sign_elsewhere(signed, "--legacy-tag")
    world.flows(signed)
    image = world.server.push_image("signed/copied", seed="something else")
    layer = json.loads(world.server.get("free/signing", referrer).body)["layers"][0]["digest"]
    value = world.server.call("GET", f"/v2/signed/original/blobs/{layer}").body
    world.server.attach(image, value)
    world.refused(image, f"it is about another image, {signed.digest}", clients=("skopeo",))
    world.server.attach_layers(image, ".sig", [signature_layer(world.keys["alice"], signed)])
    world.server.attach_layers(
        image, ".att", [(compact(bundle(world.keys["alice"], signed.digest)["dsseEnvelope"]), ENVELOPE, {})])
    world.refused(image, f"it is about another image, {signed.digest}")
    world.sign_elsewhere(image)
    world.flows(image, clients=("skopeo",))


@case("policy: junk of the right media type")
def junk(world):
    kinds = {
        "nothing": b" ", "noise": bytes(range(256)) * 20, "an object": b"{}", "text": b'"signed"',
        "cut": compact({"mediaType": BUNDLE})[:-1], "not UTF-8": b'{"a":"\xff"}',
        "deep": b"[" * 100_000, "wide": b"[" + b"0," * 200_000 + b"0]",
        "twice": b'{"mediaType":"x","mediaType":"' + BUNDLE.encode() + b'"}',
    }
    image = world.server.push_image("signed/junk")
    for data in kinds.values():
        world.server.attach(image, data)
        world.server.attach_layers(image, ".sig", [(data, SIMPLE_SIGNING, {SIGNATURE: encode(bytes(64))})])
        world.server.attach_layers(image, ".att", [(data, ENVELOPE, {})])
        world.refused(image, "it has 0 of 1 signatures by alice, desk")
    # What carries the words, and is of another type.
    world.server.attach(image, bundle(world.keys["alice"], image.digest), "application/json")
    world.refused(image, "it has 0 of 1 signatures by alice, desk", clients=("skopeo",))
    world.sign_elsewhere(image)
    world.flows(image, clients=("skopeo",))
    return f"{len(kinds)} kinds"


@case("policy: n of m signatures")
def threshold(world):
    image = world.server.push_image("two/app")
    world.refused(image, "it has 0 of 2 signatures by alice, bob, desk")
    for _ in range(3):
        world.sign_elsewhere(image, "--legacy-tag")
    world.server.attach_signature(image, world.keys["alice"], hint="")
    # However often one key signs, it is one.
    world.refused(image, "it has 1 of 2 signatures by alice, bob, desk", clients=("skopeo",))
    world.server.attach_layers(image, ".sig", [signature_layer(world.keys["desk"], image)])
    world.flows(image, clients=("skopeo",))
    expect_equal(world.explained(image)["rules"][0]["requirements"][0]["keys"], ["alice", "desk"], "keys that counted")


@case("policy: a signed index opens its images, and nothing else")
def index(world):
    server = world.server
    children = [server.push_image("signed/index", f"child{number}") for number in range(2)]
    top = server.push_index("signed/index", "v1", children)
    other = server.push_image("signed/index", "other")
    for image, tag in [(top, "v1"), (children[0], "child0"), (children[1], "child1")]:
        world.refused(image, "and none at all", tag=tag)
    done = world.pull("skopeo", top, "v1", check=False)
    expect(done.returncode != 0, "skopeo pulled an index that is not signed")
    server.attach_signature(top, world.keys["alice"])
    world.flows(top, clients=CLIENTS)
    for number, child in enumerate(children):
        world.flows(child, tag=f"child{number}", clients=("skopeo",))
    world.refused(other, "and none at all", tag="other")
    alone = server.copy(children[0], "signed/elsewhere")
    world.refused(alone, "and none at all")
    # Without the index nothing speaks for them any more.
    with KeptConnection(server, children[0], "child0") as connection:
        expect_equal(set(connection.seen), {200}, "answers while the index is there")
        expect_equal(server.get("signed/index", top.digest, method="DELETE").status, 202, "DELETE of the index")
        expect_equal(connection.ask().status, 403, "the next request for an image of it")
    world.refused(children[1], "and none at all", tag="child1")


@case("policy: signatures that come before what they sign")
def before(world):
    server = world.server
    source = server.push_image("free/before")
    image = Image(server.host, "signed/before", source.data, source.media_type)
    server.attach_signature(image, world.keys["alice"])
    world.flows(server.copy(source, "signed/before"))
    # An index that is signed and not there yet does not speak for its images; it does once it comes.
    children = [server.push_image("signed/before-index", f"c{number}") for number in range(2)]
    index = server.push_index("free/before-index", "v1", children_of(server, children))
    index.repository = "signed/before-index"
    server.attach_signature(index, world.keys["alice"])
    world.refused(children[0], "and none at all", tag="c0")
    push_manifest(server.port, index.repository, "v1", index.data, index.media_type)
    world.flows(children[0], tag="c0")
    world.flows(index)


def children_of(server, children):
    """The same images where no rule binds, so that an index can be made of them."""
    for child in children:
        for name in child.blobs:
            server.call("POST", f"/v2/free/before-index/blobs/uploads/?mount={name}&from={child.repository}")
        push_manifest(server.port, "free/before-index", child.digest, child.data)
    return children


@case("policy: what is attached to an image that may be pulled can be fetched")
def attachments(world):
    image = world.server.push_image("signed/verified")
    world.sign_elsewhere(image, "--legacy-tag")
    world.flows(image)
    done = world.cairn("verify", image.by_tag(), "--key", world.keys["alice"].public)
    expect("signed: by" in done.stdout, done.stdout)


@case("policy: an image does not pass as an attachment")
def posing(world):
    server = world.server
    signed = server.push_image("signed/posed")
    server.attach_signature(signed, world.keys["alice"])
    passed = []
    kinds = [(layer_type, CONFIG) for layer_type in (
        "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.Image.Layer.v1.tar+gzip", "application/vnd.oci.image.layer", "application/gzip",
        "application/octet-stream", BUNDLE, SIMPLE_SIGNING, ENVELOPE,
    )]
    kinds += [("application/octet-stream", config_type) for config_type in (EMPTY, "application/json")]
    for number, (layer_type, config_type) in enumerate(kinds):
        image = server.push_image("signed/posing", f"plain{number}")
        document = json.loads(image.data)
        for layer in document["layers"]:
            layer["mediaType"] = layer_type
        document["subject"], document["config"]["mediaType"] = signed.descriptor, config_type
        for tag in (f"posing{number}", signed.digest.replace(":", "-") + ".sig"):
            data = compact(document)
            push_manifest(server.port, "signed/posing", tag, data)
            one = Image(server.host, "signed/posing", data, image.media_type)
            statuses = [server.get("signed/posing", reference).status for reference in (tag, one.digest)]
            # What it is pulled to run with.
            if world.pull("podman", one, tag, check=False).returncode == 0:
                passed.append(f"layers of {layer_type} under {tag[:8]}…, answers {statuses}")
    expect(not passed, "podman pulled an image that nobody signed: " + "; ".join(passed))


@case("policy: an image that is kept back can be signed where it is")
def signed_in_place(world):
    image = world.server.push_image("signed/in-place")
    world.refused(image, "and none at all")
    world.sign(image, "--legacy-tag")
    world.flows(image, clients=CLIENTS)


@case("policy: a manifest that is kept back does not leave as a blob of another repository")
def mounted(world):
    image = world.server.push_image("signed/mounted")
    world.refused(image, "and none at all")
    started = world.server.call("POST", f"/v2/free/mounted/blobs/uploads/?mount={image.digest}&from=signed/mounted")
    got = world.server.call("GET", f"/v2/free/mounted/blobs/{image.digest}")
    expect(got.status != 200, f"the mount answered {started.status}, and the GET {got.status} with the manifest")


@case("policy: deleting the signature closes the image again, on warm connections too")
def deleted(world):
    image = world.server.push_image("signed/deleted")
    reference = world.server.attach_signature(image, world.keys["alice"])
    with KeptConnection(world.server, image, "v1") as tag, KeptConnection(world.server, image, image.digest) as named:
        expect_equal(set(tag.seen + named.seen), {200}, "answers while it is signed")
        gone = world.server.get("signed/deleted", reference, method="DELETE")
        expect_equal(gone.status, 202, "DELETE of the referrer")
        for connection in (tag, named):
            expect_equal(connection.ask().status, 403, "the next request")
        world.refused(image, "and none at all", clients=("skopeo",))
        world.server.attach_signature(image, world.keys["alice"])
        expect_equal([tag.ask().status, named.ask().status], [200, 200], "signed again")
    # The same with a signature under a tag: deleted, and replaced by another one.
    old = world.server.push_image("signed/deleted", "old")
    signatures = old.digest.replace(":", "-") + ".sig"
    with KeptConnection(world.server, old, "old", times=1) as connection:
        statuses = []
        for change in ("set", "delete", "set", "replace", "set"):
            if change == "delete":
                expect_equal(world.server.get("signed/deleted", signatures, method="DELETE").status, 202, "DELETE")
            else:
                key = world.keys["mallory" if change == "replace" else "alice"]
                world.server.attach_layers(old, ".sig", [signature_layer(key, old)])
            statuses.append(connection.ask().status)
        expect_equal(statuses, [200, 403, 200, 403, 200], "answers after each change")
