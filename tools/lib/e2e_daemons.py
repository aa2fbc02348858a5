# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of containerd and docker: their daemons run from unpacked packages, with their state in the test's folder."""

import json
import os
import subprocess
import time

from e2e_cases import Skip, case, expect, expect_equal, run
from e2e_images import sha256, tar_layer
from e2e_world import daemon_programs

START_SECONDS = 120


def wait_for(probe, process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Skip(f"the daemon does not run here: {log.read_text(errors='replace').strip()[-300:]}")
        if subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)
    raise Skip(f"the daemon does not answer: {log.read_text(errors='replace').strip()[-300:]}")


def start(world, name, command, probe):
    log = world.folder / f"{name}.log"
    tools = daemon_programs()
    path = f"{tools}/usr/bin:{tools}/usr/sbin:{os.environ.get('PATH', '')}"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(world.environment, PATH=path),
        )
    try:
        wait_for([str(part) for part in probe], process, log)
    except Skip:
        process.kill()
        raise
    return process


def ctr(world, *arguments):
    """containerd's client, with a containerd of its own behind it."""
    tools = daemon_programs()
    socket = world.folder / "containerd.sock"
    command = [tools / "usr/bin/ctr", "--address", socket]
    if world.containerd is None:
        configuration = world.folder / "containerd.toml"
        configuration.write_text(
            f'version = 2\nroot = "{world.folder}/containerd"\nstate = "{world.folder}/containerd-state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
        )
        daemon = [tools / "usr/bin/containerd", "--config", configuration]
        world.containerd = start(world, "containerd", daemon, command + ["version"])
    return run(command + list(arguments), world)


def docker(world, *arguments):
    """docker's client, with a dockerd of its own behind it that touches neither network nor firewall."""
    ctr(world, "version")
    tools = daemon_programs()
    address = f"unix://{world.folder}/docker.sock"
    command = [tools / "usr/bin/docker", "--host", address]
    if world.dockerd is None:
        daemon = [
            tools / "usr/sbin/dockerd",
            "--containerd",
            world.folder / "containerd.sock",
            "--data-root",
            world.folder / "docker",
            "--exec-root",
            world.folder / "docker-run",
            "--pidfile",
            world.folder / "docker.pid",
            "--host",
            address,
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--storage-driver=vfs",
        ]
        world.dockerd = start(world, "dockerd", daemon, command + ["version"])
    return run(command + list(arguments), world)


@case("containerd pulls an image and pushes it under another name")
def containerd_round_trip(world):
    source, digest = world.small_image("containerd")
    world.skopeo_push(source, "containerd/app:v1", "--preserve-digests")
    old, new = f"{world.host}/containerd/app:v1", f"{world.host}/containerd/again:v2"
    ctr(world, "images", "pull", "--plain-http", "--snapshotter", "native", old)
    listed = ctr(world, "images", "ls", f"name=={old}").stdout
    expect(digest in listed, f"ctr images ls: {listed}")
    ctr(world, "images", "tag", old, new)
    ctr(world, "images", "push", "--plain-http", new)
    document, _ = world.manifest("containerd/again", "v2")
    expect_equal(sha256(document), digest, "digest that containerd pushed")
    world.blobs_match("containerd/again", document)


@case("containerd pulls and pushes a multi-architecture index")
def containerd_index(world):
    layout = world.layout("containerd-multi")
    images = [layout.image([tar_layer({"arch": name.encode() * 90})], name) for name in ("amd64", "arm64")]
    index = layout.index(images)
    world.skopeo_push(layout.tag(index, "v1"), "containerd/multi:v1", "--all", "--preserve-digests")
    old, new = f"{world.host}/containerd/multi:v1", f"{world.host}/containerd/multi-again:v1"
    ctr(world, "content", "fetch", "--plain-http", "--all-platforms", old)
    ctr(world, "images", "tag", old, new)
    ctr(world, "images", "push", "--plain-http", new)
    document, _ = world.manifest("containerd/multi-again", "v1")
    expect_equal(sha256(document), index["digest"], "index that containerd pushed")
    for image in images:
        world.blobs_match("containerd/multi-again", world.manifest("containerd/multi-again", image["digest"])[0])


@case("docker builds, pushes and pulls an image")
def docker_round_trip(world):
    layer = world.folder / "docker-layer.tar"
    layer.write_bytes(tar_layer({"hello": b"docker\n", "data": os.urandom(200_000)}))
    name = f"{world.host}/docker/app:v1"
    docker(world, "import", layer, name)
    pushed = docker(world, "push", name).stdout
    document, media_type = world.manifest("docker/app", "v1")
    digest = sha256(document)
    expect(digest in pushed, f"docker push says {pushed[-300:]}, the registry has {digest}")
    expect_equal(media_type, "application/vnd.docker.distribution.manifest.v2+json", "media type")
    world.blobs_match("docker/app", document)
    docker(world, "rmi", name)
    docker(world, "pull", f"{world.host}/docker/app@{digest}")
    seen = json.loads(docker(world, "image", "inspect", f"{world.host}/docker/app@{digest}").stdout)[0]
    expect_equal(seen["RepoDigests"], [f"{world.host}/docker/app@{digest}"], "docker image inspect")
    again = docker(world, "pull", name).stdout
    expect(digest in again, f"docker pull by tag: {again}")


@case("docker pulls what skopeo pushed as OCI")
def docker_pulls_oci(world):
    source, digest = world.small_image("docker-oci")
    world.skopeo_push(source, "docker/oci:v1", "--preserve-digests")
    pulled = docker(world, "pull", f"{world.host}/docker/oci:v1").stdout
    expect(digest in pulled, f"docker pull: {pulled}")
