# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A small HTTP/1.1 client over raw sockets: sends exactly the bytes it is told to, and reads answers strictly."""

import hashlib
import json
import socket
import time

TIMEOUT = 20.0
# A body may take a second more for each of these.
BYTES_PER_SECOND = 1 << 20
MAXIMUM_HEAD = 256 * 1024


class Closed(Exception):
    """The server closed the connection, or reset it, before a whole answer had come."""


class Reply:
    """One final answer."""

    def __init__(self, status, fields, body, interim):
        self.status = status
        self.fields = fields
        self.body = body
        self.interim = interim

    def header(self, name, default=None):
        name = name.lower()
        for key, value in self.fields:
            if key == name:
                return value
        return default

    @property
    def code(self):
        """The specification's error code of the body, or None."""
        try:
            return json.loads(self.body)["errors"][0]["code"]
        except (ValueError, KeyError, IndexError, TypeError):
            return None

    def __repr__(self):
        return f"{self.status} {self.code or ''} {self.body[:160]!r}"


class Connection:
    """A connection to 127.0.0.1 that never retries and never adds a byte of its own to what it sends."""

    def __init__(self, port, timeout=TIMEOUT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends; a server that has closed already is no error here, for its answer may still be waiting."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _fill(self):
        try:
            data = self.socket.recv(256 * 1024)
        except ConnectionResetError as error:
            raise Closed("reset") from error
        if not data:
            raise Closed("closed")
        self.buffer += data

    def _line(self):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > MAXIMUM_HEAD:
                raise ValueError("an endless head")
            self._fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def reply(self, head=False):
        """Reads the next final answer."""
        interim = []
        while True:
            status = self._line().split(b" ", 2)
            if not status[0].startswith(b"HTTP/1.") or len(status) < 2:
                raise ValueError(f"not a status line: {status!r}")
            number = int(status[1])
            fields = []
            while True:
                line = self._line()
                if not line:
                    break
                name, _, value = line.partition(b":")
                fields.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
            if number >= 200:
                break
            interim.append(number)
        result = Reply(number, fields, b"", interim)
        if head or number in (204, 304):
            return result
        if (result.header("transfer-encoding") or "").lower() == "chunked":
            parts = []
            while True:
                size = int(self._line().split(b";")[0], 16)
                parts.append(self._exactly(size))
                self._exactly(2)
                if size == 0:
                    break
            result.body = b"".join(parts)
        elif result.header("content-length") is not None:
            result.body = self._exactly(int(result.header("content-length")))
        else:
            try:
                while True:
                    self._fill()
            except Closed:
                result.body, self.buffer = self.buffer, b""
        return result

    def ends_within(self, seconds):
        """Whether the server closes the connection in that time, without another byte of an answer."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(65536):
                    return True
                return False
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False


def message(method, target, fields=(), body=b"", host="127.0.0.1", length=True):
    """A well-formed request; `fields` are name and value pairs, in order."""
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1")]
    if host is not None:
        lines.append(b"Host: " + host.encode("latin-1"))
    given = {name.lower() for name, _ in fields}
    if length and (body or method in ("POST", "PUT", "PATCH")) and not given & {"content-length", "transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    for name, value in fields:
        lines.append(f"{name}: {value}".encode("latin-1"))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(pieces):
    """The chunked transfer coding of some pieces, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


def patience(body, timeout=TIMEOUT):
    """The seconds that a request with a body may take to be sent, and then its answer to begin."""
    return timeout + len(body) / BYTES_PER_SECOND


def exchange(port, method, target, fields=(), body=b"", timeout=TIMEOUT):
    """One request on a connection of its own."""
    with Connection(port, patience(body, timeout)) as connection:
        connection.send(message(method, target, fields, body))
        return connection.reply(head=method == "HEAD")


def digest(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def push_blob(port, repository, data):
    """Stores a blob by POST and PUT; returns its digest."""
    name = digest(data)
    started = exchange(port, "POST", f"/v2/{repository}/blobs/uploads/")
    assert started.status == 202, started
    location = started.header("location")
    stored = exchange(port, "PUT", f"{location}?digest={name}", [("Content-Type", "application/octet-stream")], data)
    assert stored.status == 201, stored
    return name


def push_manifest(port, repository, reference, document, media_type="application/vnd.oci.image.manifest.v1+json"):
    """Stores a manifest, given as bytes or as a value; returns its digest."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    stored = exchange(port, "PUT", f"/v2/{repository}/manifests/{reference}", [("Content-Type", media_type)], data)
    assert stored.status == 201, stored
    assert stored.header("docker-content-digest") == digest(data), stored.fields
    return digest(data)
