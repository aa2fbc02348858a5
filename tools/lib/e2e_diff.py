# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of `cairn diff`, with images that buildah makes and skopeo pushes."""

import json
import os

from e2e_cases import case, expect, expect_equal, run
from e2e_clients import need
from e2e_images import tar_layer

STATUS = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n"


def diff(world, old, new, *options, status=1):
    """Runs `cairn diff` with two names of this registry; returns what it prints."""
    names = [f"{world.host}/{name}" for name in (old, new)]
    command = [world.server.binary, "diff", *names, "--progress", "none", *options]
    result = run(command, world, check=False)
    expect_equal(result.returncode, status, f"status of {' '.join(command[1:])}: {result.stderr.strip()[-400:]}")
    return result.stdout if status < 2 else result.stderr


def fetched(world):
    """Bytes of bodies that the server has sent so far."""
    text = world.curl(f"http://{world.host}/metrics").stdout
    lines = [line for line in text.splitlines() if line.startswith("cairn_http_sent_bytes_total")]
    expect(lines, "the server counts no sent bytes")
    return sum(float(line.split()[-1]) for line in lines)


def built(world, tag, former, change):
    """Builds an image on a former one or on nothing: `change` gets the working container."""
    working = world.buildah("from", former).stdout.strip()
    change(working)
    world.buildah("commit", "-q", working, f"diff-{tag}")
    folder = world.scratch(f"diff-push-{tag}")
    world.buildah("push", "-q", f"diff-{tag}", f"oci:{folder}:x")
    world.skopeo_push(f"oci:{folder}:x", f"diff/app:{tag}")
    world.buildah("rm", working)
    return f"diff-{tag}"


def put(world, working, path, content, *options):
    file = world.scratch("diff-files") / path.strip("/").replace("/", "-")
    file.write_text(content)
    world.buildah("copy", "-q", *options, working, file, path)


def make_images(world):
    """Two images that begin with the same layer and differ in what follows."""

    def base(working):
        put(world, working, "/etc/common", "common\n")
        put(world, working, "/etc/goes", "goes\n")
        put(world, working, "/etc/changes", "before\n")
        put(world, working, "/opt/tree/one", "one\n")
        status = "\n".join([STATUS.format("openssl", "3.0.1"), STATUS.format("old", "1")])
        put(world, working, "/var/lib/dpkg/status", status)

    def old(working):
        put(world, working, "/etc/of-a", "a\n")
        world.buildah("config", "--env", "MODE=old", "--env", "SAME=1", "--user", "1000", working)
        world.buildah("config", "--label", "org.opencontainers.image.revision=aaaa", "--port", "80", working)

    def new(working):
        put(world, working, "/etc/of-b", "b\n")
        put(world, working, "/etc/changes", "after, and longer\n", "--chmod", "0600", "--chown", "7:8")
        mounted = world.buildah("mount", working).stdout.strip()
        os.remove(f"{mounted}/etc/goes")
        os.remove(f"{mounted}/opt/tree/one")
        os.rmdir(f"{mounted}/opt/tree")
        os.symlink("/etc/common", f"{mounted}/opt/tree")
        world.buildah("umount", working)
        # Another length too: a storage driver without overlays takes a file of the same size and second for the same.
        status = "\n".join([STATUS.format("openssl", "3.0.12"), STATUS.format("new", "2")])
        put(world, working, "/var/lib/dpkg/status", status)
        world.buildah("config", "--env", "MODE=new", "--env", "SAME=1", "--cmd", "/bin/app", working)
        world.buildah("config", "--label", "org.opencontainers.image.revision=bbbb", working)

    first = built(world, "base", "scratch", base)
    built(world, "a", first, old)
    built(world, "b", first, new)


@case("cairn diff compares images of buildah")
def images_differ(world):
    need("buildah", "skopeo")
    make_images(world)
    expect("the same image" in diff(world, "diff/app:a", "diff/app:a", status=0), "an image differs from itself")
    found = json.loads(diff(world, "diff/app:a", "diff/app:b", "--files", "--output", "json"))
    sizes = [len(found["layers"][key]) for key in ("shared", "onlyA", "onlyB")]
    expect_equal(sizes, [1, 1, 1], "layers shared, only in A, only in B")
    values = {(row["field"], row["key"]): (row["a"], row["b"]) for row in found["configuration"]}
    expect_equal(values.get(("env", "MODE")), ("old", "new"), "changed variable")
    expect(("env", "SAME") not in values, "a variable that is the same is listed")
    expect_equal(values.get(("user", None)), ("1000", None), "removed user")
    expect_equal(values.get(("port", "80")), ("", None), "removed port")
    expect_equal(values.get(("cmd", None)), (None, '["/bin/app"]'), "added command")
    expect_equal([(row["a"], row["b"]) for row in found["revision"][:1]], [("aaaa", "bbbb")], "revision")
    packages = {row["name"]: (row["a"], row["b"]) for row in found["packages"]["changes"]}
    wanted = {"new": ([], ["2"]), "old": (["1"], []), "openssl": (["3.0.1"], ["3.0.12"])}
    expect_equal(packages, wanted, "packages")
    files = {row["path"]: row["differs"] for row in found["files"]["changes"]}
    wanted = {
        "etc/changes": ["content", "mode", "owner"],
        "etc/goes": [],
        "etc/of-a": [],
        "etc/of-b": [],
        "opt/tree": ["type"],
        "opt/tree/one": [],
        "var/lib/dpkg/status": ["content"],
    }
    expect_equal(files, wanted, "files")
    totals = [found["files"][key] for key in ("added", "removed")]
    expect_equal(totals, [1, 3], "files added and removed")
    text = diff(world, "diff/app:a", "diff/app:b", "--files", "--limit", "2")
    expect("~ env MODE: old -> new" in text and "more: see --limit" in text, f"text: {text}")


