# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What the campaigns of collection share: a server with short promises, its status, and what must be on its disk."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from ports import free_port

START_SECONDS = 60


def call(port, method, path, body=None, headers=None, timeout=60):
    """One request on a connection of its own: (status, headers in lower case, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content
    finally:
        connection.close()


def settings(**values):
    """The text of a configuration whose collection has these settings."""
    lines = [f"  {name.replace('_', '-')}: {value}" for name, value in values.items()]
    return "\n".join(["access-log: false", "log-level: warning", "collection:", "  enabled: true", *lines, ""])


class CollectingServer:
    """A Cairn with a configuration of its own, in a directory."""

    def __init__(self, binary, directory, configuration, wrapper=()):
        self.binary = binary
        self.directory = Path(directory)
        self.root = self.directory / "data"
        self.file = self.directory / "cairn.yml"
        self.file.write_text(configuration)
        self.wrapper = list(wrapper)
        self.port = None
        self.process = None

    def start(self):
        self.port = free_port()
        with open(self.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, self.binary, "serve", "--config", self.file, "--root", self.root,
                 "--listen", f"127.0.0.1:{self.port}"],
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS and self.process.poll() is None:
            try:
                if call(self.port, "GET", "/livez")[0] == 200:
                    return True
            except OSError:
                time.sleep(0.01)
        return False

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)

    def kill(self):
        """Ends the server and whatever it runs under, and waits until the directory is free."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            search = ["pgrep", "-f", "--", f"--root {self.root} "]
            if subprocess.run(search, stdout=subprocess.DEVNULL, check=False).returncode != 0:
                return
            time.sleep(0.02)

    def log(self):
        return (self.directory / "server.log").read_text(errors="replace")[-2000:]

    def status(self):
        status, _, body = call(self.port, "GET", "/api/v1/collection")
        if status != 200:
            raise RuntimeError(f"GET /api/v1/collection: {status} {body[:300]!r}")
        return json.loads(body)

    def wait_until_idle(self, seconds):
        """Waits until nothing is queued, in the trash or condemned. Returns the last backlog."""
        deadline = time.monotonic() + seconds
        while True:
            backlog = self.status()["backlog"]
            waiting = backlog["queued_links"] + backlog["condemned_blobs"] + backlog["trashed_manifests"]
            if waiting == 0 or time.monotonic() > deadline:
                return backlog
            time.sleep(0.5)

    def files(self):
        """The digests that have a file."""
        return {"sha256:" + name for name in os.listdir(self.root / "blobs" / "sha256")}

    def fsck(self):
        """Problems that the check finds, and the notice of orphans, as sentences. The server must not run."""
        done = subprocess.run([self.binary, "fsck", "--root", self.root, "--deep"], capture_output=True, text=True,
                              check=False)
        wrong = [line for line in done.stdout.splitlines() if line.startswith("problem") or "have no row" in line]
        if done.returncode != 0 and not wrong:
            wrong = [f"fsck ends with {done.returncode}: {done.stderr.strip()[:300]}"]
        return wrong

    def recount(self):
        """Where the accounts differ from what the rows add up to. The server must not run."""
        database = sqlite3.connect(f"file:{self.root}/meta/registry.db?mode=ro", uri=True)
        try:
            booked, used = ({name: number for name, number in database.execute(query)} for query in (
                """SELECT r.name, (SELECT COALESCE(SUM(bytes), 0) FROM usage_delta d WHERE d.repo_id = r.id)
                       + COALESCE((SELECT logical_bytes FROM usage u WHERE u.repo_id = r.id), 0) FROM repo r""",
                """SELECT r.name, (SELECT COALESCE(SUM(b.size), 0) FROM repo_blob l JOIN blob b ON b.digest = l.digest
                       WHERE l.repo_id = r.id AND l.hidden = 0) FROM repo r"""))
            stored, = database.execute("SELECT SUM(bytes) FROM stored").fetchone()
            present, = database.execute("SELECT COALESCE(SUM(size), 0) FROM blob").fetchone()
        finally:
            database.close()
        wrong = [f"{name}: {booked[name]} bytes booked, {used[name]} counted" for name in used
                 if booked[name] != used[name]]
        if stored != present:
            wrong.append(f"in all: {stored} bytes booked, {present} counted")
        on_disk = sum(os.stat(self.root / "blobs" / "sha256" / digest[7:]).st_size for digest in self.files())
        if stored != on_disk:
            wrong.append(f"in all: {stored} bytes booked, {on_disk} on the disk")
        return wrong
