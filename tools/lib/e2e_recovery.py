# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of a database that is older than its log, or lost. Each has a server and a store of its own."""

import contextlib
import http.client
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from e2e_cases import case, expect, expect_equal, run
from e2e_clients import need
from e2e_http import push_blob
from e2e_server import Server, free_port

TOOLS = Path(__file__).resolve().parents[1]
IMAGE = "application/vnd.oci.image.manifest.v1+json"


class Store:
    """A server on a store of its own, and what was pushed to it."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.server = Server(world.server.binary, world.folder / f"recovery-{name}")
        self.pushed = {}
        self.server.start()

    def push(self, *tags):
        for tag in tags:
            source, digest = self.world.small_image(f"{self.name}-{tag}-{len(self.pushed)}")
            self.world.skopeo("copy", "--dest-tls-verify=false", "--preserve-digests", source,
                              f"docker://{self.server.host}/team/app:{tag}")
            self.pushed[tag] = digest

    def request(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def keep_database(self):
        self.stop()
        shutil.copytree(self.server.root / "meta", f"{self.server.root}.meta")

    def put_database_back(self):
        shutil.rmtree(self.server.root / "meta")
        shutil.copytree(f"{self.server.root}.meta", self.server.root / "meta")

    def stop(self):
        expect_equal(self.server.stop(), 0, "exit status")

    def start(self):
        # The former port may still be in use by connections that end.
        self.server.port = free_port()
        self.server.start()

    def everything_is_here(self):
        """Pulls every tag, and holds the store and its log against themselves and from outside."""
        for tag, digest in self.pushed.items():
            target = self.world.scratch(f"pulled-{self.name}-{tag}")
            shutil.rmtree(target)
            self.world.skopeo("copy", "--src-tls-verify=false", f"docker://{self.server.host}/team/app:{tag}",
                              f"dir:{target}")
            found = run(["sha256sum", target / "manifest.json"], self.world).stdout.split()[0]
            expect_equal(f"sha256:{found}", digest, f"digest of {tag}")
        status, keys = self.request("GET", "/log/vkey")
        expect_equal(status, 200, "GET of /log/vkey")
        command = [sys.executable, TOOLS / "log-verify", f"http://{self.server.host}/log", "--entries",
                   "--vkey", keys.decode().splitlines()[0]]
        if self.pushed:
            command += ["--proofs", *(f"team/app:{tag}" for tag in self.pushed)]
        outside = run(command, self.world, check=False)
        expect_equal(outside.returncode, 0, f"tools/log-verify: {outside.stdout[-800:]}")
        self.stop()
        for arguments in (["fsck", "--deep"], ["log", "verify"]):
            result = subprocess.run([self.server.binary, *arguments, "--root", self.server.root], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
            expect_equal(result.returncode, 0, f"cairn {' '.join(arguments)}: {result.stdout[-800:]}")
        database = run([sys.executable, TOOLS / "log-verify", self.server.root / "log", "--entries", "--vkey",
                        keys.decode().splitlines()[0], "--database", self.server.root / "meta/registry.db"],
                       self.world, check=False)
        expect_equal(database.returncode, 0, f"tools/log-verify --database: {database.stdout[-800:]}")

    def rebuild(self, *options):
        return subprocess.run([self.server.binary, "rebuild", "--root", self.server.root, *options], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


@case("a database that was put back to an older copy gets what its log has")
def older_database(world):
    need("skopeo")
    store = Store(world, "older")
    store.push("v1", "v2")
    store.keep_database()
    store.start()
    store.push("v3", "v2")
    expect_equal(store.request("DELETE", "/v2/team/app/manifests/v1")[0], 202, "DELETE of a tag")
    del store.pushed["v1"]
    store.stop()
    store.put_database_back()
    store.start()
    expect_equal(store.request("GET", "/v2/team/app/manifests/v1")[0], 404, "GET of a tag that was deleted")
    expect("were brought back" in store.server.log.read_text(), "the server says what it did")
    store.push("v4")
    store.everything_is_here()


@case("cairn rebuild makes a catalog out of the log and the blobs")
def lost_database(world):
    need("skopeo")
    store = Store(world, "lost")
    store.push("v1", "v2", "v3")
    store.stop()
    refused = store.rebuild()
    expect_equal(refused.returncode, 2, f"rebuild beside a sound catalog: {refused.stdout[-300:]}")
    database = store.server.root / "meta/registry.db"
    database.write_bytes(os.urandom(database.stat().st_size))
    Path(f"{database}-wal").unlink(missing_ok=True)
    made = store.rebuild()
    expect_equal(made.returncode, 0, f"cairn rebuild: {made.stdout[-800:]}")
    expect(any(path.name.startswith("registry.db.aside-") for path in database.parent.iterdir()),
           "the damaged database is set aside")
    shutil.rmtree(database.parent)
    database.parent.mkdir()
    made = store.rebuild()
    expect_equal(made.returncode, 0, f"cairn rebuild without a database: {made.stdout[-800:]}")
    store.start()
    store.push("v4")
    store.everything_is_here()
    return next((line for line in made.stdout.splitlines() if "brought back" in line), "")


IMAGES, REPLAYS, KILLS_AT_MOST = 400, 6, 8
ROWS = [
    "SELECT name, digest, hlc FROM tag", "SELECT digest, live, depth, pushed_at FROM manifest",
    "SELECT seq, leaf, kind, subject FROM event", "SELECT name, seq, digest, hlc, why FROM tag_history",
]


def rows(database):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [sorted(connection.execute(query).fetchall()) for query in ROWS]


def push_manifests(store, count):
    """Manifests of five layers each, two for each tag."""
    port = store.server.port
    config = push_blob(port, "team/many", b"{}")
    layers = [push_blob(port, "team/many", os.urandom(500)) for _ in range(50)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(count):
        document = json.dumps({
            "schemaVersion": 2, "mediaType": IMAGE, "annotations": {"number": str(number)},
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 500}
                       for layer in random.Random(number).sample(layers, 5)],
        })
        connection.request("PUT", f"/v2/team/many/manifests/t{number // 2}", document, {"Content-Type": IMAGE})
        response = connection.getresponse()
        response.read()
        expect_equal(response.status, 201, "PUT of a manifest")
    connection.close()


def ends_in(command, seconds):
    """Whether a command ended well in that time; else it is killed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


@case("a replay that is killed at any moment goes on")
def killed_replay(world):
    store = Store(world, "killed")
    push_manifests(store, IMAGES)
    store.stop()
    database, chance, kills = store.server.root / "meta/registry.db", random.Random(1), 0
    wanted = rows(database)
    serve = [store.server.binary, "serve", "--root", store.server.root, "--listen", "127.0.0.1:0"]
    rebuild = [store.server.binary, "rebuild", "--root", store.server.root]
    for _ in range(REPLAYS):
        shutil.rmtree(database.parent)
        database.parent.mkdir()
        for _ in range(chance.randint(1, KILLS_AT_MOST)):
            if ends_in(chance.choice([serve, rebuild]), chance.uniform(0.02, 0.6)):
                break
            kills += 1
        made = store.rebuild()
        # Where a server had time to bring everything back, the catalog is sound, and is left alone.
        expect(made.returncode == 0 or "is a sound catalog" in made.stdout, f"cairn rebuild: {made.stdout[-800:]}")
        expect(rows(database) == wanted, f"the rows are others after {kills} kills")
    store.start()
    store.everything_is_here()
    return f"{len(wanted[2])} entries, {kills} kills in {REPLAYS} replays"
