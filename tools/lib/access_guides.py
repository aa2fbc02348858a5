# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The guides in docs/, taken at their word: their files and their commands, with a registry of their own."""

import os
import re
import shutil
import signal
import subprocess
import time

from access_world import AUDIENCE
from e2e_cases import case, expect, expect_equal
from e2e_server import CHECKOUT, START_SECONDS, free_port

# What the server takes within about a second is waited for so long: the machine may be busy.
NOTICE_SECONDS = 30
APPLIED = "access rules applied"
SECRET = re.compile(r"cairn_[A-Za-z0-9_-]{40,}")


def blocks(guide, language):
    """The code blocks of a guide in one language, in order."""
    text = (CHECKOUT / "docs" / guide).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who follows a guide in an empty folder."""

    def __init__(self, world):
        self.world = world
        self.folder = world.scratch(f"guide-{free_port()}")
        self.port = free_port()
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "cairn").symlink_to(world.server.binary)
        # podman keeps its images where the other cases have theirs.
        storage = f"--root {world.folder}/storage --runroot {world.folder}/run --storage-driver vfs"
        more = "--cgroup-manager cgroupfs --events-backend none"
        (tools / "podman").write_text(f'#!/bin/sh\nexec {shutil.which("podman")} {storage} {more} "$@"\n')
        (tools / "skopeo").write_text(f'#!/bin/sh\nexec {shutil.which("skopeo")} --insecure-policy "$@"\n')
        for name in ("podman", "skopeo"):
            (tools / name).chmod(0o755)
        self.environment = dict(
            world.environment, PATH=f"{tools}:{os.environ['PATH']}", ALICES_PASSWORD="al1ce", BOBS_PASSWORD="b0b",
            REGISTRY_AUTH_FILE=str(self.folder / "auth.json"),
        )
        self.server = None
        self.place = self.folder

    def sh(self, script, check=True):
        """Runs a block; its output is both streams."""
        script = script.replace("127.0.0.1:5000", f"127.0.0.1:{self.port}")
        result = subprocess.run(
            ["bash", "-e", "-c", script], cwd=self.place, env=self.environment, text=True, timeout=300,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        expect(not check or result.returncode == 0, f"exit {result.returncode} of\n{script}\n{result.stdout[-800:]}")
        return result

    def serve(self, script):
        script = "exec " + script.replace("127.0.0.1:5000", f"127.0.0.1:{self.port}")
        with open(self.folder / "serve.log", "ab") as log:
            self.server = subprocess.Popen(
                ["bash", "-c", script], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.curl("readyz").returncode != 0:
            words = self.log()[-600:]
            expect(self.server.poll() is None and time.monotonic() < deadline, f"cairn serve: {words}")
            time.sleep(0.1)

    def curl(self, path, *options):
        trust = str(self.place / "tls/certificate.pem")
        command = ["curl", "-s", "--cacert", trust, *options, f"https://127.0.0.1:{self.port}/{path}"]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

    def log(self):
        return (self.folder / "serve.log").read_text(errors="replace")

    def until(self, reached, what):
        deadline = time.monotonic() + NOTICE_SECONDS
        while not reached():
            expect(time.monotonic() < deadline, f"after {NOTICE_SECONDS} s still not: {what}: {self.log()[-600:]}")
            time.sleep(0.1)

    def until_login(self, user, secret, status):
        """Waits until the server has read the file that says who may log in."""
        options = ["-o", "/dev/null", "-w", "%{http_code}", "-u", f"{user}:{secret}"]
        self.until(lambda: self.curl("v2/", *options).stdout == status, f"{user} gets {status}")

    def reload(self, text):
        """Writes the configuration, and has it read."""
        file = self.place / "cairn.yml"
        fresh = file.with_suffix(".fresh")
        fresh.write_text(text)
        before = self.log().count(APPLIED)
        os.rename(fresh, file)
        self.sh("cairn access check --config cairn.yml")
        # Those of before the rename were read before: whoever is told of now has the new text.
        self.server.send_signal(signal.SIGHUP)
        self.until(lambda: self.log().count(APPLIED) > before, "the rules are applied")

    def set(self, **variables):
        self.environment.update(variables)

    def end(self):
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(timeout=60)


def follow_admins(reader):
    """Up to the first push and pull; returns the digest of the image."""
    source, digest = reader.world.small_image(f"guide{reader.port}")
    for script in blocks("admins.md", "sh"):
        if script.startswith("cairn serve"):
            reader.serve(script)
            continue
        script = script.replace("oci:image:v1", source)
        if "cairn access explain" in script:
            explained = reader.sh(script).stdout
            expect("allow" in explained and "den" in explained, f"explain and the records: {explained[-500:]}")
            expect("team/app" in explained, f"the records do not name the push: {explained[-500:]}")
            continue
        reader.sh(script)
        if "mkdir -p registry" in script:
            reader.place = reader.folder / "registry"
    return digest


def guide(name):
    """A case that follows a guide; the reader's server is stopped whatever comes of it."""

    def register(function):
        def run(world):
            reader = Reader(world)
            try:
                return function(world, reader)
            finally:
                reader.end()

        return case(name)(run)

    return register


