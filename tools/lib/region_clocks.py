# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Steps of tools/region-liar: regions whose clocks are ahead, by a library that is preloaded into them."""

import shutil
import subprocess
import time
from pathlib import Path

from region_probe import Local, told
from region_world import Region, acquaint, caught_up, eventually

SOURCE = Path(__file__).with_name("region_clock.c")
FAR_SECONDS = 600
NEAR_SECONDS = 90
SKEW_SECONDS = 60


def library(folder):
    """The library, or None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        return None
    target = folder / "ahead.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", target, SOURCE], check=True)
    return target


class Clocks:
    """a and b have the time; `near` is ahead a little more than may be, and `far` by ten minutes."""

    def __init__(self, counted, binary, folder, preloaded):
        folder.mkdir()
        self.preloaded = preloaded
        self.expect = counted.expect
        self.a, self.b, self.near, self.far = self.regions = [
            Region(name, binary, folder) for name in ("a", "b", "near", "far")]

    def ahead(self, region, seconds):
        region.stop()
        region.settings.update({"LD_PRELOAD": str(self.preloaded), "AHEAD_SECONDS": str(seconds)})
        region.start()

    def run(self):
        print(f"future: clocks are ahead by {NEAR_SECONDS} s and by {FAR_SECONDS} s", flush=True)
        local = None
        try:
            acquaint(self.regions)
            for region in self.regions:
                region.push("first/app", region.name, region.name)
                region.sealed(rest=1.5)
            self.expect(eventually(lambda: caught_up(self.regions)), "each has heard of the others")
            local = Local(self.b, "b", pause=0.2)
            local.start()
            for region, seconds in ((self.near, NEAR_SECONDS), (self.far, FAR_SECONDS)):
                self.ahead(region, seconds)
            self.parked()
            self.applied_later()
        finally:
            if local:
                local.end()
                self.expect(local.pushes and not local.failures,
                            f"local load: {local.figures()} {local.failures[:2]}")
            for region in self.regions:
                status = region.stop()
                if region in (self.a, self.b):
                    self.expect(status == 0, f"{region.name} ends at SIGTERM with status 0")
        for region in (self.a, self.b):
            status, output = region.fsck(deep=True)
            self.expect(status == 0, f"fsck --deep of {region.name} finds nothing {output[-200:] if status else ''}")

    def parked(self):
        self.mine = self.b.push("shared/app", "latest", "mine")
        self.began = time.monotonic()
        self.theirs = {region.name: region.push("shared/app", "latest", region.name)
                       for region in (self.near, self.far)}
        self.only = {region.name: region.push(f"only/{region.name}", "v1", f"only {region.name}")
                     for region in (self.near, self.far)}
        for region in (self.near, self.far):
            says = eventually(lambda: self.b.regions()[region.name]["waiting"], 20) and told(self.b, region.name)
            self.expect(says and "further ahead" in says and "following" in says,
                        f"the status says why it waits: {(says or '')[:200]}")
        second = self.b.push("shared/app", "latest", "mine again")
        self.expect(self.b.resolve("shared/app", "latest") == second[0], "a local push to the tag counts at once")
        other = self.a.push("shared/app", "of-a", "of a")
        self.expect(eventually(lambda: self.b.resolve("shared/app", "of-a") == other[0], 20),
                    "regions that have the time go on with one another")
        self.mine, kept = second, 0
        while time.monotonic() < self.began + NEAR_SECONDS - SKEW_SECONDS - 5:
            kept += self.b.resolve("shared/app", "latest") == second[0]
            time.sleep(0.5)
        self.expect(kept > 10 and self.b.resolve("shared/app", "latest") == second[0],
                    f"the tag is not overwritten before its time: asked {kept} times")

    def applied_later(self):
        """The one that is ahead a little is applied once its time is not too far ahead; the other one still waits."""
        due = NEAR_SECONDS - SKEW_SECONDS
        digest, data = self.only["near"]
        holds = eventually(lambda: self.b.resolve("only/near", "v1") == digest
                           and self.b.regions()["near"]["waiting"] == 0, due + 60)
        after = time.monotonic() - self.began
        self.expect(holds and after >= due - 2, f"what was ahead by {NEAR_SECONDS} s is applied after {after:.0f} s")
        self.expect(self.b.wrong_with("only/near", digest, data) is None, "and is whole")
        self.expect(self.b.resolve("shared/app", "latest") == self.theirs["near"][0],
                    "its tag counts then: it has the later time")
        self.expect(eventually(lambda: self.a.resolve("shared/app", "latest") == self.theirs["near"][0], 30),
                    "in every region")
        waiting = self.b.regions()["far"]["waiting"]
        self.expect(waiting > 0, f"what is ahead by {FAR_SECONDS} s still waits: {told(self.b, 'far')[:200]}")
        fresh = self.b.push("shared/app", "latest", "mine at last")
        self.expect(self.b.resolve("shared/app", "latest") == fresh[0], "a local push after that counts at once")
