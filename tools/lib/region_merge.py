# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Steps of tools/region-e2e: two regions that follow each other have the same images, and what is done to them counts
in both."""

import json
import random
import subprocess
import time

from e2e_images import Layout, tar_layer
from region_world import IMAGE, Region, all_sealed, caught_up, digest_of, eventually, follow

KILLS = 4


class Merged:
    """Two regions, and what must be the same in both."""

    # How long a lock is set for. It ends by itself, on a busy machine before b was asked: then the next one counts.
    LOCK_SECONDS = (20, 40, 80, 160)

    def __init__(self, binary, folder, expect, images, seed=1):
        self.binary, self.folder, self.expect, self.images = str(binary), folder, expect, images
        self.random = random.Random(seed)
        folder.mkdir()
        self.a, self.b = [Region(name, binary, folder) for name in ("a", "b")]
        self.pair = [self.a, self.b]

    def run(self):
        try:
            self.first_contact()
            for step in self.steps():
                self.attempt(step)
        finally:
            for region in self.pair:
                self.expect(region.stop() == 0, f"{region.name} ends at SIGTERM with status 0")
        for region in self.pair:
            status, output = region.fsck(deep=True)
            why = output.strip()[-300:] if status else ""
            self.expect(status == 0, f"fsck --deep of {region.name} finds nothing {why}")

    def steps(self):
        return (self.pushed_by_skopeo, self.pushed, self.tags_changed, self.deleted, self.quarantined,
                self.kept, self.conflicting, self.conflict_left, self.killed)

    def attempt(self, step):
        """A step that breaks has failed, and the next one is tried."""
        try:
            step()
        except (OSError, RuntimeError, KeyError, subprocess.SubprocessError) as error:
            self.expect(False, f"{step.__name__}: {type(error).__name__} {error}")

    def until(self, reached, what, seconds=90):
        began = time.monotonic()
        holds = eventually(reached, seconds)
        self.expect(holds, what if holds else f"{what}: not after {time.monotonic() - began:.0f} s")
        return bool(holds)

    def settled(self, what):
        """Both have all of each other."""
        all_sealed(self.pair, rest=1.5)
        if not self.until(lambda: caught_up(self.pair), f"{what}: both have all that was changed", 180):
            for region in self.pair:
                print(f"      {region.name}: {region.json('/api/v1/regions')}")

    def same(self, what):
        """Every tag stands for the same bytes in both, and each image is whole."""
        tags = []

        def equal():
            # What was not sealed yet when the log was thought to rest is still to come.
            tags[:] = [region.tags() for region in self.pair]
            return tags[0] == tags[1]

        eventually(equal, 60)
        differing = sorted(name for name in {*tags[0], *tags[1]} if tags[0].get(name) != tags[1].get(name))
        self.expect(not differing, f"{what}: {len(tags[0])} tags are the same {differing[:3]}")
        wrong = []
        for (repository, _), digest in sorted(tags[0].items()):
            bodies = [region.manifest(repository, digest) for region in self.pair]
            if bodies[0] != bodies[1]:
                wrong.append(f"{repository}@{digest} has other bytes or another type")
            found = [region.wrong_with(repository, digest) for region in self.pair]
            wrong += [f"{region.name}: {one}" for region, one in zip(self.pair, found) if one]
        self.expect(not wrong, f"{what}: byte for byte, with all blobs {wrong[:3]}")

    # Steps

    def first_contact(self):
        """Each has images before it hears of the other one, and both have the same tag."""
        for region in self.pair:
            region.start()
            region.known_key = region.key()
            for number in range(max(4, self.images // 4)):
                region.push(f"before/{region.name}", f"v{number}", f"{region.name} before {number}")
            region.push("before/both", "v1", f"{region.name} before both")
            for number in range(2):
                region.push("before/moved", "v1", f"{region.name} {number}")
            region.push("before/equal", "v1", "one and the same")
        self.before = all_sealed(self.pair, rest=1.5)
        for region in self.pair:
            region.stop()
            follow(region, self.pair)
        for region in self.pair:
            region.start()
        self.settled("first contact")
        self.same("first contact")
        self.expect(all(region.log_size() == self.before[region.name] for region in self.pair),
                    "nothing of one region is an entry of the other's log")
        lists = [self.conflicts(region) for region in self.pair]
        names = sorted({conflict[:2] for conflict in lists[0]})
        self.expect(lists[0] == lists[1] and names == [("before/both", "v1"), ("before/moved", "v1")],
                    f"first contact: the same conflicts in both, of what differed: {names}")

    def conflicts(self, region, every=False):
        return sorted(
            (one["repository"], one["tag"], one["winner"].get("digest", ""), one["loser"]["digest"])
            for one in region.conflicts(every))

    def pushed_by_skopeo(self):
        """Images and an index of two platforms by a real client, and read by it in the other region."""
        layout = Layout(self.folder / "layout")
        images = [layout.image([tar_layer({"hello": f"{name} ".encode() * 5000})], name) for name in ("amd64", "arm64")]
        self.skopeo("copy", "--dest-tls-verify=false", layout.tag(images[0], "one"),
                    f"docker://{self.a.host}/real/one:v1")
        self.skopeo("copy", "--all", "--dest-tls-verify=false", layout.tag(layout.index(images), "all"),
                    f"docker://{self.b.host}/real/all:v1")
        for region, other, name in ((self.a, self.b, "real/one"), (self.b, self.a, "real/all")):
            digest = region.resolve(name, "v1")
            self.until(lambda: other.resolve(name, "v1") == digest, f"{name} of {region.name} is in {other.name}")
            self.expect(other.wrong_with(name, digest) is None, f"{name} is whole in {other.name}")
            copied = self.folder / f"copy-{other.name}"
            self.skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{other.host}/{name}:v1", f"dir:{copied}")
            data = (copied / "manifest.json").read_bytes()
            self.expect(digest_of(data) == digest, f"skopeo pulls {name} from {other.name} with the same digest")

    @staticmethod
    def skopeo(*arguments):
        done = subprocess.run(["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"skopeo {' '.join(arguments)} ends with {done.returncode}: {done.stderr[-300:]}")

    def pushed(self):
        """Many images on both, indexes, and signatures that the referrers API lists in the other region."""
        sizes = all_sealed(self.pair, rest=1.5)
        for number in range(self.images):
            self.pair[number % 2].push(f"team/app{number % 7}", f"v{number}", f"image {number}")
        self.settled("pushed on both")
        self.same("pushed on both")
        for region, other in (self.pair, self.pair[::-1]):
            repository = f"signed/{region.name}"
            children = [region.push(repository, None, f"{region.name} {name}")[1] for name in ("amd64", "arm64")]
            index = region.index(repository, "v1", children)[0]
            signature = region.push(repository, None, "signature", layers=1, subject=children[0])[0]
            self.until(lambda: other.resolve(repository, "v1") == index,
                       f"an index of {region.name} is in {other.name}")
            self.expect(other.wrong_with(repository, index) is None, "and whole")
            self.until(lambda: self.referrers(other, repository, digest_of(children[0])) == [signature],
                       f"the referrers API of {other.name} lists the signature")
            self.expect(other.wrong_with(repository, signature) is None, "which is whole")
        size = self.a.sealed(rest=1.5)
        for number in range(20):
            self.b.push("quiet/app", f"v{number}", f"quiet {number}")
        self.settled("pushed on b alone")
        self.expect(self.a.log_size() == size, f"and the log of a stays at {size}; it was {sizes['a']}")

    @staticmethod
    def referrers(region, repository, digest):
        status, _, body = region.call("GET", f"/v2/{repository}/referrers/{digest}")
        return [one["digest"] for one in json.loads(body)["manifests"]] if status == 200 else status

    def tags_changed(self):
        """A tag is moved to and fro by both, and deleted by the one that did not make it."""
        images = [self.pair[number % 2].push("moved/app", f"v{number}", f"moved {number}") for number in range(4)]
        self.settled("moved")
        for number in range(6):
            region, other = self.pair[number % 2], self.pair[1 - number % 2]
            digest, data = images[number % 4]
            region.put("moved/app", "latest", data, IMAGE)
            self.until(lambda: other.resolve("moved/app", "latest") == digest,
                       f"latest is moved by {region.name} ({number})")
        self.b.delete("moved/app", "latest")
        self.until(lambda: self.a.resolve("moved/app", "latest") == 404, "a tag that b deletes is gone in a")
        self.expect(self.a.resolve("moved/app", images[1][0]) == images[1][0], "its image is not")
        self.a.put("moved/app", "latest", images[2][1], IMAGE)
        self.until(lambda: self.b.resolve("moved/app", "latest") == images[2][0], "and it can be set again")
        self.expect(not [one for one in self.conflicts(self.a) if one[0] == "moved/app"],
                    "what was changed one after the other is no conflict")

    def deleted(self):
        """A manifest that is deleted in the region that did not push it, and pushed again."""
        digest, data = self.a.push("gone/app", "v1", "gone")
        self.until(lambda: self.b.resolve("gone/app", "v1") == digest, "an image is in both")
        self.b.delete("gone/app", digest)
        self.until(lambda: self.a.resolve("gone/app", digest) == 404, "b deletes its manifest: it is gone in a")
        self.expect(self.a.resolve("gone/app", "v1") == 404, "with its tag")
        self.a.push("gone/app", "v1", "gone")
        self.until(lambda: self.b.resolve("gone/app", "v1") == digest, "a pushes it again: it is back in b")
        self.expect(self.b.wrong_with("gone/app", digest, data) is None, "and whole")

    def quarantined(self):
        digest, data = self.a.push("bad/app", "v1", "bad")
        layer = json.loads(data)["layers"][0]["digest"]
        self.until(lambda: self.b.resolve("bad/app", "v1") == digest, "an image is in both")
        for cause in (digest, layer):
            status = self.a.call("PUT", f"/api/v1/quarantine/{cause}", {"reason": "a test"})[0]
            self.expect(status == 204, f"a puts {cause[:14]} into quarantine")
            self.until(lambda: self.b.manifest("bad/app", digest)[0] == 403, "b refuses its pull")
            status = self.b.call("DELETE", f"/api/v1/quarantine/{cause}?reason=over")[0]
            self.expect(status == 204, "b lifts it")
            self.until(lambda: self.a.manifest("bad/app", "v1")[0] == data, "a gives it out again")

    def kept(self):
        """Holds and pins: one region sets them, both have them, the other one lifts them."""
        digest, _ = self.b.push("kept/app", "v1", "kept")
        self.until(lambda: self.a.resolve("kept/app", "v1") == digest, "an image is in both")
        for kind in ("pin", "hold"):
            self.keep(digest, kind)
            self.until(lambda: self.pins(self.b) == [kind], f"b has the {kind}")
            if kind == "hold":
                status = self.delete_kept(digest)
                self.expect(400 <= status < 500, f"b refuses to delete what a keeps by a {kind}: {status}")
            self.lift(self.b, digest, kind)
        self.locked(digest)

    def locked(self, digest):
        """A lock of a holds in b until its end. One that ended before b was asked says nothing: the next is longer."""
        for seconds in self.LOCK_SECONDS:
            end = int(time.time()) + seconds
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
            self.keep(digest, "lock", until=until, end=end)
            self.until(lambda: self.has_lock(self.b, until) or time.time() >= end, "b has the lock")
            if time.time() >= end:
                continue
            status = self.delete_kept(digest)
            if status != 202 or time.time() < end:
                self.expect(400 <= status < 500, f"b refuses to delete what a keeps by a lock: {status}")
                break
            self.until(lambda: self.a.resolve("kept/app", digest) == 404, "b deletes it after the lock's end")
            self.b.push("kept/app", "v1", "kept")
            self.until(lambda: self.a.resolve("kept/app", "v1") == digest, "and has it again, as a has")
        else:
            self.expect(False, f"b is asked before a lock of {seconds} s ends")
        self.until(lambda: self.delete_kept(digest) == 202, "and deletes it once the lock has ended", 90 + seconds)
        self.until(lambda: self.a.resolve("kept/app", digest) == 404, "which counts in a")

    def keep(self, digest, kind, end=None, **more):
        """a sets it; one whose end has come meanwhile may be refused."""
        subject = {"repository": "kept/app", "digest": digest, "kind": kind, "reason": "a test", **more}
        status, _, body = self.a.call("POST", "/api/v1/pins", subject)
        is_over = end is not None and time.time() >= end
        self.expect(status in (200, 201, 204) or is_over, f"a sets a {kind}: {status} {body[:100]}")

    def delete_kept(self, digest):
        return self.b.call("DELETE", f"/v2/kept/app/manifests/{digest}")[0]

    @staticmethod
    def has_lock(region, until):
        pins = region.json("/api/v1/pins?repository=kept/app")["pins"]
        return [(one["kind"], one.get("until", "")[:19]) for one in pins] == [("lock", until[:19])]

    def pins(self, region):
        return [one["kind"] for one in region.json("/api/v1/pins?repository=kept/app")["pins"]]

    def lift(self, region, digest, kind):
        path = f"/api/v1/pins?repository=kept/app&kind={kind}&digest={digest}"
        status, _, body = region.call("DELETE", path)
        self.expect(status in (200, 202, 204), f"{region.name} lifts the {kind}: {status} {body[:100]}")
        other = self.pair[1 - self.pair.index(region)]
        self.until(lambda: not self.pins(other), f"it is lifted in {other.name}")

    def apart(self, changes):
        """Makes changes while neither follows the other one, and waits until both have them."""
        for region, other in (self.pair, self.pair[::-1]):
            region.set_region(other.name, "paused")
            state = region.regions()[other.name]["state"]
            self.expect(state == "paused", f"{other.name} is paused in {region.name}: {state}")
        result = changes()
        all_sealed(self.pair, rest=1.5)
        self.expect(not caught_up(self.pair), "what is paused is not followed")
        for region, other in (self.pair, self.pair[::-1]):
            region.set_region(other.name, "following")
        self.settled("together again")
        return result

    def conflict(self, name):
        """A tag that both set; returns the digests, and the id of the one open conflict in each."""
        base = self.a.push(name, "v1", f"{name} base")[0]
        self.until(lambda: self.b.resolve(name, "v1") == base, f"{name}: a tag is in both")
        digests = self.apart(lambda: [region.push(name, "v1", f"{name} {region.name}")[0] for region in self.pair])
        found = [region.resolve(name, "v1") for region in self.pair]
        self.expect(found[0] == found[1] == digests[1], f"{name}: the later one counts in both")
        opened = [[one for one in region.conflicts(False) if one["repository"] == name] for region in self.pair]
        self.expect([len(one) for one in opened] == [1, 1], f"{name}: one open conflict in each")
        sides = [(one[0]["winner"]["digest"], one[0]["loser"]["digest"]) for one in opened]
        self.expect(sides == [(digests[1], digests[0])] * 2, f"{name}: with the same winner and loser")
        for region in self.pair:
            for digest in digests:
                self.expect(region.wrong_with(name, digest) is None, f"{name}: both images are whole in {region.name}")
        return digests, [one[0]["id"] for one in opened]

    def over(self, name, digest):
        for region in self.pair:
            self.until(lambda: not [one for one in region.conflicts(False) if one["repository"] == name],
                       f"{name}: the conflict has ended in {region.name}")
            self.until(lambda: region.resolve(name, "v1") == digest, f"{name}: its tag is what was decided")

    def conflicting(self):
        digests, ids = self.conflict("conflict/taken")
        status = self.a.call("POST", f"/api/v1/conflicts/{ids[0]}", {"decision": "take-loser"})[0]
        self.expect(status == 204, f"conflict/taken: a takes the loser: {status}")
        self.over("conflict/taken", digests[0])
        digests, ids = self.conflict("conflict/kept")
        status = self.b.call("POST", f"/api/v1/conflicts/{ids[1]}", {"decision": "keep"})[0]
        self.expect(status == 204, f"conflict/kept: b keeps the winner: {status}")
        self.over("conflict/kept", digests[1])
        again = self.b.call("POST", f"/api/v1/conflicts/{ids[1]}", {"decision": "keep"})[0]
        self.expect(400 <= again < 500, f"conflict/kept: it is not resolved twice: {again}")
        self.same("after the conflicts")

    def conflict_left(self):
        """One sets a tag that the other one deletes; one moves the tag of an image that the other one deletes."""
        base = self.a.push("conflict/left", "v1", "left base")[0]
        self.until(lambda: self.b.resolve("conflict/left", "v1") == base, "conflict/left: a tag is in both")

        def changes():
            self.b.delete("conflict/left", base)
            return self.a.push("conflict/left", "v1", "left new")[0]

        digest = self.apart(changes)
        self.expect([region.resolve("conflict/left", "v1") for region in self.pair] == [digest] * 2,
                    "conflict/left: a later tag outlives the deletion of the image that it had")
        self.same("after a deletion on one side")
        lists = [self.conflicts(region, every=True) for region in self.pair]
        self.expect(lists[0] == lists[1], f"the conflicts of both are the same: {len(lists[0])}")

    def killed(self):
        """Each is killed while it applies what the other one has."""
        for round_ in range(KILLS):
            victim, other = self.pair[round_ % 2], self.pair[1 - round_ % 2]
            victim.set_region(other.name, "paused")
            for number in range(max(10, self.images // 2)):
                other.push(f"kill/app{number % 3}", f"v{round_}-{number}", f"kill {round_} {number}", 3, 20_000)
            other.sealed(rest=1.5)
            victim.set_region(other.name, "following")
            time.sleep(self.random.uniform(0.02, 0.4))
            victim.kill()
            victim.start()
            time.sleep(self.random.uniform(0, 0.3))
            victim.kill()
            victim.start()
            self.settled(f"{victim.name} is killed twice while it applies ({round_})")
        self.same("after the kills")
