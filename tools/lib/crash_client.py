# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A client that pushes, tags and deletes, and its own record of what the registry acknowledged."""

import hashlib
import http.client
import json

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def request(port, method, path, body=None, headers=None):
    """One request on a connection of its own: (status, headers in lower case, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content
    finally:
        connection.close()


class Ledger:
    """What must be true of the registry: acknowledged content is there, acknowledged deletes stay, and of a change that
    was asked for and never answered either outcome is right, but nothing in between."""

    def __init__(self):
        self.content = {}  # (kind, repository, digest) -> bytes
        self.deleted = set()  # keys of content that were acknowledged as deleted
        self.in_doubt = set()  # keys whose delete was not answered
        self.roots = {}  # size of a tree of the log -> its root, as checkpoints that were seen say
        self.sealed = 0  # how many entries an answer has said to be in the log
        self.two_roots = []  # sizes of which two roots were seen
        self.tags = {}  # (repository, tag) -> the digests that may be right; None stands for no tag

    def acknowledged(self):
        return len(self.content) + len(self.deleted) + sum(1 for right in self.tags.values() if right != {None})

    def saw(self, checkpoint):
        """Notes the root that a checkpoint gives a size."""
        lines = checkpoint.decode().split("\n")
        size, root = int(lines[1]), lines[2]
        if self.roots.setdefault(size, root) != root:
            self.two_roots.append(size)

    def check(self, port):
        """What is wrong with the registry, as sentences."""
        wrong = []
        for (kind, repository, digest), content in self.content.items():
            status, _, got = request(port, "GET", f"/v2/{repository}/{kind}/{digest}")
            if status == 404 and (kind, repository, digest) in self.in_doubt:
                continue
            if status != 200:
                wrong.append(f"lost: {kind} {repository}@{digest} answers {status}")
            elif got != content:
                wrong.append(f"wrong bytes: {kind} {repository}@{digest}")
        for kind, repository, digest in self.deleted:
            status, _, _ = request(port, "GET", f"/v2/{repository}/{kind}/{digest}")
            if status != 404:
                wrong.append(f"undone: the delete of {kind} {repository}@{digest}, which answers {status}")
        for (repository, tag), right in self.tags.items():
            status, headers, _ = request(port, "GET", f"/v2/{repository}/manifests/{tag}")
            got = headers.get("docker-content-digest") if status == 200 else None
            if got not in right:
                wrong.append(f"tag {repository}:{tag} is {got}, not one of {sorted(map(str, right))}")
        return wrong


class Client:
    """Runs the script against a server. Stops at the first connection that fails: the server is gone then."""

    def __init__(self, port, ledger, random):
        self.port = port
        self.ledger = ledger
        self.random = random

    def push_blob(self, repository, content, style):
        """Pushes in one of three styles (whole POST, POST and PUT, two chunks); the digest if acknowledged."""
        digest = digest_of(content)
        uploads = f"/v2/{repository}/blobs/uploads/"
        if style == 0:
            status, _, _ = request(self.port, "POST", f"{uploads}?digest={digest}", content)
        else:
            status, headers, _ = request(self.port, "POST", uploads)
            if status != 202:
                return None
            where, rest = headers["location"], content
            if style == 2:
                half = len(content) // 2
                status, headers, _ = request(
                    self.port, "PATCH", where, content[:half], {"Content-Range": f"0-{half - 1}"})
                if status != 202:
                    return None
                where, rest = headers["location"], content[half:]
            status, _, _ = request(self.port, "PUT", f"{where}?digest={digest}", rest)
        if status != 201:
            return None
        self.ledger.content["blobs", repository, digest] = content
        return digest

    def push_manifest(self, repository, reference, document, media_type):
        content = json.dumps(document).encode()
        digest = digest_of(content)
        tag = (repository, reference)
        is_tag = ":" not in reference
        if is_tag:
            self.ledger.tags.setdefault(tag, {None}).add(digest)
        status, headers, _ = request(
            self.port, "PUT", f"/v2/{repository}/manifests/{reference}", content,
            {"Content-Type": media_type, "Prefer": "wait=checkpoint"})
        if status != 201:
            return None
        if "cairn-log-index" in headers:
            self.ledger.sealed = max(self.ledger.sealed, int(headers["cairn-log-index"]) + 1)
        if is_tag:
            self.ledger.tags[tag] = {digest}
        self.ledger.content["manifests", repository, digest] = content
        status, _, checkpoint = request(self.port, "GET", "/log/checkpoint")
        if status == 200:
            self.ledger.saw(checkpoint)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def push_image(self, repository, tag, number, layer_bytes):
        config = json.dumps({"number": number, "salt": self.random.random()}).encode()
        layer = self.random.randbytes(layer_bytes)
        config_digest = self.push_blob(repository, config, number % 3)
        layer_digest = self.push_blob(repository, layer, (number + 1) % 3)
        if not config_digest or not layer_digest:
            return None
        return self.push_manifest(
            repository, tag,
            {
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": config_digest, "size": len(config)},
                "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": len(layer)}],
            }, MANIFEST)

    def delete_blob(self, repository, digest):
        key = ("blobs", repository, digest)
        self.ledger.in_doubt.add(key)
        status, _, _ = request(self.port, "DELETE", f"/v2/{repository}/blobs/{digest}")
        if status == 202:
            del self.ledger.content[key]
            self.ledger.deleted.add(key)

    def delete_tag(self, repository, tag):
        self.ledger.tags[repository, tag].add(None)
        status, _, _ = request(self.port, "DELETE", f"/v2/{repository}/manifests/{tag}")
        if status == 202:
            self.ledger.tags[repository, tag] = {None}

    def run(self):
        children = []
        for number in range(4):
            repository = f"team/app{number % 2}"
            pushed = self.push_image(repository, f"v{number // 2}", number, 3000 + number * 70_000)
            if pushed and repository == "team/app0":
                children.append(pushed)
            if number == 2 and pushed:
                self.delete_tag(repository, "v1")
            stray = self.push_blob(repository, self.random.randbytes(500), 0)
            if stray:
                request(self.port, "POST", f"/v2/team/other/blobs/uploads/?mount={stray}&from={repository}")
                self.delete_blob(repository, stray)
        if children:
            self.push_manifest(
                "team/app0", "all", {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}, INDEX)
        self.push_image("team/app0", "v0", 9, 5000)
