# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Hostile rows that lie in blob bodies and their headers: ranges, chunks, wrong digests, sizes, broken-off bodies."""

import socket
import struct

from e2e_http import chunked
from hostile_world import (
    ABSENT,
    CLOSED,
    MAXIMUM_BLOB,
    OCTETS,
    REPOSITORY,
    Connection,
    digest,
    exchange,
    in_session,
    message,
    push_blob,
    request,
    row,
)

UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"

for label, text, wanted in [
    ("starts at the end", "bytes=10000-", 416),
    ("starts beyond", "bytes=20000-30000", 416),
    ("backwards", "bytes=500-0", 416),
    ("empty suffix", "bytes=-0", 416),
    ("twenty digits", "bytes=99999999999999999999-", (200, 416)),
    ("end of twenty digits", "bytes=0-99999999999999999999", (200, 206)),
    ("words", "bytes=a-b", 200),
    ("only a dash", "bytes=-", 200),
    ("two ranges", "bytes=0-1,4-5", (200, 206)),
    ("2,000 ranges", "bytes=" + ",".join(["0-"] * 2000), (200, 416)),
    ("other unit", "lines=0-1", 200),
    ("two dashes", "bytes=0--1", (200, 416)),
    ("negative", "bytes=-5--1", (200, 416)),
    ("hexadecimal", "bytes=0x0-0x5", 200),
    ("two equals signs", "bytes==0-1", 200),
    ("no unit", "0-1", 200),
    ("empty", "", 200),
    ("control: one byte", "bytes=0-0", 206),
    ("clipped", "bytes=9000-99999", 206),
    ("long suffix", "bytes=-99999999", (200, 206)),
]:
    request(f"range, {label}", wanted, "GET", lambda world: world.blob_path(), [("Range", text)])

for label, text, wanted in [
    ("starts late", "5-9", 416),
    ("starts far away", "4611686018427387904-4611686018427387908", (400, 416)),
    ("word", "abc", (400, 416)),
    ("backwards", "9-5", (400, 416)),
    ("no end", "0-", (400, 416)),
    ("no start", "-4", (400, 416)),
    ("longer than the body", "0-99", (400, 416)),
    ("shorter than the body", "0-3", (400, 416)),
    ("twenty digits", "0-99999999999999999999", (400, 416)),
    ("negative start", "-5--1", (400, 416)),
    ("empty", "", (400, 416)),
    ("two of them", "0-4, 0-4", (400, 416)),
]:
    fields = OCTETS + [("Content-Range", text)]
    in_session(f"chunk, Content-Range {label}", wanted, "PATCH", fields=fields, body=b"hello")
in_session(
    "closing PUT, Content-Range starts late",
    416,
    "PUT",
    f"?digest={digest(b'hello')}",
    OCTETS + [("Content-Range", "5-9")],
    b"hello",
)
in_session(
    "closing PUT, Content-Range is a word",
    (400, 416),
    "PUT",
    f"?digest={digest(b'hello')}",
    OCTETS + [("Content-Range", "abc")],
    b"hello",
)
in_session("closing PUT without a digest", 400, "PUT", body=b"hello", code="DIGEST_INVALID")
in_session("closing PUT, digest of a word", 400, "PUT", "?digest=word", body=b"hello", code="DIGEST_INVALID")
in_session("closing PUT, digest of md5", 400, "PUT", "?digest=md5:" + "a" * 32, body=b"hello", code="DIGEST_INVALID")
in_session("closing PUT, digest twice", 400, "PUT", f"?digest=sha256:x&digest={digest(b'hello')}", body=b"hello")
in_session("session, POST to it", 405, "POST", body=b"hello")


def out_of_order(world):
    """The second chunk does not begin where the first ended; the session must say where it stands, and still work."""
    location = world.open_upload()
    first = exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", "0-4")], b"hello")
    again = exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", "0-4")], b"hello")
    gap = exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", "7-11")], b"world")
    if (first.status, again.status) != (202, 416) or again.header("range") != "0-4":
        raise ValueError(f"chunks: {first}, {again}, Range {again.header('range')}")
    world.settle(location, 5)
    world.cancel(location)
    return gap


row("chunk, repeated and then with a gap", 416, out_of_order)


def foreign_session(world):
    location = world.open_upload()
    reply = exchange(world.port, "PATCH", location.replace(REPOSITORY, "hostile/other"), OCTETS, b"evil")
    world.settle(location, 0)
    world.cancel(location)
    return reply


row("session of another repository", 404, foreign_session, "BLOB_UPLOAD_UNKNOWN")


def ended_session(end):
    def run(world):
        location = world.open_upload()
        if end == "cancelled":
            world.cancel(location)
        else:
            exchange(world.port, "PUT", f"{location}?digest={digest(b'done')}", OCTETS, b"done")
        return exchange(world.port, "PATCH", location, OCTETS, b"more")

    return run


row("session that was cancelled", 404, ended_session("cancelled"), "BLOB_UPLOAD_UNKNOWN")
row("session that was closed", 404, ended_session("closed"), "BLOB_UPLOAD_UNKNOWN")


