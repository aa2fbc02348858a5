# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of the deploy agent on a bad network: broken connections, stalls, a killed agent, regions that die."""

import json
import signal
import subprocess
import time

from e2e_cases import Failure, case, expect, expect_equal
from trust_agent import Agent, at, signed_image
from trust_liar import Liar
from trust_world import INTEGRITY, NETWORK

MIB = 1 << 20
STALL_SECONDS = 400


def big_image(world, repository, size):
    """An image whose last layer has that many bytes; returns it and the layer."""
    image = signed_image(world, repository, size=size)
    layer = json.loads(image.data)["layers"][1]
    return image, layer["digest"], layer["size"]


def first_byte(headers):
    """Where the part begins that was asked for."""
    field = headers.get("Range")
    return int(field[6:].split("-")[0]) if field else 0


@case("agent: connections that break")
def broken(world):
    image = signed_image(world, "free/broken", size=200_000)
    blob = image.blobs[2]
    agent = Agent(world, "broken")
    with Liar(world.server) as liar:
        place = f"{liar.host}/free/broken:v1"

        def cut(said, count=0):
            said.cut = count

        for word in (f"/blobs/{blob}", "/manifests/v1", "/proof/v1"):
            liar.lie = at(word, cut)
            began = time.monotonic()
            agent.refuses(place, NETWORK, keeps_state=False)
            expect(time.monotonic() - began < 60, "it took over a minute")

        # Always in the middle, and never further than before.
        def never_whole(path, said, headers):
            if path.endswith(blob):
                said.cut = max(0, 100_000 - first_byte(headers))

        liar.lie = never_whole
        agent.refuses(place, NETWORK, liar.host, keeps_state=False)
        expect(not (agent.layout / "blobs" / blob.replace(":", "/")).exists(), "half a blob has its name")
        for status in (500, 502, 503):
            liar.lie = at("/manifests/v1", lambda said, status=status: setattr(said, "status", status))
            agent.refuses(place, NETWORK, str(status))
        # Broken a few times, and then not.
        left = [3]

        def thrice(path, said, headers):
            if path.endswith(blob) and left[0]:
                left[0] -= 1
                said.cut = 20_000

        liar.lie = thrice
        agent.pull(place)
        expect_equal(left[0], 0, "breaks left")
        liar.lie = None
        agent.pull(place)
        place_of_nobody = place
    agent.refuses(place_of_nobody, NETWORK, liar.host)


def killed_in(world, liar, agent, place, digest, ready):
    """Starts a pull, and kills it -9 once its partial file is as far as wanted; returns the file's length."""
    partial = agent.layout / ".partial" / digest.replace(":", "-")
    command = [world.binary, *[str(argument) for argument in agent.arguments(place)]]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=world.environment)
    try:
        if not liar.wait_until(lambda: partial.exists() and partial.stat().st_size >= ready, 180):
            raise Failure(f"after 180 s {partial} has not {ready} bytes")
        expect_equal(process.poll(), None, "the pull's end before it was killed")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return partial.stat().st_size


