# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Clients that push, pull, mount and delete the same images at once, and know what the registry owes them."""

import hashlib
import http.client
import json
import random
import shutil
import threading
import time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REPOSITORIES = ["team/a", "team/b", "lib/c"]
IMAGES = 60
LAYERS = 120
LARGE_BYTES = 256 * 1024 * 1024
LARGE_PIECE = 4 * 1024 * 1024
FREE_BYTES = 24 * 1024**3
# What a client must not use up of the grace period: it is counted from the registry's answer, not from ours.
MARGIN = 0.1


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer_content(number):
    return random.Random(number).randbytes(200 + number * 37 % 20_000)


class Image:
    """One of the images that everybody pushes: the same number, the same bytes; layers are shared between numbers."""

    def __init__(self, number):
        chooser = random.Random(number)
        self.config = json.dumps({"image": number}).encode()
        self.layers = [layer_content(chooser.randrange(LAYERS)) for _ in range(1 + number % 4)]
        self.blobs = {digest_of(blob): blob for blob in [self.config, *self.layers]}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(self.config), "size": len(self.config)},
            "layers": [{"mediaType": LAYER, "digest": digest_of(blob), "size": len(blob)} for blob in self.layers],
        }).encode()
        self.digest = digest_of(self.manifest)


class World:
    """What all actors share, and what they found wrong."""

    def __init__(self, server, grace):
        self.server = server
        self.grace = grace
        self.images = [Image(number) for number in range(IMAGES)]
        # Held while an image's manifest is put, deleted or listed in an index: then what is right is known.
        self.locks = {(name, number): threading.Lock() for name in REPOSITORIES for number in range(IMAGES)}
        self.live = set()  # (repository, number)
        self.indexes = {}  # (repository, digest) -> (document, numbers)
        self.extra = {}  # (repository, digest of a manifest) -> digests that it needs, for large images
        self.deletions = {}  # (repository, digest of a blob) -> when clients deleted it: (begin, end)
        self.guard = threading.Lock()
        self.wrong = []
        self.counts = {}
        self.stopping = threading.Event()

    def count(self, what, number=1):
        with self.guard:
            self.counts[what] = self.counts.get(what, 0) + number

    def fail(self, text):
        with self.guard:
            self.wrong.append(text)
        self.count("failures")

    def was_deleted(self, repository, digest, begin, end):
        with self.guard:
            return any(first < end and last > begin for first, last in self.deletions.get((repository, digest), []))


class Actor(threading.Thread):
    """Does one thing after another on a connection of its own until the world stops."""

    pause = 0.0

    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world = world
        self.random = random.Random(f"{type(self).__name__} {seed}")
        self.connection = None

    def run(self):
        while not self.world.stopping.is_set():
            try:
                self.act()
            except (OSError, http.client.HTTPException) as error:
                if not self.world.stopping.is_set():
                    self.world.fail(f"{type(self).__name__}: a request failed: {error!r}")
                self.connection = None
            if self.pause:
                self.world.stopping.wait(self.pause * self.random.random())

    def call(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.world.server.port, timeout=120)
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        content = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def pick(self):
        return self.random.choice(REPOSITORIES), self.random.randrange(IMAGES)

    def upload(self, repository, digest, content):
        status, _, body = self.call("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", content)
        self.world.count("uploads")
        if status != 201:
            self.world.fail(f"a push of {digest} to {repository} answers {status} {body[:200]!r}")


