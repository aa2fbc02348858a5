# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A reverse proxy that makes one named mistake: what a broken registry would do, in front of one that is right.

Two pumps run for each connection, so that pipelined requests, interim answers and cut bodies pass as they are: one
reads requests and notes each in a queue, the other reads answers and takes the notes from it in order. A message that
the mistake does not concern passes byte for byte.
"""

import asyncio
import json
from collections import deque

from http1 import Head, Headers, Malformed, has_no_body, is_chunked, parse_target, read_chunk, read_head

BODY_LIMIT = 96 << 20


class Exchange:
    """One request and, later, its answer; a mutation changes it in place."""

    def __init__(self, method, target_text, headers):
        self.method, self.target_text, self.headers = method, target_text, headers
        self.target = parse_target(target_text)
        self.kind = self.target.kind
        self.repository = self.target.repository
        self.reference = self.target.reference
        self.body = None            # of the request, once it has been read whole
        self.interim = True         # whether interim answers are passed on
        self.status = 0             # of the answer; set before it arrives, the answer is made up
        self.answer = Headers()
        self.content = b""          # of the answer
        self.length = None          # the Content-Length to tell, if not the content's
        self.cut = False            # whether to hang up instead of answering
        self.stray = b""            # bytes that follow the answer although nothing should
        self.is_answered = False    # whether the request goes no further than here
        self.is_changed = False     # whether the request's head has been changed
        self.hangs_up = False       # whether the connection ends after the answer
        self.closes_silently = False  # whether the end of the connection is not announced
        self.stays_open = False     # whether it does not, although it should
        self.version = "HTTP/1.1"

    def is_a(self, method, kind):
        return self.method in method.split(",") and self.kind in kind.split(",")

    def answers(self, status, fields=(), content=b""):
        """Makes the answer up; the upstream never sees the request."""
        self.status, self.answer, self.content, self.is_answered = status, Headers(fields), content, True
        self.length = None

    def becomes(self, status):
        """Answers with another status and nothing of the first answer."""
        self.status, self.answer, self.content, self.length = status, Headers(), b"", None

    def json(self):
        return json.loads(self.content)

    def set_json(self, value):
        self.content = json.dumps(value).encode()

    def of(self, name):
        return self.answer.get(name)


class WatchedReader(asyncio.StreamReader):
    """A reader whose end can be awaited without reading."""

    def __init__(self, limit):
        super().__init__(limit=limit)
        self.has_ended = asyncio.Event()

    def feed_eof(self):
        super().feed_eof()
        self.has_ended.set()

    def set_exception(self, exc):
        super().set_exception(exc)
        self.has_ended.set()


async def connect(host, port):
    """A connection to the upstream."""
    reader = WatchedReader(1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: protocol, host, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Connection:
    """One client connection and its way to the upstream."""

    def __init__(self, mutation, client_reader, client_writer, reader, writer):
        self.mutation = mutation
        self.client_reader, self.client_writer = client_reader, client_writer
        self.reader, self.writer = reader, writer
        self.pending = deque()
        self.is_noted = asyncio.Event()

    async def run(self):
        requests = asyncio.create_task(self.pump_requests())
        answers = asyncio.create_task(self.pump_answers())
        await asyncio.wait([requests, answers], return_when=asyncio.FIRST_COMPLETED)
        if requests.done() and not requests.exception() and self.pending and not answers.done():
            await asyncio.wait([answers], timeout=2)
        for task in (requests, answers):
            task.cancel()
        await asyncio.gather(requests, answers, return_exceptions=True)

    def note(self, exchange):
        self.pending.append(exchange)
        self.is_noted.set()

    async def pump_requests(self):
        while True:
            try:
                head = await read_head(self.client_reader)
            except Malformed as error:
                if self.mutation.refuses_malformed:
                    await self.refuse()
                    return
                await self.tunnel(error.args[0])
                return
            if head is None:
                return
            words = head.words
            if len(words) != 3:
                await self.tunnel(head.raw)
                return
            exchange = Exchange(words[0], words[1], head.headers)
            exchange.version = words[2]
            if self.mutation.wants_body(exchange):
                await self.read_whole_body(exchange)
            self.mutation.request(exchange)
            self.note(exchange)
            if exchange.is_answered:
                if exchange.body is None:
                    await self.pass_body(head.headers, None)
                continue
            raw = head.raw
            if exchange.body is not None or exchange.is_changed or exchange.target_text != words[1]:
                raw = Head(f"{exchange.method} {exchange.target_text} {words[2]}", exchange.headers).encoded()
            self.writer.write(raw)
            if exchange.body is not None:
                self.writer.write(exchange.body)
                await self.writer.drain()
            else:
                try:
                    await self.pass_body(head.headers, self.writer)
                except Malformed:
                    self.pending.clear()
                    await self.refuse()
                    return

    async def refuse(self):
        """What a mutation has to say to a body that cannot be framed."""
        if self.mutation.refuses_malformed:
            self.client_writer.write(self.mutation.refuses_malformed)
            await self.client_writer.drain()

    async def read_whole_body(self, exchange):
        """Takes the body in, and frames it anew by its length."""
        if (exchange.headers.get("Expect") or "").lower() == "100-continue":
            self.client_writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            exchange.headers.drop("Expect")
        body = bytearray()
        if is_chunked(exchange.headers):
            while True:
                _, content = await read_chunk(self.client_reader)
                if not content:
                    break
                body += content
        else:
            body += await self.client_reader.readexactly(int(exchange.headers.get("Content-Length") or 0))
        exchange.headers.drop("Transfer-Encoding")
        exchange.headers.set("Content-Length", len(body))
        exchange.body = bytes(body)

    async def pass_body(self, headers, writer):
        """Passes a body on as it comes, or reads it away."""
        if is_chunked(headers):
            while True:
                raw, content = await read_chunk(self.client_reader)
                if writer:
                    writer.write(raw)
                    await writer.drain()
                if not content:
                    return
        left = int(headers.get("Content-Length") or 0)
        while left > 0:
            piece = await self.client_reader.read(min(left, 1 << 18))
            if not piece:
                raise ConnectionError("cut")
            left -= len(piece)
            if writer:
                writer.write(piece)
                await writer.drain()

    async def tunnel(self, beginning):
        """What cannot be framed is passed on without being looked at, and so is what comes back."""
        self.note(None)
        self.writer.write(beginning)
        while piece := await self.client_reader.read(1 << 16):
            self.writer.write(piece)
            await self.writer.drain()

    async def next_note(self):
        """What the next answer is for; the end of the upstream while nothing is asked ends the connection."""
        while not self.pending:
            self.is_noted.clear()
            waits = [asyncio.create_task(event.wait()) for event in (self.is_noted, self.reader.has_ended)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if not self.pending and self.reader.has_ended.is_set():
                raise ConnectionError("the upstream has closed")
        return self.pending[0]

    async def pump_answers(self):
        while True:
            exchange = await self.next_note()
            if exchange is None:
                while piece := await self.reader.read(1 << 16):
                    self.client_writer.write(piece)
                return
            if exchange.is_answered:
                is_last = (exchange.headers.get("Connection") or "").lower() == "close"
            else:
                is_last = await self.read_answer(exchange)
                if is_last is None:
                    return
            self.mutation.response(exchange)
            if exchange.cut:
                return
            await self.write_answer(exchange, is_last)
            self.pending.popleft()
            if exchange.stays_open:
                await asyncio.Event().wait()
            if is_last or exchange.hangs_up:
                return

    async def read_answer(self, exchange):
        """The final answer; interim ones are passed on before. None at the end of the connection."""
        while True:
            head = await read_head(self.reader)
            if head is None:
                return None
            status = int(head.words[1])
            if status >= 200:
                break
            if exchange.interim:
                self.client_writer.write(head.raw)
        exchange.status, exchange.answer = status, head.headers
        is_closing = (head.headers.get("Connection") or "").lower() == "close"
        if has_no_body(exchange.method, status):
            exchange.length = head.headers.get("Content-Length")
        elif is_chunked(head.headers):
            while True:
                _, content = await read_chunk(self.reader)
                if not content:
                    break
                exchange.content += content
            head.headers.drop("Transfer-Encoding")
        elif head.headers.get("Content-Length") is not None:
            exchange.content = await self.reader.readexactly(int(head.headers.get("Content-Length")))
        else:
            exchange.content, is_closing = await self.reader.read(BODY_LIMIT), True
        head.headers.drop("Content-Length")
        return is_closing

    async def write_answer(self, exchange, is_last):
        if exchange.length is None and exchange.status not in (204, 304):
            exchange.length = len(exchange.content)
        head = Headers(exchange.answer.fields)
        if exchange.length not in (None, ""):
            head.set("Content-Length", exchange.length)
        if exchange.closes_silently:
            head.drop("Connection")
        elif is_last and head.get("Connection") is None:
            head.set("Connection", "close")
        self.client_writer.write(f"HTTP/1.1 {exchange.status} Any\r\n".encode() + head.encoded() + b"\r\n")
        if not has_no_body(exchange.method, exchange.status):
            self.client_writer.write(exchange.content)
        self.client_writer.write(exchange.stray)
        await self.client_writer.drain()


async def start(mutation, host, port):
    """Serves on a port of the loopback interface, in front of an upstream; gives the server and its port."""

    async def connected(client_reader, client_writer):
        upstream = None
        try:
            upstream = await connect(host, port)
            await Connection(mutation, client_reader, client_writer, *upstream).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            client_writer.close()
            if upstream:
                upstream[1].close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
    return server, server.sockets[0].getsockname()[1]
