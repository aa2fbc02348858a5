# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The steps of tools/scrub-flips: fill, damage, scrub, look, heal, look again."""

import json
import os
import shutil
import sqlite3
import subprocess
import time

from crash_client import CONFIG, MANIFEST, LAYER, digest_of, request
from e2e_images import Layout, tar_layer
from e2e_server import Server

CONFIGURATION = b"{}"


class Campaign:
    def __init__(self, binary, folder, source, count, largest):
        self.binary, self.folder, self.source, self.largest = str(binary), folder, source, largest
        self.count = count
        self.server = Server(binary, folder / "data", settings={"CAIRN_ACCESS_LOG": "false"})
        self.blobs = {}  # digest -> (repository, bytes)
        self.manifests = {}  # digest -> (repository, bytes)
        self.how = {}  # digest -> what was done to it
        self.passed = self.failed = 0

    def expect(self, holds, what):
        print(("ok    " if holds else "FAIL  ") + what, flush=True)
        if holds:
            self.passed += 1
        else:
            self.failed += 1

    def run(self):
        try:
            self.server.start()
            self.fill()
            damaged, healing = self.damage()
            self.scrub(damaged, healing)
            self.look(damaged)
            self.heal(damaged)
            self.look([])
            self.real_client()
        finally:
            self.server.stop()
        status, output = self.server.fsck(deep=True)
        self.expect(status == 0, f"fsck --deep is clean {output.strip()[-200:] if status else ''}")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    # Filling

    def repository(self, number):
        return f"team/app{number % 7}"

    def push_blob(self, repository, content):
        path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}"
        return request(self.server.port, "POST", path, content)[0]

    def push_manifest(self, repository, content):
        path = f"/v2/{repository}/manifests/{digest_of(content)}"
        return request(self.server.port, "PUT", path, content, {"Content-Type": MANIFEST})[0]

    def fill(self):
        """As many blobs that are to be damaged as that are not, from one byte to the largest, most of them small; and
        manifests, a twentieth of all."""
        manifests = max(6, self.count // 20)
        wanted = 2 * (self.count - manifests // 2)
        sizes = [1, 2, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, self.largest]
        while len(self.blobs) < wanted:
            size = sizes.pop() if sizes else int(2 ** self.source.uniform(3, self.largest.bit_length() - 1))
            content = self.source.randbytes(size)
            digest = digest_of(content)
            if digest in self.blobs:
                continue
            repository = self.repository(len(self.blobs))
            status = self.push_blob(repository, content)
            if status != 201:
                raise RuntimeError(f"a push of {size} bytes is answered with {status}")
            self.blobs[digest] = (repository, content)
        for number in range(manifests):
            repository = self.repository(number)
            self.push_blob(repository, CONFIGURATION)
            layers = [(digest, content) for digest, (name, content) in self.blobs.items() if name == repository][:3]
            content = manifest(layers, number)
            status = self.push_manifest(repository, content)
            if status != 201:
                raise RuntimeError(f"a push of a manifest is answered with {status}")
            self.manifests[digest_of(content)] = (repository, content)
        total = sum(len(content) for _, content in self.blobs.values())
        print(f"{len(self.blobs)} blobs and {len(self.manifests)} manifests, {total >> 20} MiB", flush=True)

    # Damage

    def path(self, digest):
        return self.server.root / "blobs" / "sha256" / digest[7:]

    def flip(self, digest):
        path = self.path(digest)
        content = bytearray(path.read_bytes())
        bit = self.source.randrange(len(content) * 8)
        content[bit // 8] ^= 1 << (bit % 8)
        mode = path.stat().st_mode
        os.chmod(path, 0o644)
        with open(path, "r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(path, mode)

    def damage(self):
        """Answers with the digests that have to count as absent, and with the manifests that have to heal alone."""
        chosen = self.source.sample(sorted(self.blobs), len(self.blobs) // 2)
        for place, digest in enumerate(chosen):
            size = len(self.blobs[digest][1])
            if place % 20 == 18:
                self.how[digest] = "removed"
                self.path(digest).unlink()
            elif place % 20 == 19:
                self.how[digest] = "cut"
                os.truncate(self.path(digest), self.source.randrange(size))
            else:
                self.how[digest] = "flipped"
                self.flip(digest)
        both, alone = [], []
        for place, digest in enumerate(sorted(self.manifests)):
            if place % 4 == 3:
                continue
            if place % 4 != 1:
                self.how[digest] = "manifest, file"
                self.flip(digest)
            if place % 4 != 0:
                self.spoil_copy(digest)
            (both if place % 4 == 2 else alone).append(digest)
            if place % 4 == 2:
                self.how[digest] = "manifest, both"
            elif place % 4 == 1:
                self.how[digest] = "manifest, copy"
        figures = {}
        for how in self.how.values():
            figures[how] = figures.get(how, 0) + 1
        print("damaged: " + ", ".join(f"{count} {how}" for how, count in sorted(figures.items())), flush=True)
        return chosen + both, alone

    def spoil_copy(self, digest):
        database = sqlite3.connect(self.server.root / "meta" / "registry.db", timeout=30)
        try:
            key = b"\1" + bytes.fromhex(digest[7:])
            (payload,) = database.execute("SELECT payload FROM manifest WHERE digest = ?", (key,)).fetchone()
            spoilt = bytearray(payload)
            spoilt[self.source.randrange(len(spoilt))] ^= 1 << self.source.randrange(8)
            database.execute("UPDATE manifest SET payload = ? WHERE digest = ?", (bytes(spoilt), key))
            database.commit()
        finally:
            database.close()

    # Scrub

    def command(self, *arguments):
        return subprocess.run(
            [self.binary, "scrub", "--registry", self.server.host, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3600,
        )

    def scrub(self, damaged, healing):
        began = time.monotonic()
        result = self.command("--now", "--wait", "--rate", "1GiB", "--output", "json")
        seconds = time.monotonic() - began
        self.expect(result.returncode == 11, f"the command says that something is damaged ({result.returncode})")
        lines = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
        self.expect(lines != [] and lines[-1]["state"] == "done", f"{len(lines)} lines of progress, in JSON")
        run = json.loads(result.stdout)
        files = [digest for digest in healing if self.how[digest] == "manifest, file"]
        print(f"found {run['found']} in {seconds:.1f} s, {run['bytes'] >> 20} MiB; healed {run['healed']}", flush=True)
        self.expect(run["damaged"] == len(damaged), f"{run['damaged']} of {len(damaged)} damaged blobs found in one run")
        self.expect(run["healed"] == len(files), f"{run['healed']} of {len(files)} manifests healed by their copies")
        self.expect(run["found"] == len(damaged) + len(files), "and nothing that is whole was taken for damaged")
        kept = len(os.listdir(self.server.root / "quarantine"))
        removed = sum(1 for how in self.how.values() if how == "removed")
        self.expect(kept == len(damaged) + len(files) - removed, f"{kept} bad copies are kept in quarantine/")
        names = self.status()["damaged"]
        self.expect(names == len(damaged), f"the status counts {names} damaged blobs")

    def status(self):
        result = self.command("--output", "json")
        return json.loads(result.stdout)

    def look(self, damaged):
        """Asks for everything, by every way there is."""
        damaged, refused, wrong = set(damaged), 0, []
        for digest, (repository, content) in {**self.blobs, **self.manifests}.items():
            ways = [("HEAD", "blobs"), ("GET", "blobs")]
            if digest in self.manifests:
                ways += [("HEAD", "manifests"), ("GET", "manifests")]
            for method, kind in ways:
                status, _, body = request(self.server.port, method, f"/v2/{repository}/{kind}/{digest}")
                if digest in damaged:
                    if status == 404 and (method == "HEAD" or b"found damaged" in body):
                        refused += 1
                    else:
                        wrong.append(f"{self.how[digest]}: {method} {kind} {status}")
                elif status != 200 or (method == "GET" and body != content):
                    wrong.append(f"{self.how.get(digest, 'whole')}: {method} {kind} {status}")
            if digest in damaged:
                path = f"/v2/elsewhere/blobs/uploads/?mount={digest}&from={repository}"
                status = request(self.server.port, "POST", path)[0]
                if status != 202:
                    wrong.append(f"a mount of what is damaged is answered with {status}")
        served = len(self.blobs) + len(self.manifests) - len(damaged)
        for line in wrong[:10]:
            print("      " + line)
        self.expect(not wrong, f"{len(damaged)} damaged refused ({refused} answers with the reason), {served} served whole")

    # Healing

    def heal(self, damaged):
        wrong = 0
        for digest in damaged:
            if digest in self.blobs:
                repository, content = self.blobs[digest]
                wrong += self.push_blob(repository, content) != 201
        manifests = [digest for digest in damaged if digest in self.manifests]
        for digest in manifests:
            repository, content = self.manifests[digest]
            wrong += self.push_manifest(repository, content) != 201
        self.expect(wrong == 0, f"{len(damaged)} blobs pushed again, {len(manifests)} of them manifests")
        result = self.command("--now", "--wait", "--rate", "1GiB")
        self.expect(result.returncode == 0, f"a second scrub finds nothing ({result.returncode})")
        status = self.status()
        self.expect(status["damaged"] == 0, f"{status['healed']} of {status['found']} healed, none damaged is left")

    def real_client(self):
        """skopeo asks by HEAD for each blob and leaves out what is there: it must see that a damaged one is not."""
        if shutil.which("skopeo") is None:
            print("skip  skopeo is not here")
            return
        layout = Layout(self.folder / "layout")
        layers = [tar_layer({"noise": self.source.randbytes(size)}) for size in (10, 5_000, 300_000)]
        entry = layout.image(layers)
        source = layout.tag(entry, "v1")
        target = f"docker://{self.server.host}/team/skopeo:v1"
        copy = ["skopeo", "copy", "--dest-tls-verify=false", source, target]
        first = subprocess.run(copy, capture_output=True, text=True)
        if first.returncode != 0:
            self.expect(False, f"skopeo pushes: {first.stderr[-200:]}")
            return
        for digest in [layer["digest"] for layer in json.loads(layout.read(entry["digest"]))["layers"]]:
            self.flip(digest)
        result = self.command("--now", "--wait", "--repository", "team/skopeo")
        self.expect(result.returncode == 11, "a scrub of one repository finds what was damaged there")
        back = ["skopeo", "copy", "--src-tls-verify=false", target, f"dir:{self.folder / 'back'}"]
        pull = subprocess.run(back, capture_output=True, text=True)
        self.expect(pull.returncode != 0, "skopeo does not get the damaged image")
        again = subprocess.run(copy, capture_output=True, text=True)
        pull = subprocess.run(back, capture_output=True, text=True)
        self.expect(again.returncode == 0 and pull.returncode == 0, f"skopeo pushes it again, and pulls it {pull.stderr[-200:]}")


def manifest(layers, number):
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(CONFIGURATION), "size": len(CONFIGURATION)},
        "layers": [{"mediaType": LAYER, "digest": digest, "size": len(content)} for digest, content in layers],
        "annotations": {"number": str(number)},
    }).encode()
