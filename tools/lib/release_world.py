# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The world of tools/release-e2e: a registry, one that follows it, a CI that builds images, and hosts that run them."""

import http.client
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from e2e_cases import Failure, Skip, expect, expect_equal
from e2e_world import World
from region_world import IMAGE, Region, digest_of, follow
from release_host import CONFIGURATION, TELL_SECONDS, Host
from release_journal import Journal, now, record

REPOSITORY = "team/web"
DRIFT_SECONDS = 2
REFUSED, POLICY = 5, 10
SETTINGS = """
releases: {{drift-after: {drift}s}}
trust:
  keys: {{release: {keys}/release.pub}}
  rules:
    - repositories: ["team/**"]
      enforce: promote
      require: [{{signed: {{keys: [release]}}}}]
"""
RETENTION = """
retention:
  limits: {tags-percent: 100, items: 100000}
  policies:
    - name: team
      repositories: ["team/**"]
      rules:
        - name: builds
          delete: {tags: ["*"], pushed-before: 1s}
        - name: leftovers
          delete: {untagged: true, pushed-before: 1s}
"""
# What an image runs: it says which version it is, and every half second whether it is well.
PROGRAM = """
[ "$HEALTH" = bad ] && exit 1
echo "$VERSION" >/version
n=0
while :; do
    n=$((n + 1))
    word=ok
    [ "$HEALTH" = flap ] && [ $((n % 2)) = 0 ] && word=ill
    echo "$word" >/health.new && /bin/busybox mv /health.new /health
    echo "looks $n" >/counters
    /bin/busybox sleep 0.5
done
"""


