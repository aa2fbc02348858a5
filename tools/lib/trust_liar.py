# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A registry that lies: it stands before a real one, passes requests on, and alters the answers as a case tells it."""

import http.client
import http.server
import socket
import threading
import time

UPSTREAM_SECONDS = 60
STALL_SECONDS = 600
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "content-length"}


class Said:
    """An answer, to be altered before it is sent."""

    def __init__(self, status, fields, body, length):
        self.status, self.fields, self.body = status, fields, body
        # What Content-Length says.
        self.length = length
        # Bytes of the body after which the connection is closed, or nothing more comes; None for all of it.
        self.cut = None
        self.stall = None
        # Seconds between bytes.
        self.trickle = None
        # Send no answer at all until the end.
        self.silent = False

    def header(self, name):
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)

    def set_header(self, name, value):
        """Puts a field in the place of those of the name; None leaves them out."""
        self.fields = [(key, text) for key, text in self.fields if key.lower() != name.lower()]
        if value is not None:
            self.fields.append((name, value))

    def set_body(self, body):
        self.body, self.length = body, len(body)

    def set_manifest(self, body, media_type, digest):
        self.status = 200
        self.set_body(body)
        for name, value in [("Content-Type", media_type), ("Docker-Content-Digest", digest), ("ETag", f'"{digest}"')]:
            self.set_header(name, value)

    def set_missing(self):
        self.status = 404
        self.set_body(b'{"errors":[{"code":"NOT_FOUND","message":"nothing is there"}]}')


class Liar:
    """Listens on loopback. `lie(path, said, headers)` is asked for each answer; None tells the truth."""

    def __init__(self, server, lie=None):
        self.server, self.lie = server, lie
        self.asked = []
        self.released = threading.Event()
        self._connections = set()
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                liar._connections.add(self.connection)

            def finish(self):
                liar._connections.discard(self.connection)
                super().finish()

            def log_message(self, *_):
                pass

            def do_GET(self):
                liar.answer(self)

            do_HEAD = do_GET

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self._listener = Listener(("127.0.0.1", 0), Handler)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def stop_listening(self):
        """From now on nobody can connect."""
        self._listener.shutdown()
        self._listener.server_close()

    def close(self):
        self.released.set()
        self.stop_listening()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def truth(self, method, path, headers=None):
        """What the registry behind it answers."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=UPSTREAM_SECONDS)
        try:
            upstream.request(method, path, headers=headers or {})
            reply = upstream.getresponse()
            length = reply.headers["Content-Length"]
            body = reply.read()
            fields = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP_BY_HOP]
            return Said(reply.status, fields, body, int(length) if length else len(body))
        finally:
            upstream.close()

    def answer(self, handler):
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP | {"host"}}
        said = self.truth(handler.command, handler.path, headers)
        if self.lie is not None:
            self.lie(handler.path, said, headers)
        entry = {"path": handler.path, "range": headers.get("Range"), "sent": 0}
        self.asked.append(entry)
        if said.silent:
            self.released.wait(STALL_SECONDS)
            handler.close_connection = True
            return
        handler.send_response_only(said.status)
        for name, value in said.fields:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(said.length))
        handler.end_headers()
        if handler.command != "HEAD":
            self.send_body(handler, said, entry)

    def send_body(self, handler, said, entry):
        end = min(number for number in (len(said.body), said.cut, said.stall) if number is not None)
        step = 1 if said.trickle else 65536
        view = memoryview(said.body)[:end]
        while entry["sent"] < end:
            piece = view[entry["sent"]:entry["sent"] + step]
            handler.wfile.write(piece)
            entry["sent"] += len(piece)
            if said.trickle and self.released.wait(said.trickle):
                break
        handler.wfile.flush()
        if said.stall is not None:
            self.released.wait(STALL_SECONDS)
        if said.stall is not None or said.cut is not None or said.trickle:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)

    def sent(self, word):
        """Bytes of bodies sent for paths with a word in them."""
        return sum(entry["sent"] for entry in self.asked if word in entry["path"])

    def wait_until(self, probe, seconds):
        deadline = time.monotonic() + seconds
        while not (found := probe()):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return found