@guide("the guide for admins works as it is written")
def admins(world, reader):
    follow_admins(reader)


@guide("the guide for deploy agents works as it is written")
def deploy_agents(world, reader):
    digest = follow_admins(reader)
    reader.set(DIGEST=digest)
    rules, more = blocks("deploy-agents.md", "yaml")
    scripts = blocks("deploy-agents.md", "sh")
    check, create, pull, certificate, refused, inspect, revoke = scripts
    file = reader.place / "cairn.yml"
    reader.reload(file.read_text().replace("  rules:\n", "  rules:\n" + rules))
    reader.sh(check)
    reader.set(SECRET=SECRET.search(reader.sh(create).stdout)[0])
    reader.until_login("robot+agent-1", reader.environment["SECRET"], "200")
    reader.sh(pull)
    denied = reader.sh(refused, check=False)
    expect(denied.returncode != 0 and "deploy agents pull by digest" in denied.stdout, f"it says: {denied.stdout}")
    expect(digest in reader.sh(inspect).stdout, "skopeo inspect does not tell the digest")
    reader.sh(revoke)
    reader.until_login("robot+agent-1", reader.environment["SECRET"], "401")
    gone = reader.sh(pull.splitlines()[0], check=False)
    expect(gone.returncode != 0, "the revoked agent logs in")
    # With a certificate, and without the login.
    (reader.folder / "auth.json").write_text("{}")
    pair = world.clients.issue("guide-agent", ["DNS:agent-1.deploy.example"], "clientAuth")
    for path, name in zip((*pair, world.clients.certificate), ("agent.pem", "agent.key", "tls/clients.pem")):
        (reader.place / name).write_text(path.read_text())
    tls, _, access = more.partition("access:\n")
    text = file.read_text()
    text = text.replace(text[text.index("tls:\n") : text.index("access:\n")], tls)
    reader.reload(text.replace("access:\n", "access:\n" + access, 1))
    reader.sh(certificate)
    denied = reader.sh(refused, check=False)
    expect(denied.returncode != 0 and "deploy agents pull by digest" in denied.stdout, f"it says: {denied.stdout}")


@guide("the guide for CI jobs works as it is written")
def ci_jobs(world, reader):
    follow_admins(reader)
    file = reader.place / "cairn.yml"
    (access,) = blocks("ci.md", "yaml")
    issuers, _, rules = access.removeprefix("access:\n").partition("  rules:\n")
    issuers = issuers.replace("https://ci.example", world.issuer.url)
    issuers = issuers.replace(f"{AUDIENCE}\n", f"{AUDIENCE}\n      ca-file: {world.issuers.certificate}\n")
    text = file.read_text().replace("access:\n", "access:\n" + issuers, 1)
    reader.reload(text.replace("  rules:\n", "  rules:\n" + rules))
    source, _ = world.small_image(f"guide-ci{reader.port}")
    image = reader.sh(f"podman pull -q {source}").stdout.strip().splitlines()[-1]
    reader.sh(f"podman tag {image} team/web")
    by_job, exchange, explain, create, by_robot, robots = blocks("ci.md", "sh")
    reader.set(ID_TOKEN=world.job("acme/app"))
    reader.sh(by_job)
    answer = reader.sh(exchange).stdout
    expect('"access_token"' in answer, f"the exchange: {answer[-400:]}")
    expect("allow" in reader.sh(explain).stdout, "explain does not say that it is allowed")
    reader.sh("podman logout 127.0.0.1:5000")
    reader.set(SECRET=SECRET.search(reader.sh(create).stdout)[0])
    reader.until_login("robot+ci", reader.environment["SECRET"], "200")
    reader.sh(by_robot)
    listed, rotated, _ = robots.splitlines()
    expect("ci" in reader.sh(listed).stdout, "robot list does not show ci")
    fresh = SECRET.search(reader.sh(rotated).stdout)[0]
    expect(fresh != reader.environment["SECRET"], "rotate prints the same secret")
    reader.sh(robots.splitlines()[2])
    # The former secret ends with the rotation, the new one with the robot.
    for secret in (reader.environment["SECRET"], fresh):
        reader.until_login("robot+ci", secret, "401")
    reader.set(SECRET=fresh)
    gone = reader.sh(by_robot.splitlines()[0], check=False)
    expect_equal(gone.returncode != 0, True, "login of the revoked robot refused")