def wrong_digest(style, algorithm):
    data = f"wrong in {style} by {algorithm}".encode() * 40
    named = digest(b"something else", algorithm)

    def run(world):
        if style == "one POST":
            reply = exchange(world.port, "POST", f"{UPLOADS}?digest={named}", OCTETS, data)
        else:
            location = world.open_upload()
            rest = b""
            if style == "POST and PUT":
                rest = data
            elif style == "streamed PATCH":
                with Connection(world.port) as connection:
                    fields = OCTETS + [("Transfer-Encoding", "chunked")]
                    connection.send(message("PATCH", location, fields, chunked([data])))
                    connection.reply()
            else:
                half = len(data) // 2
                parts = [(0, data[:half]), (half, data[half:])]
                if style == "last chunk in PUT":
                    rest = parts.pop()[1]
                for start, part in parts:
                    span = f"{start}-{start + len(part) - 1}"
                    exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", span)], part)
            reply = exchange(world.port, "PUT", f"{location}?digest={named}", OCTETS, rest)
            if reply.status == 400 and world.offset(location) is not None:
                raise ValueError("the session is still there after a wrong digest")
        world.absent(named)
        world.absent(digest(data, algorithm))
        return reply

    return run


for algorithm in ("sha256", "sha512"):
    for style in ("one POST", "POST and PUT", "streamed PATCH", "chunked PATCH", "last chunk in PUT"):
        row(f"wrong {algorithm} digest, {style}", 400, wrong_digest(style, algorithm), "DIGEST_INVALID")


def oversize(method, framing):
    """A body over the largest blob: declared at once, or found out while it comes."""

    def run(world):
        location = UPLOADS if method == "POST" else world.open_upload()
        target = location if method == "PATCH" else f"{location}?digest={ABSENT}"
        with Connection(world.port) as connection:
            if framing == "declared":
                fields = OCTETS + [("Content-Length", str(10**15))]
                connection.send(message(method, target, fields))
            elif framing == "by one byte":
                connection.send(message(method, target, OCTETS, bytes(MAXIMUM_BLOB + 1)))
            else:
                fields = OCTETS + [("Transfer-Encoding", "chunked")]
                connection.send(message(method, target, fields, chunked([bytes(1 << 20)] * ((MAXIMUM_BLOB >> 20) + 1))))
            reply = connection.reply()
        if method != "POST" and world.offset(location) is not None:
            world.cancel(location)
        return reply

    return run


for method in ("POST", "PATCH", "PUT"):
    for framing in ("declared", "by one byte", "chunked"):
        row(f"blob over the limit, {framing} in {method}", 413, oversize(method, framing), "SIZE_INVALID")


def short_body(method, ending):
    """A client that leaves in the middle of a body: what came of a PATCH stays, what came of a POST goes."""

    def run(world):
        location = UPLOADS if method == "POST" else world.open_upload()
        target = location if method == "PATCH" else f"{location}?digest={digest(b'never')}"
        reply = None
        with Connection(world.port) as connection:
            connection.send(message(method, target, OCTETS + [("Content-Length", "100000")], b"0123456789"))
            if ending == "half-closed":
                connection.half_close()
                reply = connection.reply()
            elif ending == "reset":
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if method != "POST":
            if world.offset(location) not in (0, 10):
                raise ValueError(f"the session has {world.offset(location)} bytes after a broken-off {method}")
            world.cancel(location)
        return reply

    return run


for method in ("POST", "PATCH", "PUT"):
    for ending in ("half-closed", "closed", "reset"):
        row(f"body broken off in {method}, {ending}", (400, CLOSED), short_body(method, ending))


def one_byte_chunks(world):
    """3,000 chunks of a byte each are slow, and nothing worse."""
    data = bytes(range(256)) * 12
    location = world.open_upload()
    with Connection(world.port) as connection:
        body = chunked([data[index : index + 1] for index in range(len(data))])
        connection.send(message("PATCH", location, OCTETS + [("Transfer-Encoding", "chunked")], body))
        reply = connection.reply()
    stored = exchange(world.port, "PUT", f"{location}?digest={digest(data)}")
    if stored.status != 201:
        raise ValueError(f"the closing PUT: {stored}")
    return reply


row("chunks of one byte", 202, one_byte_chunks)


def second_writer(world):
    """Two requests write to one session at once: one of them is told so."""
    location = world.open_upload()
    with Connection(world.port) as holder:
        holder.send(message("PATCH", location, OCTETS + [("Content-Length", "200000")], bytes(100000)))
        for _ in range(200):
            reply = exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", "900000-900004")], b"other")
            if reply.status == 416:
                break
    world.cancel(location)
    return reply


row("two writers to one session", (409, 416), second_writer)


def abandoned_download(world):
    data = bytes(range(256)) * (1 << 14)
    name = push_blob(world.port, REPOSITORY, data)
    for _ in range(5):
        with Connection(world.port) as connection:
            connection.send(message("GET", f"/v2/{REPOSITORY}/blobs/{name}"))
            connection.socket.recv(1000)
    return exchange(world.port, "DELETE", f"/v2/{REPOSITORY}/blobs/{name}")


row("downloads abandoned half-way", 202, abandoned_download)


def strange_expectation(world):
    reply = exchange(world.port, "POST", f"{UPLOADS}?mount={ABSENT}", [("Expect", "200-maybe")])
    if reply.status == 202:
        world.cancel(reply.header("location"))
    return reply


row("Expect with another word", (202, 417), strange_expectation)
