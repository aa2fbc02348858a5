# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The world of tools/trust-e2e: a registry with a trust policy, the keys of the policy and others, and images."""

import gzip
import json
import os
import signal
import subprocess
import time

from access_server import write_atomically
from e2e_cases import Failure, expect, expect_equal, run
from e2e_http import Connection, digest, message, push_blob, push_manifest
from e2e_images import CONFIG, IMAGE, INDEX, LAYER, tar_layer
from e2e_server import Server
from e2e_world import World
from trust_signing import BUNDLE, Key, bundle, compact

EMPTY = "application/vnd.oci.empty.v1+json"
ORIGIN = "registry.example/log"
POLICY, INTEGRITY, NETWORK = 10, 11, 12
# A change of the file is looked for once a second.
NOTICE_SECONDS = 2
# How often it is measured whether it is noticed in that time: a machine that was busy once is not so each time.
MEASURES = 3
# What is waited for where it is no matter of time: that something comes at all.
PATIENCE_SECONDS = 60
COMMAND_SECONDS = 300
# An image of `ripe/` is old enough after so long, as the rules below say: clients have to be refused before.
RIPE_SECONDS = 15

RULES = """
    - repositories: ["signed/**"]
      enforce: pull
      require: [{signed: {keys: [alice, desk]}}]
    - repositories: ["two/**"]
      enforce: pull
      require: [{signed: {keys: [alice, bob, desk], threshold: 2}}]
    - repositories: ["scanned/**"]
      enforce: pull
      require:
        - vulnerabilities:
            keys: [scanner]
            max-severity: medium
            max-age: 24h
            waivers:
              - {id: CVE-2026-0001, until: "2026-01-31", reason: was to be mended in January}
              - {id: CVE-2026-0002, until: "2999-12-31", reason: the code is not reached}
    - repositories: ["built/**"]
      enforce: pull
      require:
        - provenance: {keys: [builder], builders: ["https://ci.example/**"], source: "https://git.example/team/*",
                       max-age: 30d}
    - repositories: ["tagged/**"]
      enforce: pull
      require: [{provenance: {keys: [builder], tag-matches-revision: true}}]
    - repositories: ["listed/**"]
      enforce: pull
      require: [{sbom: {keys: [builder], formats: [spdx]}}]
    - repositories: ["ripe/**"]
      enforce: pull
      require: [{minimum-age: 15s}]
    - repositories: ["warned/**"]
      enforce: warn
      require: [{signed: {keys: [alice]}}]
    - repositories: ["released/**"]
      enforce: promote
      require: [{signed: {keys: [alice]}}]
    - repositories: ["inventoried/**"]
      enforce: promote
      require: [{sbom: }]
"""


class Image:
    """A manifest that is in a repository."""

    def __init__(self, host, repository, data, media_type, children=()):
        self.host, self.repository, self.data, self.media_type = host, repository, data, media_type
        self.digest = digest(data)
        self.descriptor = {"mediaType": media_type, "digest": self.digest, "size": len(data)}
        self.children = list(children)

    @property
    def by_digest(self):
        return f"{self.host}/{self.repository}@{self.digest}"

    def by_tag(self, tag="v1"):
        return f"{self.host}/{self.repository}:{tag}"

    @property
    def blobs(self):
        document = json.loads(self.data)
        return [entry["digest"] for entry in [document["config"], *document["layers"]]]


