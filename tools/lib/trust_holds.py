# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of quarantine: a layer, a manifest, an image of an index; pulls stop at once and go on once it is lifted."""

import json

from e2e_cases import case, expect, expect_equal
from e2e_http import digest, push_manifest
from e2e_images import LAYER
from trust_evidence import moment
from trust_world import POLICY, KeptConnection

EMPTY_LIST = {"quarantine": []}
REASON = "a key was in it: INC-7"


def hold(world, name, reason=REASON):
    """`PUT /api/v1/quarantine/<digest>`"""
    reply = world.server.call("PUT", f"/api/v1/quarantine/{name}", body=json.dumps({"reason": reason}).encode())
    expect_equal(reply.status, 204, f"PUT of a quarantine: {reply}")
    expect(reply.header("cairn-event"), "no Cairn-Event")


def lift(world, name):
    reply = world.server.call("DELETE", f"/api/v1/quarantine/{name}?reason=rotated")
    expect_equal(reply.status, 204, f"DELETE of a quarantine: {reply}")


def held(world, image, cause, tag="v1", clients=()):
    """Neither GET nor HEAD of the image gives anything."""
    world.refused(image, REASON, cause, tag=tag, clients=clients)
    for reference in (image.digest, tag):
        expect_equal(world.server.get(image.repository, reference, method="HEAD").status, 403, "HEAD")
    explained = world.explained(image)
    expect(not explained["allowed"] and REASON in explained["quarantine"], f"explained: {explained}")
    answer = world.server.json("/api/v1/decide", method="POST", body=json.dumps({"image": image.by_tag(tag)}).encode())
    expect(not answer["allowed"] and REASON in answer["reasons"][0], f"decided: {answer}")


def stopped_at_once(world, image, cause, lifted=True, clients=("skopeo", "podman")):
    """Quarantines a digest while an image is asked for on warm connections."""
    with KeptConnection(world.server, image, "v1") as tag, KeptConnection(world.server, image, image.digest) as name:
        expect_equal(set(tag.seen + name.seen), {200}, "answers before")
        hold(world, cause)
        expect_equal([tag.ask().status, name.ask().status], [403, 403], "the next requests")
        held(world, image, cause, clients=clients)
        if lifted:
            lift(world, cause)
            expect_equal([tag.ask().status, name.ask().status], [200, 200], "the next requests after it is lifted")
            world.flows(image, clients=clients)


@case("quarantine: a manifest")
def manifest(world):
    began = moment(seconds=1)
    image = world.server.push_image("free/held")
    twin = world.server.copy(image, "free/held-elsewhere")
    signed = world.server.copy(image, "signed/held")
    world.server.attach_signature(signed, world.keys["alice"])
    with KeptConnection(world.server, twin, "v1") as warm:
        stopped_at_once(world, image, image.digest, lifted=False)
        expect_equal(warm.ask().status, 403, "another repository's warm connection")
        held(world, twin, image.digest)
        # A signature does not outweigh it.
        held(world, signed, image.digest)
        listed = world.server.json("/api/v1/quarantine")["quarantine"]
        expect_equal([(entry["digest"], entry["reason"]) for entry in listed], [(image.digest, REASON)], "the list")
        expect(listed[0]["since"] >= began, f"since {listed[0]['since']}")
        lift(world, image.digest)
        expect_equal(warm.ask().status, 200, "the warm connection after it is lifted")
    for one in (image, twin, signed):
        world.flows(one)
    again = world.server.call("DELETE", f"/api/v1/quarantine/{image.digest}?reason=again")
    expect_equal(again.status, 404, "DELETE of a quarantine that is over")


@case("quarantine: a layer, and every image that has it")
def layer(world):
    image = world.server.push_image("free/layered")
    other = world.server.push_image("free/layered", "other")
    cause = json.loads(image.data)["layers"][1]["digest"]
    stopped_at_once(world, image, cause)
    hold(world, cause)
    for method in ("GET", "HEAD"):
        reply = world.server.call(method, f"/v2/free/layered/blobs/{cause}")
        expect_equal(reply.status, 403, f"{method} of the layer")
    ranged = world.server.call("GET", f"/v2/free/layered/blobs/{cause}", ("Range", "bytes=0-9"))
    expect_equal(ranged.status, 403, "GET of a part of the layer")
    world.flows(other, tag="other")
    lift(world, cause)
    expect_equal(world.server.call("GET", f"/v2/free/layered/blobs/{cause}").status, 200, "GET after it is lifted")


@case("quarantine: an image of an index stops the index, and a config its image")
def child(world):
    children = [world.server.push_image("free/indexed", f"c{number}") for number in range(2)]
    index = world.server.push_index("free/indexed", "v1", children)
    outer = world.server.push_index("free/indexed", "outer", [index])
    stopped_at_once(world, index, children[0].digest, lifted=False, clients=("skopeo",))
    held(world, outer, children[0].digest, tag="outer")
    # The other image of it is another thing.
    world.flows(children[1], tag="c1")
    lift(world, children[0].digest)
    for one, tag in ((index, "v1"), (outer, "outer"), (children[0], "c0")):
        world.flows(one, tag=tag)
    stopped_at_once(world, index, json.loads(children[1].data)["config"]["digest"], clients=("skopeo",))


