# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The verifier against servers that run here: one that serves a log and proofs, and a witness, both right and wrong."""

import gzip
import http.server
import json
import os
import tempfile
import threading
import urllib.parse

from . import base64text
from .checkpoints import Checkpoint, make_checkpoint
from .faults import Fault
from .maker import make_leaves, write_log
from .merkle import Leaves, check_consistency, inclusion_proof, leaf_hash
from .notes import COSIGNATURE, SignerKey
from .proofs import make_proof
from .report import Report
from .served import ServedProofs
from .sources import Directory, Remote, registry_url
from .tiles import TileTree
from .verifier import Expectation, Verifier
from .witness import converse

ORIGIN, SIZE, FORMER = "log.example/a", 600, 300
USER = "auditor:secret"


class World:
    """A log, and what the servers may do wrong with it: a set of names."""

    def __init__(self, folder):
        self.folder, self.key = folder, SignerKey(ORIGIN)
        self.cosigner = SignerKey("witness.example/w", COSIGNATURE)
        self.stranger = SignerKey("witness.example/w", COSIGNATURE)
        self.leaves = make_leaves(ORIGIN, SIZE)
        self.checkpoints = write_log(folder, [self.key], ORIGIN, self.leaves, (FORMER,))
        self.expectation = Expectation([self.key.verifier], cosigners=[self.cosigner.verifier])
        self.tree = TileTree(Directory(folder), SIZE)
        self.tags = {leaf["body"]["tag"]: (index, leaf) for index, leaf in enumerate(map(json.loads, self.leaves))
                     if leaf["kind"] == "tag.set"}
        # The same but for the first entry.
        self.fork = Leaves([leaf_hash(leaf) for leaf in [self.leaves[1], *self.leaves[1:]]])
        self.wrong, self.cosigned = set(), (0, None)

    def proof(self, tag):
        index, _ = self.tags["v1" if self.wrong & {"other proof", "another tag's proof"} else tag]
        if "forked checkpoint" in self.wrong:
            path = inclusion_proof(self.fork, index, SIZE)
            note = make_checkpoint([self.key], ORIGIN, SIZE, self.fork.subtree(0, SIZE))
            return make_proof(index, path, note, self.leaves[index])
        path = inclusion_proof(self.tree, index, SIZE)
        if "wrong path" in self.wrong:
            path[0] = bytes(32)
        extra = None if "no extra" in self.wrong else self.leaves[index]
        if "other extra" in self.wrong:
            extra = self.leaves[index + 2]
        return make_proof(index, path, self.checkpoints[SIZE], extra)

    def witness(self, body):
        """(status, media type, body) of add-checkpoint."""
        head, _, note = body.partition(b"\n\n")
        lines = head.decode().split("\n")
        old, proof = base64text.decimal(lines[0][4:]), [base64text.decode_hash(line) for line in lines[1:]]
        checkpoint = Checkpoint(note)
        if checkpoint.origin != ORIGIN and "any origin" not in self.wrong:
            return 404, "text/plain", b""
        try:
            checkpoint.verify([self.key.verifier], ORIGIN)
        except Fault:
            if "any signature" not in self.wrong:
                return 403, "text/plain", b""
        if old > checkpoint.size and "any larger size" not in self.wrong:
            return 400, "text/plain", b""
        size, root = self.cosigned
        if old != size and "any old size" not in self.wrong:
            return 409, "text/x.tlog.size", f"{size}\n".encode()
        try:
            if old:
                check_consistency(old, checkpoint.size, root, checkpoint.root, proof)
        except Fault:
            if "any proof" not in self.wrong:
                return 422, "text/plain", b""
        self.cosigned = checkpoint.size, checkpoint.root
        text = b"another\n" if "other text" in self.wrong else checkpoint.note.text
        cosigner = self.stranger if "another cosigner" in self.wrong else self.cosigner
        return 200, "text/plain", cosigner.line(text, 1_700_000_000)


