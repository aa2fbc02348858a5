# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""HTTP/1.1 framing, as little of it as a proxy and a small server need."""

from dataclasses import dataclass, field
from urllib.parse import unquote

HEAD_LIMIT = 1 << 18
LINE_LIMIT = 1 << 13


class Malformed(Exception):
    """What arrived is no HTTP/1.1 message that can be framed."""


class Headers:
    """Header fields in their order, found without regard to case."""

    def __init__(self, fields=()):
        self.fields = list(fields)

    def get(self, name, default=None):
        return next((value for key, value in self.fields if key.lower() == name.lower()), default)

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def drop(self, name):
        self.fields = [(key, value) for key, value in self.fields if key.lower() != name.lower()]

    def set(self, name, value):
        self.drop(name)
        self.fields.append((name, str(value)))

    def add(self, name, value):
        self.fields.append((name, str(value)))

    def encoded(self):
        return b"".join(f"{key}: {value}\r\n".encode("utf-8", "surrogateescape") for key, value in self.fields)


@dataclass
class Head:
    """A start line and its header fields; `raw` is exactly what arrived."""

    start: str
    headers: Headers
    raw: bytes = b""

    @property
    def words(self):
        return self.start.split(" ", 2)

    def encoded(self):
        return self.start.encode("utf-8", "surrogateescape") + b"\r\n" + self.headers.encoded() + b"\r\n"


async def read_head(reader):
    """The next head, or None at the end of the connection."""
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        try:
            line = await reader.readline()
        except ValueError:
            raise Malformed(raw) from None
        if not line:
            if raw:
                raise Malformed(raw)
            return None
        raw += line
        if raw == b"\r\n":
            raw = b""
        if len(raw) > HEAD_LIMIT:
            raise Malformed(raw)
    lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
    fields = []
    for line in lines[1:-2]:
        if ":" not in line:
            raise Malformed(raw)
        name, value = line.split(":", 1)
        fields.append((name, value.strip()))
    return Head(lines[0], Headers(fields), raw)


def is_chunked(headers):
    return (headers.get("Transfer-Encoding") or "").lower() == "chunked"


async def read_chunk(reader):
    """The raw bytes of the next chunk and its content; the last one is empty and takes its trailers along."""
    line = await reader.readline()
    try:
        size = int(line.split(b";")[0].strip(), 16)
    except ValueError:
        raise Malformed(line) from None
    if size < 0 or not line.endswith(b"\r\n"):
        raise Malformed(line)
    if size:
        content = await reader.readexactly(size + 2)
        return line + content, content[:-2]
    raw = line
    while True:
        line = await reader.readline()
        raw += line
        if line in (b"\r\n", b""):
            return raw, b""


def has_no_body(method, status):
    return method == "HEAD" or 100 <= status < 200 or status in (204, 304)


@dataclass
class Target:
    """What a request is about, read from the right of its path."""

    kind: str
    repository: str = ""
    reference: str = ""
    path: str = ""
    query: str = ""
    parameters: list = field(default_factory=list)

    def parameter(self, name):
        return next((value for key, value in self.parameters if key == name), None)

    def parameters_named(self, name):
        return [value for key, value in self.parameters if key == name]


def parse_target(text):
    if "://" in text.split("?")[0]:
        text = "/" + text.split("://", 1)[1].split("/", 1)[-1]
    path, _, query = text.partition("?")
    parameters = []
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            parameters.append((name, unquote(value)))
    path = unquote(path)

    def made(kind, repository="", reference=""):
        return Target(kind, repository, reference, path, query, parameters)

    if path == "/v2/":
        return made("base")
    if path == "/v2/_catalog":
        return made("catalog")
    if not path.startswith("/v2/"):
        return made("none")
    parts = path[4:].split("/")
    if len(parts) >= 4 and parts[-3] == "blobs" and parts[-2] == "uploads":
        kind = "upload" if parts[-1] else "uploads"
        return made(kind, "/".join(parts[:-3]), parts[-1])
    if len(parts) >= 3 and parts[-2] == "blobs":
        return made("blob", "/".join(parts[:-2]), parts[-1])
    if len(parts) >= 3 and parts[-2] in ("manifests", "referrers"):
        return made(parts[-2][:-1] if parts[-2] == "manifests" else "referrers", "/".join(parts[:-2]), parts[-1])
    if len(parts) >= 3 and parts[-2:] == ["tags", "list"]:
        return made("tags", "/".join(parts[:-2]))
    return made("none")
