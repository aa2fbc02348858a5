# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of the clients that need no daemon: skopeo, podman, buildah, and oras from its Python package."""

import json
import shutil
import threading
import time
from pathlib import Path

from e2e_cases import Skip, case, expect, expect_equal, run
from e2e_images import IMAGE, INDEX, sha256, tar_layer
from environments import environment

PARALLEL = 50
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def need(*commands):
    for command in commands:
        if shutil.which(command) is None:
            raise Skip(f"{command} is not installed and could not be")


def pulled_digest(folder):
    """The digest of the manifest of an image that skopeo wrote to `dir:`."""
    return sha256((Path(folder) / "manifest.json").read_bytes())


def buildah_digest(world, repository):
    """The digest of the one image of that repository in buildah's storage; None if there is none."""
    lines = world.buildah("images", "--digests", "--format", "{{.Name}} {{.Digest}}").stdout.splitlines()
    return dict(line.split() for line in lines if len(line.split()) == 2).get(f"{world.host}/{repository}")


@case("skopeo pushes and pulls an image")
def skopeo_round_trip(world):
    need("skopeo")
    source, digest = world.small_image("skopeo")
    world.skopeo_push(source, "skopeo/app:v1", "--preserve-digests", "--digestfile", world.folder / "digest")
    expect_equal((world.folder / "digest").read_text().strip(), digest, "digest that skopeo pushed")
    document, media_type = world.manifest("skopeo/app", "v1")
    expect_equal((sha256(document), media_type), (digest, IMAGE), "manifest served")
    world.blobs_match("skopeo/app", document)
    world.skopeo_pull("skopeo/app:v1", f"dir:{world.folder}/skopeo-dir")
    expect_equal(pulled_digest(world.folder / "skopeo-dir"), digest, "digest pulled by tag")
    world.skopeo_pull(f"skopeo/app@{digest}", f"oci:{world.folder}/skopeo-oci:x")
    entry = json.loads((world.folder / "skopeo-oci/index.json").read_text())["manifests"][0]
    expect_equal(entry["digest"], digest, "digest pulled by digest")
    tags = json.loads(world.skopeo("list-tags", "--tls-verify=false", f"docker://{world.host}/skopeo/app").stdout)
    expect_equal(tags["Tags"], ["v1"], "skopeo list-tags")
    seen = json.loads(world.skopeo("inspect", "--tls-verify=false", f"docker://{world.host}/skopeo/app:v1").stdout)
    expect_equal(seen["Digest"], digest, "skopeo inspect")


@case("podman builds, pushes and pulls an image")
def podman_round_trip(world):
    need("podman")
    folder = world.scratch("podman")
    (folder / "hello").write_text("hello\n")
    (folder / "Containerfile").write_text("FROM scratch\nCOPY hello /hello\nLABEL case=podman\n")
    name = f"{world.host}/podman/app:v1"
    world.podman("build", "--isolation", "chroot", "-q", "-t", name, folder)
    world.podman("push", "-q", "--tls-verify=false", "--digestfile", folder / "digest", name)
    digest = (folder / "digest").read_text().strip()
    document, _ = world.manifest("podman/app", "v1")
    expect_equal(sha256(document), digest, "digest that podman pushed")
    world.blobs_match("podman/app", document)
    world.podman("rmi", "-f", name)
    world.podman("pull", "-q", "--tls-verify=false", f"{world.host}/podman/app@{digest}")
    seen = world.podman("image", "inspect", "--format", "{{.Digest}}", f"{world.host}/podman/app@{digest}").stdout
    expect_equal(seen.strip(), digest, "digest that podman pulled")


@case("buildah builds, pushes and pulls an image")
def buildah_round_trip(world):
    need("buildah")
    folder = world.scratch("buildah")
    (folder / "data").write_bytes(b"buildah" * 50_000)
    working = world.buildah("from", "scratch").stdout.strip()
    world.buildah("copy", "-q", working, folder / "data", "/data")
    world.buildah("config", "--label", "case=buildah", working)
    world.buildah("commit", "-q", working, "buildah-app")
    target = f"docker://{world.host}/buildah/app:v1"
    world.buildah("push", "-q", "--tls-verify=false", "--digestfile", folder / "digest", "buildah-app", target)
    digest = (folder / "digest").read_text().strip()
    document, media_type = world.manifest("buildah/app", "v1")
    expect_equal((sha256(document), media_type), (digest, IMAGE), "manifest that buildah pushed")
    world.blobs_match("buildah/app", document)
    world.buildah("rmi", "-f", "buildah-app")
    world.buildah("pull", "-q", "--tls-verify=false", f"{world.host}/buildah/app:v1")
    expect_equal(buildah_digest(world, "buildah/app"), digest, "digest that buildah pulled")
    world.buildah("rm", "-a")