def packed(world, name, layers, compress=True):
    layout = world.layout(f"diff-{name}")
    descriptor = layout.image(layers, compress=compress)
    world.skopeo_push(layout.tag(descriptor, name), f"diff/packed:{name}", "--preserve-digests")


@case("cairn diff reads of common layers only what it needs, and the same of any packing")
def common_layers(world):
    need("skopeo")
    base = tar_layer({"data": os.urandom(3_000_000), "etc/both": b"0"})
    packed(world, "one", [base, tar_layer({"etc/both": b"1"})])
    packed(world, "two", [base, tar_layer({"etc/both": b"22"})])
    packed(world, "three", [base, tar_layer({"etc/three": b"3"})])
    packed(world, "plain", [base, tar_layer({"etc/three": b"3"})], compress=False)
    started = fetched(world)
    text = diff(world, "diff/packed:one", "diff/packed:two", "--files")
    expect("~ etc/both (content 1 B -> 2 B)" in text and "0 added" in text, text)
    sent = fetched(world) - started
    expect(sent < 100_000, f"{sent} bytes were fetched to compare two small layers")
    for other in ("three", "plain"):
        started = fetched(world)
        text = diff(world, "diff/packed:one", f"diff/packed:{other}", "--files")
        expect("+ etc/three (1 B)" in text and "~ etc/both" in text and " data" not in text.split("files:")[1], text)
        sent = fetched(world) - started
        expect(sent > 2_900_000, f"{sent} bytes were fetched where what lies below decides")
    layout = world.layout("diff-zstd")
    source = layout.tag(layout.image([base, tar_layer({"etc/both": b"1"})], compress=False), "zstd")
    world.skopeo_push(source, "diff/packed:zstd", "--dest-compress-format", "zstd", "--format", "oci")
    text = diff(world, "diff/packed:one", "diff/packed:zstd", "--files")
    expect("files: the same" in text, text)


@case("cairn diff tells what keeps it from comparing")
def failures(world):
    need("skopeo")
    packed(world, "whole", [tar_layer({"a": b"1"})])
    packed(world, "other", [tar_layer({"a": b"2"})])
    packed(world, "noise", [b"this is no archive" * 100])
    diff(world, "diff/packed:whole", "diff/packed:none", status=3)
    text = diff(world, "diff/packed:whole", "diff/packed:noise", "--files", status=11)
    expect("no tar archive" in text, text)
    diff(world, "diff/packed:whole", "diff/packed", status=2)
    text = diff(world, "diff/packed:whole", "diff/packed:other", "--no-layers")
    expect("packages: not compared" in text, text)


@case("cairn diff compares the platforms of indexes")
def platforms(world):
    need("skopeo")
    layout = world.layout("diff-index")
    same = layout.image([tar_layer({"same": b"1"})], architecture="arm64")
    first = layout.image([tar_layer({"a": b"1"})])
    second = layout.image([tar_layer({"a": b"2"})])
    for name, images in (("one", [first, same]), ("two", [second, same]), ("three", [same])):
        reference = layout.tag(layout.index(images), name)
        world.skopeo_push(reference, f"diff/list:{name}", "--all", "--preserve-digests")
    text = diff(world, "diff/list:one", "diff/list:two", "--files")
    expect("~ a (content" in text and "linux/amd64" in text, text)
    diff(world, "diff/list:one", "diff/list:two", "--platform", "linux/arm64", status=0)
    diff(world, "diff/list:one", "diff/list:three", status=0)
    text = diff(world, "diff/list:one", "diff/list:three", "--platform", "all")
    expect(f"- linux/amd64 {first['digest']}" in text and f"= linux/arm64 {same['digest']}" in text, text)
    diff(world, "diff/list:one", "diff/list:two", "--platform", "linux/s390x", status=3)
