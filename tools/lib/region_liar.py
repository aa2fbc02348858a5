# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A region that lies to those who follow it: it stands before a real one, and passes on what that says, altered."""

import json
import socket
import time

from region_world import digest_of
from trust_liar import Liar

PIECE = 64 * 1024
HTML = b"<!doctype html><html><body><h1>It works!</h1></body></html>\n"


class RegionLiar(Liar):
    """Lies as it is told, and stands for one registry or for another."""

    def turn(self, server=None, lie=None):
        """From now on it stands for this server (None: for the same), and lies so. Nobody goes on waiting."""
        self.server, self.lie = server or self.server, lie
        self.endless_bytes = 0
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    endless_bytes = 0

    def truth(self, method, path, headers=None):
        if self.lie is not None and path.startswith("/log/checkpoint"):
            # A lie does not wait until there is something new.
            path = path.partition("?")[0]
        return super().truth(method, path, headers)

    def answer(self, handler):
        try:
            super().answer(handler)
        except OSError:
            # The registry behind it, or who asked, is gone.
            handler.close_connection = True

    def send_body(self, handler, said, entry):
        if getattr(said, "endless", False):
            self.send_without_end(handler)
            return
        super().send_body(handler, said, entry)

    def send_without_end(self, handler):
        piece = b"\0" * PIECE
        handler.close_connection = True
        while not self.released.is_set():
            handler.wfile.write(piece)
            self.endless_bytes += len(piece)
            time.sleep(0.001)


# Lies about paths that begin in one way; the rest is the truth.

def about(prefix, alter, times=None):
    """Alters what is said about paths that begin so, at most so many times."""
    left = [times]

    def lie(path, said, headers):
        if not path.startswith(prefix) or said.status not in (200, 206) or left[0] == 0:
            return
        if left[0] is not None:
            left[0] -= 1
        alter(said)

    return lie


def other_bytes(said):
    """As many bytes, and the first is another one."""
    if said.body:
        said.set_body(bytes([said.body[0] ^ 1]) + said.body[1:])


def one_more_space(said):
    """The same document in other bytes: the digest that it says it has is not its own."""
    said.set_body(said.body + b" ")


def another_manifest(said):
    """A manifest that is one, with the digest that it has."""
    if not said.body:
        return
    document = json.loads(said.body)
    document["annotations"] = {"org.example.whose": "the liar's"}
    body = json.dumps(document).encode()
    said.set_manifest(body, said.header("Content-Type"), digest_of(body))


def without_end(said):
    """More bytes than there are, and never an end."""
    said.endless = True
    said.length = 1 << 50


def drip(said):
    """A byte a second."""
    said.trickle = 1


def html(said):
    said.set_header("Content-Type", "text/html")
    said.set_body(HTML)


def other_entries(said):
    """A byte in the last entry is another one."""
    if len(said.body) > 4:
        said.set_body(said.body[:-3] + bytes([said.body[-3] ^ 1]) + said.body[-2:])