class TrustServer(Server):
    """`cairn serve` with a configuration file, and requests to it over cleartext."""

    def __init__(self, binary, folder, configuration):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(binary, folder / "root", None, folder / "server.log")
        self.file = folder / "cairn.yml"
        write_atomically(self.file, configuration)

    def command(self, port=None):
        return [*super().command(port), "--config", str(self.file)]

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def call(self, method, target, *fields, body=b""):
        with Connection(self.port) as connection:
            connection.send(message(method, target, fields, body, host=self.host))
            return connection.reply(head=method == "HEAD")

    def get(self, repository, reference, *fields, method="GET"):
        return self.call(method, f"/v2/{repository}/manifests/{reference}", *fields)

    def json(self, target, *fields, method="GET", body=b""):
        reply = self.call(method, target, *fields, body=body)
        expect_equal(reply.status, 200, f"{method} {target}: {reply}")
        return json.loads(reply.body)

    def vkey(self):
        """The log's key, which the log has after its first change."""
        reply = self.call("GET", "/log/vkey")
        expect_equal(reply.status, 200, f"GET /log/vkey: {reply}")
        return reply.body.decode().splitlines()[0]

    def push_index(self, repository, tag, children):
        entries = [
            {**child.descriptor, "platform": {"os": "linux", "architecture": name}}
            for child, name in zip(children, ["amd64", "arm64"])
        ]
        data = compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        push_manifest(self.port, repository, tag, data, INDEX)
        return Image(self.host, repository, data, INDEX, children)

    def push_image(self, repository, tag="v1", seed=None, size=2000):
        """Pushes an image that every client takes, with a layer of its own."""
        text = (seed or f"{repository} {tag}").encode()
        layers = [tar_layer({"hello": text + b"\n"}), tar_layer({"noise": os.urandom(size)})]
        config = {
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
        packed = [gzip.compress(layer, 1, mtime=0) for layer in layers]
        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": self.store(repository, compact(config), CONFIG),
            "layers": [self.store(repository, layer, LAYER + "+gzip") for layer in packed],
        }
        data = compact(document)
        push_manifest(self.port, repository, tag, data)
        return Image(self.host, repository, data, IMAGE)

    def store(self, repository, data, media_type):
        return {"mediaType": media_type, "digest": push_blob(self.port, repository, data), "size": len(data)}

    def copy(self, image, repository, tag="v1"):
        """Puts an image into another repository as it is."""
        for name in image.blobs:
            blob = self.call("GET", f"/v2/{image.repository}/blobs/{name}")
            push_blob(self.port, repository, blob.body)
        push_manifest(self.port, repository, tag, image.data)
        return Image(self.host, repository, image.data, image.media_type)

    def attach(self, image, data, media_type=BUNDLE, annotations=None, times=1):
        """Pushes a referrer of an image with one layer, or with the same several times; returns its digest."""
        data = data if isinstance(data, bytes) else compact(data)
        self.store(image.repository, b"{}", EMPTY)
        self.store(image.repository, data, media_type)
        manifest = compact(self.referrer(image, data, media_type, annotations, times))
        return push_manifest(self.port, image.repository, digest(manifest), manifest)

    @staticmethod
    def referrer(image, data, media_type, annotations=None, times=1):
        """A manifest that attaches a layer."""
        return {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": media_type,
            "config": {"mediaType": EMPTY, "digest": digest(b"{}"), "size": 2},
            "layers": [{"mediaType": media_type, "digest": digest(data), "size": len(data)}] * times,
            "subject": image.descriptor,
            "annotations": annotations or {},
        }

    def attach_layers(self, image, suffix, layers):
        """Pushes what cosign keeps under a tag: layers of data, type and annotations."""
        tag = image.digest.replace(":", "-") + suffix
        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": self.store(image.repository, b'{"architecture":"","os":"","config":{}}', CONFIG),
            "layers": [
                {**self.store(image.repository, data, media_type), "annotations": annotations}
                for data, media_type, annotations in layers
            ],
        }
        return push_manifest(self.port, image.repository, tag, document)

    def attach_signature(self, image, key, **options):
        return self.attach(image, bundle(key, image.digest, **options))


