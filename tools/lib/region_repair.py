# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Steps of tools/region-e2e: images are fetched ahead; what is damaged or lost in one region comes back from another.
"""

import json
import random
import sqlite3
import subprocess
import time

from bench_client import push_bytes
from region_merge import Merged
from region_world import IMAGE, caught_up, digest_of

STEP_SECONDS = 300


class Repaired(Merged):
    """Two regions, of which one loses something."""

    def steps(self):
        return self.warmed, self.healed, self.drifted, self.waited

    def cairn(self, *arguments):
        result = subprocess.run(
            [self.binary, *arguments], capture_output=True, text=True, timeout=STEP_SECONDS, check=False)
        return result.returncode, result.stdout, result.stderr

    def warmed(self):
        """Just pushed to one, an image is whole in the other as soon as the command says so."""
        for number in range(5):
            digest, _ = self.a.push("warm/app", f"v{number}", f"warm {number}", layers=4, layer_bytes=3_000_000)
            code, out, errors = self.cairn(
                "region", "warm", f"{self.a.host}/warm/app@{digest}", "--in", self.b.host, "--timeout", "60")
            self.expect(code == 0, f"an image is fetched ahead: {code} {out.strip()[-80:]} {errors.strip()[-200:]}")
            wrong = self.b.wrong_with("warm/app", digest)
            self.expect(not wrong, f"it is whole there {wrong or ''}")
        pushed = {}
        for number in range(6):
            name = ("rule/app", "rule/tool", "other/app")[number % 3]
            pushed[name, f"r{number}"] = self.a.push(name, f"r{number}", f"rule {number}", layer_bytes=2_000_000)[0]
        code, out, errors = self.cairn(
            "region", "warm", f"{self.a.host}/rule/*", "--newest", "1", "--in", self.b.host, "--timeout", "60")
        named = sorted(line.split("@")[0].split("/", 1)[1] for line in out.splitlines())
        self.expect(code == 0 and named == ["rule/app", "rule/tool"],
                    f"by rule: {code} {named} {errors.strip()[-200:]}")
        wrong = [key for key, digest in pushed.items() if key in (("rule/app", "r3"), ("rule/tool", "r4"))
                 and (digest not in out or self.b.wrong_with(key[0], digest))]
        self.expect(not wrong, f"the newest tag of each repository is whole there {wrong}")
        code, _, errors = self.cairn("region", "warm", f"{self.a.host}/none/*", "--newest", "1", "--in", self.b.host)
        self.expect(code != 0 and "matches" in errors, f"a rule that means nothing is told: {code}")
        code, _, errors = self.cairn("region", "warm", f"{self.a.host}/warm/app@sha256:{'0' * 64}", "--in", self.b.host)
        self.expect(code != 0, f"what nobody has is not fetched: {code} {errors.strip()[:80]}")

    def healed(self):
        """A byte of a blob turns over on the disk of one."""
        digest, data = self.a.push("heal/app", "v1", "heal", layers=2, layer_bytes=200_000)
        self.until(lambda: self.b.resolve("heal/app", "v1") == digest, "an image is in both")
        layer = json.loads(data)["layers"][0]["digest"]
        name = layer.split(":")[1]
        found = [path for path in self.b.root.rglob(f"*{name}*") if path.is_file()]
        self.expect(len(found) == 1, f"the blob is a file {found}")
        before = found[0].read_bytes()
        place = random.Random(1).randrange(len(before))
        mode = found[0].stat().st_mode
        found[0].chmod(0o600)
        with open(found[0], "r+b") as file:
            file.seek(place)
            file.write(bytes([before[place] ^ 1]))
        found[0].chmod(mode)
        code, out, errors = self.cairn("scrub", "--registry", self.b.host, "--now", "--wait")
        self.expect(code in (0, 11), f"the scrub has run: {code} {out.strip()[-100:]} {errors.strip()[-100:]}")
        self.until(lambda: not self.b.wrong_with("heal/app", digest), "the blob comes back from the other", 180)
        self.expect(digest_of(found[0].read_bytes()) == layer, "the file has its bytes again")

    def drifted(self):
        """What is lost in a catalog without an entry is found, and comes back."""
        self.settled("before something is lost")
        code, out, errors = self.cairn("region", "audit", "a", "--registry", self.b.host)
        self.expect(code == 0, f"the two are the same: {out.strip()} {errors.strip()}")
        digest, _ = self.a.push("drift/app", "v1", "drift")
        self.until(lambda: self.b.resolve("drift/app", "v1") == digest, "an image is in both")
        status = self.a.call("PUT", f"/api/v1/quarantine/{digest}", {"reason": "a test"})[0]
        self.expect(status == 204, "it is put into quarantine")
        self.until(lambda: self.b.manifest("drift/app", "v1")[0] == 403, "the other one refuses its pull")
        self.expect(self.b.stop() == 0, "b ends")
        database = sqlite3.connect(self.b.root / "meta" / "registry.db")
        with database:
            for table in ("register", "quarantine"):
                rows = database.execute(f"DELETE FROM {table} WHERE reason = 'a test'").rowcount
                self.expect(rows > 0, f"{rows} rows of {table} are lost")
        database.close()
        self.b.start()
        self.until(lambda: caught_up(self.pair), "b is there again")
        self.expect(self.b.manifest("drift/app", "v1")[0] != 403, "what was lost does not count")
        code, out, errors = self.cairn("region", "audit", "a", "--registry", self.b.host)
        self.expect(code != 0 and digest in out, f"the difference is found: {code} {out.strip()} {errors.strip()}")
        self.until(lambda: self.b.manifest("drift/app", "v1")[0] == 403, "it counts again")
        self.until(lambda: caught_up(self.pair), "every entry is applied again")
        code, out, errors = self.cairn("region", "audit", "a", "--registry", self.b.host)
        self.expect(code == 0, f"the two are the same again: {out.strip()} {errors.strip()}")

    def waited(self):
        """Pushes into some repositories are answered once the other region has them; what is fetched keeps its pace."""
        keys = [region.call("GET", "/log/region/vkey")[2].decode().split()[0] for region in self.pair]
        for region, other, key in ((self.a, self.b, keys[1]), (self.b, self.a, keys[0])):
            self.expect(region.stop() == 0, f"{region.name} ends")
            text = region.file.read_text()
            mark = f"log-keys: ['{other.known_key}']"
            self.expect(mark in text, "its configuration has the other one's key")
            more = f", cosigner-key: '{key}'" + (", bandwidth: [1MiB]" if region is self.b else "")
            region.file.write_text("wait-replicated: ['wait/**']\n" + text.replace(mark, mark + more))
        for region in self.pair:
            region.start()
        self.until(lambda: caught_up(self.pair), "both are there again")
        data = json.dumps({
            "schemaVersion": 2, "mediaType": IMAGE, "layers": [],
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
        }).encode()
        with self.a.connection() as connection:
            push_bytes(connection, "wait/app", b"{}")
        headers = {"Content-Type": IMAGE}
        status, answer, body = self.a.call("PUT", "/v2/wait/app/manifests/v1", data, headers, seconds=40)
        names = (answer["Cairn-Regions"], answer["Preference-Applied"])
        self.expect(status == 201 and names == ("b", "wait=replicated"),
                    f"a push is answered once the other region has it: {status} {names} {body[:200]}")
        self.expect(self.b.resolve("wait/app", "v1") == digest_of(data), "and it has")
        began = time.monotonic()
        digest, _ = self.a.push("slow/app", "v1", "slow", layers=2, layer_bytes=3_000_000)
        self.until(lambda: self.b.resolve("slow/app", "v1") == digest, "an image of 6 MB is there", 180)
        took = time.monotonic() - began
        # A quarter of a second's worth may come at once.
        self.expect(took > 6_000_000 / 2**20 - 1, f"it took {took:.1f} s at 1 MiB a second")
        self.expect(self.b.stop() == 0, "the other region ends")
        status, _, body = self.a.call("PUT", "/v2/wait/app/manifests/v2", data, headers, seconds=60)
        self.expect(status == 504, f"a push that no other region has is answered so: {status} {body[:200]}")
        self.expect(self.a.resolve("wait/app", "v2") == digest_of(data), "it is made here all the same")
        self.b.start()
