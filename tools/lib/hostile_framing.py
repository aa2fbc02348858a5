# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Hostile rows of HTTP itself: smuggling shapes, bad heads and chunks, slow and endless clients, bad HTTP/2."""

import select
import socket
import struct
import time

from hostile_world import (
    CLOSED, HEADER_SECONDS, IDLE_SECONDS, OCTETS, REPOSITORY, Connection, digest, look, message, raw, row,
)

HOST = b"Host: 127.0.0.1\r\n"
SESSION = f"/v2/{REPOSITORY}/blobs/uploads/".encode()
POST = b"POST " + SESSION + b"?digest=" + digest(b"hello").encode() + b" HTTP/1.1\r\n" + HOST
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# A body is judged after so long, and again where the server itself had not read all the time.
BODY_SECONDS = 30
# For a machine that is busy.
PATIENCE_SECONDS = 60


def get(fields=b"", target=b"/v2/", version=b"HTTP/1.1", host=HOST):
    return b"GET " + target + b" " + version + b"\r\n" + host + fields + b"\r\n"


# Shapes on which two servers may disagree where a message ends. Each is refused and the connection closed.
for label, fields, rest in [
    ("length and chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    ("chunked and length", b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
    ("chunked and length 0", b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", b"0\r\n\r\n"),
    ("two lengths", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
    ("two equal lengths", b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    ("list of lengths", b"Content-Length: 5, 5\r\n", b"hello"),
    ("negative length", b"Content-Length: -1\r\n", b""),
    ("signed length", b"Content-Length: +5\r\n", b"hello"),
    ("hexadecimal length", b"Content-Length: 0x5\r\n", b"hello"),
    ("length with letters", b"Content-Length: 5abc\r\n", b"hello"),
    ("empty length", b"Content-Length:\r\n", b""),
    ("length with a space inside", b"Content-Length: 1 5\r\n", b"hello"),
    ("length of 30 digits", b"Content-Length: " + b"9" * 30 + b"\r\n", b""),
    ("length above 2^63", b"Content-Length: 9223372036854775808\r\n", b""),
    ("length above 2^64", b"Content-Length: 18446744073709551621\r\n", b"hello"),
    ("folded header", b"X-A: b\r\n Content-Length: 5\r\n", b"hello"),
    ("folded coding", b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    ("space before the colon", b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    ("xchunked", b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    ("identity", b"Transfer-Encoding: identity\r\n", b""),
    ("chunked, identity", b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    ("chunked twice", b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    ("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    ("two codings", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    ("vertical tab before chunked", b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    ("quoted chunked", b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"),
    ("empty coding", b"Transfer-Encoding:\r\n", b""),
    ("NUL in a header", b"X-A: a\x00b\r\nContent-Length: 0\r\n", b""),
    ("carriage return in a header", b"X-A: a\rb\r\nContent-Length: 0\r\n", b""),
    ("header without a colon", b"Nonsense\r\nContent-Length: 0\r\n", b""),
    ("header without a name", b": x\r\nContent-Length: 0\r\n", b""),
    ("space in a header name", b"X A: b\r\nContent-Length: 0\r\n", b""),
    ("control in a header name", b"X\x01A: b\r\nContent-Length: 0\r\n", b""),
    ("byte FF in a header name", b"X\xffA: b\r\nContent-Length: 0\r\n", b""),
]:
    raw(f"framing, {label}", 400, POST + fields + b"\r\n" + rest, closes=True)
raw(
    "framing, chunked in HTTP/1.0",
    400,
    POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    closes=True,
)
raw("framing, bare line feeds", 400, b"GET /v2/ HTTP/1.1\nHost: 127.0.0.1\n\n", closes=True)
raw("framing, one bare line feed", 400, b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\nX-A: b\r\n\r\n", closes=True)

CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
for label, body in [
    ("size is a letter", b"g\r\nhello\r\n0\r\n\r\n"),
    ("size negative", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("size with 0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("size of 17 digits", b"1" + b"0" * 16 + b"\r\nhello"),
    ("size of F's", b"FFFFFFFFFFFFFFFFF\r\nhello"),
    ("size empty", b"\r\nhello\r\n0\r\n\r\n"),
    ("size with a plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("size after a space", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("longer than its size", b"5\r\nhello!\r\n0\r\n\r\n"),
    ("no line end after the data", b"5\r\nhello0\r\n\r\n"),
    ("bare line feed after the size", b"5\nhello\r\n0\r\n\r\n"),
    ("bare line feed in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("line feed after the data", b"5\r\nhello\n0\r\n\r\n"),
    ("garbage trailer", b"5\r\nhello\r\n0\r\nno colon here\r\n\r\n"),
]:
    raw(f"chunk, {label}", (400, CLOSED), CHUNKED + body, closes=True)
raw(
    "chunk, extension of 200 KiB", (201, 400, 431, CLOSED), CHUNKED + b"5;" + b"a" * 200_000 + b"\r\nhello\r\n0\r\n\r\n"
)
raw(
    "chunk, trailers of 200 KiB",
    (201, 400, 431, CLOSED),
    CHUNKED + b"5\r\nhello\r\n0\r\n" + (b"X-A: " + b"b" * 1000 + b"\r\n") * 200 + b"\r\n",
)

for label, wanted, data, closes in [
    ("no Host", 400, get(host=b""), True),
    ("two Hosts", 400, get(b"Host: evil\r\n"), True),
    ("two equal Hosts", 400, get(HOST), True),
    ("Host with a space", (400, 200), get(host=b"Host: a b\r\n"), False),
    ("Host with a path", (400, 200), get(host=b"Host: a/b\r\n"), False),
    ("absolute form", (200, 400), get(target=b"http://evil.example/v2/"), False),
    ("authority form", 400, get(target=b"evil.example:80"), True),
    ("asterisk", 400, get(target=b"*"), True),
    ("no slash", 400, get(target=b"v2/"), True),
    ("fragment", 400, get(target=b"/v2/#x"), True),
    ("CONNECT", (400, 405), b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n", True),
    ("CONNECT with a path", (400, 405), b"CONNECT /v2/ HTTP/1.1\r\n" + HOST + b"\r\n", False),
    ("OPTIONS *", (400, 405), b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", False),
    ("NUL in the target", 400, get(target=b"/v2/\x00"), True),
    ("raw e-acute in the target", 400, get(target="/v2/é/tags/list".encode()), True),
    ("raw byte FF in the target", 400, get(target=b"/v2/\xff"), True),
    ("raw space in the target", 400, get(target=b"/v2/a b/tags/list"), True),
    ("tab in the target", 400, get(target=b"/v2/\ta"), True),
    ("DEL in the target", 400, get(target=b"/v2/\x7f"), True),
    ("target of 9,000 bytes", 414, get(target=b"/v2/" + b"a" * 9000), True),
    ("target of 200,000 bytes", (400, 414, 431), get(target=b"/v2/" + b"a" * 200_000), True),
    ("query of 9,000 bytes", 414, get(target=b"/v2/?" + b"a" * 9000), True),
    ("header of 20,000 bytes", 431, get(b"X-A: " + b"b" * 20_000 + b"\r\n"), True),
    ("headers of 60,000 bytes", 431, get((b"X-A: " + b"b" * 1000 + b"\r\n") * 60), True),
    ("200 headers", 431, get(b"".join(b"X-%d: a\r\n" % number for number in range(200))), True),
    ("header name of 20,000 bytes", 431, get(b"X" * 20_000 + b": a\r\n"), True),
    ("method in small letters", (400, 405), get().replace(b"GET", b"get"), False),
    ("method of 5,000 bytes", (400, 405, 431), get().replace(b"GET", b"A" * 5000), False),
    ("method that nobody knows", (400, 405), get().replace(b"GET", b"FROB"), False),
    ("method with a bracket", 400, get().replace(b"GET", b"G(ET"), True),
    ("version 0.9", (400, CLOSED), b"GET /v2/\r\n\r\n", False),
    ("version 9.9", 400, get(version=b"HTTP/9.9"), True),
    ("version 2.0", 400, get(version=b"HTTP/2.0"), True),
    ("version in small letters", 400, get(version=b"http/1.1"), True),
    ("version of letters", 400, get(version=b"HTTP/x.y"), True),
    ("no version, but a space", (400, CLOSED), b"GET /v2/ \r\n\r\n", False),
    ("garbage", 400, b"\x00\x01\x02\x03\r\n\r\n", True),
    ("TLS client hello", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), True),
    ("SSH", 400, b"SSH-2.0-OpenSSH_9\r\n", True),
    ("SMTP", 400, b"EHLO evil\r\n\r\n", True),
    (
        "Upgrade to h2c",
        (200, 400),
        get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
        False,
    ),
    ("Upgrade to websocket", (200, 400), get(b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), False),
    ("empty lines first", (200, 400), b"\r\n\r\n" + get(), False),
]:
    raw(f"head, {label}", wanted, data, closes=closes)


def hidden_request(world):
    """A GET with a body that looks like a request: it is a body, and never answered."""
    inner = get(target=b"/v2/inner/tags/list")
    with Connection(world.port) as connection:
        connection.send(get(b"Content-Length: %d\r\n" % len(inner)) + inner + get(target=b"/v2/_catalog"))
        first, second = connection.reply(), connection.reply()
        if first.status != 200 or b"repositories" not in second.body:
            raise ValueError(f"answers: {first}, {second}")
        return second


row("pipeline, a request inside a body", 200, hidden_request)


def pipeline_then_garbage(world):
    with Connection(world.port) as connection:
        connection.send(get() * 50 + b"\x00garbage\r\n\r\n" + get())
        for _ in range(50):
            if connection.reply().status != 200:
                raise ValueError("a good request before the garbage was refused")
        return connection.reply()


row("pipeline, 50 requests and then garbage", (400, CLOSED), pipeline_then_garbage)


def pipeline_of_a_thousand(world):
    with Connection(world.port) as connection:
        connection.send(get() * 1000)
        return [connection.reply() for _ in range(1000)][-1]


row("pipeline, 1,000 requests at once", 200, pipeline_of_a_thousand)


def leaving(data, reset=False):
    def run(world):
        for _ in range(20):
            connection = Connection(world.port)
            connection.send(data)
            if reset:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    return run


for label, data in [
    ("nothing sent", b""),
    ("half a request line", b"GET /v2"),
    ("half a head", get()[:-2]),
    ("a whole request", get()),
    ("half a preface", PREFACE[:10]),
]:
    row(f"client leaves, {label}", CLOSED, leaving(data))
    row(f"client resets, {label}", CLOSED, leaving(data, reset=True))


def endless_header(world):
    """Header bytes without an end: the server answers or closes long before it has taken 4 MiB."""
    with Connection(world.port) as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\n" + HOST)
        for number in range(4096):
            if select.select([connection.socket], [], [], 0.001)[0]:
                return connection.reply()
            connection.send(b"X-%d: " % number + b"a" * 1000 + b"\r\n")
        raise ValueError("4 MiB of headers were taken without an answer")


row("head, without an end", (400, 431, CLOSED), endless_header)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4)


def http2(label, data):
    """Bad HTTP/2: the server ends the connection, and goes on serving others."""

    def run(world):
        # Sooner than an idle connection ends, which is the only other thing that ends one of HTTP/2.
        deadline = time.monotonic() + min(PATIENCE_SECONDS, IDLE_SECONDS - 5)
        said = b""
        with Connection(world.port) as connection:
            connection.send(PREFACE + data)
            while (more := look(connection, deadline)) != b"":
                if more is None or len(said) > 1 << 20:
                    raise ValueError(f"the connection stays open; it said {said[:100]!r}")
                said += more

    row(f"HTTP/2, {label}", CLOSED, run)


http2("garbage after the preface", b"\xff" * 100)
http2("a request in text after the preface", get())
http2("frame of 16 MiB", SETTINGS + frame(0, stream=1, length=(1 << 24) - 1))
http2("headers on stream 0", SETTINGS + frame(1, 4, 0, b"\x82"))
http2("headers on an even stream", SETTINGS + frame(1, 4, 2, b"\x82"))
http2("headers that no table has", SETTINGS + frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"))
http2("data on an idle stream", SETTINGS + frame(0, 0, 1, b"x"))
http2("settings with a stream", frame(4, 0, 1))
http2("settings of an odd length", frame(4, 0, 0, b"abc"))
http2("window update of nothing", SETTINGS + frame(8, 0, 0, bytes(4)))
http2("window overflow", SETTINGS + frame(8, 0, 0, b"\x7f\xff\xff\xff") * 2)
http2("continuation without headers", SETTINGS + frame(9, 4, 1, b"x"))
http2("ping of a wrong length", SETTINGS + frame(6, 0, 0, b"x"))
http2("push promise from a client", SETTINGS + frame(5, 4, 1, b"\x00\x00\x00\x02\x82"))
http2(
    "headers without an end",
    SETTINGS + frame(1, 0, 1, b"\x82") + frame(9, 0, 1, b"\x40\x01a" + b"\x7f\x80\x7f" + b"b" * 16000) * 20,
)


def waits(label, expected, begin, drip, limit):
    """A client that takes its time: the server must answer or close, by the only deadline that would end it within
    `limit` seconds."""

    def run(world):
        location = world.open_upload() if callable(begin) else None
        began = time.monotonic()
        try:
            with Connection(world.port) as connection:
                connection.send(begin(location) if callable(begin) else begin)
                is_over = False
                while not is_over:
                    # Once more after the limit: what had come by then counts.
                    is_over = time.monotonic() - began >= limit
                    come = look(connection, time.monotonic() + 1)
                    connection.socket.settimeout(PATIENCE_SECONDS)
                    if come is not None:
                        connection.buffer += come
                        return connection.reply() if come else None
                    if drip and not connection.send(drip):
                        return None
            raise ValueError(f"the connection is still open after {limit} s")
        finally:
            if location is not None:
                world.cancel(location)

    row(f"slow, {label}", expected, run, slow=True)


# The deadlines are what is tested: little is added to them.
HEADER_LIMIT, BODY_LIMIT = HEADER_SECONDS + 5, BODY_SECONDS + 8
waits("no byte at all", (408, CLOSED), b"", b"", HEADER_LIMIT)
waits("a head that stops", (408, CLOSED), b"GET /v2/ HTTP/1.1\r\nX-A: ", b"", HEADER_LIMIT)
waits("a head by drips", (408, CLOSED), b"GET /v2/ HTTP/1.1\r\nX-A: ", b"a", HEADER_LIMIT)
waits("half a preface by drips", (408, CLOSED), PREFACE[:5], b"", HEADER_LIMIT)
waits(
    "a body that stops",
    (400, 408, CLOSED),
    lambda location: message("PATCH", location, OCTETS + [("Content-Length", "1000000")], b"x"),
    b"",
    BODY_LIMIT,
)
waits(
    "a body by drips",
    (400, 408, CLOSED),
    lambda location: message("PATCH", location, OCTETS + [("Content-Length", "1000000")], b"x"),
    b"x",
    BODY_LIMIT,
)
waits(
    "chunks by drips",
    (400, 408, CLOSED),
    lambda location: message("PATCH", location, OCTETS + [("Transfer-Encoding", "chunked")], b""),
    b"1\r\nx\r\n",
    BODY_LIMIT,
)
