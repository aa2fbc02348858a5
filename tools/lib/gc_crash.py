# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""One crash point of collection: a script whose garbage is collected while it runs, and what must be left of it."""

import http.client
import json
import random
import shutil
import tempfile
import time
from pathlib import Path

from crash_client import digest_of
from gc_actors import CONFIG, LAYER, MANIFEST
from gc_world import CollectingServer, call, settings

SETTINGS = settings(grace="1s", undo="1s", links_per_second=1_000_000, unlinks_per_second=1_000_000, audit_every="3s")
SCRIPT_SECONDS = 9
IDLE_SECONDS = 120
REPOSITORIES = ["team/one", "team/two"]
# Calls that collection makes -> how many of one thread are tried.
POINTS = {
    "kill": {"unlink": 40, "fsync": 24, "pwrite64": 60, "fdatasync": 30, "rename": 12, "openat": 30},
    "EIO": {"unlink": 30, "fsync": 16, "pwrite64": 30, "openat": 30},
}


class Script:
    """Pushes images and loose blobs, deletes some, pushes some again, until the time is over or the server is gone."""

    def __init__(self, port, seed):
        self.port = port
        self.random = random.Random(seed)
        self.images = {}  # (repository, digest) -> (manifest, {digest: blob}): acknowledged and not deleted
        self.doubtful = set()  # what was asked for and not answered

    def blob(self, repository, content):
        digest = digest_of(content)
        status, _, _ = call(self.port, "HEAD", f"/v2/{repository}/blobs/{digest}")
        if status != 200:
            call(self.port, "POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", content)
        return digest

    def image(self, repository, number):
        config, layer = json.dumps({"n": number}).encode(), random.Random(number % 5).randbytes(3000 + number % 5)
        blobs = {self.blob(repository, content): content for content in (config, layer)}
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
        }).encode()
        key = (repository, digest_of(manifest))
        self.doubtful.add(key)
        status, _, _ = call(self.port, "PUT", f"/v2/{repository}/manifests/{key[1]}", manifest,
                            {"Content-Type": MANIFEST})
        if status == 201:
            self.images[key] = (manifest, blobs)
            self.doubtful.discard(key)
        return key

    def delete(self, key):
        self.doubtful.add(key)
        status, _, _ = call(self.port, "DELETE", f"/v2/{key[0]}/manifests/{key[1]}")
        if status in (202, 404):
            self.images.pop(key, None)
            self.doubtful.discard(key)

    def run(self):
        end = time.monotonic() + SCRIPT_SECONDS
        number = 0
        while time.monotonic() < end:
            repository = self.random.choice(REPOSITORIES)
            key = self.image(repository, number % 12)
            self.blob(repository, self.random.randbytes(500))
            if number % 3:
                self.delete(key)
            number += 1
            time.sleep(0.1)


def check(server, script):
    """Starts the server again, lets it collect what there is, and compares."""
    if not server.start():
        return [f"the server does not start again: {server.log()}"]
    wrong, reachable = [], set()
    try:
        backlog = server.wait_until_idle(IDLE_SECONDS)
        if backlog["queued_links"] or backlog["condemned_blobs"] or backlog["trashed_manifests"]:
            wrong.append(f"after {IDLE_SECONDS} s still waiting: {backlog}")
        # A second walk over the names of files, for those that were too young for the first.
        time.sleep(5)
        server.wait_until_idle(IDLE_SECONDS)
        allowed = set()
        for (repository, digest), (manifest, blobs) in script.images.items():
            needed = {digest, *blobs}
            allowed |= needed
            if (repository, digest) in script.doubtful:
                continue
            reachable |= needed
            for kind, one, content in [("manifests", digest, manifest), *(("blobs", *blob) for blob in blobs.items())]:
                status, _, body = call(server.port, "GET", f"/v2/{repository}/{kind}/{one}")
                if status != 200 or body != content:
                    wrong.append(f"lost: {kind} {repository}@{one} answers {status}")
        for repository, digest in script.doubtful:
            status, _, body = call(server.port, "GET", f"/v2/{repository}/manifests/{digest}")
            if status == 200:
                document = json.loads(body)
                allowed |= {digest, document["config"]["digest"], *(layer["digest"] for layer in document["layers"])}
        files = server.files()
        # On a busy machine that second walk may take longer to come.
        deadline = time.monotonic() + IDLE_SECONDS
        while files - allowed and time.monotonic() < deadline:
            time.sleep(0.5)
            files = server.files()
        if files - allowed:
            wrong.append(f"garbage: {len(files - allowed)} files that nothing refers to")
        if reachable - files:
            wrong.append(f"lost: {len(reachable - files)} files that images refer to")
        status = server.status()
        if status.get("audit", {}).get("findings", 0):
            wrong.append(f"the audit found: {status['audit']['first_findings']}")
    finally:
        code = server.stop()
    if code != 0:
        wrong.append(f"SIGTERM ends the server with {code}")
    return wrong + server.fsck() + server.recount()


def run_point(binary, folder, call_name, number, effect):
    """(whether the call was reached, what is wrong, None, objects compared)."""
    directory = tempfile.mkdtemp(dir=folder)
    trace = Path(directory) / "trace"
    injection = "signal=SIGKILL" if effect == "kill" else f"error={effect}"
    strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={call_name}",
              "-e", f"inject={call_name}:{injection}:when={number}"]
    server = CollectingServer(binary, directory, SETTINGS, strace)
    started = server.start()
    script = Script(server.port, number)
    try:
        if started:
            script.run()
    except (OSError, http.client.HTTPException):
        pass
    killed_early = server.process.poll() is not None
    server.kill()
    text = trace.read_text(errors="replace") if trace.exists() else ""
    reached = "(INJECTED)" in text or (effect == "kill" and killed_early)
    server.wrapper = []
    try:
        return reached, check(server, script), None, len(script.images)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