def resumed(world, name, size, stall_at):
    """Kills a pull at a point of a layer, and pulls again."""
    image, digest, length = big_image(world, f"free/{name}", size)
    agent = Agent(world, name)

    def stalls(path, said, headers):
        if path.endswith(digest) and first_byte(headers) + len(said.body) > stall_at:
            said.stall = max(0, stall_at - first_byte(headers))

    with Liar(world.server, stalls) as liar:
        place = f"{liar.host}/free/{name}:v1"
        kept = killed_in(world, liar, agent, place, digest, stall_at // 2)
        agent.check_blobs()
        expect(not (agent.layout / "blobs" / digest.replace(":", "/")).exists(), "half a blob has its name")
        names = json.loads((agent.layout / "index.json").read_text())["manifests"]
        expect_equal(names, [], "names after the kill")
        liar.released.set()
        liar.lie, liar.asked = None, []
        agent.pull(place)
        sent = liar.sent(digest)
        expect_equal(sent, length - kept, "bytes of the layer sent again")
    return image, f"{kept} of {length} bytes were kept"


@case("agent: killed in the middle of a layer, it goes on from there")
def resume(world):
    notes = [resumed(world, "resume", 20 * MIB, 12 * MIB)[1]]
    # One that is fetched in pieces.
    notes.append(resumed(world, "pieces", 48 * MIB, 24 * MIB)[1])
    return "; ".join(notes)


@case("agent: what a killed pull left is not believed")
def spoiled(world):
    image, digest, length = big_image(world, "free/spoiled", 20 * MIB)
    agent = Agent(world, "spoiled")
    with Liar(world.server) as liar:
        liar.lie = at(digest, lambda said: setattr(said, "stall", 12 * MIB))
        place = f"{liar.host}/free/spoiled:v1"
        kept = killed_in(world, liar, agent, place, digest, 6 * MIB)
        liar.released.set()
        partial = agent.layout / ".partial" / digest.replace(":", "-")
        with open(partial, "r+b") as file:
            file.seek(kept // 2)
            file.write(b"spoiled on this disk")
        liar.lie, liar.asked = None, []
        agent.pull(place)
        expect(liar.sent(digest) > length, "the whole layer was not fetched again")
    expect_equal(image.repository, "free/spoiled", "the repository")


@case("agent: the first of two regions dies in the middle of a layer")
def regions(world):
    notes = []
    for name, size, cut in [("dying", 20 * MIB, 8 * MIB), ("dying-pieces", 48 * MIB, 17 * MIB)]:
        image, digest, length = big_image(world, f"free/{name}", size)
        agent = Agent(world, name)
        with Liar(world.server) as second, Liar(world.server) as first:

            def dies(path, said, headers, first=first, digest=digest, cut=cut):
                if path.endswith(digest) and first_byte(headers) + len(said.body) > cut:
                    said.cut = max(0, cut - first_byte(headers))
                    first.stop_listening()

            first.lie = dies
            done = agent.pull(f"{second.host}/free/{name}:v1", "--region", first.url)
            expect(image.digest in done.stdout, done.stdout)
            before, after = first.sent(digest), second.sent(digest)
            expect(0 < after <= length - before + 5 * 4 * MIB, f"{before} bytes of the first, {after} of the second")
            notes.append(f"{before} and {after} of {length} bytes")
            # With the first gone it begins at the second; nothing is there to be fetched.
            agent.pull(f"{second.host}/free/{name}:v1", "--region", first.url)
    return "; ".join(notes)


@case("agent: a region that lies is refused, and one that lacks the image is passed over")
def lying_region(world):
    image = signed_image(world, "free/regions", size=100_000)
    agent = Agent(world, "regions")
    from trust_agent import flipped

    with Liar(world.server) as first, Liar(world.server) as second:
        place, region = f"{second.host}/free/regions:v1", ("--region", first.url)
        first.lie = at(image.blobs[2], flipped(5))
        agent.refuses(place, INTEGRITY, image.blobs[2], others=region, keeps_state=False)
        agent.forget()
        first.lie = at("", lambda said: said.set_missing())
        agent.pull(place, *region)
        agent.forget()
        first.lie = at("", lambda said: setattr(said, "status", 503))
        agent.pull(place, *region)
        # Another layout on the machine, of which one blob is damaged.
        cache = agent.folder / "cache"
        agent.forget()
        first.lie = None
        agent.pull(place, "--cache", cache)
        spoiled = cache / "blobs" / image.blobs[2].replace(":", "/")
        data = spoiled.read_bytes()
        spoiled.unlink()
        spoiled.write_bytes(b"x" + data[1:])
        agent.layout.rename(agent.folder / "former")
        second.asked = []
        agent.pull(place, "--cache", cache)
        expect_equal(second.sent(image.blobs[1]), 0, "bytes of a layer that the cache has")
        expect_equal(second.sent(image.blobs[2]), len(data), "bytes of the layer that is damaged in the cache")


@case("agent: registries that stall or trickle are given up, or left for the next region", slow=True)
def stalls(world):
    image = signed_image(world, "free/stalls", size=300_000)
    blob = image.blobs[2]

    def stall(said, count=1000):
        said.stall = count

    def trickle(said):
        said.trickle = 1

    kinds = {
        "a blob": (at(blob, stall), NETWORK),
        "a manifest": (at("/manifests/v1", lambda said: stall(said, 10)), NETWORK),
        "a proof": (at("/proof/v1", lambda said: stall(said, 10)), NETWORK),
        "a slow blob": (at(blob, trickle), NETWORK),
    }
    second = {"a blob at one region": at(blob, stall), "no answer at one region": at(
        blob, lambda said: setattr(said, "silent", True))}
    running = []
    began = time.monotonic()
    with Liar(world.server) as honest:
        for number, (kind, (lie, status)) in enumerate([*kinds.items(), *((k, (v, 0)) for k, v in second.items())]):
            agent, liar = Agent(world, f"stall{number}"), Liar(world.server, lie)
            others = [] if status else ["--region", liar.url]
            place = f"{honest.host if others else liar.host}/free/stalls:v1"
            command = [world.binary, *[str(part) for part in agent.arguments(place, *others)]]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True, env=world.environment)
            running.append((kind, status, agent, liar, process, place))
        try:
            for kind, status, agent, liar, process, place in running:
                _, words = process.communicate(timeout=STALL_SECONDS - (time.monotonic() - began))
                expect_equal(process.returncode, status, f"exit with {kind} that stalls: {words.strip()[-400:]}")
                if status:
                    expect(liar.host in words, f"{kind}: {words}")
                    agent.check_blobs()
                    expect(not (agent.layout / "blobs" / blob.replace(":", "/")).exists(), "a blob has its name")
                    liar.released.set()
                    liar.lie = None
                    agent.pull(place)
                else:
                    agent.check(place)
        finally:
            for *_, liar, process, _ in running:
                liar.close()
                if process.poll() is None:
                    process.kill()
                    process.wait()
