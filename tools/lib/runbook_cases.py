# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What has happened before each runbook is opened: one stage for each page of docs/runbooks/."""

import json
import shutil
import subprocess
import time

from access_world import make_certificate
from crash_disk import Disk, Unavailable
from e2e_cases import Skip, expect
from region_world import Region, eventually
from runbook_stage import Stage

# A byte in the middle of a layer, which is not small enough to be in memory.
LAYER_BYTES = 300_000
DISK_MEGABYTES = 160
PLACE = {"REPOSITORY": "team/app", "ENVIRONMENT": "prod", "SERVICE": "web"}
RETENTION = (
    "retention:\n  policies:\n    - name: team\n      repositories: ['team/**']\n"
    "      rules:\n        - {name: nightly, delete: {tags: ['nightly-*']}}\n"
)
STAGES = {}


def stage(name):
    """Registers what sets the stage of a runbook; it gets a Stage."""

    def register(function):
        STAGES[name] = function
        return function

    return register


def url(node):
    return f"http://{node.host}"


def step(node, phase, tag, deployment, *more):
    """What an agent reports of a rollout of team/app."""
    command = [
        node.folder / "bin/cairn", "deploy", "step", phase, "--image", f"{node.host}/team/app:{tag}",
        "--deployment", deployment, "--env", "prod", "--service", "web", *more,
    ]
    said(node, command)


