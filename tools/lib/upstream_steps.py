# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The steps of tools/upstream-e2e."""

import http.client
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from access_server import IMAGE, SecureServer, basic
from access_world import make_certificate
from e2e_http import digest
from e2e_server import Configured
from upstream_liar import Liar

INDEX = "application/vnd.oci.image.index.v1+json"
ALICE = "a long password"
# What many clients ask at once has to be asked within it, however busy the machine is.
FRESH = 8
# Comes for some seconds, by the limit below.
BIG = 64 * 1024 * 1024
WAIT_SECONDS = 60
# The pauses of the mirror between its rounds: a registry that is away for longer may be given up.
ASKED_AGAIN_SECONDS = 0.25 + 0.5 + 1 + 2
KILLS = 5
# How much later than the mirror promises something may be seen.
LATE_SECONDS = 20
UPSTREAM = """\
tls: {{certificate: {certificate}, key: {key}}}
access:
  service: cairn
  htpasswd: htpasswd
  robots: robots.json
  token-keys: token-keys.json
  limits: {{bytes-per-second: 12MiB}}
  rules:
    - {{name: all, allow: "*", who: ["user:alice"]}}
    - {{name: mirrors, allow: [pull], who: ["robot:mirror"], repositories: ["library/**", "team/**"]}}
"""
MIRROR = """\
upstreams:
  - {{name: docker.io, url: '{url}', username: '{user}', password-file: secret, ca-file: ca.pem, fresh: {fresh}s}}
  - name: up.example
    url: {url}
    username: {user}
    password-file: secret
    ca-file: ca.pem
    fresh: {fresh}s
    repositories: ["team/*"]
  - {{name: liar.example, url: 'http://{liar}', fresh: 1s}}
retention:
  policies:
    - name: mirrored
      repositories: ["up.example/team/old"]
      rules: [{{name: all, delete: {{tags: ["*"]}}}}, {{name: rest, delete: {{untagged: true}}}}]
"""


