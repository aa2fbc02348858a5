# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of tools/region-liar: what a region may be told by another one, and what must come of it."""

import time

import region_liar
from region_probe import metric, told
from region_world import ANYWHERE, eventually

ENDLESS_BYTES = 64 << 20
FORGED = 40


class Cases:
    """`world` has the regions a (who is lied about), b (who is lied to) and c (who hears a itself)."""

    def __init__(self, world):
        self.world, self.liar = world, world.liar
        self.a, self.b, self.c = world.a, world.b, world.c

    def image_of_a(self, case, layers=2, layer_bytes=200_000):
        repository = f"lie/{case}"
        image = self.a.push(repository, "v1", case, layers=layers, layer_bytes=layer_bytes)
        self.world.suspect.watch_image(repository, "v1", image)
        return repository, image

    def until(self, reached, what, seconds=30, detail=None):
        began = time.monotonic()
        holds = eventually(reached, seconds)
        after = f" (after {time.monotonic() - began:.1f} s)"
        self.world.expect(holds, what + (after if holds else f": not within {seconds} s {detail() if detail else ''}"))
        return holds

    def status(self):
        return self.b.regions()["a"]

    # Bytes

    def altered(self, case, kind, alter, result):
        """An image's bytes are wrong as long as only the liar has them, and right once somebody else has."""
        self.c.set_region("a", "paused")
        fetches = {"kind": "blob", "source": "a", "result": result}
        before = metric(self.b, "cairn_fetches_total", **fetches)
        failed = metric(self.b, "cairn_region_images_failed_total", region="a")
        self.liar.turn(lie=region_liar.about(f"/v2/lie/{case}/{kind}/", alter))
        repository, (digest, data) = self.image_of_a(case)
        if kind == "blobs":
            self.until(lambda: metric(self.b, "cairn_fetches_total", **fetches) > before,
                       f"cairn_fetches_total counts {result}", 90)
        self.until(lambda: metric(self.b, "cairn_region_images_failed_total", region="a") > failed,
                   "cairn_region_images_failed_total counts the image", 150)
        self.until(lambda: f"{repository}@{digest}" in self.b.log.read_text(), "the server's log names the image")
        status = self.status()
        self.world.expect(status["state"] == "following" and status["waiting"] > 0 and status.get("oldest"),
                          f"the status says what waits: {told(self.b, 'a')[:230]}")
        other, image = self.image_of_a(f"{case}-not")
        self.until(lambda: self.b.wrong_with(other, *image) is None, "an image of another repository comes meanwhile")
        self.c.set_region("a", "following")
        self.until(lambda: self.b.resolve(repository, "v1") == digest
                   and self.b.wrong_with(repository, digest, data) is None,
                   "it comes from the honest region while the other one still lies", 150, lambda: told(self.b, "a"))

    def wrong_blob(self):
        self.altered("blob", "blobs", region_liar.other_bytes, "wrong_bytes")

    def wrong_manifest(self):
        self.altered("manifest", "manifests", region_liar.one_more_space, "wrong_bytes")

    def endless_blob(self):
        resident = self.b.resident_bytes()
        self.altered("endless", "blobs", region_liar.without_end, "too_long")
        grown = (self.b.resident_bytes() - resident) >> 20
        sent = self.liar.endless_bytes
        self.world.expect(sent < ENDLESS_BYTES, f"{sent >> 20} MiB of it were taken")
        self.world.expect(grown < 128, f"memory grew by {grown} MiB")
        # A push of its own may have one at this moment.
        self.until(lambda: not self.b.upload_files(), "no unfinished file is left", 30)

    def drip_blob(self):
        self.altered("drip", "blobs", region_liar.drip, "stalled")

    def forged_tag(self):
        """A manifest that is whole, under a tag that the region has set to another one, and that nobody here has heard
        of yet."""
        self.c.set_region("a", "paused")
        wrong = len(self.world.suspect.wrong)
        self.liar.turn(lie=region_liar.about("/v2/lie/forged/manifests/v", region_liar.another_manifest))
        for number in range(FORGED):
            digest, _ = self.a.push("lie/forged", f"v{number}", f"forged {number}", layers=1)
            self.world.suspect.ask("lie/forged", f"v{number}", {digest})
        wrong = self.world.suspect.wrong[wrong:]
        self.world.expect(not wrong, f"of {FORGED} tags none is served as another one: {len(wrong)} are {wrong[:1]}")
        self.c.set_region("a", "following")

    # The log

    def not_a_checkpoint(self, server=None, lie=None, seconds=60):
        """Failing, with a reason, and no more; then it follows again by itself. The first failure may be that the
        connection was cut off as the lie began."""
        failures = metric(self.b, "cairn_region_failures_total", region="a")
        self.liar.turn(server, lie)
        counted = "cairn_region_failures_total"
        self.until(lambda: self.status()["state"] == "failing" and self.status().get("reason")
                   and metric(self.b, counted, region="a") >= failures + 2,
                   "the region fails", seconds, lambda: told(self.b, "a"))
        self.world.expect(metric(self.b, "cairn_region_frozen", region="a") == 0,
                          f"{counted} counts it, and it is not frozen; the status: {told(self.b, 'a')[:230]}")

    def html(self):
        self.not_a_checkpoint(lie=region_liar.about("/log/checkpoint", region_liar.html))

    def dripped_checkpoint(self):
        self.not_a_checkpoint(lie=region_liar.about("/log/checkpoint", region_liar.drip), seconds=240)

    def endless_log(self):
        """A checkpoint, and then entries, that never end: each is given up after what it may have."""
        for path in ("/log/checkpoint", "/log/tile/"):
            if path == "/log/tile/":
                self.liar.turn(self.a)
                self.until(lambda: self.status()["state"] == "following", "it follows again", 90)
                self.a.push("lie/endless-log", "v1", "endless log", layers=1)
            self.not_a_checkpoint(lie=region_liar.about(path, region_liar.without_end), seconds=90)
            sent = self.liar.endless_bytes
            self.world.expect(sent < ENDLESS_BYTES, f"{sent >> 20} MiB of {path} were taken")

    def other_key(self):
        stranger = self.world.twin("stranger")
        stranger.start()
        stranger.push("lie/stranger", "v1", "stranger")
        stranger.sealed(rest=1.5)
        self.not_a_checkpoint(stranger)
        self.world.expect(self.b.resolve("lie/stranger", "v1", ANYWHERE) == 404, "nothing of the stranger is served")

    def entries_once(self):
        """Entries that are wrong twice are asked for again."""
        self.liar.turn(lie=region_liar.about("/log/tile/entries/", region_liar.other_entries, times=2))
        failures = metric(self.b, "cairn_region_failures_total", region="a")
        repository, (digest, data) = self.image_of_a("once", layer_bytes=3000)
        size = self.a.sealed(rest=1.2)
        self.until(lambda: self.status()["entries"] == size and self.b.wrong_with(repository, digest, data) is None,
                   "entries that were wrong twice come at last", 60, lambda: told(self.b, "a"))
        self.world.expect(metric(self.b, "cairn_region_failures_total", region="a") >= failures + 2,
                          "both times were counted")

    def frozen(self, word):
        self.until(lambda: self.status()["state"] == "frozen", "the region is frozen", 60,
                   lambda: told(self.b, "a"))
        evidence = self.b.root / "log/mirror/a/equivocation"
        notes = [(evidence / name).read_bytes() for name in ("known", "shown")]
        self.world.expect(all(note.startswith(b"a.example/log\n") for note in notes) and notes[0] != notes[1],
                          "both notes are kept")
        line = told(self.b, "a")
        self.world.expect(metric(self.b, "cairn_region_frozen", region="a") == 1 and "frozen" in line and word in line,
                          f"the metric and the status say it: {line[:230]}")
        self.world.expect("a region is frozen" in self.b.log.read_text(), "the log says it")

    def entries_always(self):
        self.liar.turn(lie=region_liar.about("/log/tile/entries/", region_liar.other_entries))
        self.image_of_a("always", layer_bytes=3000)
        self.frozen("signed")

    def two_roots(self):
        """Another log of the same key and the same size."""
        old, fork = self.world.copies("old", "fork")
        self.until(lambda: self.status()["state"] == "following", "the region is back after it was copied")
        for number in range(3):
            self.a.push("lie/true", f"v{number}", f"true {number}", layers=1)
            fork.push("lie/fork", f"v{number}", f"fork {number}", layers=1)
        size = self.a.sealed(rest=1.5)
        self.until(lambda: self.status()["entries"] == size, "all of the true log is here")
        self.world.expect(fork.sealed(rest=1.5) == size > old.log_size(), f"the other log has {size} entries, too")
        self.liar.turn(fork)
        self.frozen("two roots")
        self.world.expect(self.b.resolve("lie/fork", "v1", ANYWHERE) == 404, "nothing of the other log is served")

    def forked(self):
        """Another log of the same key that is longer."""
        fork = self.world.twins["fork"]
        size = self.a.sealed(rest=1.5)
        while fork.sealed(rest=1.2) <= size:
            for number in range(5):
                fork.push("lie/fork", f"longer{number}", f"longer {time.monotonic()}", layers=1)
        self.liar.turn(fork)
        self.frozen("signed")
        self.world.expect(self.b.resolve("lie/fork", "longer0", ANYWHERE) == 404, "nothing of the other log is served")

    def shrunk(self):
        self.liar.turn(self.world.twins["old"])
        self.frozen("shrunk")