def said(node, command):
    result = subprocess.run([str(word) for word in command], env=node.environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{command}: {result.stderr[-500:]}")
    return result.stdout


def alice(node):
    """Makes a user, as whom commands log in; returns the program."""
    cairn = str(node.folder / "bin/cairn")
    node.environment.update(CAIRN_USERNAME="alice", CAIRN_PASSWORD="a long password")
    subprocess.run(
        [cairn, "access", "user", "set", "alice", "--config", str(node.file)], input="a long password\n", text=True,
        check=True, capture_output=True)
    return cairn


@stage("registry-down")
def registry_down(it):
    near, far = it.two()
    near.push("team/app", "v1", "one")
    it.settle()
    near.kill()
    it.variables = {
        "REGISTRY": near.host, "URL": url(near), "PEER": far.host, "PEER_URL": url(far), "IMAGE": "team/app:v1"}


@stage("region-lost")
def region_lost(it):
    lost, survivor = it.two()
    lost.push("team/app", "v1", "one")
    lost.push("team/app", "v2", "two")
    it.settle()
    lost.kill()
    shutil.rmtree(lost.root)
    shutil.rmtree(lost.signer)
    heard = eventually(lambda: survivor.regions()["near"]["state"] == "failing")
    expect(heard, "the survivor does not notice")
    # Where the runbook is carried out; the lost one is no machine any more.
    it.node, it.peer = survivor, lost
    it.variables = {
        "REGISTRY": survivor.host, "URL": url(survivor), "LOST": "near", "IMAGE": "team/app:v1", "NEXT": "team/app:v2"}


@stage("disk-full")
def disk_full(it):
    try:
        disk = Disk(it.folder, DISK_MEGABYTES)
    except Unavailable as reason:
        raise Skip(f"no loop devices: {reason}") from reason
    it.closing.append(disk.close)
    node = it.one(RETENTION, root=f"{disk.point}/data")
    node.start()
    for tag in ("v1", "nightly-1", "nightly-2"):
        node.push("team/app", tag, tag, layer_bytes=LAYER_BYTES)
    stranger = it.folder / "mnt/core.dump"
    with open(stranger, "wb") as file:
        while node.call("GET", "/readyz")[0] == 200:
            file.write(b"\1" * (4 << 20))
            file.flush()

    def remove():
        stranger.unlink()

    def enlarge():
        subprocess.run(["truncate", "-s", f"{2 * DISK_MEGABYTES}M", disk.image], check=True)
        subprocess.run(["losetup", "-c", disk.device], check=True)

    it.events = {"a stranger's file is removed": remove, "the volume is made larger": enlarge}
    it.variables = {"REGISTRY": node.host, "URL": url(node), "ROOT": str(node.root), "DEVICE": disk.device}


@stage("bad-image-out")
def bad_image_out(it):
    node = it.one()
    node.start()
    for tag, phases in (("v1", ("started", "healthy")), ("v2", ("started", "failed"))):
        node.push("team/app", tag, tag)
        for phase in phases:
            step(node, phase, tag, f"deploy-of-{tag}")
    it.variables = {"REGISTRY": node.host, **PLACE}


@stage("key-leaked")
def key_leaked(it):
    node = it.one(
        "tls:\n  certificate: tls/certificate.pem\n  key: tls/key.pem\n"
        "access:\n  htpasswd: htpasswd\n  rules:\n    - {name: admins, allow: \"*\", who: [\"user:alice\"]}\n")
    certificate, _ = make_certificate(it.binary, node.folder / "etc/tls")
    cairn = alice(node)
    made = said(node, [cairn, "access", "robot", "create", "ci", "--allow", "pull,push:team/*", "--config", node.file])
    secret = next(word for word in made.split() if word.startswith("cairn_"))
    # Node.start asks without TLS.
    node.manage("start")
    ask = ["curl", "-sf", "--cacert", str(certificate)]
    base = f"https://{node.host}"
    up = eventually(lambda: subprocess.run([*ask, f"{base}/readyz"], capture_output=True).returncode == 0)
    expect(up, f"the registry does not start: {node.tail()}")
    source = it.folder / "source"
    plain = Region("source", it.binary, it.folder)
    plain.start()
    try:
        plain.push("team/app", "v1", "one")
        said(node, [cairn, "pull", f"{plain.host}/team/app:v1", "--to", source])
    finally:
        plain.stop()
    document = json.loads((source / "index.json").read_text())["manifests"][0]["digest"]
    blobs = source / "blobs/sha256"
    manifest = blobs / document.split(":")[1]
    parts = json.loads(manifest.read_text())
    who = [*ask, "-u", f"robot+ci:{secret}"]
    for part in [parts["config"], *parts["layers"]]:
        data = f"@{blobs / part['digest'].split(':')[1]}"
        target = f"{base}/v2/team/app/blobs/uploads/?digest={part['digest']}"
        said(node, [*who, "-H", "Content-Type: application/octet-stream", "--data-binary", data, target])
    said(node, [*who, "-X", "PUT", "-H", f"Content-Type: {parts['mediaType']}", "--data-binary", f"@{manifest}",
                f"{base}/v2/team/app/manifests/v1"])
    token = json.loads(said(node, [*ask, "-u", "alice:a long password", f"{base}/token?service=cairn"]))["token"]
    it.variables = {
        "REGISTRY": node.host, "URL": base, "CONFIG": str(node.file), "SIGNER": str(node.signer),
        "CERTIFICATE": str(certificate), "NAME": "127.0.0.1", "ROBOT": "ci", "LOG": "registry.example/log-2",
        "OLD_SECRET": secret, "OLD_TOKEN": token}


@stage("disaster-recovery")
def disaster_recovery(it):
    near, far = it.two()
    near.push("team/app", "v1", "one")
    far.push("team/web", "w1", "web")
    it.settle()
    older = it.folder / "older"

    def database():
        near.push("team/app", "v2", "two")
        it.settle()
        near.kill()
        for path in (near.root / "meta").iterdir():
            path.write_bytes(b"\0" * path.stat().st_size)

    def back():
        near.stop()
        shutil.copytree(near.root, older)
        near.start()
        near.push("team/app", "v3", "three")
        it.settle()
        near.kill()
        shutil.rmtree(near.root)
        older.rename(near.root)
        near.manage("start")
        eventually(lambda: near.call("GET", "/readyz")[0] == 503)

    def everything():
        near.push("team/app", "v4", "four")
        it.settle()
        near.kill()
        for path in (near.root, near.signer, near.folder / "etc"):
            shutil.rmtree(path)

    it.events = {
        "the database is damaged": database, "an older copy of the data is put in place": back,
        "everything of the node is lost": everything}
    far.variables = {"ROOT": str(far.root), "SIGNER": str(far.signer), "CONFIG": str(far.file)}
    it.variables = {
        "REGISTRY": near.host, "URL": url(near), "ROOT": str(near.root), "SIGNER": str(near.signer),
        "CONFIG": str(near.file), "BACKUP": str(it.folder / "backup"), "PEER": far.host, "PEER_ROOT": str(far.root),
        "US": "near", "LOG": "registry.example/log-2", "LOG_AFTER": "registry.example/log-3"}

    def after():
        wrong = [tag for tag in ("v1", "v2", "v4") if isinstance(near.resolve("team/app", tag), int)]
        expect(not wrong, f"{wrong} of team/app are not there after all")
        expect(near.resolve("team/web", "w1") == far.resolve("team/web", "w1"), "team/web:w1 is not the same")

    it.afterwards = after


@stage("error-budget-burn")
def error_budget_burn(it):
    node = it.one(
        "access:\n  htpasswd: htpasswd\n  quotas:\n    - {repositories: 'team/', bytes: 4KiB}\n"
        "  rules:\n    - {name: admins, allow: \"*\", who: [\"user:alice\"]}\n"
        "    - {name: team, allow: [pull, push], who: [\"*\"], repositories: [\"team/**\"]}\n")
    alice(node)
    node.start()
    node.push("team/app", "v1", "one", layers=1)
    try:
        node.push("team/app", "v2", "two")
    except RuntimeError:
        pass
    node.call("POST", "/v2/team/app/blobs/uploads/?digest=sha256:" + "0" * 64, b"x" * 8192)
    it.variables = {
        "REGISTRY": node.host, "URL": url(node), "CONFIG": str(node.file), "QUOTA": "4KiB", "ROOM": "10GiB"}


@stage("replication-behind")
def replication_behind(it):
    near, far = it.two()
    far.set_region("near", "paused")
    for number in range(5):
        near.push("team/app", f"v{number}", number)
    it.node, it.peer = far, near
    it.variables = {"REGISTRY": far.host, "BEHIND": "near"}


@stage("damaged-blobs")
def damaged_blobs(it):
    near, _ = it.two()
    _, data = near.push("team/app", "v1", "one", layer_bytes=LAYER_BYTES)
    it.settle()
    path = near.blob_path(json.loads(data)["layers"][0]["digest"])
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(LAYER_BYTES // 2)
        byte = file.read(1)[0]
        file.seek(LAYER_BYTES // 2)
        file.write(bytes([byte ^ 1]))
    path.chmod(0o444)
    it.variables = {"REGISTRY": near.host, "ROOT": str(near.root), "IMAGE": "team/app:v1"}


@stage("collection-stuck")
def collection_stuck(it):
    node = it.one("collection:\n  grace: 1s\n  undo: 1s\n  enabled: false\n")
    node.start()
    for tag in ("v1", "v2"):
        digest, _ = node.push("team/app", tag, tag)
    node.delete("team/app", digest)
    it.variables = {
        "REGISTRY": node.host, "URL": url(node), "ROOT": str(node.root), "CONFIG": str(node.file)}


@stage("drift")
def drift(it):
    node = it.one()
    node.start()
    for tag in ("v1", "v2"):
        digest, _ = node.push("team/app", tag, tag)
    for phase in ("started", "healthy"):
        step(node, phase, "v1", "deploy-1")
    said(node, [node.folder / "bin/cairn", "deploy", "report", "--env", "prod", "--target", "web-1", "--service", "web",
                "--image", f"{node.host}/team/app@{digest}"])
    it.variables = {"REGISTRY": node.host, **PLACE, "TARGET": "web-1"}


@stage("flapping")
def flapping(it):
    node = it.one()
    node.start()
    for tag in ("v1", "v2"):
        node.push("team/app", tag, tag)
        step(node, "started", tag, f"deploy-4{tag[1]}")
        if tag == "v1":
            step(node, "healthy", tag, "deploy-41")
    for phase in ("healthy", "unhealthy") * 2:
        step(node, phase, "v2", "deploy-42", "--target", "web-1")
    cairn = node.folder / "bin/cairn"
    common = [f"{node.host}/team/app", "--env", "prod", "--service", "web", "--deployment", "deploy-42"]
    said(node, [cairn, "rollout", "report", *common, "--requests", "1000", "--errors", "300"])
    said(node, [cairn, "rollout", "report", *common, "--baseline", "--requests", "1000", "--errors", "2"])
    it.variables = {"REGISTRY": node.host, "URL": url(node), **PLACE, "DEPLOYMENT": "deploy-42"}


@stage("retention-waits")
def retention_waits(it):
    node = it.one(RETENTION + "  limits: {items: 1}\n")
    node.start()
    for tag in ("v1", "nightly-1", "nightly-2"):
        node.push("team/app", tag, tag)
    it.variables = {"REGISTRY": node.host, "IMAGE": "team/app:nightly-1"}


@stage("boot-failures")
def boot_failures(it):
    node = it.one()
    node.start()
    node.push("team/app", "v1", "one")
    step(node, "started", "v1", "deploy-1")
    for phase in ("boot-attempted", "boot-failed"):
        step(node, phase, "v1", "deploy-1", "--target", "web-1")
    it.variables = {"REGISTRY": node.host, **PLACE}


@stage("build-failures")
def build_failures(it):
    node = it.one()
    node.start()
    node.push("team/app", "v1", "one")
    report = [node.folder / "bin/cairn", "build", "report", f"{node.host}/team/app", "--failed", "--build", "run-1"]
    said(node, report)
    it.variables = {"REGISTRY": node.host, "REPOSITORY": "team/app"}


@stage("registry-slow")
def registry_slow(it):
    node = it.one("access:\n  rules:\n    - {name: everyone, allow: \"*\", who: [\"*\"]}\n")
    node.start()
    it.variables = {
        "REGISTRY": node.host, "URL": url(node), "ROOT": str(node.root), "CONFIG": str(node.file)}


@stage("probe-refused")
def probe_refused(it):
    node = it.one(
        "access:\n  htpasswd: htpasswd\n"
        "  rules:\n    - {name: admins, allow: \"*\", who: [\"user:alice\"]}\n")
    cairn = alice(node)
    said(node, [cairn, "access", "robot", "create", "probe", "--allow", "pull:team/*", "--config", node.file])
    node.start()
    it.variables = {
        "CONFIG": str(node.file), "REGISTRY": node.host, "PROBE": "robot+probe", "CANARY": "cairn-canary/near"}


@stage("conflicts")
def conflicts(it):
    near, far = it.two()
    near.push("team/app", "latest", "before")
    it.settle()
    near.set_region("far", "paused")
    far.set_region("near", "paused")
    near.push("team/app", "latest", "by near")
    time.sleep(0.05)
    far.push("team/app", "latest", "by far")
    near.set_region("far", "following")
    far.set_region("near", "following")
    expect(eventually(lambda: near.conflicts() and far.conflicts()), "the regions see no conflict")
    it.settle()
    it.variables = {"REGISTRY": near.host, "PEER": far.host, "IMAGE": "team/app:latest"}


def carry_out(runbook, binary, folder):
    """Sets the stage of a runbook and follows it; returns what there is to say of it."""
    it = Stage(binary, folder)
    try:
        STAGES[runbook.name](it)
        note = runbook.follow(it)
        it.afterwards()
        return note
    finally:
        it.close()
