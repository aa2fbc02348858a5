# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What other regions cost the pushes and pulls of one: some that live, and some that are dead or never answer."""

import contextlib
import hashlib
import json
import signal
import socket
import time

from bench_client import Connection, push_image
from bench_stats import HEADINGS, Comparison, table
from region_probe import percentile
from region_world import Region, eventually, follow

BAR = 1.1
REPOSITORY = "local/app"
KEPT = 50
NOTICED_SECONDS = 20


class Silent:
    """A port that drops whoever wants to connect: it is listened to, and its queue is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", self.port))
            self.waiting.append(one)

    def close(self):
        for one in [*self.waiting, self.listener]:
            one.close()


class Measured:
    """A region with a client, one request at a time."""

    def __init__(self, name, region):
        self.name, self.region = name, region
        self.images, self.serial = [], 0
        self.pushes, self.pulls = [], []

    def group(self, count, counts):
        """So many pushes and pulls; their p99s are noted where they count."""
        pushes, pulls = [], []
        with Connection(self.region.port) as connection:
            for _ in range(count):
                self.serial += 1
                began = time.monotonic()
                self.images.append(push_image(
                    connection, REPOSITORY, f"v{self.serial % KEPT}", layers=1, seed=f"{self.name} {self.serial}"))
                pushes.append(time.monotonic() - began)
                self.images = self.images[-KEPT:]
                digest, data = self.images[self.serial % len(self.images)]
                began = time.monotonic()
                self.pull(connection, digest, data)
                pulls.append(time.monotonic() - began)
        if counts:
            self.pushes.append(percentile(pushes, 0.99) * 1000)
            self.pulls.append(percentile(pulls, 0.99) * 1000)

    def miss(self):
        """The seconds until it is said that a tag is nowhere."""
        self.serial += 1
        began = time.monotonic()
        status = self.region.call("HEAD", f"/v2/{REPOSITORY}/manifests/none{self.serial}", seconds=120)[0]
        if status != 404:
            raise RuntimeError(f"a tag that nobody has answers {status}")
        return time.monotonic() - began

    @staticmethod
    def pull(connection, digest, data):
        document = json.loads(data)
        paths = [(f"manifests/{digest}", digest)]
        paths += [(f"blobs/{part['digest']}", part["digest"]) for part in (document["config"], *document["layers"])]
        for path, wanted in paths:
            status, _, body = connection.request("GET", f"/v2/{REPOSITORY}/{path}")
            if status != 200 or "sha256:" + hashlib.sha256(body).hexdigest() != wanted:
                raise RuntimeError(f"GET {path}: {status}, or other bytes")


class Independence:
    def __init__(self, binary, folder, options):
        self.options = options

        def region(name):
            return Region(name, binary, folder)

        self.alone, self.beside, self.left = region("alone"), region("beside"), region("left")
        self.living = [region("living0"), region("living1")]
        self.killed, self.stopped, self.dropping = region("killed"), region("stopped"), region("dropping")
        self.peers = [*self.living, self.killed, self.stopped]
        self.silent = Silent()

    def run(self):
        """The rows of a report."""
        try:
            self.start()
            measured = [Measured("no peers", self.alone), Measured("two that live", self.beside),
                        Measured("dead ones", self.left)]
            misses = [[], [], []]
            for number in range(-1, self.options.groups):
                if number < 3:
                    for found, one in zip(misses, measured):
                        found.append(one.miss())
                for place in range(len(measured)):
                    measured[(number + place) % len(measured)].group(self.options.operations, number >= 0)
            states = {name: region["state"] for name, region in self.left.regions().items()}
            print(f"at the end the dead ones are {states}")
            rows = []
            for other in measured[1:]:
                for what, ours, theirs in (("push", other.pushes, measured[0].pushes),
                                           ("pull", other.pulls, measured[0].pulls)):
                    rows.append(Comparison(f"p99 of a {what}, {other.name}", "ms", ours, theirs, "no peers", BAR,
                                           at_most=True))
            longest = ", ".join(f"{one.name}: {max(found):.2f} s" for found, one in zip(misses, measured))
            print(f"that a tag is nowhere is said after at most ({longest}); no bar")
            print(table(HEADINGS, [row.cells() for row in rows]))
            return rows
        finally:
            self.stop()

    def start(self):
        for region in [*self.peers, self.dropping]:
            region.start()
            region.known_key = region.key()
            region.push("other/app", region.name, region.name)
            region.sealed(rest=1.2)
        self.dropping.stop()
        self.dropping.port = self.silent.port
        follow(self.beside, self.living)
        follow(self.left, [self.killed, self.stopped, self.dropping])
        for region in (self.alone, self.beside, self.left):
            region.start()
        heard = eventually(lambda: all(
            follower.regions()[peer.name]["state"] == "following" and not follower.remote_blobs()
            for follower, peers in ((self.beside, self.living), (self.left, [self.killed, self.stopped]))
            for peer in peers))
        if not heard:
            raise RuntimeError("not all peers are heard")
        self.killed.kill()
        self.stopped.process.send_signal(signal.SIGSTOP)
        eventually(lambda: self.left.regions()["killed"]["state"] == "failing", NOTICED_SECONDS)

    def stop(self):
        if self.stopped.process is not None:
            self.stopped.process.send_signal(signal.SIGCONT)
        for region in [self.alone, self.beside, self.left, *self.living, self.killed, self.stopped, self.dropping]:
            region.stop()
        self.silent.close()
