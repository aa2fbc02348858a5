# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Steps of tools/region-e2e: a region of which some repositories are followed, then more of them, and then all."""

import hashlib
import subprocess

from region_world import Region, eventually


class Partial:
    """A region, and one that follows a part of it."""

    def __init__(self, binary, folder, expect, images):
        self.binary, self.folder, self.expect, self.images = str(binary), folder, expect, images
        folder.mkdir()
        self.a, self.b = [Region(name, binary, folder) for name in ("a", "b")]
        self.pushed = {}

    def run(self):
        try:
            self.a.start()
            self.key = self.a.key()
            self.push(self.images)
            self.added()
            self.b.start()
            self.has("prod", "the part that is followed")
            self.push(4)
            self.has("prod", "what is pushed later")
            self.told_apart()
            self.b.stop()
            self.follow('["prod/**", "dev/*"]')
            for _ in range(3):
                self.b.start()
                self.b.kill()
            self.b.start()
            self.has("prod dev", "more is followed, after three kills")
            self.push(4)
            self.has("prod dev", "and what is pushed then")
            self.b.stop()
            self.follow(None)
            self.b.start()
            self.has("prod dev test", "all is followed")
            self.expect(eventually(lambda: self.b.call("GET", self.applied())[0] == 200),
                        "and what is here is cosigned then")
        finally:
            for region in (self.a, self.b):
                region.stop()
        status, output = self.b.fsck(deep=True)
        self.expect(status == 0, f"fsck --deep finds nothing {output.strip()[-300:] * bool(status)}")

    def added(self):
        """The command writes what the server reads, and leaves the rest as it is."""
        kept = "# what I know of others\ndrain-seconds: 5\n\n"
        self.b.file.write_text(kept)
        command = [self.binary, "region", "add", "a", f"http://{self.a.host}", "--config", str(self.b.file),
                   "--repositories", "prod/**"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        self.expect(done.returncode == 0 and self.key in done.stdout, f"a region is added {done.stderr[-200:]}")
        self.expect(self.b.file.read_text().startswith(kept.rstrip()), "what was in the file is there")
        again = subprocess.run(command, capture_output=True, text=True, timeout=180)
        self.expect(again.returncode != 0 and "two regions" in again.stderr, "and not a second time")

    def push(self, count):
        for _ in range(count):
            number = len(self.pushed)
            repository = ("prod/app", "dev/app", "test/app")[number % 3]
            digest, _ = self.a.push(repository, f"t{number}", f"partial {number}")
            self.pushed[repository, f"t{number}"] = digest

    def follow(self, patterns):
        which = f", repositories: {patterns}" if patterns else ""
        self.b.file.write_text(
            f"regions:\n  - {{name: a, url: 'http://{self.a.host}', log-keys: ['{self.key}']{which}}}\n")

    def has(self, parts, what):
        """Exactly the tags of these repositories are there, and their images are whole."""
        wanted = {key: digest for key, digest in self.pushed.items() if key[0].split("/")[0] in parts.split()}
        size = self.a.sealed(rest=1.5)
        self.expect(eventually(lambda: self.b.regions()["a"]["applied"] == size), f"{what}: all was looked at")
        self.expect(eventually(lambda: self.b.tags() == wanted, 90), f"{what}: {len(wanted)} tags, and no others")
        self.expect(eventually(lambda: not self.b.remote_blobs()), f"{what}: all blobs came")
        wrong = [key for key, digest in wanted.items() if self.b.wrong_with(key[0], digest)]
        self.expect(not wrong, f"{what}: each image is whole {wrong[:3]}")

    def applied(self):
        return f"/log/mirror/{hashlib.sha256(b'a.example/log').hexdigest()}/applied"

    def told_apart(self):
        self.expect(self.b.call("GET", self.applied())[0] == 204, "nothing is cosigned of a log of which a part counts")
        positions = self.b.json("/api/v1/state/positions")["applied"]
        self.expect("a.example/log" not in positions, "and others are not told that it counts")
        command = [self.binary, "region", "audit", "a", "--registry", self.b.host]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        told = done.stdout + done.stderr
        self.expect(done.returncode != 0 and "only some of its repositories" in told,
                    f"an audit says why there is none {told[-200:]}")
