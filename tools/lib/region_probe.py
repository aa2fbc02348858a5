# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What the campaigns of regions ask of a region while it is disturbed: its metrics and status, clients that must not
notice anything, and clients that must not be told anything wrong."""

import contextlib
import http.client
import json
import random
import subprocess
import threading
import time

from region_world import ACCEPT, digest_of

BROKEN = (OSError, http.client.HTTPException, RuntimeError, ValueError)
TAGS = 40


class Counted:
    """Expectations, printed and counted."""

    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, holds, what):
        print(f"{'ok   ' if holds else 'FAIL '} {what}", flush=True)
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        return bool(holds)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def metric(server, name, **labels):
    """The sum of the values of a metric that have these labels."""
    total = 0.0
    for line in server.call("GET", "/metrics")[2].decode().splitlines():
        if not line.startswith(name + "{") and not line.startswith(name + " "):
            continue
        if all(f'{label}="{value}"' in line for label, value in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


def told(region, name):
    """The line of `cairn region status` about a region, or what the command says instead."""
    command = [region.binary, "region", "status", "--registry", region.host]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
    return lines[0] if lines else done.stdout.strip()


class Local(threading.Thread):
    """A client of one region alone: it pushes small images, and pulls what it has pushed. None of it may fail."""

    def __init__(self, region, name, pause=0.1, keep=200):
        super().__init__(daemon=True)
        self.region, self.repository, self.pause, self.keep = region, f"local/{name}", pause, keep
        self.random = random.Random(name)
        self.stopping, self.resting, self.idle = threading.Event(), threading.Event(), threading.Event()
        self.images, self.serial, self.pushes, self.pulls = [], 0, [], []
        self.failures = []

    def run(self):
        while not self.stopping.is_set():
            if self.resting.is_set():
                self.idle.set()
                time.sleep(0.02)
                continue
            self.idle.clear()
            try:
                self.turn()
            except BROKEN as error:
                self.failures.append(f"{type(error).__name__} {error}")
            time.sleep(self.random.uniform(0.3, 1.7) * self.pause)

    def turn(self):
        self.serial += 1
        began = time.monotonic()
        image = self.region.push(
            self.repository, f"v{self.serial % TAGS}", f"{self.repository} {self.serial}")
        self.pushes.append(time.monotonic() - began)
        self.images = self.images[-self.keep:] + [image]
        digest, data = self.random.choice(self.images)
        began = time.monotonic()
        wrong = self.region.wrong_with(self.repository, digest, data)
        self.pulls.append(time.monotonic() - began)
        if wrong:
            self.failures.append(wrong)

    @contextlib.contextmanager
    def paused(self):
        """Nothing is asked of the region meanwhile: it is about to be restarted."""
        self.idle.clear()
        self.resting.set()
        self.idle.wait(60)
        try:
            yield
        finally:
            self.resting.clear()

    def end(self):
        self.stopping.set()
        self.join(timeout=60)

    def figures(self):
        return (f"{len(self.pushes)} pushes (p99 {percentile(self.pushes, 0.99) * 1000:.0f} ms),"
                f" {len(self.pulls)} pulls (p99 {percentile(self.pulls, 0.99) * 1000:.0f} ms),"
                f" {len(self.failures)} failed")


class Suspect(threading.Thread):
    """Pulls from a region what it may only have from others. It may be told that something is not there; what it is
    given whole has to be right."""

    def __init__(self, region, pause=0.05):
        super().__init__(daemon=True)
        self.region, self.pause = region, pause
        self.random = random.Random("suspect")
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.watched, self.counts, self.wrong = [], {"right": 0, "refused": 0, "broken off": 0}, []

    def watch(self, repository, reference, digests):
        """From now on a reference is asked for, too; it may stand for one of the digests, or be absent."""
        with self.lock:
            self.watched.append((repository, reference, set(digests)))

    def watch_image(self, repository, tag, image):
        digest, data = image
        self.watch(repository, tag, [digest])
        self.watch(repository, digest, [digest])
        document = json.loads(data)
        for part in [document["config"], *document["layers"]]:
            self.watch(repository, None, [part["digest"]])

    def run(self):
        while not self.stopping.is_set():
            time.sleep(self.pause)
            with self.lock:
                recent = self.watched[-8:] if self.random.random() < 0.7 else self.watched
                chosen = self.random.choice(recent) if recent else None
            if chosen is None:
                continue
            try:
                what = self.ask(*chosen)
            except BROKEN:
                what = "broken off"
            with self.lock:
                self.counts[what] = self.counts.get(what, 0) + 1

    def ask(self, repository, reference, digests):
        if reference is None:
            path = f"/v2/{repository}/blobs/{next(iter(digests))}"
        else:
            path = f"/v2/{repository}/manifests/{reference}"
        status, headers, body = self.region.call("GET", path, headers={"Accept": ACCEPT}, seconds=120)
        if status != 200:
            return "refused"
        if digest_of(body) not in digests or headers["Docker-Content-Digest"] not in digests:
            self.wrong.append(f"{path} is {digest_of(body)}, which nobody has pushed so")
            return "wrong"
        return "right"

    def end(self):
        self.stopping.set()
        self.join(timeout=130)