@case("skopeo copies a multi-architecture index")
def multi_architecture(world):
    need("skopeo")
    layout = world.layout("multi")
    images = [layout.image([tar_layer({"arch": name.encode() * 100})], name) for name in ("amd64", "arm64", "s390x")]
    index = layout.index(images)
    world.skopeo_push(layout.tag(index, "v1"), "multi/app:v1", "--all", "--preserve-digests")
    document, media_type = world.manifest("multi/app", "v1")
    expect_equal((sha256(document), media_type), (index["digest"], INDEX), "index served")
    for image in images:
        document, _ = world.manifest("multi/app", image["digest"])
        world.blobs_match("multi/app", document)
    world.skopeo_pull("multi/app:v1", f"dir:{world.folder}/multi-dir", "--all")
    expect_equal(pulled_digest(world.folder / "multi-dir"), index["digest"], "index pulled")
    chosen = ["--override-arch", "arm64", "--override-os", "linux"]
    world.skopeo(
        *chosen, "copy", "--src-tls-verify=false", f"docker://{world.host}/multi/app:v1", f"dir:{world.folder}/arm"
    )
    expect_equal(pulled_digest(world.folder / "arm"), images[1]["digest"], "arm64's image")


@case("buildah makes and pushes a manifest list")
def manifest_list(world):
    need("buildah")
    layout = world.layout("list")
    references = []
    for name in ("amd64", "arm64"):
        references.append(layout.tag(layout.image([tar_layer({"list": name.encode()})], name), name))
    world.buildah("manifest", "create", "both")
    for name, reference in zip(("amd64", "arm64"), references):
        world.buildah("manifest", "add", "--arch", name, "--os", "linux", "both", reference)
    world.buildah("manifest", "push", "-q", "--all", "--tls-verify=false", "both", f"docker://{world.host}/list/app:v1")
    document, _ = world.manifest("list/app", "v1")
    expect_equal(len(json.loads(document)["manifests"]), 2, "images in the list")
    for image in json.loads(document)["manifests"]:
        world.blobs_match("list/app", world.manifest("list/app", image["digest"])[0])
    world.buildah("rmi", "both")


@case("skopeo pushes a zstd layer, buildah pulls it")
def zstd_layer(world):
    need("skopeo")
    source, _ = world.small_image("zstd")
    world.skopeo_push(source, "zstd/app:v1", "--dest-compress-format", "zstd", "--format", "oci")
    document, _ = world.manifest("zstd/app", "v1")
    manifest = world.blobs_match("zstd/app", document)
    for layer in manifest["layers"]:
        expect(layer["mediaType"].endswith("+zstd"), f"layer is {layer['mediaType']}")
        _, _, data = world.request("GET", f"/v2/zstd/app/blobs/{layer['digest']}", {"Accept-Encoding": "zstd, gzip"})
        expect(data.startswith(ZSTD_MAGIC), f"layer begins with {data[:4]!r}")
        expect_equal(sha256(data), layer["digest"], "layer asked for with Accept-Encoding")
    world.skopeo_pull("zstd/app:v1", f"dir:{world.folder}/zstd-dir")
    expect_equal(pulled_digest(world.folder / "zstd-dir"), sha256(document), "digest pulled")
    need("buildah")
    world.buildah("pull", "-q", "--tls-verify=false", f"{world.host}/zstd/app:v1")
    expect_equal(buildah_digest(world, "zstd/app"), sha256(document), "digest that buildah pulled")


@case("skopeo pushes Docker schema 2, podman pulls it")
def docker_schema_2(world):
    need("skopeo")
    source, _ = world.small_image("v2s2")
    world.skopeo_push(source, "v2s2/app:v1", "--format", "v2s2")
    document, media_type = world.manifest("v2s2/app", "v1")
    expect_equal(media_type, "application/vnd.docker.distribution.manifest.v2+json", "media type served")
    world.blobs_match("v2s2/app", document)
    world.skopeo_pull("v2s2/app:v1", f"dir:{world.folder}/v2s2-dir")
    expect_equal(pulled_digest(world.folder / "v2s2-dir"), sha256(document), "digest pulled")
    need("podman")
    world.podman("pull", "-q", "--tls-verify=false", f"{world.host}/v2s2/app:v1")
    seen = world.podman("image", "inspect", "--format", "{{.Digest}}", f"{world.host}/v2s2/app:v1").stdout.strip()
    expect_equal(seen, sha256(document), "digest that podman pulled")


