# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""Requests a second: by wrk for GET, and by a loop over epoll for HEAD, since wrk waits for the body that the
Content-Length of an answer to HEAD speaks of and that never comes."""

import os
import re
import select
import socket
import subprocess
import time

from bench_client import IMAGE_TYPE
from bench_system import find_tool

LIBRARY = os.path.dirname(os.path.abspath(__file__))


def wrk(port, path, seconds, connections=32, accept=IMAGE_TYPE, script=None, environment=None, authorization=None):
    """GET requests a second over connections that stay open; any answer but 2xx or 3xx is an error."""
    command = [find_tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Accept: {accept}"]
    if authorization:
        command += ["-H", f"Authorization: {authorization}"]
    if script:
        command += ["-s", os.path.join(LIBRARY, script)]
    command.append(f"http://127.0.0.1:{port}{path}")
    run = subprocess.run(
        command, env=dict(os.environ, **(environment or {})), capture_output=True, text=True, check=True
    )
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise RuntimeError(f"wrk of {path}: {run.stdout}")
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", run.stdout)[1])
    if rate == 0:
        raise RuntimeError(f"wrk of {path}: no answer")
    return rate


def head(port, path, seconds, connections=32, accept=IMAGE_TYPE):
    """HEAD requests a second over connections that stay open; any status but 200 is an error."""
    request = f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\n\r\n".encode()
    poll = select.epoll()
    sockets, partial = {}, {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = (connection.recv, connection.send, connection)
        poll.register(connection.fileno(), select.EPOLLIN)
    answers = 0
    begin = time.perf_counter()
    deadline = begin + seconds
    for _, send, _ in sockets.values():
        send(request)
    while (now := time.perf_counter()) < deadline:
        events = poll.poll(10)
        if not events:
            raise RuntimeError(f"HEAD {path}: no answer within 10 s")
        for descriptor, _ in events:
            receive, send, _ = sockets[descriptor]
            received = receive(16384)
            if descriptor in partial:
                received = partial.pop(descriptor) + received
            if not received.endswith(b"\r\n\r\n"):
                if not received:
                    raise RuntimeError(f"HEAD {path}: the connection was closed")
                partial[descriptor] = received
                continue
            if not received.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"HEAD {path}: {received[:200]!r}")
            answers += 1
            send(request)
    for _, _, connection in sockets.values():
        connection.close()
    return answers / (now - begin)