@case("quarantine: what is pushed afterwards and has the digest is held too")
def later(world):
    server = world.server
    image = server.push_image("free/early")
    cause = json.loads(image.data)["layers"][0]["digest"]
    hold(world, cause)
    # A second image over the same layer, and an index over it.
    document = {**json.loads(image.data), "annotations": {"built": "later"}}
    second = json.dumps(document).encode()
    push_manifest(server.port, "free/early", "second", second)
    statuses = {"image": server.get("free/early", "second").status}
    child = type(image)(server.host, "free/early", second, image.media_type)
    server.push_index("free/early", "index", [child])
    statuses["index"] = server.get("free/early", "index").status
    # A layer that nobody has yet.
    data = b"not pushed yet " * 100
    hold(world, digest(data))
    layer = server.store("free/early", data, LAYER)
    document["layers"] = [layer]
    push_manifest(server.port, "free/early", "third", document)
    statuses["layer"] = server.call("GET", f"/v2/free/early/blobs/{layer['digest']}").status
    statuses["image of it"] = server.get("free/early", "third").status
    lift(world, cause)
    lift(world, digest(data))
    expect_equal(statuses, dict.fromkeys(statuses, 403), "answers while it is held")
    after = [server.get("free/early", tag).status for tag in ("v1", "second", "index", "third")]
    expect_equal(after, [200] * 4, "answers after it is lifted")


@case("quarantine: it outlives a restart, and is in the audit record")
def restart(world):
    image = world.server.push_image("free/restarted")
    hold(world, image.digest)
    world.server.stop()
    world.server.start()
    held(world, image, image.digest)
    lift(world, image.digest)
    world.flows(image)
    text = world.server.call("GET", "/api/v1/audit?n=50").body.decode()
    for kind in ("quarantine.set", "quarantine.clear"):
        expect(f'"kind":"{kind}"' in text and image.digest in text, f"the audit record lacks {kind}: {text[:400]}")
    for body in (b"", b"{}", b'{"reason":""}', b'{"reason":7}'):
        reply = world.server.call("PUT", f"/api/v1/quarantine/{image.digest}", body=body)
        expect_equal(reply.status, 400, f"PUT with {body!r}")


@case("quarantine: cairn quarantine sets, lists and lifts")
def command(world):
    image = world.server.push_image("free/commanded")
    registry = ("--registry", world.server.host)
    with KeptConnection(world.server, image, "v1") as warm:
        expect_equal(set(warm.seen), {200}, "answers before")
        world.cairn("quarantine", image.digest, "--reason", REASON, *registry)
        expect_equal(warm.ask().status, 403, "the request after the command")
        held(world, image, image.digest, clients=("skopeo", "podman"))
        listed = world.cairn("quarantine", "--list", *registry).stdout
        expect(image.digest in listed and REASON in listed, f"the list: {listed}")
        pulled = world.cairn("pull", image.by_tag(), "--to", world.scratch("commanded"), expects=POLICY)
        expect(REASON in pulled.stderr, pulled.stderr)
        world.cairn("quarantine", image.digest, "--lift", "--reason", "rotated", *registry)
        expect_equal(warm.ask().status, 200, "the request after it is lifted")
    world.cairn("quarantine", image.digest, "--lift", "--reason", "again", *registry, expects=3)
    world.cairn("quarantine", image.digest, *registry, expects=2)
    world.cairn("quarantine", "sha256:short", "--reason", REASON, *registry, expects=2)
    listed = world.cairn("quarantine", "--list", "--output", "json", *registry).stdout
    expect_equal(json.loads(listed), EMPTY_LIST, "the list at the end")


@case("policy: cairn trust explain names each requirement and what satisfied or failed it")
def explain(world):
    server = world.server
    image = server.push_image("two/explained")
    server.attach_signature(image, world.keys["alice"])
    stray = server.attach_signature(image, world.keys["mallory"])
    said = world.cairn("trust", "explain", image.by_tag(), expects=POLICY).stdout
    for word in ("it has 1 of 2 signatures by alice, bob, desk", stray, "no key that may count signed it"):
        expect(word in said, f"{word!r} is not in: {said}")
    server.attach_signature(image, world.keys["bob"])
    said = world.cairn("trust", "explain", image.by_tag()).stdout
    expect("signed by alice, bob" in said, said)
    free = server.push_image("free/explained")
    world.cairn("trust", "explain", free.by_tag())
    hold(world, free.digest)
    said = world.cairn("trust", "explain", free.by_tag(), expects=POLICY).stdout
    lift(world, free.digest)
    expect(REASON in said, said)
    world.cairn("trust", "explain", f"{free.host}/free/nothing:v1", expects=3)
