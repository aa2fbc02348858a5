# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Steps of tools/region-e2e: three regions, of which one at a time creates the immutable tags of a repository. Whatever
clients do at once in all of them, no two are told that a tag is theirs."""

import http.client
import json
import subprocess
import threading
import time

from e2e_images import Layout, tar_layer
from region_world import IMAGE, Region, acquaint, all_sealed, caught_up, digest_of, eventually

NAME = "prod/app"
# For so long an answer waits at most for the tag to come from the home: ReplicationLimits.homeTagWait.
HOME_TAG_SECONDS = 10
RULES = """\
access:
  immutable:
    - {repositories: ["prod/**"], tags: ["v*"]}
  rules:
    - {name: everyone, allow: [pull, push, delete, sign, replicate, audit, admin], who: [anonymous]}
"""


class Homes:
    """Three regions that follow each other, and the tags that clients were told are set."""

    def __init__(self, binary, folder, expect, rounds):
        self.binary, self.folder, self.expect, self.rounds = str(binary), folder, expect, rounds
        folder.mkdir()
        self.regions = [Region(name, binary, folder) for name in ("a", "b", "c")]
        self.a, self.b, self.c = self.regions
        for region in self.regions:
            region.more = RULES
            region.file.write_text(RULES)
        self.told = {}
        # What the last push of a manifest took.
        self.took = 0
        self.counter, self.lock = 0, threading.Lock()

    def run(self):
        try:
            acquaint(self.regions)
            for step in (self.created, self.by_clients, self.raced, self.conditions, self.home_is_down,
                         self.taken_over, self.handed_over, self.moved_while_raced, self.killed_while_pushed,
                         self.parted):
                try:
                    step()
                except (OSError, RuntimeError, KeyError, http.client.HTTPException,
                        subprocess.SubprocessError) as error:
                    self.expect(False, f"{step.__name__}: {type(error).__name__} {error}")
        finally:
            for region in self.regions:
                region.stop()
        for region in self.regions:
            status, output = region.fsck(deep=True)
            why = output.strip()[-300:] if status else ""
            self.expect(status == 0, f"fsck --deep of {region.name} finds nothing {why}")

    # What clients do

    def attempt(self, region, tag, seed, headers=None):
        """Pushes an image under a tag; the status, its digest and the answer's body. What is acknowledged is noted."""
        digest, data = region.push(NAME, None, seed)
        began = time.monotonic()
        status, _, body = region.call("PUT", f"/v2/{NAME}/manifests/{tag}", data,
                                      {"Content-Type": IMAGE, **(headers or {})}, seconds=60)
        self.took = time.monotonic() - began
        if status == 201:
            self.told.setdefault(tag, set()).add(digest)
        return status, digest, body

    def fresh(self):
        with self.lock:
            self.counter += 1
            return f"v{self.counter}"

    def at_once(self, tag, regions=None):
        """Each region's client pushes another image under one tag at the same time; the statuses."""
        found = {}

        def push(region):
            try:
                found[region.name] = self.attempt(region, tag, f"{tag} of {region.name}")[0]
            except (OSError, RuntimeError) as error:
                found[region.name] = str(error)

        threads = [threading.Thread(target=push, args=(region,)) for region in regions or self.regions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def command(self, *arguments, region):
        command = [self.binary, "region", "home", *arguments, "--registry", region.host]
        return subprocess.run(command, capture_output=True, text=True, timeout=180)

    def hand_over(self, giver, taker):
        """Who has just got the home may still wait for what was before: then it does not give it away yet."""
        return eventually(lambda: self.command(NAME, "--to", taker.name, region=giver).returncode == 0, 90, pause=0.2)

    # What must be so

    def settled(self, what):
        all_sealed(self.regions, rest=1)
        self.expect(eventually(lambda: caught_up(self.regions)), f"{what}: all have all that was changed")
        wrong = []
        for tag, digests in sorted(self.told.items()):
            if len(digests) > 1:
                wrong.append(f"{tag} was acknowledged for {len(digests)} images")
            for region in self.regions:
                if region.resolve(NAME, tag) not in digests:
                    wrong.append(f"{region.name} has another {tag}")
        self.expect(not wrong, f"{what}: {len(self.told)} tags are everywhere what one client was told {wrong[:3]}")
        conflicts = [len(region.conflicts()) for region in self.regions]
        self.expect(conflicts == [0, 0, 0], f"{what}: no conflicts {conflicts}")

    def home_is(self, region, what):
        def found():
            for one in self.regions:
                listed = one.json(f"/api/v1/homes?repositories={NAME}")["homes"]
                if not listed or listed[0].get("log") != f"{region.name}.example/log":
                    return False
            return True

        self.expect(eventually(found, 90), f"{what}: all say that {region.name} is the home")

    # Steps

    def created(self):
        status, digest, _ = self.attempt(self.a, self.fresh(), "first")
        self.expect(status == 201, f"an immutable tag where the repository is created: {status}")
        self.settled("created")
        self.home_is(self.a, "created")
        before = self.b.log_size()
        tag = self.fresh()
        status, digest, body = self.attempt(self.b, tag, "second")
        self.expect(status == 201, f"and pushed elsewhere: {status} {body[:200]!r}")
        if self.took < HOME_TAG_SECONDS:
            self.expect(self.b.resolve(NAME, tag) == digest, "who pushed it reads it there at once")
        else:
            # The answer did not wait longer for the tag, which comes with the home's log.
            self.expect(eventually(lambda: self.b.resolve(NAME, tag) == digest), "who pushed it reads it there")
        self.expect(not self.a.wrong_with(NAME, digest), "and the home has the whole image by then")
        self.expect(self.b.sealed(rest=1.5) == before + 2,
                    "the other region's log has the image, put twice, and no tag")
        images = [self.c.push(NAME, None, f"child {number}")[1] for number in range(2)]
        _, index = self.c.index(NAME, None, images)
        tag = self.fresh()
        status, _, body = self.c.call("PUT", f"/v2/{NAME}/manifests/{tag}", index, {
            "Content-Type": json.loads(index)["mediaType"]}, seconds=60)
        self.expect(status == 201, f"an index elsewhere: {status} {body[:200]!r}")
        self.told[tag] = {digest_of(index)}
        status, digest, _ = self.attempt(self.b, "main", "mutable")
        self.expect(status == 201 and self.b.resolve(NAME, "main") == digest, "mutable tags are set in any region")
        del self.told["main"]
        status, _, body = self.attempt(self.c, "v1", "other")
        self.expect(status in (403, 409) and b"immutable" in body, f"a second image is refused elsewhere: {status}")
        self.settled("pushed elsewhere")

    def by_clients(self):
        layout = Layout(self.folder / "layout")
        image = layout.image([tar_layer({"a": b"1"})])
        tag = self.fresh()
        done = subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", layout.tag(image, "one"),
             f"docker://{self.b.host}/{NAME}:{tag}"], capture_output=True, text=True, timeout=120)
        self.expect(done.returncode == 0, f"skopeo pushes an immutable tag away from home {done.stderr[-200:]}")
        # The answer waits only so long for the tag to come from the home, and nothing said that the third has it.
        for region in (self.b, self.c):
            self.expect(eventually(lambda: isinstance(region.resolve(NAME, tag), str)),
                        f"{region.name} hears of what skopeo pushed")
        self.told[tag] = {self.b.resolve(NAME, tag)}
        done = subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{self.c.host}/{NAME}:{tag}",
             f"dir:{self.folder / 'pulled'}"], capture_output=True, text=True, timeout=120)
        self.expect(done.returncode == 0, f"and pulls it in the third region {done.stderr[-200:]}")

    def raced(self):
        won = []
        for _ in range(self.rounds):
            statuses = self.at_once(self.fresh())
            won.append(sum(status == 201 for status in statuses.values()))
        self.expect(won == [1] * self.rounds, f"of three pushes of a tag at once one is acknowledged, each time: {won}")
        self.settled("raced")

    def conditions(self):
        tag = self.fresh()
        status, digest, _ = self.attempt(self.b, tag, "absent", {"If-None-Match": "*"})
        self.expect(status == 201, f"If-None-Match away from home: {status}")
        status, _, _ = self.attempt(self.b, tag, "absent", {"If-None-Match": "*"})
        self.expect(status == 412, f"and a second time: {status}")
        status, _, _ = self.attempt(self.c, self.fresh(), "matching", {"If-Match": f'"{digest}"'})
        self.expect(status == 412, f"If-Match of what is not there is the home's to refuse: {status}")

    def home_is_down(self):
        self.a.kill()
        tag = self.fresh()
        status, _, body = self.attempt(self.b, tag, "while away")
        self.expect(status == 503 and b"region 'a'" in body, f"a new immutable tag while the home is down: {status}")
        status, _, _ = self.attempt(self.b, "v2", "second")
        self.expect(status == 201, f"the same image under its tag once more: {status}")
        status, _, _ = self.attempt(self.c, "latest", "mutable still")
        self.expect(status == 201, f"a mutable tag meanwhile: {status}")
        del self.told["latest"]
        done = self.command(NAME, "--here", region=self.b)
        self.expect(done.returncode != 0 and "'a'" in done.stdout, "its home is not taken by chance")

    def taken_over(self):
        done = self.command("prod/**", "--here", "--takeover", region=self.b)
        self.expect(done.returncode == 0 and "1 handed over" in done.stdout,
                    f"--takeover takes it {done.stderr[-200:]}")
        status, _, body = self.attempt(self.b, self.fresh(), "taken")
        self.expect(status == 201, f"immutable tags are created there: {status} {body[:200]!r}")
        self.expect(eventually(lambda: self.attempt(self.c, self.fresh(), "taken c")[0] == 201, 90),
                    "and through the third region")
        self.a.start()
        self.settled("the former home is back")
        self.home_is(self.b, "the former home is back")
        status, _, body = self.attempt(self.a, self.fresh(), "back")
        self.expect(status == 201, f"and hands pushes on: {status} {body[:200]!r}")

    def handed_over(self):
        done = self.command(NAME, "--to", "c", region=self.a)
        self.expect(done.returncode != 0, "who is not the home hands nothing over")
        done = self.command(NAME, "--to", "c", region=self.b)
        self.expect(done.returncode == 0, f"who is does {done.stderr[-200:]}")
        self.home_is(self.c, "handed over")
        # A region with entries that the new home has not heard yet would refuse a push for the moment.
        self.settled("the home is another one")
        for region in self.regions:
            status, _, body = self.attempt(region, self.fresh(), f"handed {region.name}")
            self.expect(status == 201, f"a push in {region.name} then: {status} {body[:200]!r}")
        self.settled("handed over")

    def moved_while_raced(self):
        """The home goes from region to region while tags are pushed in all of them."""
        order = [self.c, self.a, self.b]
        acknowledged = refused = 0
        for number in range(self.rounds):
            tag = self.fresh()
            giver, taker = order[number % 3], order[(number + 1) % 3]
            moving = threading.Thread(target=self.hand_over, args=(giver, taker))
            moving.start()
            statuses = self.at_once(tag)
            moving.join()
            acknowledged += sum(status == 201 for status in statuses.values())
            refused += sum(status == 503 for status in statuses.values())
            self.expect(len(self.told.get(tag, ())) <= 1, f"round {number}: {statuses}")
            self.home_is(taker, f"round {number}")
        print(f"{acknowledged} acknowledged, {refused} refused for the moment")
        self.settled("moved while pushed")

    def killed_while_pushed(self):
        """The home is killed while others push: what was acknowledged is there afterwards."""
        home = next(one for one in self.regions
                    if one.json(f"/api/v1/homes?repositories={NAME}")["homes"][0]["here"])
        before, done = len(self.told), threading.Event()

        def keep_pushing(region):
            while not done.is_set():
                tag = self.fresh()
                try:
                    self.attempt(region, tag, f"{tag} of {region.name}")
                except (OSError, RuntimeError, http.client.HTTPException):
                    pass

        threads = [threading.Thread(target=keep_pushing, args=(region,)) for region in self.regions]
        for thread in threads:
            thread.start()
        for number in range(3):
            told = len(self.told)
            self.expect(eventually(lambda: len(self.told) >= told + 6, 120),
                        f"tags are acknowledged before kill {number}")
            home.kill()
            home.start()
        done.set()
        for thread in threads:
            thread.join()
        print(f"{len(self.told) - before} tags acknowledged meanwhile")
        self.settled("the home was killed thrice")

    def parted(self):
        """A home that does not know that it is none any more: the higher epoch counts, and the conflict is told."""
        home = next(one for one in self.regions
                    if one.json(f"/api/v1/homes?repositories={NAME}")["homes"][0]["here"])
        taker = next(region for region in self.regions if region is not home)
        for region in self.regions:
            for other in self.regions:
                if other is not region:
                    region.set_region(other.name, "paused")
        done = self.command(NAME, "--here", "--takeover", region=taker)
        self.expect(done.returncode == 0, f"taken over in a partition {done.stderr[-200:]}")
        tag = self.fresh()
        kept, lost = self.attempt(taker, tag, "of the new home"), self.attempt(home, tag, "of the old one")
        self.expect((kept[0], lost[0]) == (201, 201), f"each thinks that it is the home: {kept[0]}, {lost[0]}")
        for region in self.regions:
            for other in self.regions:
                if other is not region:
                    region.set_region(other.name, "following")
        all_sealed(self.regions, rest=1)
        self.expect(eventually(lambda: caught_up(self.regions)), "healed: all have all that was changed")
        found = [region.resolve(NAME, tag) for region in self.regions]
        self.expect(found == [kept[1]] * 3, f"the tag is everywhere what the new home set {found}")
        conflicts = [[(one["winner"]["digest"], one["loser"]["digest"]) for one in region.conflicts()]
                     for region in self.regions]
        self.expect(conflicts == [[(kept[1], lost[1])]] * 3, f"and the other value is a conflict in all {conflicts}")
        self.home_is(taker, "healed")
