# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""A small client for registries whose cost is low beside a server's: bodies are sent with sendfile from the page
cache and received into one buffer, without a process or a library between."""

import hashlib
import itertools
import json
import os
import socket
import threading
import time

from bench_system import MIB

BUFFER = 256 * 1024
TAIL = 64


class Reply:
    """A response head, and how much of the body was received with it."""

    def __init__(self, status, headers, length, rest):
        self.status = status
        self.headers = headers
        self.length = length
        self.rest = rest


class Connection:
    """One HTTP/1.1 connection that is kept open."""

    def __init__(self, port, address="127.0.0.1", seconds=300):
        self.socket = socket.create_connection((address, port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(BUFFER)
        # Fields that every request has.
        self.always = []

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_head(self, method, path, headers=(), length=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in [*self.always, *headers]]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def read_head(self, has_body=True):
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.socket.recv(65536)
            if not part:
                raise RuntimeError("the server closed the connection before it answered")
            received += part
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status == 100:
            raise RuntimeError("an interim response that nobody asked for")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding"):
            raise RuntimeError("a chunked response; this client reads only bodies of a stated length")
        length = int(headers.get("content-length", 0)) if has_body else 0
        return Reply(status, headers, length, rest)

    def receive(self, reply, consume=None, pause=None):
        """Reads a body of stated length to its end; `consume` gets each piece."""
        received = len(reply.rest)
        if consume and received:
            consume(reply.rest)
        view = memoryview(self.buffer)
        while received < reply.length:
            count = self.socket.recv_into(self.buffer, min(BUFFER, reply.length - received))
            if count == 0:
                raise RuntimeError(f"the body ended after {received} of {reply.length} bytes")
            if consume:
                consume(view[:count])
            if pause:
                pause(count)
            received += count
        return received

    def request(self, method, path, headers=(), body=None):
        """A whole exchange with a small body; returns status, headers and body."""
        self.send_head(method, path, headers, len(body) if body is not None else 0 if method != "GET" else None)
        if body:
            self.socket.sendall(body)
        reply = self.read_head(has_body=method != "HEAD")
        pieces = []
        self.receive(reply, lambda piece: pieces.append(bytes(piece)))
        return reply.status, reply.headers, b"".join(pieces)


class Content:
    """Bodies of one size that differ in their last bytes, so that each has a digest of its own.

    The common part lies in a file; its hash is computed once.
    """

    serial = itertools.count(1)

    def __init__(self, directory, size):
        self.size = size
        self.path = os.path.join(directory, f"content-{size}")
        self.hasher = hashlib.sha256()
        with open(self.path, "wb") as file:
            remaining = size - TAIL
            while remaining > 0:
                block = os.urandom(min(4 * MIB, remaining))
                self.hasher.update(block)
                file.write(block)
                remaining -= len(block)
        self.file = open(self.path, "rb")

    def next(self):
        """The last bytes and the digest of a body that was not sent before."""
        tail = f"{time.time_ns()}-{next(Content.serial)}".encode().ljust(TAIL, b".")
        hasher = self.hasher.copy()
        hasher.update(tail)
        return tail, "sha256:" + hasher.hexdigest()

    def send(self, connection, tail, pause=None):
        offset, end = 0, self.size - len(tail)
        step = MIB if pause else 64 * MIB
        while offset < end:
            count = os.sendfile(connection.socket.fileno(), self.file.fileno(), offset, min(step, end - offset))
            offset += count
            if pause:
                pause(count)
        connection.socket.sendall(tail)


def push_content(connection, repository, content, body, pause=None):
    """POST, then one PUT with the whole body; the blob is durable when this returns."""
    tail, digest = body
    target = begin_upload(connection, repository)
    connection.send_head(
        "PUT", f"{target}digest={digest}", [("Content-Type", "application/octet-stream")], content.size
    )
    # A blocking sendfile: with a timeout, Python's sockets do not block.
    connection.socket.setblocking(True)
    content.send(connection, tail, pause)
    reply = connection.read_head()
    connection.receive(reply)
    expect(reply.status, 201, f"PUT of {digest}")


def begin_upload(connection, repository):
    status, headers, body = connection.request("POST", f"/v2/{repository}/blobs/uploads/")
    expect(status, 202, f"POST of an upload: {body[:300]!r}")
    location = headers["location"]
    if location.startswith("http"):
        location = "/" + location.split("/", 3)[3]
    return location + ("&" if "?" in location else "?")


def push_bytes(connection, repository, data):
    """Pushes a small blob and returns its digest."""
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    target = begin_upload(connection, repository)
    headers = [("Content-Type", "application/octet-stream")]
    status, _, body = connection.request("PUT", f"{target}digest={digest}", headers, data)
    expect(status, 201, f"PUT of a blob: {body[:300]!r}")
    return digest


IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"


def push_image(connection, repository, tag, layers=8, seed=""):
    """Pushes an image of tiny layers; returns the manifest's digest and its bytes."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode()
    descriptors = []
    for number in range(layers):
        data = f"layer {number} of {seed} {tag}".encode()
        descriptors.append({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": push_bytes(connection, repository, data), "size": len(data),
        })
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": IMAGE_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": push_bytes(connection, repository, config), "size": len(config),
        },
        "layers": descriptors,
    }, indent=1).encode()
    headers = [("Content-Type", IMAGE_TYPE)]
    status, _, body = connection.request("PUT", f"/v2/{repository}/manifests/{tag}", headers, manifest)
    expect(status, 201, f"PUT of a manifest: {body[:300]!r}")
    return "sha256:" + hashlib.sha256(manifest).hexdigest(), manifest


def pull(port, path, consume=None, pause=None):
    """GET on a connection of its own; returns the bytes received."""
    with Connection(port) as connection:
        connection.socket.setblocking(True)
        connection.send_head("GET", path)
        reply = connection.read_head()
        expect(reply.status, 200, f"GET {path}")
        return connection.receive(reply, consume, pause)


def expect(status, wanted, what):
    if status != wanted:
        raise RuntimeError(f"{what}: status {status}, not {wanted}")


def run_together(tasks):
    """Runs each task on a thread, all begun at once; returns the seconds until the last ended. Raises their errors."""
    errors = []
    barrier = threading.Barrier(len(tasks) + 1)

    def body(task):
        barrier.wait()
        try:
            task()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begin
    if errors:
        raise errors[0]
    return elapsed
