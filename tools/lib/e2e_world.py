# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Where real clients run: their packages, their storage in a temporary folder, and the server they talk to."""

import http.client
import json
import os
import shutil
import subprocess
from pathlib import Path

from e2e_cases import Skip, expect_equal, run
from e2e_images import Layout, sha256, tar_layer
from e2e_server import Server

PACKAGES = {"skopeo": "skopeo", "podman": "podman", "buildah": "buildah", "curl": "curl", "crun": "crun"}
INSTALL_SECONDS = 900
DAEMON_PACKAGES = ["containerd", "docker.io", "runc"]
ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "cairn-e2e"


def quietly(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def install(log, **more):
    """Installs the clients that are missing, and what else is named: the package of a command."""
    wanted = {**PACKAGES, **more}
    missing = sorted({package for command, package in wanted.items() if shutil.which(command) is None})
    if not missing:
        return
    log(f"installing {', '.join(missing)}")
    options = {"env": dict(os.environ, DEBIAN_FRONTEND="noninteractive"), "timeout": INSTALL_SECONDS}
    try:
        quietly(["apt-get", "update", "-qq"], **options)
        result = quietly(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **options)
        trouble = result.stdout[-400:] if result.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    if trouble:
        log(f"apt-get: {trouble}")


def daemon_programs():
    """The folder with containerd's and docker's programs, unpacked from their packages without being installed."""
    target = cache_folder() / "daemons"
    if not (target / "usr/sbin/dockerd").exists() or not (target / "usr/bin/ctr").exists():
        packages = cache_folder() / "debs"
        packages.mkdir(parents=True, exist_ok=True)
        if shutil.which("apt-get") is None:
            raise Skip("no apt-get to fetch containerd and docker.io with")
        result = quietly(["apt-get", "download", "-qq", *DAEMON_PACKAGES], cwd=packages)
        if result.returncode != 0:
            quietly(["apt-get", "update", "-qq"])
            result = quietly(["apt-get", "download", "-qq", *DAEMON_PACKAGES], cwd=packages)
        if result.returncode != 0:
            raise Skip(f"packages cannot be fetched: {result.stdout.strip()[-200:]}")
        for package in packages.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, target], check=True)
    return target


class World:
    """A running registry, and the folders and environment of its clients."""

    # What was not made yet need not be closed.
    server = containerd = dockerd = None

    def __init__(self, binary, folder, server=None):
        self.folder = Path(folder)
        self.server = server or Server(binary, self.folder / "root")
        home = self.folder / "home"
        temporary = self.folder / "tmp"
        for path in (home, temporary, self.folder / "run"):
            path.mkdir()
        policy = self.folder / "policy.json"
        policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        accounts = self.folder / "auth.json"
        accounts.write_text('{"auths":{}}')
        storage = self.folder / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/run"\n'
        )
        self.environment = dict(
            os.environ,
            HOME=str(home),
            TMPDIR=str(temporary),
            XDG_RUNTIME_DIR=str(self.folder / "run"),
            XDG_CACHE_HOME=str(home / "cache"),
            XDG_CONFIG_HOME=str(home / "config"),
            CONTAINERS_STORAGE_CONF=str(storage),
            REGISTRY_AUTH_FILE=str(accounts),
            BUILDAH_ISOLATION="chroot",
            NO_PROXY="127.0.0.1,localhost",
            no_proxy="127.0.0.1,localhost",
        )
        self.policy = policy
        self.server.start()

    @property
    def host(self):
        return self.server.host

    @property
    def port(self):
        return self.server.port

    def close(self):
        for process in (self.dockerd, self.containerd):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
        if self.dockerd is not None:
            # A daemon that had to be killed leaves its folder mounted upon itself.
            quietly(["umount", str(self.folder / "docker")])
        if self.server is not None:
            self.server.stop()

    def after_case(self):
        """Called after each case, whatever came of it: raises Failure where something went wrong beside the case."""

    def server_is_gone(self):
        return self.server.process.poll() is not None

    def restart(self):
        if not self.server_is_gone():
            self.server.stop()
        return self.server.start()

    def scratch(self, name):
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def layout(self, name):
        return Layout(self.folder / "layouts" / name)

    def small_image(self, name, tag="v1"):
        """A layout with one image of two layers; returns its reference and digest."""
        layout = self.layout(name)
        first = tar_layer({"hello": f"hello from {name}\n".encode(), "data": os.urandom(300_000)})
        second = tar_layer({"etc/second": name.encode() * 1000})
        descriptor = layout.image([first, second])
        return layout.tag(descriptor, tag), descriptor["digest"]

    # Clients

    def skopeo(self, *arguments, **options):
        command = ["skopeo", "--insecure-policy", "--tmpdir", self.environment["TMPDIR"], *arguments]
        return run(command, self, **options)

    def skopeo_push(self, source, target, *options):
        return self.skopeo("copy", "--dest-tls-verify=false", *options, source, f"docker://{self.host}/{target}")

    def skopeo_pull(self, source, target, *options):
        return self.skopeo("copy", "--src-tls-verify=false", *options, f"docker://{self.host}/{source}", target)

    def podman(self, *arguments, **options):
        command = [
            "podman",
            "--root",
            self.folder / "storage",
            "--runroot",
            self.folder / "run",
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "none",
        ]
        return run(command + list(arguments), self, **options)

    def buildah(self, *arguments, **options):
        command = [
            "buildah",
            "--root",
            self.folder / "storage",
            "--runroot",
            self.folder / "run",
            "--storage-driver",
            "vfs",
        ]
        return run(command + list(arguments), self, **options)

    def curl(self, *arguments, **options):
        return run(["curl", "-sS", "--noproxy", "*", "--max-time", "200", *arguments], self, **options)

    # What the registry says

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            data = response.read()
            return response.status, response.headers, data
        finally:
            connection.close()

    def manifest(self, repository, reference):
        """The bytes of a manifest, whose digest header must be theirs; and its media type."""
        status, headers, data = self.request("GET", f"/v2/{repository}/manifests/{reference}", {"Accept": ACCEPT})
        expect_equal(status, 200, f"GET of {repository}:{reference}")
        expect_equal(headers["Docker-Content-Digest"], sha256(data), "Docker-Content-Digest")
        return data, headers["Content-Type"]

    def blobs_match(self, repository, document):
        """Fetches the config and every layer of a manifest, and compares their digests."""
        manifest = json.loads(document)
        for descriptor in [manifest["config"], *manifest["layers"]]:
            status, _, data = self.request("GET", f"/v2/{repository}/blobs/{descriptor['digest']}")
            expect_equal(status, 200, f"GET of {descriptor['digest']}")
            expect_equal(sha256(data), descriptor["digest"], "digest of a blob served")
            expect_equal(len(data), descriptor["size"], "size of a blob served")
        return manifest
