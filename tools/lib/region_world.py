# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Registries that follow one another's logs, and what a client sees of each."""

import contextlib
import hashlib
import http.client
import json
import os
import random
import sqlite3
import subprocess
import time

from bench_client import Connection, push_bytes
from e2e_server import START_SECONDS, Server

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ACCEPT = ", ".join([IMAGE, INDEX])
# Asks a region for what it has itself: without it, it answers with what another one has.
HERE = {"Accept": ACCEPT, "Cache-Control": "only-if-cached"}
# Asks as a client does.
ANYWHERE = {"Accept": ACCEPT}
# Longer than the registry itself waits for another region before it answers.
CALL_SECONDS = 60
WAIT_SECONDS = 180
PAGE = 1000


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Region(Server):
    """A registry with a name, which follows others once it was told of them. It may run in a namespace of its own."""

    def __init__(self, name, binary, folder, port=None, address="127.0.0.1", listen=None, wrapper=(), settings=None):
        own = {"CAIRN_ACCESS_LOG": "false", "CAIRN_LOG_ORIGIN": f"{name}.example/log", "CAIRN_ALLOW_ANONYMOUS": "true"}
        super().__init__(binary, folder / name, settings={**own, **(settings or {})})
        self.name, self.address, self.listen, self.wrapper = name, address, listen or address, wrapper
        self.port = port or self.port
        self.file = folder / f"{name}.yml"
        self.more = ""

    @property
    def host(self):
        return f"{self.address}:{self.port}"

    def command(self, port=None):
        command = [*self.wrapper, self.binary, "serve", "--root", str(self.root)]
        command += ["--listen", f"{self.listen}:{port or self.port}"]
        return command + (["--config", str(self.file)] if self.file.exists() else [])

    def start(self):
        """Starts, and returns the seconds until the registry said that it is ready."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, **self.settings))
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
            if self.ready():
                return time.monotonic() - began
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"{self.name} is not ready after {START_SECONDS} s: {self.tail()}")

    def ready(self):
        try:
            return self.call("GET", "/readyz", seconds=2)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def call(self, method, path, body=None, headers=None, seconds=CALL_SECONDS):
        """One request on a connection of its own: status, headers and body."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=seconds)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path):
        status, _, body = self.call("GET", path)
        if status != 200:
            raise RuntimeError(f"{self.name}: GET {path} answers {status}: {body[:300]!r}")
        return json.loads(body)

    def connection(self, seconds=CALL_SECONDS):
        return Connection(self.port, self.address, seconds)

    # What it knows of the others

    def regions(self):
        return {region["region"]: region for region in self.json("/api/v1/regions")["regions"]}

    def remote_blobs(self):
        return self.json("/api/v1/regions").get("remote_blobs", 0)

    def set_region(self, name, state):
        status, _, body = self.call("POST", f"/api/v1/regions/{name}", {"state": state, "reason": "a test"})
        if status != 204:
            raise RuntimeError(f"{self.name}: {name} is not set to {state}: {status} {body[:300]!r}")

    def key(self):
        return self.call("GET", "/log/vkey")[2].decode().split()[0]

    def log_size(self):
        """Entries of its own log, as its checkpoint says; 0 before the first one."""
        status, _, body = self.call("GET", "/log/checkpoint")
        return int(body.split(b"\n")[1]) if status == 200 else 0

    def sealed(self, rest=2.5):
        """The size of its own log, once all that was changed is in it and it has not grown for so many seconds."""
        return all_sealed([self], rest)[self.name]

    def conflicts(self, every=True):
        found, path = [], f"/api/v1/conflicts?n={PAGE}" + ("&all=true" if every else "")
        while path:
            status, headers, body = self.call("GET", path)
            if status != 200:
                raise RuntimeError(f"{self.name}: GET {path} answers {status}: {body[:300]!r}")
            found += json.loads(body)["conflicts"]
            path = next_page(headers)
        return found

    # What it has

    def listed(self, path, member):
        found = []
        while path:
            status, headers, body = self.call("GET", path)
            if status == 404:
                return found
            if status != 200:
                raise RuntimeError(f"{self.name}: GET {path} answers {status}: {body[:300]!r}")
            found += json.loads(body).get(member) or []
            path = next_page(headers)
        return found

    def tags(self):
        """Every tag of every repository: what it stands for."""
        result = {}
        for repository in self.listed(f"/v2/_catalog?n={PAGE}", "repositories"):
            for tag in self.listed(f"/v2/{repository}/tags/list?n={PAGE}", "tags"):
                result[repository, tag] = self.resolve(repository, tag)
        return result

    def resolve(self, repository, reference, headers=HERE):
        """The digest of a tag or manifest, or the status where it has none."""
        status, answer, _ = self.call("HEAD", f"/v2/{repository}/manifests/{reference}", headers=headers)
        return answer["Docker-Content-Digest"] if status == 200 else status

    def manifest(self, repository, reference, headers=HERE):
        status, answer, body = self.call("GET", f"/v2/{repository}/manifests/{reference}", headers=headers)
        return (body, answer["Content-Type"]) if status == 200 else (status, None)

    def wrong_with(self, repository, digest, data=None, headers=HERE):
        """Reads an image by digest, whole, with all that it names; what is wrong with it, or None."""
        status, _, body = self.call("GET", f"/v2/{repository}/manifests/{digest}", headers=headers)
        if status != 200:
            return f"the manifest {digest} answers {status}"
        if digest_of(body) != digest or (data is not None and body != data):
            return f"the manifest {digest} has other bytes"
        document = json.loads(body)
        for child in document.get("manifests", []):
            wrong = self.wrong_with(repository, child["digest"], headers=headers)
            if wrong:
                return wrong
        parts = ([document["config"]] if "config" in document else []) + document.get("layers", [])
        for part in parts:
            status, _, body = self.call("GET", f"/v2/{repository}/blobs/{part['digest']}", headers=headers)
            if status != 200:
                return f"the blob {part['digest']} answers {status}"
            if digest_of(body) != part["digest"] or len(body) != part["size"]:
                return f"the blob {part['digest']} has other bytes"
        return None

    # Changes

    def push(self, repository, reference, seed, layers=2, layer_bytes=2000, subject=None):
        """An image whose bytes are a function of the seed; returns its digest and bytes."""
        source = random.Random(str(seed))
        with self.connection() as connection:
            config = json.dumps({"architecture": "amd64", "os": "linux", "seed": str(seed)}).encode()
            document = {
                "schemaVersion": 2, "mediaType": IMAGE,
                "config": {
                    "mediaType": CONFIG, "digest": push_bytes(connection, repository, config), "size": len(config)},
                "layers": [],
            }
            for _ in range(layers):
                data = source.randbytes(layer_bytes)
                document["layers"].append(
                    {"mediaType": LAYER, "digest": push_bytes(connection, repository, data), "size": len(data)})
        if subject is not None:
            document["artifactType"] = "application/vnd.example.signature"
            document["subject"] = {"mediaType": IMAGE, "digest": digest_of(subject), "size": len(subject)}
        return self.put(repository, reference, json.dumps(document).encode(), IMAGE)

    def put(self, repository, reference, data, media_type):
        reference = reference or digest_of(data)
        status, _, body = self.call(
            "PUT", f"/v2/{repository}/manifests/{reference}", data, {"Content-Type": media_type})
        if status != 201:
            raise RuntimeError(f"{self.name}: PUT of {repository} {reference} answers {status}: {body[:300]!r}")
        return digest_of(data), data

    def index(self, repository, reference, children):
        """An index of images that are given by their bytes."""
        document = {
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [
                {"mediaType": IMAGE, "digest": digest_of(child), "size": len(child),
                 "platform": {"os": "linux", "architecture": architecture}}
                for child, architecture in zip(children, ("amd64", "arm64", "s390x"))
            ],
        }
        return self.put(repository, reference, json.dumps(document).encode(), INDEX)

    def delete(self, repository, reference):
        status, _, body = self.call("DELETE", f"/v2/{repository}/manifests/{reference}")
        if status != 202:
            raise RuntimeError(f"{self.name}: DELETE of {repository} {reference} answers {status}: {body[:300]!r}")


