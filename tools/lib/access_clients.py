# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of real clients that log in, push, pull and mount over verified TLS: as user, as robot, and by ID token."""

import json
import time
from pathlib import Path

from access_server import PATIENCE_SECONDS
from access_world import PASSWORD
from e2e_cases import case, expect, expect_equal, run
from e2e_images import sha256
from environments import environment

KINDS = ("user", "robot", "ID token")
# A request is in the log a moment after it was answered.
LOG_SECONDS = PATIENCE_SECONDS


def credentials(world, kind):
    """What stands behind the user name and password of that kind of identity."""
    if kind == "user":
        return "alice", PASSWORD["alice"]
    if kind == "robot":
        return world.robot
    return "oidc", world.job()


def place(client, kind):
    return f"alpha/{client}-{kind.split()[0].lower()}"


def mounts(world, repository):
    """How many blobs were mounted into a repository: a POST of an upload that is answered by 201 at once."""
    return sum(
        record.get("repository") == repository and record.get("route") == "uploads" and str(record["status"]) == "201"
        for record in world.server.log_records()
    )


def check_image(world, repository, digest):
    """The manifest and every blob of an image, read as alice."""
    fields = [world.who("alice"), ("Accept", "*/*")]
    reply = world.server.call("GET", f"/v2/{repository}/manifests/v1", fields)
    expect_equal((reply.status, sha256(reply.body)), (200, digest), f"manifest of {repository}")
    document = json.loads(reply.body)
    for descriptor in [document["config"], *document["layers"]]:
        blob = world.server.call("GET", f"/v2/{repository}/blobs/{descriptor['digest']}", fields)
        expect_equal((blob.status, sha256(blob.body)), (200, descriptor["digest"]), "blob served")


def account(world, client, kind):
    """Logs in with a client; returns the file that has the credentials."""
    user, password = credentials(world, kind)
    path = world.folder / f"auth-{client}-{kind.split()[0]}.json"
    world.login(client, path, user, password)
    expect(world.host in json.loads(path.read_text())["auths"], "the login is not in the file of credentials")
    return path


def skopeo_round(world, kind):
    path = account(world, "skopeo", kind)
    repository = place("skopeo", kind)
    source, digest = world.small_image(repository.replace("/", "-"))
    there = [f"--dest-cert-dir={world.trust}", f"--dest-authfile={path}", "--preserve-digests"]
    back = [f"--src-cert-dir={world.trust}", f"--src-authfile={path}"]
    world.skopeo("copy", *there, source, f"docker://{world.host}/{repository}:v1")
    check_image(world, repository, digest)
    target = world.scratch(f"pulled/{repository}")
    world.skopeo("copy", *back, f"docker://{world.host}/{repository}:v1", f"dir:{target}")
    expect_equal(sha256((Path(target) / "manifest.json").read_bytes()), digest, "digest pulled")
    copied = [f"docker://{world.host}/{name}:v1" for name in (repository, f"{repository}-mounted")]
    world.skopeo("copy", *there, *back, *copied)
    check_image(world, f"{repository}-mounted", digest)
    return mounted(world, repository)


def mounted(world, repository):
    deadline = time.monotonic() + LOG_SECONDS
    while (count := mounts(world, f"{repository}-mounted")) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    expect(count >= 2, f"{count} blobs were mounted; the image has 3")
    return f"{count} blobs mounted"


def container_round(world, client, kind):
    """podman and buildah take the same options."""
    tool = getattr(world, client)
    path = account(world, client, kind)
    repository = place(client, kind)
    source, _ = world.small_image(repository.replace("/", "-"))
    name = f"{world.host}/{repository}:v1"
    options = ["-q", "--cert-dir", world.trust, "--authfile", path]
    image = tool("pull", "-q", source).stdout.strip()
    file = world.folder / "digest"
    for target in (repository, f"{repository}-mounted"):
        tool("push", *options, "--digestfile", file, image, f"docker://{world.host}/{target}:v1")
        check_image(world, target, file.read_text().strip())
    tool("rmi", "-f", image)
    tool("pull", *options, name)
    listed = tool("images", "--format", "{{.Name}}:{{.Tag}}" if client == "buildah" else "{{.Repository}}:{{.Tag}}")
    expect(name in listed.stdout, "no image is there after the pull")
    tool("rmi", "-f", name)
    return mounted(world, repository)


