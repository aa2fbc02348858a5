# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A registry that tells everything to a receiver, and what a test asks of the two."""

import json
import secrets
import subprocess

from bench_client import IMAGE_TYPE, Connection, push_bytes
from e2e_cases import expect, run
from e2e_world import World as Clients
from e2e_server import Configured
from otlp_receiver import Receiver

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


class World(Clients):
    def __init__(self, binary, folder):
        self.receiver = Receiver()
        self.binary = str(binary)
        text = (
            f"telemetry:\n  endpoint: {self.receiver.url}\n  sample: 1\n  metrics-every: 1s\n  compression: gzip\n"
            "  headers: {x-open: seen}\n  resource: {deployment.environment.name: test}\n"
            "metrics:\n  repositories: [named]\n"
        )
        settings = {"CAIRN_TELEMETRY_HEADERS": "x-secret=hunter3%2c", "CAIRN_LOG_FORMAT": "json"}
        server = Configured(binary, folder / "root", settings, text=text)
        super().__init__(binary, folder, server)

    def close(self):
        super().close()
        self.receiver.stop()

    def after_case(self):
        """What the receiver could not take fails the case in which it came."""
        errors = self.receiver.told_errors()
        expect(not errors, f"the receiver could not take {len(errors)} requests: {errors[:2]}")

    def metrics(self, accept=None):
        """The exposition of the server."""
        fields = {"Accept": accept} if accept else {}
        status, _, body = self.request("GET", "/metrics", headers=fields)
        if status != 200:
            raise RuntimeError(f"/metrics answers {status}")
        return body.decode()

    def value(self, sample):
        """The value of a sample by its name and labels, as they stand there; 0 where there is none."""
        for line in self.metrics().splitlines():
            if line.startswith(sample + " "):
                return float(line.split()[-1])
        return 0.0

    def push_manifest(self, repository, tag, fields=(), port=None):
        return push_manifest(port or self.port, repository, tag, fields)

    def tables(self):
        """The metrics that the program declares: by name, kind and labels."""
        text = run([self.binary, "observability", "metrics"], self).stdout
        declared = {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) > 4 and cells[1].startswith("`"):
                labels = {part.split("`")[1] for part in cells[3].split(";") if "`" in part}
                declared[cells[1].strip("`")] = cells[2], labels, cells[4]
        return declared

    def promtool(self, text):
        result = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, timeout=60, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        return result.returncode, result.stdout


def push_manifest(port, repository, tag, fields=()):
    """An image without layers; returns status and headers of the manifest's push."""
    with Connection(port) as connection:
        config = json.dumps({"seed": secrets.token_hex(8)}).encode()
        digest = push_bytes(connection, repository, config)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": IMAGE_TYPE, "layers": [],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)
            },
        }).encode()
        status, headers, _ = connection.request(
            "PUT", f"/v2/{repository}/manifests/{tag}", [("Content-Type", IMAGE_TYPE), *fields], manifest)
        return status, headers


def new_trace():
    """Ids of a trace and of the span that a client began in it."""
    return secrets.token_hex(16), secrets.token_hex(8)


def children(spans, parent):
    return [span for span in spans if span.parent == parent.id]
