# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of the deploy agent before a registry that serves another image, wrong bytes, or no signature."""

import json
import shutil

from e2e_cases import Failure, case, expect, expect_equal
from e2e_http import digest
from e2e_images import IMAGE
from trust_forms import referrers
from trust_liar import Liar
from trust_signing import bundle, compact
from trust_world import INTEGRITY, POLICY

NOT_FOUND, DENIED = 3, 4


class Agent:
    """`cairn pull --verify` into a layout of its own, with one state file from pull to pull."""

    def __init__(self, world, name, server=None, key="alice", log=True):
        self.world = world
        self.folder = world.scratch(f"agents/{name}")
        self.layout, self.state = self.folder / "layout", self.folder / "state"
        server = server or world.server
        self.trust = ["--state", self.state]
        if log:
            self.trust += ["--log-key", server.vkey()]
        if key:
            self.trust += ["--key", world.keys[key].public]

    def arguments(self, place, *others):
        return ["pull", place, "--verify", "--to", self.layout, "--progress", "none", *self.trust, *others]

    def pull(self, place, *others):
        """An honest pull: everything is there afterwards."""
        done = self.world.cairn(*self.arguments(place, *others))
        self.check(place)
        return done

    def refuses(self, place, status, *words, others=(), keeps_state=True):
        """The pull ends with the status and says why; nothing that is not verified has a name."""
        before = self.state.read_bytes() if self.state.exists() else None
        done = self.world.cairn(*self.arguments(place, *others), expects=status)
        for word in words:
            expect(word in done.stderr, f"the message does not say {word!r}: {done.stderr.strip()[-900:]}")
        if self.layout.exists():
            self.check_blobs()
            names = json.loads((self.layout / "index.json").read_text())["manifests"]
            expect_equal([entry["digest"] for entry in names], self.named, "names in the layout")
        after = self.state.read_bytes() if self.state.exists() else None
        expect(not keeps_state or before is None or before == after, "a refused pull changed the state")
        return done.stderr

    @property
    def named(self):
        return getattr(self, "_named", [])

    def check_blobs(self):
        for path in (self.layout / "blobs").glob("*/*"):
            if digest(path.read_bytes(), path.parent.name) != f"{path.parent.name}:{path.name}":
                raise Failure(f"{path} has other bytes than its name says")

    def check(self, place):
        """The layout is whole: the image that was named last, and every blob of it."""
        self.check_blobs()
        names = json.loads((self.layout / "index.json").read_text())["manifests"]
        waiting = [names[-1]["digest"]]
        while waiting:
            path = self.layout / "blobs" / waiting.pop().replace(":", "/")
            expect(path.exists(), f"{path} is missing after a pull of {place}")
            if names[-1]["digest"].endswith(path.name) or path.read_bytes()[:1] == b"{":
                document = json.loads(path.read_bytes())
                parts = [*document.get("manifests", []), *document.get("layers", []), document.get("config")]
                waiting += [part["digest"] for part in parts if isinstance(part, dict) and "digest" in part]
        expect(not (self.layout / ".partial").exists(), "what is partial is still there")
        self._named = [entry["digest"] for entry in names]

    def forget(self):
        """Another machine: no layout and no state."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._named = []


def signed_image(world, repository, tag="v1", **options):
    image = world.server.push_image(repository, tag, **options)
    world.server.attach_signature(image, world.keys["alice"])
    return image


def at(word, change):
    """A lie about the paths that end with a word."""

    def lie(path, said, _):
        if path.split("?")[0].endswith(word):
            change(said)

    return lie


def flipped(position):
    def change(said):
        data = bytearray(said.body)
        data[position] ^= 0x20
        said.set_body(bytes(data))

    return change


@case("agent: an honest registry")
def honest(world):
    image = signed_image(world, "free/agent")
    agent = Agent(world, "honest")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/agent:v1"
        done = agent.pull(place)
        for word in ("log: entry ", "seen for the first time", "signed: by", image.digest):
            expect(word in done.stdout, done.stdout)
        again = agent.pull(place, "--output", "json")
        value = json.loads(again.stdout)
        expect_equal((value["digest"], value["image"], value["name"]), (image.digest, image.digest, "v1"), "the result")
        expect_equal(value["verified"]["log"]["origin"], "registry.example/log", "the log")
        blobs = [entry for entry in liar.asked if image.blobs[1] in entry["path"]]
        expect_equal(len(blobs), 1, "requests for a layer that is there already")
    children = [signed_image(world, "free/agent", f"c{number}") for number in range(2)]
    index = world.server.push_index("free/agent", "index", children)
    world.server.attach_signature(index, world.keys["alice"])
    agent.pull(index.by_tag("index"), "--all-platforms")
    agent.pull(index.by_tag("index"))


@case("agent: a tag that is swapped for another valid image")
def swapped(world):
    first, second = signed_image(world, "free/swap"), signed_image(world, "free/swap", "v2")
    twin = world.server.copy(second, "free/swap-elsewhere")
    agent = Agent(world, "swapped")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/swap:v1"
        agent.pull(place)

        def swap(proof=None):
            def lie(path, said, _):
                if path.endswith("/manifests/v1"):
                    said.set_manifest(second.data, IMAGE, second.digest)
                elif proof and path.endswith("/proof/v1"):
                    said.set_body(liar.truth("GET", proof).body)

            return lie

        root = "/v2/free/swap/_cairn/proof"
        liar.lie = swap()
        agent.refuses(place, INTEGRITY, f"it names {first.digest}, and the registry serves {second.digest}")
        for proof, word in [
            (f"{root}/v2", "it is of the tag v2, not of v1"),
            (f"{root}/{second.digest}", "it is a manifest.put, not a tag.set"),
            (f"/v2/{twin.repository}/_cairn/proof/v1", "it is of the repository free/swap-elsewhere, not of free/swap"),
        ]:
            liar.lie = swap(proof)
            agent.refuses(place, INTEGRITY, "the log does not prove what is served", word, keeps_state=False)
        liar.lie = None
        agent.pull(place)
        # Pulled by digest there is nothing to swap.
        liar.lie = at(f"/manifests/{first.digest}", lambda said: said.set_manifest(second.data, IMAGE, second.digest))
        by_digest = f"{liar.host}/free/swap@{first.digest}"
        word = f"was asked for {first.digest} and serves bytes with the digest {second.digest}"
        agent.refuses(by_digest, INTEGRITY, word)
        liar.lie = None
        agent.pull(by_digest)


@case("agent: wrong bytes of a layer, a config, a manifest, an image of an index")
def wrong_bytes(world):
    image = signed_image(world, "free/bytes", size=100_000)
    config, first, second = image.blobs
    agent = Agent(world, "bytes")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/bytes:v1"
        for blob, position in [(first, 0), (second, 50_000), (second, -1), (config, 3)]:
            agent.forget()
            liar.lie = at(f"/blobs/{blob}", flipped(position))
            agent.refuses(place, INTEGRITY, blob, "have another digest", keeps_state=False)
            left = agent.layout / "blobs" / blob.replace(":", "/")
            expect(not left.exists(), f"{left} is there")
            checked = world.cairn("verify", place, "--blobs", expects=INTEGRITY)
            expect(blob in checked.stderr, checked.stderr)
        liar.lie = at(f"/blobs/{second}", lambda said: said.set_body(
            liar.truth("GET", f"/v2/free/bytes/blobs/{first}").body))
        agent.forget()
        agent.refuses(place, INTEGRITY, second)
        liar.lie = None
        agent.pull(place)
        agent.forget()
        liar.lie = at("/manifests/v1", flipped(-3))
        agent.refuses(place, INTEGRITY, f"says that free/bytes:v1 is {image.digest} and serves bytes with the digest")
        spaced = image.data + b" "
        liar.lie = at("/manifests/v1", lambda said: said.set_manifest(spaced, IMAGE, digest(spaced)))
        agent.refuses(place, INTEGRITY, f"it names {image.digest}, and the registry serves {digest(spaced)}")
        Agent(world, "bytes-key", log=False).refuses(place, POLICY, f"{digest(spaced)} is not signed by the given keys")
        liar.lie = at("/manifests/v1", lambda said: said.set_manifest(b"<html>", IMAGE, digest(b"<html>")))
        agent.refuses(place, INTEGRITY, "what is no manifest")
        liar.lie = None
        agent.pull(place)
    index = world.server.push_index("free/bytes", "index", [image, signed_image(world, "free/bytes", "c2")])
    world.server.attach_signature(index, world.keys["alice"])
    with Liar(world.server, at(f"/manifests/{image.digest}", flipped(-3))) as liar:
        place = f"{liar.host}/free/bytes:index"
        agent.refuses(place, INTEGRITY, f"was asked for {image.digest} and serves bytes with the digest")
        liar.lie = None
        agent.pull(place)


@case("agent: bodies that are shorter or longer than they should be")
def lengths(world):
    image = signed_image(world, "free/lengths", size=100_000)
    blob = image.blobs[2]
    agent = Agent(world, "lengths")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/lengths:v1"
        for change, word in [
            (lambda said: said.set_body(said.body[:-1]), "were to come"),
            (lambda said: said.set_body(said.body[:50_000]), "serves 50000 bytes of"),
            (lambda said: said.set_body(b""), "serves 0 bytes of"),
            (lambda said: said.set_body(said.body + b"x"), "were to come"),
            (lambda said: said.set_body(said.body * 3), "were to come"),
        ]:
            agent.forget()
            liar.lie = at(f"/blobs/{blob}", change)
            agent.refuses(place, INTEGRITY, word, blob, keeps_state=False)
            expect(not (agent.layout / "blobs" / blob.replace(":", "/")).exists(), "the blob is there")
        liar.lie = None
        agent.pull(place)


@case("agent: signatures that are stripped, of somebody else, or of another image")
def stripped(world):
    image, other = signed_image(world, "free/strip"), signed_image(world, "free/strip", "v2")
    (listed,) = [entry["digest"] for entry in referrers(world, image)]
    layer = json.loads(world.server.get("free/strip", listed).body)["layers"][0]["digest"]
    agent = Agent(world, "stripped")
    empty = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []})
    forged = compact(bundle(world.keys["mallory"], image.digest, hint=world.keys["alice"].hint))
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/strip:v1"
        of_other = f"/v2/free/strip/referrers/{other.digest}"
        for word, change in [
            (f"/referrers/{image.digest}", lambda said: said.set_body(empty.encode())),
            (f"/referrers/{image.digest}", lambda said: said.set_body(liar.truth("GET", of_other).body)),
            (f"/referrers/{image.digest}", lambda said: said.set_missing()),
            (f"/manifests/{listed}", lambda said: said.set_missing()),
            (f"/blobs/{layer}", lambda said: said.set_missing()),
        ]:
            liar.lie = at(word, change)
            agent.refuses(place, POLICY, "it carries no signature", keeps_state=False)
        liar.lie = at(f"/blobs/{layer}", lambda said: said.set_body(forged))
        agent.refuses(place, INTEGRITY, layer, keeps_state=False)
        liar.lie = None
        agent.pull(place)
    other_key = Agent(world, "stranger", key="bob")
    other_key.refuses(image.by_tag(), POLICY, "is not signed by the given keys", "no given key signed it")
    # A policy of the agent's own.
    policy = world.folder / "agent-policy.yml"
    policy.write_text(
        "keys: {alice: keys/alice.pub, bob: keys/bob.pub}\nrules:\n  - repositories: ['free/*']\n    enforce: pull\n"
        "    require: [{signed: {keys: [alice, bob], threshold: 2}}]\n")
    strict = Agent(world, "policy", key=None)
    strict.trust += ["--policy", policy]
    strict.refuses(image.by_tag(), POLICY, "it has 1 of 2 signatures by alice, bob")
    world.server.attach_signature(image, world.keys["bob"])
    strict.pull(image.by_tag())


@case("agent: a signature that is shorter or longer than its descriptor says")
def signature_lengths(world):
    image = signed_image(world, "free/strip-length")
    (listed,) = [entry["digest"] for entry in referrers(world, image)]
    layer = json.loads(world.server.get("free/strip-length", listed).body)["layers"][0]["digest"]
    agent = Agent(world, "signature-length")
    with Liar(world.server) as liar:
        statuses = {}
        for name, change in [
            ("shorter", lambda said: said.set_body(said.body[:-1])),
            ("longer", lambda said: said.set_body(said.body + b" ")),
        ]:
            liar.lie = at(f"/blobs/{layer}", change)
            statuses[name] = world.cairn(*agent.arguments(f"{liar.host}/free/strip-length:v1"), expects=None).returncode
        expect_equal(statuses, dict.fromkeys(statuses, INTEGRITY), "exit statuses")


@case("agent: answers that are refusals have their own exit status")
def statuses(world):
    image = signed_image(world, "free/statuses")
    agent = Agent(world, "statuses")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/statuses:v1"
        agent.refuses(f"{liar.host}/free/statuses:v9", NOT_FOUND, "404")
        for status, code, word in [(401, DENIED, "authentication"), (403, DENIED, "403"), (404, NOT_FOUND, "404")]:
            liar.lie = at("/manifests/v1", lambda said, status=status: setattr(said, "status", status))
            agent.refuses(place, code, word)
        liar.lie = None
        agent.pull(place)
    unsigned = world.server.push_image("signed/statuses")
    agent.refuses(unsigned.by_tag(), POLICY, "the trust policy keeps this image back", "it has 0 of 1 signatures")
    expect_equal(image.repository, "free/statuses", "the repository")