ORAS = """
import hashlib, os, sys
import oras.client
host, trust, folder, repository, user, password = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, tls_verify=trust)
client.login(hostname=host, username=user, password=password, config_path=os.path.join(folder, "config.json"))
client = oras.client.OrasClient(hostname=host, tls_verify=trust)
client.auth.load_configs(client.get_container(f"{host}/{repository}:v1"), [os.path.join(folder, "config.json")])
os.chdir(folder)
open("model.bin", "wb").write(os.urandom(200000))
original = hashlib.sha256(open("model.bin", "rb").read()).hexdigest()
pushed = client.push(target=f"{host}/{repository}:v1", files=["model.bin:application/octet-stream"],
                     disable_path_validation=True)
assert pushed.status_code == 201, pushed.text
files = client.pull(target=f"{host}/{repository}:v1", outdir="out")
assert [hashlib.sha256(open(name, "rb").read()).hexdigest() for name in files] == [original], files
assert client.get_tags(f"{host}/{repository}") == ["v1"]
client = oras.client.OrasClient(hostname=host, tls_verify=trust)
client.auth.load_configs(client.get_container(f"{host}/{repository}:v1"), [os.path.join(folder, "config.json")])
path = f"https://{host}/v2/{repository}-mounted/blobs/uploads/?mount=sha256:{original}&from={repository}"
reply = client.do_request(path, "POST")
assert reply.status_code == 201, (reply.status_code, reply.text)
print(original)
"""


def oras_round(world, kind):
    folder = world.scratch(f"oras-{kind.split()[0]}")
    script = folder / "script.py"
    script.write_text(ORAS)
    python = environment("oras")
    repository = place("oras", kind)
    arguments = [world.host, world.certificate, folder, repository, *credentials(world, kind)]
    name = run([python, script, *arguments], world).stdout.strip().splitlines()[-1]
    target = f"/v2/{repository}-mounted/blobs/sha256:{name}"
    blob = world.server.call("GET", target, [world.who("alice")])
    expect_equal((blob.status, sha256(blob.body)), (200, f"sha256:{name}"), "blob mounted")


def register(client, function):
    for kind in KINDS:
        name = f"{client} logs in, pushes, pulls and mounts over TLS as {kind}"
        case(name)(lambda world, kind=kind: function(world, kind))


register("skopeo", skopeo_round)
register("podman", lambda world, kind: container_round(world, "podman", kind))
register("buildah", lambda world, kind: container_round(world, "buildah", kind))
register("oras", oras_round)


@case("clients verify the certificate")
def verified(world):
    world.server.push_image(world.who("alice"), "alpha/app", "v1")
    creds = f"--creds=alice:{PASSWORD['alice']}"
    reference = f"docker://{world.host}/alpha/app:v1"
    empty = world.scratch("no-trust")
    refused = world.skopeo("inspect", f"--cert-dir={empty}", creds, reference, check=False)
    expect(refused.returncode != 0 and "certificate" in refused.stderr, f"skopeo says: {refused.stderr[-300:]}")
    world.skopeo("inspect", f"--cert-dir={world.trust}", creds, reference)
    world.skopeo("inspect", creds, reference, env={"SSL_CERT_FILE": str(world.certificate)})
    seen = run(
        ["curl", "-sS", "--cacert", world.certificate, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
         "-u", f"alice:{PASSWORD['alice']}", f"{world.server.base}/v2/"], world,
    )
    expect_equal(seen.stdout, "2 200", "curl, which offers HTTP/2")
    old = ["curl", "-sS", "--cacert", world.certificate, "--tls-max", "1.1", f"{world.server.base}/livez"]
    older = run(old, world, check=False)
    expect(older.returncode != 0, "TLS 1.1 is spoken")


@case("wrong passwords and unknown users cannot log in")
def wrong_password(world):
    path = world.folder / "auth-wrong.json"
    for user, password in (("alice", "wrong"), ("nobody", "x"), ("robot+builder", "cairn_x"), ("oidc", "a.b.c")):
        for client in ("skopeo", "podman", "buildah"):
            result = world.login(client, path, user, password, check=False)
            expect(result.returncode != 0, f"{client} logs in as {user} with a wrong password")


@case("clients without a login are told to log in")
def anonymous(world):
    world.server.push_image(world.who("alice"), "alpha/private", "v1")
    empty = world.folder / "auth-empty.json"
    empty.write_text('{"auths":{}}')
    options = ["--cert-dir", world.trust, "--authfile", empty]
    reference = f"docker://{world.host}/alpha/private:v1"
    for client, command in (("skopeo", "inspect"), ("podman", "pull"), ("buildah", "pull")):
        result = getattr(world, client)(command, *options, reference, check=False)
        expect(result.returncode != 0, f"{client} {command} of a protected image works without a login")
        said = result.stderr.lower()
        expect("unauthorized" in said or "authentication" in said, f"{client} says: {said[-300:]}")
    source, _ = world.small_image("anonymous")
    there = [f"--dest-cert-dir={world.trust}", f"--dest-authfile={empty}"]
    result = world.skopeo("copy", *there, source, f"docker://{world.host}/public/app:v1", check=False)
    expect(result.returncode != 0, "a push without a login works")
    bob = f"--dest-creds=bob:{PASSWORD['bob']}"
    world.skopeo("copy", there[0], bob, source, f"docker://{world.host}/public/app:v1")
    world.skopeo("inspect", *options, f"docker://{world.host}/public/app:v1")
