# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What every hostile row shares: the table itself, the registry content they aim at, and ways to send them."""

import json
import time

from e2e_http import Closed, Connection, digest, exchange, message, push_blob, push_manifest

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
OCTETS = [("Content-Type", "application/octet-stream")]
# In an expectation: the connection is closed without an answer.
CLOSED = 0
# The product's own deadlines: of a request's head, from its first byte, and of a connection with nothing to do.
HEADER_SECONDS, IDLE_SECONDS = 10, 75
MAXIMUM_BLOB = 8 << 20
MAXIMUM_MANIFEST = 4 << 20
REPOSITORY = "hostile/app"
ABSENT = "sha256:" + "ab" * 32
SPECIFIED = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
    "RANGE_INVALID",
    "TAG_INVALID",
    "UNKNOWN",
}


class Row:
    """A hostile request: what is sent, and the statuses that may answer it."""

    def __init__(self, name, expected, run, code=None, slow=False):
        self.name = name
        self.expected = expected if isinstance(expected, tuple) else (expected,)
        self.run = run
        self.code = code
        self.slow = slow

    def verdict(self, world):
        """None if the answer is as specified, else what was wrong."""
        try:
            reply = self.run(world)
        except Closed as error:
            return None if CLOSED in self.expected else f"wanted {self.expected}, the connection was {error}"
        except (AssertionError, ValueError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        if reply is None:
            return None
        if reply.status not in self.expected:
            return f"wanted {self.expected}, got {reply}"
        if reply.status >= 400 and not getattr(reply, "headless", False):
            if reply.code not in SPECIFIED:
                return f"the body of the {reply.status} has no error code of the specification: {reply.body[:200]!r}"
            if self.code is not None and reply.code != self.code:
                return f"wanted code {self.code}, got {reply}"
        return None


ROWS = []


def row(name, expected, run, code=None, slow=False):
    if any(other.name == name for other in ROWS):
        raise ValueError(f"two rows are called {name!r}")
    ROWS.append(Row(name, expected, run, code, slow))


def request(name, expected, method, target, fields=(), body=b"", code=None):
    """A row that is one well-framed request. `target` and `body` may be functions of the world."""

    def run(world):
        path = target(world) if callable(target) else target
        data = body(world) if callable(body) else body
        reply = exchange(world.port, method, path, fields, data)
        reply.headless = method == "HEAD"
        return reply

    row(name, expected, run, code)


def look(connection, deadline):
    """What comes by then, `b""` at the end of the connection; None where nothing does, at a last look after it too."""
    while True:
        left = max(0, deadline - time.monotonic())
        connection.socket.settimeout(left)
        try:
            return connection.socket.recv(65536)
        except ConnectionResetError:
            return b""
        except (TimeoutError, BlockingIOError):
            if left == 0:
                return None


def raw(name, expected, data, closes=False, slow=False, wait=None):
    """A row that is bytes on a connection of its own; `closes` demands that the server then closes it."""

    def run(world):
        began = time.monotonic()
        with Connection(world.port, timeout=wait or 20) as connection:
            connection.send(data(world) if callable(data) else data)
            reply = connection.reply()
            # Later than that the deadline of a head would close what the answer left open.
            if closes and look(connection, max(began + HEADER_SECONDS, time.monotonic() + 5)) != b"":
                raise ValueError(f"the connection stays open, or more comes, after {reply}")
            return reply

    row(name, expected, run, slow=slow)


class World:
    """A registry with some content, and helpers to open and end upload sessions."""

    def __init__(self, server):
        self.server = server
        self.port = server.port
        self.blob = bytes(range(250)) * 40
        self.blob_digest = push_blob(self.port, REPOSITORY, self.blob)
        self.config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
        self.config_digest = push_blob(self.port, REPOSITORY, self.config)
        self.image = self.image_document()
        self.image_digest = push_manifest(self.port, REPOSITORY, "v1", self.image)
        self.index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [self.image_descriptor()]}
        push_manifest(self.port, REPOSITORY, "multi", self.index, INDEX)

    def config_descriptor(self, **changes):
        return {"mediaType": CONFIG, "digest": self.config_digest, "size": len(self.config), **changes}

    def layer_descriptor(self, **changes):
        return {"mediaType": LAYER, "digest": self.blob_digest, "size": len(self.blob), **changes}

    def image_descriptor(self, **changes):
        size = len(json.dumps(self.image).encode())
        return {"mediaType": IMAGE, "digest": self.image_digest, "size": size, **changes}

    def image_document(self, **changes):
        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": self.config_descriptor(),
            "layers": [self.layer_descriptor()],
        }
        document.update(changes)
        return {key: value for key, value in document.items() if value is not ...}

    def blob_path(self):
        return f"/v2/{REPOSITORY}/blobs/{self.blob_digest}"

    def open_upload(self, repository=REPOSITORY):
        started = exchange(self.port, "POST", f"/v2/{repository}/blobs/uploads/")
        if started.status != 202:
            raise ValueError(f"POST of a session: {started}")
        return started.header("location")

    def offset(self, location):
        """The bytes that the session says it has; None if there is no such session."""
        reply = exchange(self.port, "GET", location)
        if reply.status == 404:
            return None
        if reply.status != 204:
            raise ValueError(f"GET of a session: {reply}")
        last = int(reply.header("range").split("-")[1])
        return last + 1 if last else 0

    def settle(self, location, wanted, seconds=30):
        """Waits until the session says that it has that many bytes."""
        deadline = time.monotonic() + seconds
        while True:
            offset = self.offset(location)
            if offset == wanted:
                return
            if time.monotonic() > deadline:
                raise ValueError(f"the session has {offset} bytes, wanted {wanted}")
            time.sleep(0.02)

    def cancel(self, location, seconds=30):
        """Cancels a session, which a request that just broke off may still hold for a moment."""
        deadline = time.monotonic() + seconds
        while True:
            reply = exchange(self.port, "DELETE", location)
            if reply.status == 204:
                return
            if time.monotonic() > deadline or self.offset(location) is None:
                raise ValueError(f"DELETE of a session: {reply}")
            time.sleep(0.02)

    def absent(self, name, repository=REPOSITORY):
        reply = exchange(self.port, "GET", f"/v2/{repository}/blobs/{name}")
        if reply.status != 404:
            raise ValueError(f"a refused blob is served: {reply}")


def in_session(name, expected, method, query="", fields=(), body=b"", code=None, keeps=0):
    """A row that is one request to a fresh session, which must have `keeps` bytes afterwards and is cancelled."""

    def run(world):
        location = world.open_upload()
        data = body(world) if callable(body) else body
        with Connection(world.port) as connection:
            connection.send(message(method, location + query, fields, data))
            reply = connection.reply()
        if keeps is None:
            if world.offset(location) is not None:
                raise ValueError(f"the session is still there after {reply}")
        else:
            world.settle(location, keeps)
            world.cancel(location)
        return reply

    row(name, expected, run, code)


__all__ = [
    "ABSENT",
    "CLOSED",
    "CONFIG",
    "Closed",
    "Connection",
    "HEADER_SECONDS",
    "IDLE_SECONDS",
    "IMAGE",
    "INDEX",
    "LAYER",
    "MAXIMUM_BLOB",
    "MAXIMUM_MANIFEST",
    "OCTETS",
    "REPOSITORY",
    "ROWS",
    "World",
    "digest",
    "exchange",
    "in_session",
    "look",
    "message",
    "push_blob",
    "raw",
    "request",
    "row",
]
