# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Where a log's files come from: a directory, or a server."""

import base64
import gzip
import http.client
import os
import urllib.parse
import zlib

from .faults import Fault

TIMEOUT_SECONDS = 30
MAXIMUM_FILE_BYTES = 256 * (2 + 65_535)


class Directory:
    """A log on disk."""

    def __init__(self, path):
        self.path = str(path)

    def fetch(self, path):
        """The content, or None where there is no such file."""
        try:
            with open(os.path.join(self.path, path), "rb") as file:
                return file.read(MAXIMUM_FILE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def files(self):
        """All paths below `tile`."""
        for folder, _, names in os.walk(os.path.join(self.path, "tile")):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.path)


class Client:
    """Requests to one server, on one connection that is opened anew when it broke."""

    def __init__(self, url, user=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{url!r} is not a URL of a server")
        self.parts, self.prefix = parts, parts.path.rstrip("/")
        self.headers = {"Accept-Encoding": "gzip, identity"}
        if user:
            self.headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """(status, headers in lower case, body)."""
        for attempt in (1, 2):
            try:
                return self.exchange(method, self.prefix + path, body, {**self.headers, **(headers or {})})
            except (OSError, http.client.HTTPException):
                self.connection = None
                if attempt == 2:
                    raise

    def exchange(self, method, path, body, headers):
        if self.connection is None:
            kind = http.client.HTTPSConnection if self.parts.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(self.parts.netloc, timeout=TIMEOUT_SECONDS)
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read(MAXIMUM_FILE_BYTES + 1)
        if not response.isclosed():
            raise Fault("http", f"{path} answers more than {MAXIMUM_FILE_BYTES} bytes")
        fields = {name.lower(): value for name, value in response.getheaders()}
        return response.status, fields, decoded(content, fields, path)


def decoded(content, fields, path):
    coding = fields.get("content-encoding", "identity")
    if coding == "identity":
        return content
    if coding != "gzip":
        raise Fault("http", f"{path} has the content coding {coding!r}")
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise Fault("http", f"{path}: {error}") from None
    if len(plain) > MAXIMUM_FILE_BYTES:
        raise Fault("http", f"{path} unfolds to {len(plain)} bytes")
    return plain


class Remote:
    """A log on a server, by the URL of its prefix."""

    def __init__(self, url, user=None):
        self.client = Client(url, user)

    def fetch(self, path):
        status, fields, content = self.client.request("GET", "/" + path)
        if status == 404:
            return None
        if status != 200:
            raise Fault("http", f"{path} answers {status}")
        wanted = "text/plain; charset=utf-8" if path == "checkpoint" else "application/octet-stream"
        if fields.get("content-type", "").lower() != wanted:
            raise Fault("http", f"{path} has the media type {fields.get('content-type')!r}, not {wanted!r}")
        return content


def registry_url(url):
    """The registry that a log's prefix belongs to: without `/log` and what follows."""
    parts = urllib.parse.urlsplit(url)
    path = parts.path.rstrip("/")
    found = path.rfind("/log")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path[:found] if found >= 0 else path, "", ""))