def handler(world):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def answer(self, status, media_type="text/plain", body=b"", fields=()):
            self.send_response(status)
            for name, value in (("Content-Type", media_type), ("Content-Length", str(len(body))), *fields):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self):
            tag = self.path.rpartition("/")[2]
            _, leaf = world.tags["v1" if "another tag's proof" in world.wrong else tag if tag in world.tags else "v17"]
            digest = "sha256:" + "0" * 64 if "other digest" in world.wrong else leaf["body"]["digest"]
            self.answer(200, fields=[("Docker-Content-Digest", digest)])

        def do_GET(self):
            if "/_cairn/proof/" in self.path:
                tag = urllib.parse.unquote(self.path.rpartition("/")[2])
                return self.answer(200, body=world.proof(tag if tag in world.tags else "v17"))
            content = Directory(world.folder).fetch(self.path.removeprefix("/log/"))
            is_bundle = "/entries/" in self.path
            if is_bundle and "Authorization" not in self.headers:
                return self.answer(401, "application/octet-stream")
            if content is None:
                return self.answer(404)
            kind = "text/plain; charset=utf-8" if self.path.endswith("/checkpoint") else "application/octet-stream"
            if "media type" in world.wrong:
                kind = "text/html"
            if not is_bundle:
                return self.answer(200, kind, content)
            return self.answer(200, kind, gzip.compress(content, 1), [("Content-Encoding", "gzip")])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(*world.witness(body))

    return Handler


def attempt(world, url, wrong, user=USER):
    """The report of everything that can be asked of a server which does these things wrong."""
    world.wrong, world.cosigned = set(wrong), (FORMER, Checkpoint(world.checkpoints[FORMER]).root)
    report, source = Report(), Remote(url, user)
    checkpoint = Verifier(source, world.expectation, report).run(True, 5, [world.checkpoints[FORMER]])
    if checkpoint is None:
        return report
    with report.check("proof"):
        leaf = world.tags["v17"][1]
        served = ServedProofs(registry_url(url), user, source, world.expectation, checkpoint)
        served.check(f"{leaf['repo']}:v17")
    converse(f"{url}/witness", source, world.expectation, checkpoint, report)
    return report


# What the server does wrong -> the kind of fault, or the check that fails.
ROWS = {
    "media type": "http", "other proof": "proof", "wrong path": "inclusion", "no extra": "proof",
    "other extra": "inclusion", "other digest": "proof", "another tag's proof": "proof",
    "forked checkpoint": "forked",
    "any signature": "witness: wrong signature is 403", "any old size": "witness: tells the latest size",
    "any proof": "witness: wrong proof is 422", "any origin": "witness: unknown origin is 404",
    "any larger size": "witness: old size above the checkpoint's is 400",
    "other text": "signature", "another cosigner": "witness: cosigns",
}


def other_repository(world, url):
    world.wrong = set()
    source = Remote(url, USER)
    served = ServedProofs(registry_url(url), USER, source, world.expectation, Checkpoint(world.checkpoints[SIZE]))
    leaf = world.tags["v17"][1]
    served.check(f"{leaf['repo']}:v17")
    for reference in ("team/other:v17", f"{leaf['repo']}@{leaf['body']['digest']}"):
        try:
            served.check(reference)
        except Fault as fault:
            if fault.kind == "proof":
                continue
        raise Fault("self-test", f"a proof of another entry is accepted for {reference}")


def run(report):
    with tempfile.TemporaryDirectory(prefix="cairn-served-") as folder:
        world = World(os.path.join(folder, "log"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(world))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/log"
        try:
            with report.check("a server, its proofs and its witness") as details:
                found = attempt(world, url, ())
                details.append(f"{found.passed} checks")
                if found.faults:
                    raise found.faults[0]
            for wrong, kind in ROWS.items():
                with report.check(f"a server with {wrong}") as details:
                    result = attempt(world, url, (wrong,))
                    found = result.kinds
                    details.append(", ".join(sorted(found)))
                    if kind not in found | result.failed_checks:
                        raise Fault("self-test", f"found {sorted(found)}, not {kind}")
            with report.check("a proof that is of another repository"):
                other_repository(world, url)
            with report.check("a server that refuses entries"):
                if "http" not in attempt(world, url, (), user=None).kinds:
                    raise Fault("self-test", "401 is not reported")
        finally:
            server.shutdown()
            server.server_close()
