# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Clients of several regions: they push, ask where an image is, and pull what more than one region has."""

import http.client
import math
import random
import threading
import time
import traceback

from bench_client import push_image

MOVING = [("moving/app0", "latest"), ("moving/app0", "stable"), ("moving/app1", "latest")]
MOVING_SHARE = 0.15
LARGE_SHARE = 0.05
LARGE_BYTES = 200_000
BROKEN = (OSError, http.client.HTTPException, RuntimeError, ValueError)
SHOWN = 8


class Pushed:
    """An image that was asked to be pushed. `ended` is infinite where no answer has come."""

    def __init__(self, region, repository, tag, moving):
        self.region, self.repository, self.tag, self.moving = region, repository, tag, moving
        self.digest, self.data = None, None
        self.began, self.ended = time.monotonic(), math.inf
        self.holders = {region}

    def __repr__(self):
        return f"{self.repository}:{self.tag} of {self.region}"


class Ledger:
    """What was acknowledged, what else was seen, and what was wrong."""

    def __init__(self, regions):
        self.regions = {region.name: region for region in regions}
        self.lock = threading.Lock()
        self.stopping, self.resting = threading.Event(), threading.Event()
        self.busy = 0
        self.alive = {region.name: True for region in regions}
        # Rises with each start and end of a region: what was asked across one proves nothing.
        self.epoch = {region.name: 0 for region in regions}
        self.pushed, self.doubtful, self.alone, self.replicated = [], [], [], []
        self.counts = {"refused": 0, "unanswered": 0, "pulls": 0, "undecided": 0}
        self.losses, self.wrong = [], []

    def changed(self, name, alive):
        with self.lock:
            self.alive[name] = alive
            self.epoch[name] += 1

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def living(self, names=None):
        """Regions that live, each with its epoch."""
        with self.lock:
            return [(self.regions[name], self.epoch[name]) for name in (names or self.regions) if self.alive[name]]

    def undisturbed(self, region, epoch):
        with self.lock:
            return self.alive[region.name] and self.epoch[region.name] == epoch

    def rest(self):
        """Waits until nobody pushes."""
        self.resting.set()
        while True:
            with self.lock:
                if self.busy == 0:
                    return
            time.sleep(0.02)


class Client(threading.Thread):
    def __init__(self, ledger, seed):
        super().__init__(daemon=True)
        self.ledger, self.random = ledger, random.Random(seed)

    def run(self):
        while not self.ledger.stopping.is_set():
            try:
                self.turn()
            except Exception:  # noqa: BLE001 - a client that ends would look like one that finds nothing
                self.ledger.wrong.append(traceback.format_exc(limit=3))
                return

    def turn(self):
        raise NotImplementedError


class Pusher(Client):
    """Pushes to one region: images of their own tag, and some to tags that all push to."""

    def __init__(self, ledger, region, number, seed, pause):
        super().__init__(ledger, seed)
        self.region, self.number, self.pause, self.serial = region, number, pause, 0
        self.connection, self.connected = None, None

    def turn(self):
        time.sleep(self.random.uniform(0.3, 1.7) * self.pause)
        ledger = self.ledger
        with ledger.lock:
            if ledger.resting.is_set() or not ledger.alive[self.region.name]:
                return
            epoch = ledger.epoch[self.region.name]
            ledger.busy += 1
        try:
            self.push(epoch)
        finally:
            with ledger.lock:
                ledger.busy -= 1

    def push(self, epoch):
        self.serial += 1
        moving = self.random.random() < MOVING_SHARE
        if moving:
            repository, tag = self.random.choice(MOVING)
        else:
            repository, tag = f"team/app{self.random.randrange(5)}", f"{self.region.name}{self.number}-{self.serial}"
        image = Pushed(self.region.name, repository, tag, moving)
        seed = f"{self.region.name} {self.number} {self.serial}"
        if self.random.random() < LARGE_SHARE:
            seed += " " + "x" * LARGE_BYTES
        try:
            if self.connection is None or self.connected != epoch:
                self.connection, self.connected = self.region.connection(), epoch
            image.digest, image.data = push_image(self.connection, repository, tag, layers=2, seed=seed)
        except BROKEN as error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            with self.ledger.lock:
                self.ledger.doubtful.append(image)
            if self.ledger.undisturbed(self.region, epoch):
                self.ledger.count("refused")
                why = f"{type(error).__name__} {error}"
                self.ledger.wrong.append(f"{image} was not taken by a region that lived: {why}")
            else:
                self.ledger.count("unanswered")
            return
        image.ended = time.monotonic()
        with self.ledger.lock:
            self.ledger.pushed.append(image)
            self.ledger.alone.append(image)


class Observer(Client):
    """Asks the other regions for each image, until one has it."""

    def turn(self):
        with self.ledger.lock:
            some = self.random.sample(self.ledger.alone, min(20, len(self.ledger.alone)))
        for image in some:
            others = [name for name in self.ledger.regions if name != image.region]
            self.random.shuffle(others)
            for region, _ in self.ledger.living(others):
                try:
                    found = region.resolve(image.repository, image.digest)
                except BROKEN:
                    continue
                if found == image.digest:
                    with self.ledger.lock:
                        image.holders.add(region.name)
                        self.ledger.alone.remove(image)
                        self.ledger.replicated.append(image)
                    break
        time.sleep(0.1)


class Puller(Client):
    """Pulls what more than one region had, from any region that lives; and from each that said that it has it."""

    def turn(self):
        with self.ledger.lock:
            recent = self.ledger.replicated[-30:] if self.random.random() < 0.5 else self.ledger.replicated
            image = self.random.choice(recent) if recent else None
        if image is None:
            time.sleep(0.1)
            return
        holders = self.ledger.living(sorted(image.holders))
        first = self.ledger.living(sorted(set(self.ledger.regions) - image.holders))
        found, certain = [], bool(holders)
        for region, epoch in first + holders:
            try:
                wrong = region.wrong_with(image.repository, image.digest, image.data)
            except BROKEN as error:
                wrong = f"{type(error).__name__} {error}"
            if wrong is None:
                self.ledger.count("pulls")
                with self.ledger.lock:
                    image.holders.add(region.name)
                if (region, epoch) in holders:
                    return
                continue
            lived = self.ledger.undisturbed(region, epoch)
            if "other bytes" in wrong:
                self.ledger.wrong.append(f"{image} from {region.name}: {wrong}")
            elif region.name in image.holders and lived:
                self.ledger.wrong.append(f"{image} was in {region.name}, and it has it no more: {wrong}")
            found.append(f"{region.name}: {wrong}")
            certain = certain and ((region, epoch) not in holders or lived)
        if len(found) < len(first) + len(holders):
            return
        if certain:
            self.ledger.losses.append(f"{image}: {found}")
        else:
            self.ledger.count("undecided")
        time.sleep(0.01)


def start(ledger, seed, pushers, pause):
    clients = [Observer(ledger, f"{seed} observer"), Puller(ledger, f"{seed} puller")]
    for region in ledger.regions.values():
        clients += [
            Pusher(ledger, region, number, f"{seed} {region.name} {number}", pause) for number in range(pushers)]
    for client in clients:
        client.start()
    return clients
