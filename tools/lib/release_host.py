# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A host: a podman storage of its own, and an agent that runs there what the registry says is to run.

The agent fetches ahead what is to run and what could be gone back to, replaces the instance when a rollout names one, and
says of each phase what it saw. What it cannot tell at once, because the registry is away, it tells again until it can."""

import http.client
import json
import subprocess
import threading
import time

from e2e_cases import Failure

POLL_SECONDS = 0.2
# One that ends is seen at once: this is for one that a busy machine has not let begin.
BOOT_SECONDS = 60
TELL_SECONDS = 120
# How long a report of what runs holds.
REPORT_SECONDS = 3600

CONFIGURATION = """
[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "{runtime}"
"""


class Away(Exception):
    """The registry does not answer, or not with what was asked for."""


class Host(threading.Thread):
    """One instance of one service."""

    def __init__(self, world, name, repository="team/web", environment="prod", service="web"):
        super().__init__(name=name, daemon=True)
        self.world, self.target = world, name
        self.repository, self.place, self.service = repository, environment, service
        self.folder = world.scratch(f"hosts/{name}")
        self.configuration = None
        self.have = set()
        # What runs, by digest, the rollout that it is of, and the health that was said last.
        self.runs = self.rollout = self.health = None
        self.seen = False
        # The rollouts that were tried, whatever came of it.
        self.tried = set()
        # While it is set, somebody works by hand on the host: the agent only observes.
        self.by_hand = threading.Event()
        self.ended = threading.Event()
        self.turn = threading.Lock()
        # That the registry is away is trouble; what it answers wrongly, or what fails on the host, is a failure.
        self.trouble, self.failures = [], []
        self.boots = 0

    # podman

    def podman(self, *arguments, check=True):
        command = [
            "podman", "--root", self.folder / "storage", "--runroot", self.world.short / self.target, "--tmpdir",
            self.folder / "tmp", "--storage-driver", "vfs", *arguments,
        ]
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
            env=self.world.environment,
        )
        if check and done.returncode != 0:
            raise Failure(f"{self.target}: podman {arguments[0]} ends with {done.returncode}: {done.stderr[-600:]}")
        return done

    def image(self, digest):
        return f"{self.world.host}/{self.repository}@{digest}"

    def pull(self, digest):
        if digest not in self.have:
            done = self.podman("pull", "-q", "--tls-verify=false", self.image(digest), check=False)
            if done.returncode != 0:
                raise Away(f"{self.target}: podman pull ends with {done.returncode}: {done.stderr[-600:]}")
            self.have.add(digest)

    def boot(self, digest):
        """Starts the image in place of what runs; whether it is up."""
        self.podman("rm", "-f", "-t", "0", "web", check=False)
        self.podman("run", "-d", "--pull", "never", "--name", "web", self.image(digest), check=False)
        self.boots += 1
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self.read("/health") is not None:
                return True
            state = self.podman("inspect", "-f", "{{.State.Status}}", "web", check=False).stdout.strip()
            if state not in ("running", "created", "initialized"):
                return False
            time.sleep(0.05)
        return False

    def read(self, path):
        """A file of the instance, or None where it does not run."""
        done = self.podman("exec", "web", "/bin/busybox", "cat", path, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    # The agent

    def run(self):
        while not self.ended.is_set():
            try:
                with self.turn:
                    self.look()
            except (OSError, http.client.HTTPException, Away) as trouble:
                # What is found at the next look counts.
                self.trouble.append(str(trouble))
            except (Failure, subprocess.TimeoutExpired) as failure:
                self.failures.append(f"{self.target}: {failure}")
            time.sleep(POLL_SECONDS)

    def wanted(self):
        """What is to run here, as the registry says."""
        path = f"/api/v1/environments/{self.place}/images?repository={self.repository}"
        status, _, body = self.world.server.call("GET", path)
        if status != 200:
            raise (Away if status >= 500 else Failure)(f"{self.target}: GET {path} answers {status}")
        for image in json.loads(body)["images"]:
            if image.get("service") == self.service:
                return image
        return None

    def look(self):
        wanted = self.wanted()
        if wanted is None:
            return
        if not self.by_hand.is_set():
            for digest in [wanted["digest"], *wanted["rollback"][:1]]:
                self.pull(digest)
            rollout = wanted.get("deployment")
            if rollout and (rollout, wanted["digest"]) not in self.tried:
                self.replace(wanted["digest"], rollout, wanted.get("config"))
        self.observe()

    def replace(self, digest, rollout, configuration):
        self.tried.add((rollout, digest))
        self.step("replacement-ordered", digest, rollout)
        if self.runs:
            self.podman("rm", "-f", "-t", "0", "web")
            self.end()
        self.step("boot-attempted", digest, rollout)
        if not self.boot(digest):
            self.podman("rm", "-f", "-t", "0", "web", check=False)
            self.step("boot-failed", digest, rollout)
            return
        self.step("booted", digest, rollout)
        self.configuration = configuration
        self.observed(digest, rollout)

    def observed(self, digest, rollout):
        self.runs, self.rollout, self.health, self.seen = digest, rollout, None, False
        self.report()

    def observe(self):
        """Says when the instance is healthy, when it is no more, and that its counters can be read."""
        if not self.runs or not self.rollout:
            return
        health = self.read("/health")
        if health and health != self.health:
            self.step("healthy" if health == "ok" else "unhealthy", self.runs, self.rollout)
            self.health = health
        if not self.seen and self.read("/counters"):
            self.step("telemetry-seen", self.runs, self.rollout)
            self.seen = True

    # What it says

    def step(self, phase, digest, rollout):
        self.world.journal.step(
            self.tell, phase=phase, repository=self.repository, digest=digest, environment=self.place,
            service=self.service, target=self.target, deployment=rollout,
        )

    def report(self):
        self.world.journal.running(
            self.tell, repository=self.repository, digest=self.runs, environment=self.place, service=self.service,
            target=self.target, deployment=self.rollout, configuration=self.configuration, expires=REPORT_SECONDS,
        )

    def end(self):
        self.world.journal.ended(
            self.tell, repository=self.repository, digest=self.runs, environment=self.place, service=self.service,
            target=self.target,
        )
        self.runs = self.rollout = self.health = None

    def tell(self, method, path, body=None):
        return self.world.tell(method, path, body)

    # By hand

    def change_by_hand(self, digest):
        """Somebody starts another image here; the agent sees and says so, and does nothing about it."""
        self.by_hand.set()
        with self.turn:
            self.pull(digest)
            if not self.boot(digest):
                raise Failure(f"{self.target}: {digest} does not start")
            rollout, self.rollout = self.rollout, None
            self.runs = digest
            self.report()
            self.rollout = rollout

    def mend(self, digest):
        with self.turn:
            if not self.boot(digest):
                raise Failure(f"{self.target}: {digest} does not start")
            self.runs = digest
            self.report()
        self.by_hand.clear()

    def version(self):
        return self.read("/version")

    def close(self):
        self.ended.set()
        if self.is_alive():
            self.join(timeout=120)
        self.podman("rm", "-f", "-t", "0", "-a", check=False)