class ReleaseWorld(World):
    def __init__(self, binary, folder, hosts=3):
        folder.mkdir(parents=True, exist_ok=True)
        self.binary = str(binary)
        self.journal = Journal()
        keys = folder / "keys"
        keys.mkdir()
        subprocess.run([self.binary, "key", "generate", str(keys / "release")], check=True, stdout=subprocess.DEVNULL)
        self.key = keys / "release.key"
        settings = SETTINGS.format(drift=DRIFT_SECONDS, keys=keys)
        server = Region("us", binary, folder)
        server.file.write_text(settings + RETENTION)
        self.follower = Region("eu", binary, folder)
        self.follower.more = settings
        # podman takes no longer path for what it keeps while containers run.
        self.short = Path(tempfile.mkdtemp(prefix="cairn-", dir="/tmp"))
        self.images, self.scans, self.stories = {}, {}, {}
        super().__init__(binary, folder, server)
        containers = folder / "containers.conf"
        containers.write_text(CONFIGURATION.format(runtime=shutil.which("runc") or "/usr/sbin/runc"))
        self.environment["CONTAINERS_CONF"] = str(containers)
        self.hosts = [Host(self, f"web-{number + 1}") for number in range(hosts)]

    def close(self):
        for host in self.hosts:
            host.close()
        if self.follower.process is not None:
            self.follower.stop()
        super().close()
        shutil.rmtree(self.short, ignore_errors=True)

    def after_case(self):
        """What an agent found to be wrong fails the case in which it did."""
        failures = []
        for host in self.hosts:
            found, host.failures = host.failures, []
            failures += found
        expect(not failures, f"{len(failures)} failures of agents: {failures[:3]}")

    def start_follower(self):
        """The other region begins once the log has a key."""
        self.server.known_key = self.server.key()
        follow(self.follower, [self.server])
        self.follower.start()

    def can_run(self):
        """Why a container cannot be run on this machine, or None. That an image cannot be pushed or pulled fails."""
        self.base()
        host = Host(self, "trial")
        self.bud("trial", "FROM localhost/base\nENV VERSION=trial HEALTH=good\n")
        image = f"{self.host}/trial/web:1"
        self.buildah("push", "-q", "--tls-verify=false", "localhost/trial", f"docker://{image}")
        host.podman("pull", "-q", "--tls-verify=false", image)
        try:
            done = host.podman("run", "-d", "--name", "web", image, check=False)
            if done.returncode != 0:
                return done.stderr.strip()[-300:]
            done = host.podman("exec", "web", "/bin/busybox", "true", check=False)
            return done.stderr.strip()[-300:] if done.returncode != 0 else None
        finally:
            host.podman("rm", "-f", "-t", "0", "-a", check=False)

    # What is told

    def tell(self, method, path, body=None):
        """Sends until there is an answer; returns it and how often it was sent."""
        deadline = time.monotonic() + TELL_SECONDS
        sent = 0
        while True:
            sent += 1
            try:
                answer = self.server.call(method, path, body)
                if answer[0] < 500:
                    return answer, sent
                trouble = f"{answer[0]} {answer[2][:200]}"
            except (OSError, http.client.HTTPException) as error:
                trouble = repr(error)
            if time.monotonic() > deadline:
                raise Failure(f"{method} {path} was sent {sent} times: {trouble}")
            time.sleep(0.05)

    def cairn(self, *arguments, expects=0):
        command = [self.binary, *[str(argument) for argument in arguments]]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment, timeout=300
        )
        if expects is not None and done.returncode != expects:
            words = (done.stderr.strip() or done.stdout.strip())[-700:]
            raise Failure(f"{' '.join(command)}\n      exit {done.returncode}, not {expects}: {words}")
        return done

    def tell_by_command(self, fact, *arguments):
        """A command that is an entry of the record."""
        begun = now()
        done = self.cairn(*arguments)
        self.journal.add(begun, fact)
        return done

    # What CI does

    def base(self):
        folder = self.scratch("base")
        if not shutil.which("busybox"):
            raise Skip("busybox-static is missing")
        shutil.copy2(shutil.which("busybox"), folder / "busybox")
        (folder / "web.sh").write_text(PROGRAM)
        self.bud("base", 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY web.sh /web.sh\n'
                         'ENTRYPOINT ["/bin/busybox", "sh", "/web.sh"]\n')

    def bud(self, name, recipe):
        folder = self.scratch("base")
        (folder / f"{name}.recipe").write_text(recipe)
        self.buildah("bud", "-q", "-t", f"localhost/{name}", "-f", folder / f"{name}.recipe", folder)

    def build(self, version, health="good"):
        """Builds an image and pushes it by its digest, without a tag."""
        self.bud(version, f"FROM localhost/base\nENV VERSION={version} HEALTH={health}\n")
        self.buildah("push", "-q", f"localhost/{version}", f"oci:{self.folder}/built:{version}")
        index = json.loads((self.folder / "built/index.json").read_text())
        digest = [entry["digest"] for entry in index["manifests"]
                  if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == version][-1]
        self.skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{self.folder}/built:{version}",
                    f"docker://{self.host}/{REPOSITORY}@{digest}")
        self.images[version] = digest
        return digest

    def report_build(self, digest, revision, run, failed=False):
        image = f"{self.host}/{REPOSITORY}" + (f"@{digest}" if digest else "")
        options = ["--source", "git.example/acme/web", "--revision", revision, "--builder", "ci.example/release",
                   "--build", run]
        fact = {"kind": "build", "succeeded": not failed, "repository": REPOSITORY, "digest": digest,
                "source": "git.example/acme/web", "revision": revision, "builder": "ci.example/release", "build": run}
        return self.tell_by_command(fact, "build", "report", image, *options, *(["--failed"] if failed else []))

    def sign(self, digest):
        self.cairn("sign", self.by_digest(digest), "--key", self.key)

    def tag(self, digest, tag):
        body, media_type = self.server.manifest(REPOSITORY, digest)
        self.server.put(REPOSITORY, tag, body, media_type)

    def deliver(self, version, health="good"):
        """Builds, reports, signs and tags, as CI does for each version."""
        digest = self.build(version, health)
        self.report_build(digest, f"commit-{version}", f"run-{version}")
        self.sign(digest)
        self.tag(digest, version)
        return digest

    def by_digest(self, digest):
        return f"{self.host}/{REPOSITORY}@{digest}"

    def scan(self, digest, severities):
        """Attaches the report of a scanner, in Trivy's form, with a finding of each severity."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        found = [
            {"VulnerabilityID": f"CVE-2026-{number:04}", "PkgName": "libfoo", "InstalledVersion": "1.0", "Severity": name}
            for number, name in enumerate(severities)
        ]
        report = self.folder / "report.json"
        report.write_text(json.dumps({
            "invocation": {}, "metadata": {"scanStartedOn": moment, "scanFinishedOn": moment},
            "scanner": {"uri": "pkg:trivy", "version": "0.60", "result": {
                "SchemaVersion": 2, "ArtifactName": "web", "Results": [{"Target": "os", "Vulnerabilities": found}]}},
        }))
        self.cairn("attest", self.by_digest(digest), "--key", self.key, "--type", "vuln", "--predicate", report)
        self.scans[REPOSITORY, digest] = severities.count("CRITICAL")

    # What release managers do

    def promote(self, digest, to="prod", service="web", source=None):
        fact = {"kind": "promotion", "repository": REPOSITORY, "digest": digest, "environment": to,
                "service": service, "from": source}
        options = ["--to", to] + (["--service", service] if service else []) + (["--from", source] if source else [])
        return self.tell_by_command(fact, "promote", self.by_digest(digest), *options)

    def phase(self, phase, digest, deployment, environment="prod", service="web", configuration=None, kept=None):
        """A phase of a whole rollout; `kept` is what the record has for it, where that is another one."""
        fact = {"kind": "step", "phase": kept or phase, "repository": REPOSITORY, "digest": digest, "deployment": deployment,
                "environment": environment, "service": service, "configuration": configuration}
        options = ["--image", self.by_digest(digest), "--env", environment, "--deployment", deployment]
        options += (["--service", service] if service else []) + (["--config", configuration] if configuration else [])
        return self.tell_by_command(fact, "deploy", "step", phase, *options)

    def rollback(self, digest, deployment, service="web"):
        fact = {"kind": "step", "phase": "rollback-ordered", "repository": REPOSITORY, "digest": digest,
                "deployment": deployment, "environment": "prod", "service": service}
        return self.tell_by_command(
            fact, "rollback", self.host, "--env", "prod", "--service", service, "--deployment", deployment)

    def roll_out(self, digest, deployment, configuration=None):
        """A rollout that ends well: promoted, begun, healthy on every host, and said to be so."""
        if self.desired()["digest"] != digest:
            self.promote(digest)
        self.phase("started", digest, deployment, configuration=configuration)
        took = self.until(lambda: self.well(digest, deployment), f"all hosts run {deployment}")
        self.phase("healthy", digest, deployment)
        return took

    # What is there

    def well(self, digest, deployment):
        return all(
            (host.runs, host.rollout, host.health, host.seen) == (digest, deployment, "ok", True) for host in self.hosts)

    def until(self, reached, what, seconds=180):
        began = time.monotonic()
        while not reached():
            if time.monotonic() - began > seconds:
                trouble = [said[-1] for host in self.hosts for said in (host.failures, host.trouble) if said]
                raise Failure(f"after {seconds} s still not: {what}; {trouble[:2]}")
            time.sleep(0.02)
        return time.monotonic() - began

    def desired(self, server=None, environment="prod", service="web"):
        images = (server or self.server).json(f"/api/v1/environments/{environment}/images")["images"]
        return next((image for image in images if image.get("service") == service), {"digest": None, "targets": []})

    def states(self):
        return {target["target"]: target["state"] for target in self.desired()["targets"]}

    def figures(self, server=None, seconds=None, query=""):
        """Figures that were not computed before: each span is asked for once."""
        self.stories["spans"] = span = seconds or self.stories.get("spans", 30 * 86_400) - 1
        return (server or self.server).json(f"/api/v1/figures?seconds={span}{query}")

    def record(self, server=None):
        return record(server or self.server)

    def attach_configuration(self, text):
        """A configuration artifact; returns its digest."""
        data = text.encode()
        blob = self.server.call("POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest_of(data)}", data)
        expect_equal(blob[0], 201, "a push of a configuration")
        empty = b"{}"
        self.server.call("POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest_of(empty)}", empty)
        document = {
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.example.configuration",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(empty), "size": 2},
            "layers": [{"mediaType": "text/plain", "digest": digest_of(data), "size": len(data)}],
        }
        return self.server.put(REPOSITORY, None, json.dumps(document).encode(), IMAGE)[0]