class TrustWorld(World):
    """The clients of tools/e2e before a registry with a trust policy."""

    def __init__(self, binary, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.binary = str(binary)
        self.keys = {}
        (folder / "keys").mkdir()
        for name in ("alice", "bob", "scanner", "builder", "mallory"):
            self.keys[name] = self.generate(folder / "keys" / name)
        # cosign's own keys are ECDSA over P-256.
        self.keys["desk"] = Key.p256().save(folder / "keys" / "desk")
        super().__init__(binary, folder, TrustServer(binary, folder / "main", self.configuration()))

    def generate(self, path, password=None):
        environment = {"CAIRN_KEY_PASSPHRASE": password} if password else {}
        command = [self.binary, "key", "generate", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, **environment))
        return Key.load(path, password.encode() if password else None)

    def configuration(self, rules=RULES, keys=("alice", "bob", "scanner", "builder", "desk"), access=""):
        names = "".join(f"    {name}: ../keys/{name}.pub\n" for name in keys)
        return f"log-origin: {ORIGIN}\nlog-format: json\ntrust:\n  keys:\n{names}  rules:{rules}{access}"

    def write_policy(self, **options):
        write_atomically(self.server.file, self.configuration(**options))

    def cairn(self, *arguments, expects=0, **variables):
        """Runs a command of the binary; the result has text streams."""
        environment = dict(self.environment, **variables)
        command = [self.binary, *[str(argument) for argument in arguments]]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=COMMAND_SECONDS
        )
        if expects is not None and done.returncode != expects:
            words = (done.stderr.strip() or done.stdout.strip())[-700:]
            raise Failure(f"{' '.join(command)}\n      exit {done.returncode}, not {expects}: {words}")
        return done

    def sign(self, image, *arguments, key="alice", command="sign"):
        """`cairn sign` or `cairn attest`; returns what it stored: digests, and the tag of each or None."""
        done = self.cairn(command, image.by_digest, "--key", self.keys[key].path, *arguments)
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
        return [(name, rest[5:-1] if rest.startswith("(tag ") else None) for name, rest in lines]

    def sign_elsewhere(self, image, *arguments, **options):
        """The same where no rule binds, and what came of it copied to the image: it cannot be read where it is."""
        server = self.server
        free = server.copy(Image(image.host, image.repository, image.data, image.media_type), "free/signing")
        stored = self.sign(free, *arguments, **options)
        for name, tag in stored:
            manifest = server.get("free/signing", name).body
            for blob in Image("", "", manifest, IMAGE).blobs:
                push_blob(server.port, image.repository, server.call("GET", f"/v2/free/signing/blobs/{blob}").body)
            push_manifest(server.port, image.repository, tag or name, manifest)
        return stored

    # What a client gets

    def pull(self, client, image, tag=None, check=True):
        """Pulls with a real client; returns its result."""
        place = image.by_tag(tag) if tag else image.by_digest
        if client == "podman":
            self.podman("rmi", "-f", place, check=False)
            return self.podman("pull", "-q", "--tls-verify=false", place, check=check)
        target = self.scratch(f"pulls/{time.monotonic_ns()}")
        command = ["skopeo", "--insecure-policy", "--tmpdir", self.environment["TMPDIR"], "copy", "-q"]
        whole = ["--all"] if image.children else []
        places = [f"docker://{place}", f"dir:{target}"]
        return run([*command, *whole, "--src-tls-verify=false", *places], self, check=check)

    def refused(self, image, *words, tag="v1", clients=(), server=None):
        """The image cannot be had in any way, and each answer says why."""
        server = server or self.server
        ways = [server.get(image.repository, image.digest)]
        ways.append(server.call("GET", f"/v2/{image.repository}/blobs/{image.digest}"))
        if tag:
            ways.append(server.get(image.repository, tag))
        for reply in ways:
            expect_equal((reply.status, reply.code), (403, "DENIED"), f"GET of {image.repository}: {reply}")
            text = json.dumps(json.loads(reply.body)["errors"][0], ensure_ascii=False)
            for word in words:
                expect(word in text, f"the refusal does not say {word!r}: {text}")
        for client in clients:
            done = self.pull(client, image, tag, check=False)
            expect(done.returncode != 0, f"{client} pulled {image.repository}")
            said = done.stdout + done.stderr
            expect("denied" in said and words[0] in said, f"{client} does not say {words[0]!r}: {said.strip()[-500:]}")

    def refused_tag(self, image, tag, word, clients=()):
        """One tag of an image is refused, with the reason."""
        reply = self.server.get(image.repository, tag)
        expect_equal((reply.status, reply.code), (403, "DENIED"), f"GET of {image.repository}:{tag}: {reply}")
        expect(word in reply.body.decode(), f"the refusal does not say {word!r}: {reply.body[:600]}")
        for client in clients:
            done = self.pull(client, image, tag, check=False)
            expect(done.returncode != 0 and word in done.stderr, f"{client}: {done.returncode}: {done.stderr[-500:]}")

    def flows(self, image, tag="v1", clients=(), server=None):
        server = server or self.server
        for reference in [image.digest] + ([tag] if tag else []):
            reply = server.get(image.repository, reference)
            expect_equal(reply.status, 200, f"GET of {image.repository} {reference}: {reply}")
            expect_equal(digest(reply.body), image.digest, "digest of what was served")
            expect(reply.header("warning") is None, f"a warning: {reply.header('warning')}")
        for client in clients:
            self.pull(client, image, tag)

    def explained(self, image, reference=None):
        """What `_cairn/trust` says of an image."""
        return self.server.json(f"/v2/{image.repository}/_cairn/trust/{reference or image.digest}")


class KeptConnection:
    """One connection, on which the same manifest was asked for often enough for the quickest answers."""

    def __init__(self, server, image, reference, *fields, times=50, method="GET"):
        self.target = f"/v2/{image.repository}/manifests/{reference}"
        self.fields, self.host, self.method = list(fields), server.host, method
        self.connection = Connection(server.port)
        self.seen = [self.ask().status for _ in range(times)]

    def ask(self):
        self.connection.send(message(self.method, self.target, self.fields, host=self.host))
        return self.connection.reply(head=self.method == "HEAD")

    def eventually(self, status, seconds):
        """Asks until the answer has a status; returns the seconds that it took."""
        began = asked = time.monotonic()
        while (reply := self.ask()).status != status:
            # Only what was asked after that time has to have it.
            if asked - began > seconds:
                raise Failure(f"after {seconds} s still not {status}: {reply}")
            time.sleep(0.01)
            asked = time.monotonic()
        return time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