def size_of(path):
    """Bytes of a file, 0 where it is gone by now."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def code(self):
        try:
            return json.loads(self.body)["errors"][0]["code"]
        except (ValueError, KeyError):
            return None


class Campaign:
    def __init__(self, binary, folder, clients):
        self.binary, self.folder, self.clients = binary, folder, clients
        self.passed = self.failed = 0
        self.alice = basic("alice", ALICE)
        self.liar = Liar()
        (folder / "up").mkdir()
        (folder / "here").mkdir()
        certificate, key = make_certificate(binary, folder / "up/tls")
        self.up = SecureServer(binary, folder / "up", UPSTREAM.format(certificate=certificate, key=key), certificate)
        self.up.set_user("alice", ALICE)
        user, secret = self.up.create_robot("mirror", "pull:library/*", "pull:team/*")
        (folder / "here/secret").write_text(secret + "\n")
        shutil.copy(certificate, folder / "here/ca.pem")
        self.here = Configured(
            binary, folder / "here/root", file=folder / "here/cairn.yml",
            text=MIRROR.format(url=self.up.base, user=user, liar=self.liar.host, fresh=FRESH))

    def expect(self, holds, what):
        print(f"{'ok   ' if holds else 'FAIL '} {what}", flush=True)
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)

    def run(self):
        try:
            self.up.start()
            self.here.start()
            steps = [self.real_clients, self.indexes, self.many_at_once, self.killed, self.not_allowed, self.pushes,
                     self.retention, self.moved, self.gone, self.lies, self.down, self.restarted, self.rebuilt]
            for step in steps:
                try:
                    step()
                except Exception as error:  # noqa: BLE001
                    self.expect(False, f"{step.__name__}: {type(error).__name__}: {error}")
            self.here.stop()
            status, text = self.here.fsck()
            self.expect(status == 0, f"fsck of the mirror: {text.splitlines()[-1] if text else ''}")
        finally:
            self.liar.close()
            self.here.stop()
            self.up.stop()

    def get(self, path, method="GET", timeout=60):
        request = urllib.request.Request(f"http://{self.here.host}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def push(self, name, tag, *seeds):
        return self.up.push_image(self.alice, name, tag, *(seeds or [name, tag]))

    def asked(self, method, route, repository, name=None):
        """How often the mirror asked the other registry for something and got it."""
        wanted = {"principal": "robot:mirror", "method": method, "route": route, "repository": repository}
        if name:
            wanted["digest"] = name
        return sum(
            record.get("status") in (200, 206) and all(record.get(key) == value for key, value in wanted.items())
            for record in self.up.log_records()
        )

    @staticmethod
    def logged(count, whole):
        """What was counted in the log, where a request is a moment after it was answered."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not whole(counts := count()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return counts

    def command(self, *arguments):
        environment = dict(os.environ, HOME=str(self.folder / "home"), TMPDIR=str(self.folder / "tmp"))
        for place in ("home", "tmp"):
            (self.folder / place).mkdir(exist_ok=True)
        return subprocess.run(
            [str(part) for part in arguments], capture_output=True, text=True, timeout=300, env=environment
        )

    # Steps

    def real_clients(self):
        name = self.push("team/app", "v1")
        self.push("library/alpine", "3")
        target = self.folder / "skopeo"
        result = self.command("skopeo", "copy", "--src-tls-verify=false",
                              f"docker://{self.here.host}/up.example/team/app:v1", f"dir:{target}")
        pulled = digest((target / "manifest.json").read_bytes()) if result.returncode == 0 else result.stderr[-300:]
        self.expect(pulled == name, f"skopeo pulls by tag {pulled if pulled != name else ''}")
        for reference in ("docker.io/library/alpine:3", "docker.io/alpine:3"):
            result = self.command(
                "podman", "--root", self.folder / "storage", "--runroot", self.folder / "run", "--storage-driver",
                "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "pull", "--tls-verify=false",
                f"{self.here.host}/{reference}")
            # The layers of these images are no archives: podman has fetched and checked all when it says so.
            fetched = result.returncode == 0 or "tar" in result.stderr
            self.expect(fetched, f"podman pulls {reference} {'' if fetched else result.stderr[-300:]}")
        result = self.command("curl", "-sS", "-o", self.folder / "curl",
                              f"http://{self.here.host}/v2/alpine/manifests/3?ns=docker.io")
        manifest = json.loads((self.folder / "curl").read_text()) if result.returncode == 0 else {}
        self.expect("layers" in manifest, "curl pulls by ?ns= and a short name")
        answer = self.get("/v2/alpine/manifests/3?ns=quay.io")
        self.expect((answer.status, answer.code()) == (404, "NAME_UNKNOWN"), "another ?ns= is unknown")

    def indexes(self):
        children = [self.push("team/multi", f"child{number}") for number in range(3)]
        entries = []
        for number, child in enumerate(children):
            document = self.up.call("GET", f"/v2/team/multi/manifests/{child}", [self.alice]).body
            entries.append({"mediaType": IMAGE, "digest": child, "size": len(document),
                            "platform": {"architecture": f"a{number}", "os": "linux"}})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        self.up.put_manifest(self.alice, "team/multi", "v1", index, INDEX)
        answer = self.get("/v2/up.example/team/multi/manifests/v1")
        child = self.get(f"/v2/up.example/team/multi/manifests/{children[1]}")
        self.expect((answer.status, child.status) == (200, 200), "an index, and one of its images")
        asked = self.logged(lambda: [self.asked("GET", "manifest", "team/multi", child) for child in children], any)
        self.expect(asked == [0, 1, 0], f"only the image that was asked for was fetched: {asked}")

    def many_at_once(self):
        self.push("team/many", "v1")
        bytes_of, wrong = {}, []

        def pull(_):
            answer = self.get("/v2/team/many/manifests/v1?ns=up.example")
            ended.append(time.monotonic())
            if answer.status != 200:
                wrong.append((answer.status, answer.body[:200]))
                return False
            manifest = json.loads(answer.body)
            for part in [manifest["config"], *manifest["layers"]]:
                blob = self.get(f"/v2/team/many/blobs/{part['digest']}?ns=up.example")
                bytes_of[part["digest"]] = blob.body
                if blob.status != 200 or digest(blob.body) != part["digest"]:
                    wrong.append((blob.status, blob.body[:200], len(blob.body), part))
                    return False
            return True

        begun, ended = time.monotonic(), []
        with ThreadPoolExecutor(self.clients) as pool:
            whole = sum(pool.map(pull, range(self.clients)))
        self.expect(whole == self.clients, f"{whole} of {self.clients} clients at once have the whole image {wrong[:1]}")
        # An answer counts for FRESH seconds from when it came on: a busy machine may see several of them.
        spans = 1 + int((max(ended) - begun) / FRESH)
        asked = self.logged(lambda: [self.asked("GET", "blob", "team/many", name) for name in bytes_of], all)
        self.expect(set(asked) == {1}, f"each of {len(asked)} blobs was fetched once: {sorted(asked)}")
        heads, gets = self.logged(
            lambda: [self.asked(method, "manifest", "team/many") for method in ("HEAD", "GET")], all)
        self.expect(1 <= heads <= spans and gets == 1,
                    f"the manifest too, its tag asked for once in {FRESH} s: {heads} of {spans} HEAD, {gets} GET")

    def killed(self):
        """The other registry dies in the middle of a blob, and comes back."""
        for number in range(KILLS):
            whole, excuse = self.killed_once(f"v{number}")
            if whole or not excuse:
                break
            print(f"again {excuse}", flush=True)
        self.expect(whole, "a blob whose registry was killed in its middle comes whole to who waits for it")

    def killed_once(self, tag):
        """Whether a blob of its own came whole over a kill, and else why nothing was promised of it, or None."""
        data = os.urandom(BIG)
        parts = [self.up.push_blob(self.alice, "team/big", part) for part in (b"{}", data)]
        manifest = {"schemaVersion": 2, "mediaType": IMAGE,
                    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": parts[0], "size": 2},
                    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": parts[1],
                                "size": BIG}]}
        self.up.put_manifest(self.alice, "team/big", tag, manifest)
        self.get(f"/v2/up.example/team/big/manifests/{tag}")
        result, broken = [], []

        def pull():
            try:
                result.append(self.get(f"/v2/up.example/team/big/blobs/{parts[1]}", timeout=120))
            except (OSError, http.client.HTTPException) as error:
                broken.append(error)

        uploads = self.here.root / "uploads"
        former = set(uploads.iterdir())
        puller = threading.Thread(target=pull)
        puller.start()
        self.up.eventually(lambda: any(size_of(path) > 1 << 20 for path in set(uploads.iterdir()) - former),
                           "some of the blob has come", WAIT_SECONDS)
        began = time.monotonic()
        self.up.kill()
        self.up.start()
        away = time.monotonic() - began
        puller.join()
        if result and result[0].status == 200:
            # Wrong bytes have no excuse.
            return result[0].body == data, None
        if broken and not data.startswith(getattr(broken[0], "partial", b"")):
            return False, None
        late = f"the other registry was away for {away:.1f} s, and is asked again for {ASKED_AGAIN_SECONDS} s"
        return False, late if away > ASKED_AGAIN_SECONDS else None

    def not_allowed(self):
        self.push("library/alpine", "4")
        answer = self.get("/v2/up.example/library/alpine/manifests/4")
        self.expect(answer.status == 404, f"what 'repositories' does not list is not fetched: {answer.status}")
        self.push("secret/app", "v1")
        answer = self.get("/v2/docker.io/secret/app/manifests/v1")
        self.expect((answer.status, answer.code()) == (403, "DENIED"), "what the other registry refuses is refused")

    def pushes(self):
        answer = self.get("/v2/up.example/team/app/blobs/uploads/", "POST")
        self.expect((answer.status, answer.code()) == (405, "UNSUPPORTED"), "an upload is refused")
        source = f"dir:{self.folder / 'skopeo'}"
        result = self.command("skopeo", "copy", "--dest-tls-verify=false", source,
                              f"docker://{self.here.host}/up.example/team/new:v1")
        self.expect(result.returncode != 0 and "mirrors" in result.stderr, "skopeo is told why it cannot push")

    def retention(self):
        self.push("team/old", "v1")
        answer = self.get("/v2/up.example/team/old/manifests/v1")
        name = answer.headers["Docker-Content-Digest"]
        arguments = ["--registry", self.here.host, "--output", "json"]
        planned = self.command(self.binary, "retention", "plan", *arguments)
        plan = json.loads(planned.stdout.splitlines()[0])
        applied = self.command(self.binary, "retention", "apply", plan["plan"], "--confirm", *arguments)
        listed = self.get("/v2/up.example/team/old/tags/list")
        left = json.loads(listed.body).get("tags") if listed.status == 200 else []
        self.expect(applied.returncode == 0 and not left, f"a rule removes a mirrored image {applied.stderr[-200:]}")
        again = self.get("/v2/up.example/team/old/manifests/v1")
        same = again.status == 200 and again.headers["Docker-Content-Digest"] == name
        self.expect(same, "and it comes again when it is asked for")

    def moved(self):
        path = "/v2/up.example/team/moving/manifests/v1"
        first = self.push("team/moving", "v1", "first")
        began = time.monotonic()
        self.expect(self.get(path).headers["Docker-Content-Digest"] == first, "a tag")
        second = self.push("team/moving", "v1", "second")
        self.up.eventually(
            lambda: self.get(path).headers["Docker-Content-Digest"] == second, "the tag has moved", FRESH + LATE_SECONDS
        )
        self.expect(time.monotonic() - began > FRESH / 2, "a tag that moved is seen once its answer is old")
        self.expect(self.get(f"/v2/up.example/team/moving/manifests/{first}").status == 200, "its former image stays")

    def gone(self):
        path = "/v2/up.example/team/gone/manifests/"
        name = self.push("team/gone", "v1")
        self.get(path + "v1")
        self.up.call("DELETE", "/v2/team/gone/manifests/v1", [self.alice])
        self.up.eventually(lambda: self.get(path + "v1").status == 404, "the tag is gone", FRESH + LATE_SECONDS)
        self.expect(self.get(path + name).status == 200, "of a tag that is gone there the image stays by its digest")

    def lies(self):
        free = [path.name for path in (self.here.root / "uploads").iterdir()]
        layer = digest(self.liar.layer)
        answer = self.get("/v2/liar.example/good/app/manifests/v1")
        blob = self.get(f"/v2/liar.example/good/app/blobs/{layer}")
        self.expect((answer.status, blob.body == self.liar.layer) == (200, True), "what is no lie is served")
        for how in ("wrong", "endless", "drip", "short"):
            manifest = self.get(f"/v2/liar.example/{how}/app/manifests/v1")
            try:
                blob = self.get(f"/v2/liar.example/{how}/app/blobs/{layer}", timeout=120)
                kept = blob.status != 200 or blob.body == self.liar.layer
                what = blob.status
            except (OSError, ValueError, urllib.error.URLError, Exception) as error:  # noqa: BLE001
                kept, what = True, type(error).__name__
            self.expect(manifest.status == 200 and kept and what != 200, f"{how} bytes reach nobody whole: {what}")
        for how in ("html", "forged"):
            answer = self.get(f"/v2/liar.example/{how}/app/manifests/v1")
            self.expect(answer.status == 503, f"{how} manifests are not taken: {answer.status}")
        blob = self.get(f"/v2/liar.example/good/app/blobs/{layer}")
        self.expect(blob.body == self.liar.layer, "what was right is right after the lies")
        left = self.logged(lambda: [path.name for path in (self.here.root / "uploads").iterdir()
                                    if path.name not in free], lambda left: not left)
        self.expect(not left, f"nothing of the lies is left: {len(left)} files")

    def down(self):
        manifest = json.loads(self.get("/v2/up.example/team/many/manifests/v1").body)
        self.up.stop()
        time.sleep(FRESH + 0.5)
        answers = [self.get("/v2/up.example/team/many/manifests/v1") for _ in range(3)]
        warned = all((answer.headers["Warning"] or "").startswith("110 - ") for answer in answers)
        self.expect(warned and answers[0].status == 200, "while the other registry is down, a tag comes with a warning")
        layer = manifest["layers"][0]["digest"]
        blob = self.get(f"/v2/up.example/team/many/blobs/{layer}")
        self.expect(blob.status == 200 and digest(blob.body) == layer, "and what was fetched comes whole")
        name = answers[0].headers["Docker-Content-Digest"]
        answer = self.get(f"/v2/up.example/team/many/manifests/{name}")
        self.expect((answer.status, answer.headers["Warning"]) == (200, None), "by digest without a warning")
        answer = self.get("/v2/up.example/team/never/manifests/v1")
        self.expect(answer.status == 503, f"what was never here is unavailable: {answer.status}")

    def restarted(self):
        """The mirror is killed and starts again while the other registry is down."""
        self.here.kill()
        self.here.start()
        answer = self.get("/v2/up.example/team/many/manifests/v1")
        stale = answer.status == 200 and (answer.headers["Warning"] or "").startswith("110 - ")
        self.expect(stale, "what was fetched survives a kill")
        self.up.start()
        self.up.eventually(
            lambda: self.get("/v2/up.example/team/many/manifests/v1").headers["Warning"] is None, "asked again",
            40 + LATE_SECONDS,
        )
        self.expect(True, "once the other registry is back, the warning ends")

    def rebuilt(self):
        """The catalog is lost, and made anew out of the log and the blobs."""
        before = json.loads(self.get("/v2/up.example/team/many/tags/list").body)
        manifest = json.loads(self.get("/v2/up.example/team/many/manifests/v1").body)
        self.here.stop()
        for path in (self.here.root / "meta").iterdir():
            path.unlink()
        result = self.command(self.binary, "rebuild", "--config", self.folder / "here/cairn.yml", "--root",
                              self.here.root)
        self.expect(result.returncode == 0, f"a lost catalog is made anew {(result.stdout + result.stderr)[-200:]}")
        self.here.start()
        self.expect(json.loads(self.get("/v2/up.example/team/many/tags/list").body) == before, "its tags are there")
        layer = manifest["layers"][0]["digest"]
        blob = self.get(f"/v2/up.example/team/many/blobs/{layer}")
        self.expect(blob.status == 200 and digest(blob.body) == layer, "blobs come when they are asked for")