class Pusher(Actor):
    """Asks for each blob, skips it where it is there, mounts or uploads it where it is not, waits, and puts the image.

    Whoever puts it within the grace period of the first answer must never hear that a blob is missing.
    """

    def act(self):
        repository, number = self.pick()
        image, world = self.world.images[number], self.world
        begin = time.monotonic()
        for digest, content in image.blobs.items():
            status, _, _ = self.call("HEAD", f"/v2/{repository}/blobs/{digest}")
            if status == 200:
                world.count("skipped")
            elif self.random.random() < 0.5 and self.mount(repository, digest):
                world.count("mounts")
            else:
                self.upload(repository, digest, content)
        wait = self.random.choice([0, 0, self.random.random() * (world.grace - MARGIN)])
        world.stopping.wait(max(0, wait - (time.monotonic() - begin)))
        with world.locks[repository, number]:
            self.put(repository, number, begin)

    def put(self, repository, number, begin):
        world, image = self.world, self.world.images[number]
        reference = self.random.choice([image.digest, f"t{number}", f"moving{number % 5}"])
        status, _, body = self.call("PUT", f"/v2/{repository}/manifests/{reference}", image.manifest,
                                    {"Content-Type": MANIFEST})
        end = time.monotonic()
        if status == 201:
            world.live.add((repository, number))
            world.count("pushes")
            return
        missing = [digest for digest in image.blobs if digest.encode() in body]
        if status == 400 and missing:
            if end - begin > world.grace - MARGIN:
                return world.count("late")
            if all(world.was_deleted(repository, digest, begin, end) for digest in missing):
                return world.count("pushes that met a delete")
        world.fail(f"a put of image {number} to {repository} after {end - begin:.2f} s: {status} {body[:300]!r}")

    def mount(self, repository, digest):
        source = self.random.choice(REPOSITORIES)
        status, headers, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}")
        if status == 201:
            return True
        if status == 202:
            self.call("DELETE", headers["location"])
        return False


class Puller(Actor):
    """Pulls an image and compares every byte. What a manifest names is there for at least a grace period more."""

    pause = 0.02

    def act(self):
        repository, number = self.pick()
        image, world = self.world.images[number], self.world
        begin = time.monotonic()
        status, _, body = self.call("GET", f"/v2/{repository}/manifests/{image.digest}")
        if status == 404:
            with world.locks[repository, number]:
                status, _, body = self.call("GET", f"/v2/{repository}/manifests/{image.digest}")
                if status == 404 and (repository, number) in world.live:
                    world.fail(f"image {number} of {repository} is lost")
                if status == 404:
                    return
        if status != 200 or body != image.manifest:
            return world.fail(f"image {number} of {repository}: {status}, {len(body)} bytes")
        for digest, content in image.blobs.items():
            status, _, body = self.call("GET", f"/v2/{repository}/blobs/{digest}")
            if status == 200 and body == content:
                continue
            end = time.monotonic()
            if end - begin < world.grace and not world.was_deleted(repository, digest, begin - 60, end):
                world.fail(f"blob {digest} of image {number} of {repository}: {status}, {len(body)} bytes")
        world.count("pulls")


