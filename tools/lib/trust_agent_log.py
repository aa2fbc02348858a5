# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of the deploy agent before a registry whose log is stripped, altered, older, forked, or another one's."""

import shutil

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from e2e_cases import case, expect, expect_equal
from e2e_images import IMAGE
from region_world import eventually
from tlog import merkle
from tlog.notes import SignerKey
from tlog.proofs import Proof, make_proof
from trust_agent import Agent, at, signed_image
from trust_liar import Liar
from trust_world import INTEGRITY, ORIGIN, POLICY, TrustServer

PROOF = "/v2/free/app/_cairn/proof/v1"


class LoggedServer(TrustServer):
    """A registry of its own, with a short log."""

    def __init__(self, world, name):
        super().__init__(world.binary, world.folder / name, f"log-origin: {ORIGIN}\nlog-format: json\n")

    def twin(self, world, name):
        """Another registry from a copy of the store and of the signer: the same history up to now, the same key."""
        other = LoggedServer(world, name)
        for source, target in [(self.root, other.root), (self.signer, other.signer)]:
            shutil.copytree(source, target)
        return other

    @property
    def signer(self):
        return self.root.with_name(self.root.name + ".signer")

    def proof(self, path=PROOF):
        """The proof of a tag, once it is sealed: on a busy machine that comes after its answer."""
        reply = None

        def sealed():
            nonlocal reply
            reply = self.call("GET", path)
            return reply.status == 200

        expect(eventually(sealed), f"GET {path}: {reply}")
        return reply.body

    def size(self):
        """Entries of the newest checkpoint."""
        return Proof(self.proof()).checkpoint.size

    def settle(self, image, tag="settled"):
        """A change that is covered by a checkpoint on return."""
        reply = self.call("PUT", f"/v2/{image.repository}/manifests/{tag}", ("Content-Type", IMAGE),
                          ("Prefer", "wait=checkpoint"), body=image.data)
        expect_equal(reply.status, 201, f"PUT of a tag: {reply}")
        return Proof(self.proof(PROOF.replace("v1", tag))).index


class Logged:
    """The registry of a case, stopped at its end."""

    def __init__(self, world, name):
        self.server = LoggedServer(world, f"logs/{name}")
        self.others = []

    def __enter__(self):
        self.server.start()
        return self.server

    def __exit__(self, *_):
        self.server.stop()


def push_signed(world, server, tag="v1", **options):
    image = server.push_image("free/app", tag, **options)
    server.attach_signature(image, world.keys["alice"])
    return image


@case("agent: proofs that are stripped or altered")
def stripped(world):
    with Logged(world, "stripped") as server:
        push_signed(world, server)
        agent = Agent(world, "proofs", server)
        with Liar(server) as liar:
            place = f"{liar.host}/free/app:v1"
            agent.pull(place)
            honest = server.proof()
            proof = Proof(honest)
            note = proof.checkpoint.note.content
            signer = SignerKey(ORIGIN, private=Ed25519PrivateKey.generate())
            lines = honest.split(b"\n")
            leaf = proof.extra

            def without(prefix):
                return b"\n".join(line for line in lines if not line.startswith(prefix))

            def changed_note(change):
                return make_proof(proof.index, proof.path, change(note), leaf)

            text = note.split(b"\n\n")[0] + b"\n"
            for body, status, word in [
                (b"", INTEGRITY, "what is no proof"),
                (b"c2sp.org/tlog-proof@v2\n" + honest.split(b"\n", 1)[1], INTEGRITY, "what is no proof"),
                (without(b"extra "), INTEGRITY, "comes without its entry"),
                (make_proof(proof.index, proof.path[:-1], note, leaf), INTEGRITY, "does not hold"),
                (make_proof(proof.index, [bytes(32), *proof.path[1:]], note, leaf), INTEGRITY, "does not hold"),
                (make_proof(proof.index - 1, proof.path, note, leaf), INTEGRITY, "does not hold"),
                (make_proof(proof.index, proof.path, note, leaf.replace(b"v1", b"v2")), INTEGRITY, "does not hold"),
                (changed_note(lambda note: note[:-8] + b"AAAA" + note[-4:]), INTEGRITY, "does not hold"),
                (changed_note(lambda _: text + b"\n" + signer.line(text)), INTEGRITY, "does not hold"),
                (changed_note(lambda note: note.replace(ORIGIN.encode(), b"other.example/log")), POLICY,
                 "no key of that log was given"),
            ]:
                liar.lie = at("/proof/v1", lambda said, body=body: said.set_body(body))
                agent.refuses(place, status, word)
            liar.lie = at("/proof/v1", lambda said: said.set_missing())
            agent.refuses(place, POLICY, "has no proof for free/app v1")
            liar.lie = None
            agent.pull(place)