def next_page(headers):
    link = headers["Link"]
    if not link:
        return None
    target = link[link.index("<") + 1:link.index(">")]
    return "/" + target.split("/", 3)[3] if target.startswith("http") else target


def follow(region, others, urls=None):
    """Writes the configuration by which a region follows the others; it counts from the next start on."""
    lines = [
        f"  - {{name: {other.name}, url: '{(urls or {}).get(other.name, 'http://' + other.host)}',"
        f" log-keys: ['{other.known_key}']}}\n"
        for other in others if other is not region
    ]
    region.file.write_text(region.more + "regions:\n" + "".join(lines))


def acquaint(regions, urls=None):
    """Starts each once for its key, and then all of them, following one another. `urls` are by the name of the follower
    and of the followed one."""
    for region in regions:
        region.start()
        region.known_key = region.key()
    for region in regions:
        region.stop()
        follow(region, regions, (urls or {}).get(region.name))
    for region in regions:
        region.start()


def is_sealed(root):
    """Whether every change is in the log and signed, as the catalog has it: a seal is late on a busy machine."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{root}/meta/registry.db?mode=ro", uri=True)) as rows:
            waiting, = rows.execute(
                "SELECT EXISTS(SELECT 1 FROM event WHERE seq IS NULL) OR "
                "EXISTS(SELECT 1 FROM checkpoint WHERE state = 'intended')").fetchone()
    except sqlite3.Error:
        return False
    return not waiting


def all_sealed(regions, rest):
    """The sizes of their logs by name, once all that was changed is in them and none has grown for so many seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    sizes, since = None, time.monotonic()
    while time.monotonic() < deadline:
        is_whole = all(is_sealed(region.root) for region in regions)
        now = {region.name: region.log_size() for region in regions}
        if now != sizes or not is_whole:
            sizes, since = now, time.monotonic()
        if time.monotonic() - since > rest:
            return sizes
        time.sleep(0.1)
    raise RuntimeError(f"the logs of {', '.join(region.name for region in regions)} do not come to rest")


def eventually(reached, seconds=WAIT_SECONDS, pause=0.05):
    """Whether a condition holds within that time; a request that fails counts as one that does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            result = reached()
        except (OSError, http.client.HTTPException, RuntimeError):
            result = None
        if result or time.monotonic() > deadline:
            return result
        time.sleep(pause)


def caught_up(regions, remote=True):
    """Whether each has applied all that the others have sealed, and has their bytes."""
    sizes = {region.name: region.log_size() for region in regions}
    for region in regions:
        known = region.regions()
        for other in regions:
            if other is not region and known[other.name]["applied"] < sizes[other.name]:
                return False
        if remote and region.remote_blobs():
            return False
    return True