@case("skopeo copies between repositories and deletes")
def copy_and_delete(world):
    need("skopeo")
    source, digest = world.small_image("delete")
    world.skopeo_push(source, "delete/app:v1", "--preserve-digests")
    both = ["--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests"]
    world.skopeo("copy", *both, f"docker://{world.host}/delete/app:v1", f"docker://{world.host}/delete/copy:v1")
    expect_equal(sha256(world.manifest("delete/copy", "v1")[0]), digest, "digest of the copy")
    world.skopeo("delete", "--tls-verify=false", f"docker://{world.host}/delete/app:v1")
    for reference in ("v1", digest):
        status, _, _ = world.request("GET", f"/v2/delete/app/manifests/{reference}")
        expect_equal(status, 404, f"GET of {reference} after the delete")
    again = world.skopeo("delete", "--tls-verify=false", f"docker://{world.host}/delete/app:v1", check=False)
    expect(again.returncode != 0, "a second delete succeeds")
    document, _ = world.manifest("delete/copy", "v1")
    world.blobs_match("delete/copy", document)


@case(f"{PARALLEL} parallel pushes by skopeo that share layers")
def parallel_pushes(world):
    need("skopeo")
    layout = world.layout("parallel")
    shared = [tar_layer({f"base{number}": bytes([number]) * (4 << 20)}) for number in range(2)]
    images = []
    for number in range(PARALLEL):
        descriptor = layout.image(shared + [tar_layer({"own": str(number).encode() * 2000})], compress=False)
        images.append((number, layout.tag(descriptor, f"v{number}"), descriptor["digest"]))
    troubles = []

    def push(number, source):
        try:
            world.skopeo_push(source, f"parallel/app{number % 5}:v{number}", "--preserve-digests")
        except Exception as error:  # noqa: BLE001 - told below, with the other pushes'
            troubles.append(f"push {number}: {error}")

    threads = [threading.Thread(target=push, args=(number, source)) for number, source, _ in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not troubles, f"{len(troubles)} failed; {troubles[:2]}")
    for number, _, digest in images:
        document, _ = world.manifest(f"parallel/app{number % 5}", f"v{number}")
        expect_equal(sha256(document), digest, f"digest of push {number}")
    for repository in range(5):
        world.blobs_match(f"parallel/app{repository}", world.manifest(f"parallel/app{repository}", f"v{repository}")[0])
    # A file may outlive by a moment the answer to the client that wrote it.
    deadline = time.monotonic() + 60
    while (left := world.server.upload_files()) and time.monotonic() < deadline:
        time.sleep(0.1)
    expect(not left, f"{len(left)} upload files are left over")
    total = sum(path.stat().st_size for path in (world.server.root / "blobs/sha256").iterdir())
    return f"{total >> 20} MiB in the store in all"


ORAS = """
import hashlib, json, os, sys
import oras.client, oras.oci
host, folder = sys.argv[1], sys.argv[2]
client = oras.client.OrasClient(hostname=host, insecure=True)
os.chdir(folder)
open("model.bin", "wb").write(os.urandom(200000))
open("sbom.json", "w").write('{"spdxVersion":"SPDX-2.3"}')
main = client.push(target=f"{host}/oras/artifact:v1", files=["model.bin:application/octet-stream"],
                   disable_path_validation=True)
digest = main.headers["Docker-Content-Digest"]
body = client.do_request(f"http://{host}/v2/oras/artifact/manifests/{digest}", "GET", headers={"Accept": "*/*"}).content
assert "sha256:" + hashlib.sha256(body).hexdigest() == digest
subject = oras.oci.Subject(mediaType="application/vnd.oci.image.manifest.v1+json", digest=digest, size=len(body))
attached = client.push(target=f"{host}/oras/artifact:sbom", files=["sbom.json:application/spdx+json"], subject=subject,
                       manifest_annotations={"kind": "sbom"}, disable_path_validation=True)
assert attached.headers["OCI-Subject"] == digest, attached.headers
found = client.do_request(f"http://{host}/v2/oras/artifact/referrers/{digest}", "GET")
assert found.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json", found.headers
entries = found.json()["manifests"]
assert [entry["digest"] for entry in entries] == [attached.headers["Docker-Content-Digest"]], entries
assert entries[0]["annotations"]["kind"] == "sbom", entries
original = hashlib.sha256(open("model.bin", "rb").read()).hexdigest()
os.makedirs("out", exist_ok=True)
files = client.pull(target=f"{host}/oras/artifact:v1", outdir="out")
assert [hashlib.sha256(open(name, "rb").read()).hexdigest() for name in files] == [original], files
assert sorted(client.get_tags(f"{host}/oras/artifact")) == ["sbom", "v1"]
print(json.dumps({"artifact": digest, "type": entries[0].get("artifactType")}))
"""


@case("oras pushes an artifact, attaches another to it, and discovers it")
def oras_artifacts(world):
    script = world.folder / "oras_script.py"
    script.write_text(ORAS)
    run([environment("oras"), script, world.host, world.scratch("oras")], world)