class Deleter(Actor):
    """Deletes images, tags, and blobs, also such as others are about to use: a refusal is right where one is in use."""

    pause = 0.03

    def act(self):
        act = self.random.choice([self.image, self.image, self.image, self.tag, self.blob, self.loose, self.index])
        act(*self.pick())

    def image(self, repository, number):
        digest = self.world.images[number].digest
        with self.world.locks[repository, number]:
            was_live = (repository, number) in self.world.live
            status, _, body = self.call("DELETE", f"/v2/{repository}/manifests/{digest}")
            if status == 202:
                self.world.live.discard((repository, number))
                self.world.count("deleted images")
            elif status not in (404, 405) or (status == 404 and was_live):
                self.world.fail(f"the delete of image {number} of {repository}: {status} {body[:200]!r}")

    def tag(self, repository, number):
        self.call("DELETE", f"/v2/{repository}/manifests/t{number}")

    def blob(self, repository, number):
        digest = self.random.choice(list(self.world.images[number].blobs))
        begin = time.monotonic()
        key = (repository, digest)
        with self.world.guard:
            self.world.deletions.setdefault(key, []).append((begin, begin + 3600))
        status, _, _ = self.call("DELETE", f"/v2/{repository}/blobs/{digest}")
        with self.world.guard:
            times = self.world.deletions[key]
            times.remove((begin, begin + 3600))
            if status == 202:
                times.append((begin, time.monotonic()))
        self.world.count("deleted blobs" if status == 202 else "refused deletes of blobs")

    def loose(self, repository, _):
        content = self.random.randbytes(self.random.randrange(1, 30_000))
        self.upload(repository, digest_of(content), content)

    def index(self, repository, _):
        """Puts an index over two images, or deletes one."""
        world = self.world
        mine = [key for key in world.indexes if key[0] == repository]
        if len(mine) > 3:
            key = self.random.choice(mine)
            if world.indexes.pop(key, None) is None:
                return
            status, _, body = self.call("DELETE", f"/v2/{repository}/manifests/{key[1]}")
            if status != 202:
                world.fail(f"the delete of index {key}: {status} {body[:200]!r}")
            return
        first, second = sorted(self.random.sample(range(IMAGES), 2))
        with world.locks[repository, first], world.locks[repository, second]:
            if not {(repository, first), (repository, second)} <= world.live:
                return
            images = [world.images[first], world.images[second]]
            document = json.dumps({
                "schemaVersion": 2, "mediaType": INDEX, "annotations": {"salt": str(self.random.random())},
                "manifests": [{"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest)}
                              for image in images],
            }).encode()
            digest = digest_of(document)
            status, _, body = self.call("PUT", f"/v2/{repository}/manifests/{digest}", document,
                                        {"Content-Type": INDEX})
            if status != 201:
                return world.fail(f"a put of an index of {repository}: {status} {body[:300]!r}")
            world.indexes[repository, digest] = (document, (first, second))
            world.count("indexes")


class LargePusher(Actor):
    """Pushes blobs of 256 MiB, half of them for an image that is then deleted, and waits where the disk gets full."""

    pause = 0.2

    def __init__(self, world, seed, total, seconds):
        super().__init__(world, seed)
        self.left = total
        self.interval = seconds / max(total, 1)
        self.next = time.monotonic()

    def act(self):
        world = self.world
        if self.left == 0 or time.monotonic() < self.next:
            world.stopping.wait(0.5)
            return
        if shutil.disk_usage(world.server.root).free < FREE_BYTES:
            world.count("waits for space")
            world.stopping.wait(1)
            return
        self.next = max(self.next + self.interval, time.monotonic() - 60)
        self.left -= 1
        repository = self.random.choice(REPOSITORIES)
        head = self.random.randbytes(64)
        zeros = bytes(LARGE_PIECE)
        pieces = [head + zeros[64:]] + [zeros] * (LARGE_BYTES // LARGE_PIECE - 1)
        hasher = hashlib.sha256()
        for piece in pieces:
            hasher.update(piece)
        digest = "sha256:" + hasher.hexdigest()
        status, headers, body = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        begin = time.monotonic()
        if status == 202:
            status, _, body = self.call("PUT", f"{headers['location']}?digest={digest}", iter(pieces),
                                        {"Content-Length": str(LARGE_BYTES)})
        if status != 201:
            return world.fail(f"a push of 256 MiB to {repository}: {status} {body[:200]!r}")
        world.count("large blobs")
        if self.left % 2 == 0:
            self.image_of(repository, digest, begin)

    def image_of(self, repository, digest, begin):
        world = self.world
        config = json.dumps({"large": digest}).encode()
        self.upload(repository, digest_of(config), config)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": digest, "size": LARGE_BYTES}],
        }).encode()
        path = f"/v2/{repository}/manifests/{digest_of(manifest)}"
        status, _, body = self.call("PUT", path, manifest, {"Content-Type": MANIFEST})
        if status != 201:
            return world.fail(f"a put of an image of 256 MiB after {time.monotonic() - begin:.1f} s: {status} "
                              f"{body[:200]!r}")
        status, _, _ = self.call("DELETE", path)
        if status != 202:
            world.fail(f"the delete of an image of 256 MiB: {status}")
