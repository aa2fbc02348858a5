# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Starting, ending and checking a server, for the campaigns that break it."""

import base64
import os
import random
import signal
import sqlite3
import subprocess
import time

from crash_client import Client, Ledger, request
from ports import free_port

START_SECONDS = 60


class Server:
    def __init__(self, binary, root, wrapper=()):
        self.root = str(root)
        self.port = free_port()
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*wrapper, binary, "serve", "--root", root, "--listen", f"127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.seconds = None
        while time.monotonic() - began < START_SECONDS and self.process.poll() is None:
            try:
                if request(self.port, "GET", "/livez")[0] == 200:
                    self.seconds = time.monotonic() - began
                    return
            except OSError:
                time.sleep(0.005)

    def end(self):
        self.killed_early = self.process.poll() is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        # With a wrapper only that was waited for; the server may still be going, and hold the directory.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if subprocess.run(["pgrep", "-f", f"serve --root {self.root} "], stdout=subprocess.DEVNULL).returncode != 0:
                return
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


def check(binary, root, ledger):
    server = Server(binary, root)
    if server.seconds is None:
        server.end()
        return ["the server does not start again"], None
    try:
        wrong = ledger.check(server.port)
        status, _, checkpoint = request(server.port, "GET", "/log/checkpoint")
        if status == 200:
            ledger.saw(checkpoint)
        elif ledger.roots:
            wrong.append(f"the checkpoint is gone: {status}")
        after = Ledger()
        Client(server.port, after, random.Random(0)).push_image("team/after", "v1", 1, 1000)
        if not after.tags.get(("team/after", "v1"), {None}) - {None} or ("manifests" not in
                                                                        {key[0] for key in after.content}):
            wrong.append("a push after the restart fails")
    finally:
        code = server.stop()
    if code != 0:
        wrong.append(f"SIGTERM ends the server with {code}")
    fsck = subprocess.run([binary, "fsck", "--root", root, "--deep"], capture_output=True, text=True)
    if fsck.returncode != 0:
        wrong.append("fsck: " + (fsck.stdout + fsck.stderr).strip()[:600])
    return wrong + check_log(binary, root, ledger), server.seconds


def check_log(binary, root, ledger):
    """The log holds every entry that was said to be in it, and every tree that was shown is the beginning of it."""
    wrong = []
    verify = subprocess.run([binary, "log", "verify", "--root", root], capture_output=True, text=True)
    if verify.returncode != 0:
        wrong.append("log verify: " + (verify.stdout + verify.stderr).strip()[:600])
    database = sqlite3.connect(f"file:{root}/meta/registry.db?mode=ro", uri=True)
    try:
        rows = {size: base64.b64encode(tree).decode() for size, tree in
                database.execute("SELECT size, root FROM checkpoint WHERE state = 'signed'")}
    finally:
        database.close()
    for size in ledger.two_roots:
        wrong.append(f"two roots of size {size} were shown")
    for size, tree in ledger.roots.items():
        if rows.get(size) != tree:
            wrong.append(f"the tree of {size} entries that was shown is not in the log")
    if ledger.sealed > max(rows, default=0):
        wrong.append(f"{ledger.sealed} entries were said to be signed, and the log has {max(rows, default=0)}")
    return wrong
