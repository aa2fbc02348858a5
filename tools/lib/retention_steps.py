# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The steps of tools/retention-e2e: fill, plan, look, apply, undo, be killed, and see what is there."""

import json
import shutil
import subprocess
import time

from crash_client import CONFIG, LAYER, MANIFEST, digest_of, request
from e2e_server import Configured

INDEX = "application/vnd.oci.image.index.v1+json"
RULES = """
retention:
  limits: {tags-percent: 100, items: 100000}
  policies:
    - name: team
      repositories: ["team/**"]
      rules:
        - name: releases
          keep: {versions: [">=2.0.0"]}
        - name: builds
          delete: {tags: ["*"], pushed-before: 1s}
        - name: leftovers
          delete: {untagged: true, pushed-before: 1s}
collection: {undo: 1h}
"""
EMPTY = b"{}"


class Campaign:
    def __init__(self, binary, folder, source, images, kills):
        self.binary, self.folder, self.source = str(binary), folder, source
        self.images, self.kills = images, kills
        self.server = Configured(binary, folder / "data", settings={"CAIRN_ACCESS_LOG": "false"}, text=RULES)
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
            time.sleep(2)  # the rules select what is older than a second
            before = self.state()
            plan = self.plan(before)
            self.explain()
            self.du_of_rules(plan)
            self.apply(plan, before)
            self.restore(plan, before)
            self.moved(before)
            self.killed()
            self.du()
            self.clients()
        finally:
            self.server.stop()
        status, output = self.server.fsck(deep=True)
        self.expect(status == 0, f"fsck --deep is clean {output.strip()[-200:] if status else ''}")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    # Filling

    def push(self, repository, content):
        status, _, _ = request(
            self.server.port, "POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}", content
        )
        if status != 201:
            raise RuntimeError(f"a push of a blob is answered with {status}")

    def put(self, repository, reference, document, media_type=MANIFEST):
        content = json.dumps(document, sort_keys=True).encode()
        reference = reference or digest_of(content)
        headers = {"Content-Type": media_type}
        status, _, _ = request(self.server.port, "PUT", f"/v2/{repository}/manifests/{reference}", content, headers)
        if status != 201:
            raise RuntimeError(f"a push of a manifest is answered with {status}")
        return content

    def image(self, repository, reference, number, subject=None):
        layer = self.source.randbytes(self.source.randrange(100, 20_000))
        for content in (EMPTY, layer):
            self.push(repository, content)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(EMPTY), "size": len(EMPTY)},
            "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
            "annotations": {"number": str(number)},
        }
        if subject is not None:
            document["artifactType"] = "application/vnd.example.signature"
            document["subject"] = {"mediaType": MANIFEST, "digest": digest_of(subject), "size": len(subject)}
        return self.put(repository, reference, document)

    def index(self, repository, tag, children):
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {"mediaType": MANIFEST, "digest": digest_of(child), "size": len(child)} for child in children
            ],
        }
        return self.put(repository, tag, document, INDEX)

    def fill(self):
        """Images of versions below and above 2.0.0, every third signed, every fifth below an index; three that are held
        by a pin, a hold and a report."""
        for number in range(self.images):
            repository = f"team/app{number % 5}"
            tag = f"{1 + number % 2}.{number}.0"
            if number % 5 == 0:
                children = [self.image(repository, None, f"{number}-{part}") for part in ("amd64", "arm64")]
                content = self.index(repository, tag, children)
                self.image(repository, None, f"signature of a part of {number}", subject=children[0])
            else:
                content = self.image(repository, tag, number)
            if number % 3 == 0:
                self.image(repository, None, f"signature of {number}", subject=content)
        self.held = [("team/app1", "1.1000.0"), ("team/app1", "1.1001.0"), ("team/app1", "1.1002.0")]
        contents = [self.image(repository, tag, tag) for repository, tag in self.held]
        host = self.server.host
        self.cairn("pin", f"{host}/team/app1:1.1000.0", "--reason", "demonstration")
        self.cairn("pin", f"{host}/team/app1:1.1001.0", "--hold", "--reason", "a court wants it")
        image = f"{host}/team/app1@{digest_of(contents[2])}"
        self.cairn("deploy", "report", "--env", "prod", "--target", "web-3", "--image", image)

    # Looking

    def cairn(self, *arguments, expect=0):
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=300)
        if done.returncode != expect:
            raise RuntimeError(f"cairn {' '.join(arguments)} ends with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def retention(self, *arguments, expect=0):
        return self.cairn("retention", *arguments, "--registry", self.server.host, expect=expect)

    def get(self, path):
        status, _, body = request(self.server.port, "GET", path)
        return status, body

    def state(self):
        """Every tag with the bytes of its manifest, every referrer, and every blob that they name."""
        found = {}
        for number in range(5):
            name = f"team/app{number}"
            tags = json.loads(self.get(f"/v2/{name}/tags/list?n=1000")[1] or b"{}").get("tags") or []
            waiting = [(f"{name}:{tag}", tag) for tag in tags]
            while waiting:
                label, reference = waiting.pop()
                status, body = self.get(f"/v2/{name}/manifests/{reference}")
                found[label] = (status, digest_of(body))
                if status != 200:
                    continue
                document = json.loads(body)
                for child in document.get("manifests", []):
                    waiting.append((f"{name}@{child['digest']}", child["digest"]))
                referrers = json.loads(self.get(f"/v2/{name}/referrers/{digest_of(body)}")[1])["manifests"]
                for referrer in referrers:
                    waiting.append((f"{name}@{referrer['digest']}", referrer["digest"]))
                for layer in document.get("layers", []):
                    status, content = self.get(f"/v2/{name}/blobs/{layer['digest']}")
                    found[f"{name}#{layer['digest']}"] = (status, digest_of(content))
        return found

    def tags(self, state):
        return {label for label in state if ":" in label.split("@")[0].split("#")[0]}

    # Steps

    def plan(self, before):
        output = self.retention("plan", "--output", "json").splitlines()
        run, decisions = json.loads(output[0]), [json.loads(line) for line in output[1:]]
        self.expect(run["state"] == "planned" and not run["warnings"], f"a plan {run['plan']} without warnings")
        self.expect(self.state() == before, "a plan changes nothing that clients see")
        going = {f"{d['repository']}:{d['tag']}" for d in decisions if "tag" in d}
        held = {f"{repository}:{tag}" for repository, tag in self.held}
        wanted = {label for label in self.tags(before) if label.split(":")[1].startswith("1.")} - held
        self.expect(going == wanted, f"it deletes the {len(wanted)} tags below 2.0.0 that nothing holds")
        self.expect(all(d["reason"] for d in decisions), "every decision has a reason")
        return run

    def explain(self):
        told = {
            "team/app1:1.1000.0": "pinned", "team/app1:1.1001.0": "held by", "team/app1:1.1002.0": "runs in prod",
            "team/app1:2.1.0": "releases", "team/app1:1.6.0": "builds",
        }
        for image, word in told.items():
            output = self.cairn("retention", "explain", f"{self.server.host}/{image}")
            self.expect(word in output, f"explain says '{word}' of {image}")

    def apply(self, plan, before):
        self.retention("apply", plan["plan"][:-1] + "x", expect=5)
        self.expect(self.state() == before, "another plan's hash is refused, and nothing goes")
        self.retention("apply", plan["plan"])
        after = self.state()
        held = {f"{repository}:{tag}" for repository, tag in self.held}
        left = {label for label in self.tags(before) if not label.split(":")[1].startswith("1.")} | held
        self.expect(self.tags(after) == left, f"{len(left)} tags are left")
        self.expect(
            all(after[label] == before[label] for label in after), "what is left is served with the bytes it had"
        )
        self.expect(all(status == 200 for status, _ in after.values()), "nothing that is left lacks a part")

    def restore(self, plan, before):
        self.retention("restore", str(plan["id"]))
        self.expect(self.state() == before, f"all {len(before)} objects are back, byte for byte")
        self.retention("restore", str(plan["id"]), expect=5)
        self.expect(True, "a run is not undone twice")

    def moved(self, before):
        plan = json.loads(self.retention("plan", "--output", "json").splitlines()[0])
        self.retention("apply", plan["plan"])
        other = self.image("team/app1", "1.6.0", "another")
        output = self.retention("restore", str(plan["id"]))
        self.expect("1.6.0 has another image now" in output, "a tag that was moved meanwhile is reported")
        after = self.state()
        self.expect(after["team/app1:1.6.0"] == (200, digest_of(other)), "and not overwritten")
        different = {label for label in before if after.get(label) != before[label]} - {"team/app1:1.6.0"}
        layers = {label for label in different if "#" in label or "@" in label}
        self.expect(different == layers and len(different) <= 3, "all else is back")

    def killed(self):
        """Kills the server while it applies or undoes; the run goes on after the start."""
        time.sleep(2)
        before = self.state()
        done = set()
        for round in range(self.kills):
            plan = json.loads(self.retention("plan", "--output", "json").splitlines()[0])
            for action, last in (("apply", "applied"), ("restore", "restored")):
                path = f"/api/v1/retention/runs/{plan['id']}/{action}"
                body = json.dumps({"hash": plan["hash"], "confirm": True}).encode()
                request(self.server.port, "POST", path, body, {"Content-Type": "application/json"})
                time.sleep(self.source.uniform(0, 0.15))
                outcome = self.outcome(plan["id"])
                done.add((action, outcome["state"]))
                self.server.kill()
                self.server.start()
                deadline = time.monotonic() + 180
                while (outcome := self.outcome(plan["id"]))["state"] != last and time.monotonic() < deadline:
                    time.sleep(0.05)
                if outcome["state"] != last or outcome["decisions"].get("skipped"):
                    self.expect(False, f"round {round}: {action} did not go on after a kill: {outcome}")
                    return
            if self.state() != before:
                self.expect(False, f"round {round}: what was undone is not what was there before")
                return
        self.expect(True, f"{2 * self.kills} kills while applying and undoing ({sorted(done)}): all went on, all is back")

    def outcome(self, run):
        return json.loads(self.get(f"/api/v1/retention/runs/{run}")[1])

    def du(self):
        output = self.cairn("du", self.server.host, "--output", "json").splitlines()
        usage = {line["repository"]: line for line in map(json.loads, output)}
        self.expect(sorted(usage) == [f"team/app{number}" for number in range(5)], "du lists every repository")
        # The blob of the empty configuration is in all of them.
        self.expect(
            all(0 < line["unique_bytes"] == line["bytes"] - len(EMPTY) for line in usage.values()),
            "and tells what is shared from what is not",
        )
        output = self.cairn("du", f"{self.server.host}/team/app1:1.6.0")
        self.expect("shared with" in output and "since the tag's former image" in output, "du shows an image's layers")

    def du_of_rules(self, plan):
        """What rules would free is what a plan says, and what the disk holds is what lies there."""
        run = json.loads(self.cairn("du", "--rules", self.server.host, "--output", "json"))
        shares = sum(rule["bytes"] for rule in run["rules"])
        self.expect(run["bytes"] == plan["bytes"] == shares and run["rules"] == plan["rules"],
                    f"cairn du --rules: {len(run['rules'])} rules free {shares} bytes, as the plan does")
        disk = json.loads(self.cairn("du", "--disk", self.server.host, "--output", "json"))
        files = sum(path.stat().st_size for path in (self.folder / "data" / "blobs").rglob("*") if path.is_file())
        held = disk["bytes"] - disk["uploads"]["bytes"] - disk["quarantined"]["bytes"]
        self.expect(held == files and disk["orphans"]["blobs"] == 0,
                    f"cairn du --disk: {held} bytes of blobs, as the files have")

    def clients(self):
        for tag in ("2.1.0", "1.1002.0"):
            target = self.folder / f"pulled-{tag}"
            source = f"docker://{self.server.host}/team/app1:{tag}"
            done = subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", source, f"dir:{target}"])
            self.expect(done.returncode == 0, f"skopeo pulls team/app1:{tag}")
            shutil.rmtree(target, ignore_errors=True)
