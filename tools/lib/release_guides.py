# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What docs/ci.md and docs/deploy-agents.md say of the release record, done as it stands there."""

import os
import re
import shutil
import subprocess

from e2e_cases import case, expect_equal
from e2e_server import CHECKOUT

REPOSITORY = "free/web"
RUN = {
    "GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "acme/web", "GITHUB_SHA": "4f2c0d5b1e6a",
    "GITHUB_WORKFLOW": "Build and push", "GITHUB_JOB": "build", "GITHUB_RUN_ID": "501", "GITHUB_RUN_ATTEMPT": "1",
}


def blocks(guide):
    """The code blocks of a guide that are marked as bash, in order."""
    return re.findall(r"^```bash\n(.*?)^```$", (CHECKOUT / "docs" / guide).read_text(), re.MULTILINE | re.DOTALL)


class Follower:
    """Somebody who follows the guides with a podman of his own, in a repository that no policy binds."""

    def __init__(self, world):
        self.world, self.folder = world, world.scratch("guides")
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "cairn").symlink_to(world.binary)
        storage = f"--root {self.folder}/storage --runroot {world.short}/guide --storage-driver vfs"
        for name, more in (("podman", f"--tmpdir {self.folder}/tmp"), ("buildah", "")):
            (tools / name).write_text(f'#!/bin/sh\nexec {shutil.which(name)} {storage} {more} "$@"\n')
            (tools / name).chmod(0o755)
        registries = self.folder / "registries.conf"
        registries.write_text(f'[[registry]]\nlocation = "{world.host}"\ninsecure = true\n')
        self.environment = dict(
            world.environment, PATH=f"{tools}:{os.environ['PATH']}", CONTAINERS_REGISTRIES_CONF=str(registries), **RUN)

    def recipe(self, version, health):
        shutil.copy2(self.world.folder / "base/busybox", self.folder / "busybox")
        shutil.copy2(self.world.folder / "base/web.sh", self.folder / "web.sh")
        (self.folder / "Containerfile").write_text(
            f"FROM scratch\nCOPY busybox /bin/busybox\nCOPY web.sh /web.sh\nENV VERSION={version} HEALTH={health}\n"
            'ENTRYPOINT ["/bin/busybox", "sh", "/web.sh"]\n')

    def bash(self, script, expects=0, **variables):
        script = script.replace("127.0.0.1:5000", self.world.host).replace("team/web", REPOSITORY)
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=self.folder, env={**self.environment, **variables}, text=True,
            timeout=300, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        expect_equal(done.returncode, expects, f"the end of\n{script}\n{done.stdout[-800:]}")
        return done.stdout

    def record(self):
        return [row for row in self.world.server.listed(f"/api/v1/releases?repository={REPOSITORY}", "releases")][::-1]


@case("the guides: a CI job and an agent's round, as they stand in docs/")
def guides(world):
    reader = Follower(world)
    build, promote = blocks("ci.md")
    (agent,) = blocks("deploy-agents.md")
    agent = agent.replace("ENVIRONMENT=prod", "ENVIRONMENT=staging")

    def phases(rollout):
        return [row["phase"] for row in reader.record() if row["kind"] == "step" and row["deployment"] == rollout]

    reader.recipe("v1", "good")
    reader.bash(build + promote)
    digest = (reader.folder / "digest").read_text()
    reported = reader.record()[0]
    expect_equal((reported["outcome"], reported["digest"], reported["revision"], reported["builder"], reported["build"]),
                 ("succeeded", digest, RUN["GITHUB_SHA"], "https://git.example/build", "501.1"), "the build")
    for _ in range(2):
        reader.bash(agent)
    expect_equal(phases("501"), ["started", "replacement-ordered", "boot-attempted", "booted", "healthy"], "phases")
    image = next(image for image in world.server.json("/api/v1/environments/staging/images")["images"]
                 if image["repository"] == REPOSITORY)
    expect_equal([target["state"] for target in image["targets"]], ["as-desired"], "states")
    reader.recipe("v2", "bad")
    promoted, started = promote.splitlines()
    reader.bash(build + promoted, GITHUB_RUN_ID="502", GITHUB_SHA="5e0f")
    reader.bash(agent)
    expect_equal(phases("502"), [], "phases of what is promoted and not started")
    reader.bash(f"REGISTRY=127.0.0.1:5000\n{started}", GITHUB_RUN_ID="502")
    reader.bash(agent)
    expect_equal(phases("502"), ["started", "replacement-ordered", "boot-attempted", "boot-failed"], "phases of a bad one")
    (reader.folder / "Containerfile").write_text("FROM scratch\nCOPY missing /\n")
    reader.bash(build, expects=1, GITHUB_RUN_ID="503", GITHUB_SHA="6a1b")
    failed = reader.record()[-1]
    expect_equal((failed["outcome"], failed["build"], failed.get("digest")), ("failed", "503.1", None), "a failed build")
    reader.bash("podman rm -f -t 0 -a")
    return f"{len(reader.record())} entries"
