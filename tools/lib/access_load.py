# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Load over TLS from processes of their own: a steady client that is measured, and crowds that attack or keep busy."""

import asyncio
import multiprocessing
import os
import socket
import ssl
import time

from e2e_http import message

CONTEXT = multiprocessing.get_context("fork")
# As good as another machine: what attacks must not take the processor from what is attacked and measured.
LOWEST = 19
# What a byte at a time is dripped of, before the handshake and after it.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(400)
HEAD = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 400


class Target:
    """Where to: the port, and the certificate that is trusted."""

    def __init__(self, port, trust):
        self.port = port
        self.trust = str(trust)

    def context(self):
        return ssl.create_default_context(cafile=self.trust)

    def head(self, method, path, fields=(), body=b""):
        return message(method, path, [field for field in fields if field], body, host=f"localhost:{self.port}")


class Worker:
    """A process that runs a function with a pipe to its parent."""

    def __init__(self, function, *arguments, nice=0):
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=self._run, args=(function, theirs, nice, arguments), daemon=True)
        self.process.start()
        theirs.close()

    @staticmethod
    def _run(function, pipe, nice, arguments):
        if nice:
            os.nice(nice)
            # A nice process still keeps a core until the end of its slice; an idle one makes room at once.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        function(pipe, *arguments)

    def result(self, seconds=120):
        """What the function sends, or an error if it sends nothing in that time."""
        if not self.pipe.poll(seconds):
            self.process.kill()
            raise RuntimeError(f"a client's process has said nothing for {seconds} s")
        return self.pipe.recv()

    def end(self):
        self.pipe.close()
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def attack(function, *arguments):
    return Worker(function, *arguments, nice=LOWEST)


# The client that is measured

def steady(pipe, target, requests, rate, connections):
    """Sends requests at a fixed rate while it is told to; answers each "end" with the times, statuses and errors.

    One request at a time, over connections that stay open and are used in turn.
    """
    context = target.context()
    data = [target.head(*request) for request in requests]
    streams = [None] * connections

    def connect():
        plain = socket.create_connection(("127.0.0.1", target.port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname="localhost")

    number = 0
    while True:
        try:
            if pipe.recv() != "begin":
                return
        except EOFError:
            return
        seconds, statuses, errors = [], {}, []
        following = time.monotonic()
        while not pipe.poll():
            following += 1 / rate
            time.sleep(max(0, following - time.monotonic()))
            # What was missed while the machine was busy is not made up for in a burst.
            following = max(following, time.monotonic() - 0.05)
            index, number = number % connections, number + 1
            try:
                if streams[index] is None:
                    streams[index] = connect()
                began = time.perf_counter()
                streams[index].sendall(data[number % len(data)])
                status = read_answer(streams[index])
                seconds.append(time.perf_counter() - began)
                statuses[status] = statuses.get(status, 0) + 1
            except (OSError, ValueError) as error:
                errors.append(f"{type(error).__name__}: {error}")
                streams[index] = None
        pipe.recv()
        pipe.send((seconds, statuses, errors))


def read_answer(stream):
    received = b""
    while b"\r\n\r\n" not in received:
        part = stream.recv(65536)
        if not part:
            raise ValueError("closed")
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    length = int(field(head, b"content-length") or 0)
    left = length - len(rest)
    while left > 0:
        part = stream.recv(min(left, 1 << 18))
        if not part:
            raise ValueError("closed in the body")
        left -= len(part)
    return int(head.split(b" ", 2)[1])


def field(head, name):
    """The value of a header field, as bytes; None if it is not there."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None


# Crowds

async def open_stream(target, context, source):
    return await asyncio.open_connection(
        "127.0.0.1", target.port, ssl=context, server_hostname="localhost" if context else None,
        local_addr=(source, 0) if source else None,
    )


async def exchange(reader, writer, data):
    """One request on an open stream; its status, whether Retry-After is there, and the body."""
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(field(head, b"content-length") or 0))
    return int(head.split(b" ", 2)[1]), field(head, b"retry-after") is not None, body


def flood(pipe, target, sources, requests, total, connections, seconds=None):
    """As many requests as were asked for, or for so long, as fast as they are answered; sends the counts of statuses,
    how many 429 came without Retry-After, errors, and the seconds that it took."""
    data = [target.head(*request) for request in requests]

    async def main():
        counts, left, silent, errors = {}, total, 0, 0
        context = target.context()
        deadline = time.monotonic() + (seconds or 1e6)

        async def client(number):
            nonlocal left, silent, errors
            stream = None
            while left > 0 and time.monotonic() < deadline:
                left -= 1
                try:
                    if stream is None:
                        stream = await open_stream(target, context, sources[number % len(sources)])
                    status, retry, _ = await exchange(*stream, data[left % len(data)])
                    counts[status] = counts.get(status, 0) + 1
                    silent += status == 429 and not retry
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    errors += 1
                    stream = None
                    await asyncio.sleep(0.01)

        began = time.monotonic()
        await asyncio.gather(*[client(number) for number in range(connections)])
        return counts, silent, errors, time.monotonic() - began

    pipe.send(asyncio.run(main()))


def slowloris(pipe, target, sources, count, seconds, after_handshake):
    """Holds connections open and drips a byte every two seconds; opens again what was closed. Sends the most that were
    open at once, how many were closed by the server, and how many could not be opened."""
    text = HEAD if after_handshake else HELLO

    async def main():
        context = target.context() if after_handshake else None
        state = {"open": 0, "most": 0, "closed": 0, "refused": 0}
        deadline = time.monotonic() + seconds

        async def client(number):
            await asyncio.sleep(number / 700)
            while time.monotonic() < deadline:
                try:
                    opening = open_stream(target, context, sources[number % len(sources)])
                    reader, writer = await asyncio.wait_for(opening, 10)
                except (OSError, asyncio.TimeoutError):
                    state["refused"] += 1
                    await asyncio.sleep(2)
                    continue
                state["open"] += 1
                state["most"] = max(state["most"], state["open"])
                ended = asyncio.ensure_future(reader.read())
                for index in range(len(text)):
                    if ended.done() or time.monotonic() > deadline:
                        break
                    writer.write(text[index : index + 1])
                    await asyncio.wait([ended], timeout=2)
                state["closed"] += ended.done()
                state["open"] -= 1
                if not ended.done():
                    ended.cancel()
                elif not ended.cancelled():
                    ended.exception()
                writer.transport.abort()
                await asyncio.sleep(2)

        await asyncio.gather(*[client(number) for number in range(count)])
        return state

    pipe.send(asyncio.run(main()))