@case("agent: an older log")
def older(world):
    with Logged(world, "older") as server:
        image = push_signed(world, server)
        server.settle(image)
        recorded = server.proof()
        agent, fresh = Agent(world, "older", server), Agent(world, "older-fresh", server)
        with Liar(server) as liar:
            place = f"{liar.host}/free/app:v1"
            fresh.pull(place)
            size = Proof(recorded).checkpoint.size
            for number in range(5):
                server.settle(image, f"more{number}")
            agent.pull(place)
            liar.lie = at("/proof/v1", lambda said: said.set_body(recorded))
            now = server.size()
            text = agent.refuses(place, INTEGRITY, f"shrank: it had {now} entries and now shows {size}")
            expect(text.count("\u2014 " + ORIGIN) == 2, f"both notes are not shown:\n{text}")
            # Whoever has seen no more than that cannot tell, and is not misled for ever either.
            fresh.pull(place)
            liar.lie = None
            done = [agent.pull(place), fresh.pull(place)]
            for one in done:
                expect("log: it continues the" in one.stdout, one.stdout)


@case("agent: the former value of a tag, with a proof that holds")
def former(world):
    with Logged(world, "former") as server:
        first = push_signed(world, server)
        first_proof = Proof(server.proof())
        agent = Agent(world, "former", server)
        agent.pull(first.by_tag())
        push_signed(world, server, seed="the next version")
        second = server.call("GET", "/v2/free/app/manifests/v1")
        agent.pull(first.by_tag())
        now = Proof(server.proof())

        def proven_anew():
            """The old entry in the tree of today, as a registry that keeps the log can prove it."""
            newest = Proof(server.proof()).checkpoint
            tile = server.call("GET", f"/log/tile/0/000.p/{newest.size}").body
            hashes = [tile[start:start + 32] for start in range(0, len(tile), 32)]
            path = merkle.inclusion_proof(merkle.Leaves(hashes), first_proof.index, newest.size)
            return make_proof(first_proof.index, path, newest.note.content, first_proof.extra)

        def lie(path, said, _):
            if path.endswith("/manifests/v1"):
                said.set_manifest(first.data, IMAGE, first.digest)
            elif path.endswith("/proof/v1"):
                said.set_body(proven_anew())

        with Liar(server, lie) as liar:
            place = f"{liar.host}/free/app:v1"
            word = f"proves free/app:v1 by entry {first_proof.index}; entry {now.index} set it later"
            agent.refuses(place, INTEGRITY, word)
            liar.lie = None
            done = agent.pull(place)
            expect(second.header("docker-content-digest") in done.stdout, done.stdout)


