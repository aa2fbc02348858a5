# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The stores that the campaign tampers with: made once, with copies from earlier in their life; one copy a round."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, load_pem_private_key)

from .checkpoints import Checkpoint
from .leaves import canonical
from .maker import make_leaves, write_file, write_log
from .notes import SignerKey, VerifierKey
from .sources import Client

DATABASE, LOG = "meta/registry.db", "log"
# Copied for each round; all else is linked.
COPIED = ("meta", "log", "LOCK")
REPOSITORIES, TAGS_A_PHASE, PHASES, TAGS_A_CHECKPOINT = 4, 130, 3, 10
ORIGIN = "log.example/a"
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
START_SECONDS = 60


class Store:
    """A store's folder, and the signer's state beside it."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.root = os.path.join(self.folder, "root")
        self.signer = self.root + ".signer"
        self.log = os.path.join(self.root, LOG)
        self.database = os.path.join(self.root, DATABASE)

    def copy_to(self, folder):
        """A copy whose files may be changed without harm to this one."""
        copy = Store(folder)
        os.makedirs(copy.root)
        for name in os.listdir(self.root):
            duplicate(os.path.join(self.root, name), os.path.join(copy.root, name), name not in COPIED)
        if os.path.exists(self.signer):
            duplicate(self.signer, copy.signer, False)
        return copy

    def replace(self, other, name):
        """Takes a part of the root, or the signer's state (name None), from another copy."""
        target, source = (self.signer, other.signer) if name is None else (
            os.path.join(self.root, name), os.path.join(other.root, name))
        if os.path.isdir(target):
            shutil.rmtree(target)
        elif os.path.exists(target):
            os.remove(target)
        if os.path.exists(source):
            duplicate(source, target, False)

    def connect(self):
        return contextlib.closing(sqlite3.connect(self.database))

    def checkpoint(self):
        return Path(self.log, "checkpoint").read_bytes()


def duplicate(source, target, link):
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, copy_function=os.link if link else shutil.copy2)
    else:
        (os.link if link else shutil.copy2)(source, target)


class Campaign:
    """The store, its copies of former times (oldest first), the log's key, and its private half where it is known."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.store = Store(self.folder / "now")
        self.former = [Store(path) for path in sorted(self.folder.glob("former-*"))]

    @property
    def exists(self):
        return (self.folder / "vkey").exists()

    def load(self, key=None):
        self.vkey = VerifierKey.parse((self.folder / "vkey").read_text())
        found = map(private_key, [key] if key else files_of(self.store.signer))
        signers = [SignerKey(self.vkey.name, private=private) for private in found if private]
        self.signing = next((signer for signer in signers if signer.verifier.public == self.vkey.public), None)
        with self.store.connect() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def keep(self):
        """A copy of the store as it is now."""
        self.former.append(self.store.copy_to(self.folder / f"former-{len(self.former)}"))


def files_of(path):
    if os.path.isfile(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def private_key(path):
    content = Path(path).read_bytes()
    if b"PRIVATE KEY" not in content:
        return None
    return load_pem_private_key(content, None)


class Server:
    """`cairn serve` on a root, on a free port of the loopback interface."""

    def __init__(self, binary, root, more=(), settings=None):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [binary, "serve", "--root", root, "--listen", "127.0.0.1:0", *more], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, env={**os.environ, **(settings or {})})
        # Ends with the process, or when it says where it listens.
        line = self.process.stdout.readline().decode()
        found = re.search(r"https?://[0-9.:]+", line)
        self.client = Client(found.group(0)) if found else None
        self.code = None if found else self.wait()

    def wait(self):
        try:
            return self.process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        self.process.stdout.close()
        return code

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-600:].strip()

    def push_blob(self, repository):
        path = f"/v2/{repository}/blobs/uploads/?digest={urllib.parse.quote(EMPTY)}"
        return self.client.request("POST", path, b"{}", {"Content-Type": "application/octet-stream"})[0]

    def push_manifest(self, repository, tag, number, wait=False):
        document = {
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY, "size": 2}, "layers": [],
            "annotations": {"number": str(number)}}
        headers = {"Content-Type": MANIFEST, **({"Prefer": "wait=checkpoint"} if wait else {})}
        return self.client.request(
            "PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(document).encode(), headers)[0]


def make_served(campaign, binary, more, settings):
    """A store that a server filled, with a copy at the end of each phase but the last."""
    os.makedirs(campaign.store.folder)
    for phase in range(PHASES):
        server = Server(binary, campaign.store.root, more, settings)
        try:
            if server.client is None:
                raise RuntimeError(f"the server ended with {server.code}: {server.said()}")
            fill(server, phase)
            status, _, vkey = server.client.request("GET", "/log/vkey")
            if status != 200:
                raise RuntimeError(f"/log/vkey answers {status}: this server keeps no log")
        finally:
            code = server.stop()
        if code != 0:
            raise RuntimeError(f"the server ended with {code}: {server.said()}")
        if phase < PHASES - 1:
            campaign.keep()
    (campaign.folder / "vkey").write_text(vkey.decode().splitlines()[0] + "\n")


def fill(server, phase):
    for number in range(phase * TAGS_A_PHASE, (phase + 1) * TAGS_A_PHASE):
        repository = f"team/app-{number % REPOSITORIES}"
        is_last = number == (phase + 1) * TAGS_A_PHASE - 1
        codes = [server.push_blob(repository), server.push_manifest(
            repository, f"v{number % 50}", number, number % TAGS_A_CHECKPOINT == 0 or is_last)]
        if codes != [201, 201]:
            raise RuntimeError(f"pushes are answered with {codes}: {server.said()}")


TABLES = """
CREATE TABLE repo(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, repo_id INTEGER, hlc INTEGER NOT NULL,
                   leaf BLOB NOT NULL CHECK(length(leaf) <= 65535), seq INTEGER UNIQUE);
CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, root BLOB NOT NULL, note BLOB, state TEXT NOT NULL);
"""


def make_synthetic(campaign):
    """The same without a server: files and tables as it would leave them."""
    key, leaves = SignerKey(ORIGIN), make_leaves(ORIGIN, 900)
    for sizes in ((1, 40, 256), (1, 40, 256, 300, 590), (1, 40, 256, 300, 590, 700, 900)):
        shutil.rmtree(campaign.store.folder, ignore_errors=True)
        write_file(campaign.store.signer, "key.pem", key.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        checkpoints = write_log(campaign.store.log, [key], ORIGIN, leaves[:sizes[-1]], sizes)
        os.makedirs(os.path.dirname(campaign.store.database))
        with campaign.store.connect() as connection:
            connection.executescript(TABLES)
            repositories = {}
            for seq, leaf in enumerate(leaves[:sizes[-1]]):
                value = json.loads(leaf)
                assert canonical(value) == leaf
                row = repositories.setdefault(value["repo"], len(repositories) + 1)
                connection.execute("INSERT INTO event(kind, repo_id, hlc, leaf, seq) VALUES (?, ?, ?, ?, ?)",
                                   (value["kind"], row, int(value["hlc"]), leaf, seq))
            connection.executemany("INSERT INTO repo(name, id) VALUES (?, ?)", repositories.items())
            for size, note in checkpoints.items():
                connection.execute("INSERT INTO checkpoint VALUES (?, ?, ?, 'signed')",
                                   (size, Checkpoint(note).root, note))
            connection.commit()
        if sizes[-1] < len(leaves):
            campaign.keep()
    write_file(str(campaign.folder), "vkey", str(key.verifier).encode())
