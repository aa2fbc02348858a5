# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The world of tools/web-e2e: a registry with images of every kind, as real clients leave them, and what was said of
them: signatures, inventories, reports, places, pins, rules; and another region that it follows."""

import json
import time
import urllib.parse
import urllib.request

from bench_client import Connection as FastConnection, push_image
from e2e_cases import expect_equal
from e2e_http import push_manifest
from e2e_server import Server
from trust_signing import TYPES, bundle, compact
from trust_world import TrustWorld

RULES = """
    - repositories: ["shop/**"]
      enforce: pull
      require: [{signed: {keys: [alice]}}]
    - repositories: ["shop/**"]
      enforce: warn
      require:
        - vulnerabilities: {keys: [scanner], max-severity: medium, max-age: 24h}
    - repositories: ["strict/**"]
      enforce: pull
      require: [{signed: {keys: [alice, bob], threshold: 2}}]
retention:
  limits: {tags-percent: 100, items: 100000}
  policies:
    - name: shop
      repositories: ["shop/**", "nasty/**"]
      rules:
        - name: releases
          keep: {versions: [">=2.0.0"]}
        - name: builds
          delete: {tags: ["*"], pushed-before: 1s}
"""
NASTY = [
    "<script>window.pwned=1</script>", "\"><img src=x onerror=window.pwned=1>", "javascript:window.pwned=1",
    "\"\u0301 onfocus=window.pwned=1 autofocus x=\"\u0301", "'><svg onload=window.pwned=1>", "{{{title}}}",
    "\u202egnp.exe", "</title></main><h1>not mine</h1>", "data:text/html,<script>window.pwned=1</script>",
]


class WebWorld(TrustWorld):
    def __init__(self, binary, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.browser = None
        self.us = Server(binary, folder / "us", settings={"CAIRN_LOG_ORIGIN": "us.example/log"})
        try:
            self.us.start()
            with FastConnection(self.us.port) as connection:
                push_image(connection, "shop/elsewhere", "v1", layers=1, seed="us")
            self.origin_key = self.key_of_us()
            super().__init__(binary, folder)
            self.fill()
        except BaseException:
            self.close()
            raise

    def key_of_us(self):
        with urllib.request.urlopen(f"http://{self.us.host}/log/vkey", timeout=60) as answer:
            return answer.read().decode().split()[0]

    def configuration(self, **options):
        region = f"regions:\n  - {{name: us, url: 'http://{self.us.host}', log-keys: ['{self.origin_key}']}}\n"
        return super().configuration(rules=RULES, **options) + region

    def close(self):
        if self.browser is not None:
            self.browser.close()
        super().close()
        self.us.stop()

    def fill(self):
        server = self.server
        first = server.push_image("shop/web", "1.0.0", seed="first")
        self.image = server.push_image("shop/web", "2.0.0", seed="second")
        for image in (first, self.image):
            server.attach_signature(image, self.keys["alice"])
        self.skopeo("copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
                    f"docker://{self.image.by_tag('2.0.0')}", f"docker://{self.host}/shop/web:latest")
        self.describe(self.image)
        arm = server.push_image("shop/web", "2.0.0-arm64", seed="arm")
        server.push_index("shop/web", "2.0.0-all", [self.image, arm])
        for number in range(70):
            push_manifest(server.port, "shop/web", f"build-{number:03}", first.data)
        server.push_image("strict/app", "v1", seed="strict")
        self.held = server.push_image("free/tool", "v1", seed="held")
        self.change("PUT", f"/api/v1/quarantine/{self.held.digest}", {"reason": NASTY[0] + NASTY[1]})
        for number in range(60):
            with FastConnection(server.port) as connection:
                push_image(connection, f"lib/part{number:02}", "v1", layers=1, seed="part")
        self.place(self.image)
        self.nasty()
        self.plan()

    def describe(self, image):
        """An inventory, a signed report and one without findings."""
        parts = [{"type": "library", "name": f"part{number}"} for number in range(214)]
        self.server.attach(image, {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": parts},
                           "application/vnd.cyclonedx+json")
        severities = ["CRITICAL"] * 2 + ["HIGH"] * 5 + ["MEDIUM"] * 11 + ["LOW"] * 24
        report = {
            "SchemaVersion": 2, "ArtifactName": "a", "CreatedAt": "2026-11-27T10:00:00Z",
            "Results": [{"Target": "app", "Vulnerabilities": [
                {"VulnerabilityID": f"CVE-2026-{number:04}", "Severity": severity, "PkgName": "openssl",
                 "InstalledVersion": "3.0.1", "FixedVersion": "3.0.2" if number % 2 else ""}
                for number, severity in enumerate(severities)
            ]}],
        }
        predicate = {
            "invocation": {}, "scanner": {"uri": "https://trivy.example", "version": "1", "result": report},
            "metadata": {"scanStartedOn": "2026-11-27T10:00:00Z", "scanFinishedOn": "2026-11-27T10:00:00Z"},
        }
        self.server.attach(image, bundle(self.keys["scanner"], image.digest, TYPES["vuln"], predicate))

    def change(self, method, target, body):
        fields = [("Content-Type", "application/json")]
        reply = self.server.call(method, target, *fields, body=compact(body))
        expect_equal(reply.status // 100, 2, f"{method} {target}: {reply}")
        return reply

    def place(self, image):
        for environment, count in (("prod", 5), ("staging", 2)):
            self.change("POST", "/api/v1/promotions", {
                "env": environment, "service": "shop",
                "image": {"repository": image.repository, "digest": image.digest},
            })
            for number in range(count):
                self.change("POST", "/api/v1/deployments", {
                    "env": environment, "target": f"web-{number}", "service": "shop", "expires": 86_400,
                    "image": {"repository": image.repository, "digest": image.digest},
                })
        self.change("POST", "/api/v1/pins", {
            "repository": image.repository, "tag": "2.0.0", "kind": "pin", "reason": NASTY[1] + " the release of May",
        })

    def nasty(self):
        """Annotations, reasons, requests and documents as somebody writes them who wants more than to be shown."""
        annotations = {f"k{number} {text}": text for number, text in enumerate(NASTY)}
        annotations["org.opencontainers.image.source"] = "https://git.example/shop/web"
        config = self.server.store("nasty/app", compact({
            "os": NASTY[0], "architecture": NASTY[1], "created": NASTY[4], "rootfs": {"type": "layers", "diff_ids": []},
        }), "application/vnd.oci.image.config.v1+json")
        image = compact({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
            "layers": [], "annotations": annotations,
        })
        push_manifest(self.server.port, "nasty/app", "v1", image)
        subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json",
                   "digest": self.server.get("nasty/app", "v1").header("docker-content-digest"), "size": len(image)}
        report = {
            "SchemaVersion": 2, "ArtifactName": "a", "CreatedAt": "2026-11-27T10:00:00Z", "Results": [{"Vulnerabilities": [
                {"VulnerabilityID": text, "Severity": "HIGH", "PkgName": text, "FixedVersion": text} for text in NASTY
            ]}],
        }
        predicate = {
            "scanner": {"uri": NASTY[2], "result": report},
            "metadata": {"scanStartedOn": "2026-11-27T10:00:00Z", "scanFinishedOn": "2026-11-27T10:00:00Z"},
        }
        holder = type("Holder", (), {"repository": "nasty/app", "descriptor": subject})
        self.server.attach(holder, bundle(self.keys["mallory"], subject["digest"], TYPES["vuln"], predicate))
        self.server.attach(holder, bundle(self.keys["mallory"], subject["digest"], NASTY[0], {}))
        self.server.call("GET", "/v2/nasty/app/tags/list", ("X-Request-Id", "a'\"><script>window.pwned=1</script>"))

    def plan(self):
        """A plan by which something goes: the rule asks for images that are a second old, by the registry's clock."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            reply = self.change("POST", "/api/v1/retention/runs", {"repositories": "**"})
            self.run = json.loads(reply.body)["id"]
            run = {"state": "planning"}
            while run["state"] == "planning" and time.monotonic() < end:
                run = json.loads(self.server.call("GET", f"/api/v1/retention/runs/{self.run}").body)
                time.sleep(0.05)
            if run.get("tags"):
                return
            time.sleep(0.5)
        raise RuntimeError("no plan by which something goes was made within 120 s")

    def digest_of(self, repository, tag):
        return self.server.get(repository, tag).header("docker-content-digest")

    def pages(self):
        """All pages, with the status that each has."""
        image = f"/ui/repositories/shop/web/-/{self.image.digest}"
        explain = urllib.parse.urlencode({"repository": "shop/web", "reference": "2.0.0"})
        return {
            "repositories": ("/ui/", 200), "found": ("/ui/?prefix=lib/", 200), "none": ("/ui/?prefix=zzz", 200),
            "repository": ("/ui/repositories/shop/web", 200), "tag": ("/ui/repositories/shop/web/-/2.0.0", 200),
            "digest": (image, 200), "index": ("/ui/repositories/shop/web/-/2.0.0-all", 200),
            "refused": ("/ui/repositories/strict/app/-/v1", 200),
            "quarantined": ("/ui/repositories/free/tool/-/v1", 200),
            "nasty": ("/ui/repositories/nasty/app/-/v1", 200), "retention": ("/ui/retention", 200),
            "run": (f"/ui/retention/{self.run}", 200), "explain": (f"/ui/retention/explain?{explain}", 200),
            "environments": ("/ui/environments", 200),
            "environment": ("/ui/environments?env=prod", 200), "objectives": ("/ui/objectives", 200),
            "regions": ("/ui/regions", 200), "storage": ("/ui/storage", 200), "audit": ("/ui/audit", 200),
            "denials": ("/ui/denials", 200), "log": ("/ui/log", 200), "missing": ("/ui/nothing", 404),
            "unknown": ("/ui/repositories/none", 404),
        }