@case("agent: a log that forked")
def forked(world):
    with Logged(world, "main") as server:
        image = push_signed(world, server)
        server.settle(image)
        agent = Agent(world, "forked", server)
        agent.pull(image.by_tag())
        server.stop()
        fork = server.twin(world, "logs/fork")
        server.start()
        fork.start()
        try:
            # What each has taken alone, in as many entries.
            for one in (server, fork):
                before = one.size()
                push_signed(world, one, "next", seed=f"next of {one.port}")
                one.settle(image, "settled")
                expect(one.size() > before, "the log did not grow")
            expect_equal(server.vkey(), fork.vkey(), "keys of both")
            with Liar(server) as liar:
                place = f"{liar.host}/free/app:v1"
                agent.pull(place)
                size = server.size()
                liar.server = fork
                while fork.size() < size:
                    fork.settle(image, f"more{fork.size()}")
                expect_equal(fork.size(), size, "sizes of both")
                text = agent.refuses(place, INTEGRITY, f"forked: it shows two roots for {size} entries")
                expect(text.count("\u2014 " + ORIGIN) == 2, f"both notes are not shown:\n{text}")
                for number in range(4):
                    fork.settle(image, f"on{number}")
                text = agent.refuses(
                    place, INTEGRITY, f"forked: its {fork.size()} entries do not continue the {size} that it had")
                expect(text.count("\u2014 " + ORIGIN) == 2, f"both notes are not shown:\n{text}")
                # Hashes of the history that was seen, before its own, prove no more.
                liar.lie = mixing(server, size)
                agent.refuses(place, INTEGRITY, f"forked: its {fork.size()} entries do not continue the {size}")
                liar.server, liar.lie = server, None
                agent.pull(place)
                for number in range(8):
                    server.settle(image, f"on{number}")
                done = agent.pull(place)
                expect("log: it continues the" in done.stdout, done.stdout)
        finally:
            fork.stop()


def mixing(honest, size):
    """Serves the hashes of one log, as far as it was seen, and then those of the other."""
    seen = honest.call("GET", f"/log/tile/0/000.p/{size}").body

    def lie(path, said, _):
        if path.startswith("/log/tile/0/"):
            said.set_body(seen + said.body[len(seen):])

    return lie


@case("agent: tiles that are wrong or cut")
def tiles(world):
    with Logged(world, "tiles") as server:
        image = push_signed(world, server)
        agent = Agent(world, "tiles", server)
        agent.pull(image.by_tag())
        for number in range(4):
            server.settle(image, f"more{number}")
        with Liar(server) as liar:
            place = f"{liar.host}/free/app:v1"

            def wrong(change):
                def lie(path, said, _):
                    if path.startswith("/log/tile/"):
                        change(said)

                return lie

            for change, status, words in [
                (lambda said: said.set_body(bytes(len(said.body))), INTEGRITY, [ORIGIN]),
                (lambda said: said.set_body(said.body[:-32] + bytes(32)), INTEGRITY, [ORIGIN]),
                (lambda said: said.set_body(said.body[:-1]), INTEGRITY, ["what is no tile"]),
                (lambda said: said.set_body(b""), INTEGRITY, ["what is no tile"]),
            ]:
                liar.lie = wrong(change)
                agent.refuses(place, status, *words)
            liar.lie = None
            agent.pull(place)


@case("agent: tiles that are withheld: the log does not prove what it must")
def withheld(world):
    with Logged(world, "withheld") as server:
        image = push_signed(world, server)
        agent = Agent(world, "withheld", server)
        agent.pull(image.by_tag())
        server.settle(image)

        def lie(path, said, _):
            if path.startswith("/log/tile/"):
                said.set_missing()

        with Liar(server, lie) as liar:
            agent.refuses(f"{liar.host}/free/app:v1", INTEGRITY, "tile/0/000")
            liar.lie = None
            agent.pull(f"{liar.host}/free/app:v1")


@case("agent: a damaged state file is not passed over")
def state(world):
    image = signed_image(world, "free/state")
    agent = Agent(world, "state")
    agent.pull(image.by_tag())
    kept = agent.state.read_bytes()
    for damaged in (b"", b"junk\n", kept[:-20], kept.replace(b"registry.example/log\n", b"other.example/log\n", 1)):
        agent.state.write_bytes(damaged)
        agent.refuses(image.by_tag(), 1, str(agent.state))
    agent.state.write_bytes(kept)
    agent.pull(image.by_tag())
