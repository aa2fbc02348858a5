# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of an operator's day: restarts under load, a second server by mistake, damaged files, and fsck. Run last."""

import os
import subprocess
import time

from e2e_cases import case, expect, expect_equal, run
from e2e_clients import need
from e2e_http import Closed, Connection, digest, exchange, message, push_blob
from e2e_images import sha256
from e2e_server import free_port
from e2e_transfers import MIB, OCTETS, start_upload, wait_for_bytes

DRAIN_SECONDS = 10


def refuses_work(world):
    """Whether nothing new can be begun."""
    try:
        return exchange(world.port, "POST", "/v2/drain/late/blobs/uploads/", timeout=3).status == 503
    except (OSError, Closed):
        return True


@case("SIGTERM lets a push in flight finish")
def drain(world):
    data = os.urandom(MIB) * 32
    name = digest(data)
    location = start_upload(world, "drain/app")
    with Connection(world.port, timeout=30) as connection:
        fields = OCTETS + [("Content-Length", str(len(data)))]
        connection.send(message("PUT", f"{location}?digest={name}", fields, data[: 16 * MIB]))
        wait_for_bytes(world, location, 8 * MIB)
        world.server.terminate()
        time.sleep(0.5)
        # It may hear of the signal later than that, but long before its time to drain is over.
        deadline = time.monotonic() + DRAIN_SECONDS
        while not refuses_work(world) and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(world.server.process.poll() is None, "the server ended with a push in flight")
        expect(refuses_work(world), "new work is taken while the server drains")
        connection.send(data[16 * MIB :])
        reply = connection.reply()
    expect_equal(reply.status, 201, "push that was in flight")
    expect_equal(world.server.wait(), 0, "exit status")
    world.server.start()
    status, _, served = world.request("GET", f"/v2/drain/app/blobs/{name}")
    expect_equal((status, sha256(served)), (200, name), "blob after the restart")


@case("everything is served again after kill -9")
def killed(world):
    need("skopeo")
    source, name = world.small_image("killed")
    world.skopeo_push(source, "killed/app:v1", "--preserve-digests")
    world.server.kill()
    seconds = world.server.start()
    document, _ = world.manifest("killed/app", "v1")
    expect_equal(sha256(document), name, "digest after kill -9")
    world.blobs_match("killed/app", document)
    return f"ready after {seconds:.2f} s"


@case("a second server on the same root is refused")
def second_server(world):
    result = subprocess.run(
        world.server.command(free_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    expect(result.returncode != 0, "a second server ran and ended well")
    expect(result.returncode > 0, f"the second server died of signal {-result.returncode}: {result.stdout[-300:]}")
    expect(
        str(world.server.root) in result.stdout or "lock" in result.stdout.lower(), f"it says: {result.stdout[-300:]}"
    )
    # A busy machine may need longer for an answer than is waited for once.
    expect(any(world.server.ready() for _ in range(10)), "the first server is no longer ready")


def damaged(world, repository, damage):
    """Damages a blob's file, and reads until that is noticed; then a push of the same bytes must heal it."""
    data = os.urandom(MIB) * 3
    name = push_blob(world.port, repository, data)
    path = world.server.blob_path(name)
    target = f"/v2/{repository}/blobs/{name}"
    expect_equal(exchange(world.port, "GET", target).body, data, "blob before the damage")
    damage(path)
    seen = []
    for _ in range(5):
        try:
            reply = exchange(world.port, "GET", target)
            expect(reply.status != 200 or reply.body == data, "damaged bytes were served as a whole answer")
            seen.append(reply.status)
        except Closed:
            seen.append("broken off")
        if seen[-1] == 404:
            break
        time.sleep(0.1)
    expect_equal(seen[-1], 404, f"answers to GET were {seen}; the last")
    expect_equal(exchange(world.port, "HEAD", target).status, 404, "HEAD once the damage was noticed")
    expect_equal(push_blob(world.port, repository, data), name, "push again")
    reply = exchange(world.port, "GET", target)
    expect_equal((reply.status, reply.body == data), (200, True), "GET after the push that heals")
    return f"answers to GET: {seen}"


@case("a blob's file that was cut short is noticed, and healed by the next push")
def truncated(world):
    return damaged(world, "damage/short", lambda path: os.truncate(path, 1_000_000))


@case("a blob's file that is empty is noticed, and healed by the next push")
def emptied(world):
    return damaged(world, "damage/empty", lambda path: os.truncate(path, 0))


@case("a blob's file that is gone is noticed, and healed by the next push")
def removed(world):
    return damaged(world, "damage/gone", os.unlink)


def flip(path, offset=777):
    """Changes one byte of a file and nothing of its metadata that a stat would show."""
    times = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1]))
    os.chmod(path, times.st_mode & 0o777)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@case("cairn fsck --deep: clean, finds planted damage, and is clean again after a push")
def fsck(world):
    data = os.urandom(100_000)
    name = push_blob(world.port, "fsck/app", data)
    expect_equal(world.server.stop(), 0, "exit status")
    status, text = world.server.fsck()
    expect_equal(status, 0, f"fsck --deep of everything that was pushed here: {text[-800:]}")
    flip(world.server.blob_path(name))
    status, text = world.server.fsck()
    expect(status > 0, f"fsck --deep does not find a flipped bit ({status}): {text[-300:]}")
    expect(name[7:] in text, f"fsck does not name the damaged blob: {text[-300:]}")
    world.server.start()
    expect_equal(push_blob(world.port, "fsck/app", data), name, "push again")
    expect_equal(exchange(world.port, "GET", f"/v2/fsck/app/blobs/{name}").body, data, "blob after the push")
    expect_equal(world.server.stop(), 0, "exit status")
    status, text = world.server.fsck()
    expect_equal(status, 0, f"fsck --deep after the push: {text[-800:]}")
    world.server.start()
    blobs = sum(len(list((world.server.root / "blobs" / kind).iterdir())) for kind in ("sha256", "sha512"))
    return f"{blobs} blobs checked"


@case("the store is an OCI image layout that skopeo can read")
def image_layout(world):
    need("skopeo")
    source, name = world.small_image("layout")
    world.skopeo_push(source, "layout/app:v1", "--preserve-digests")
    document, media_type = world.manifest("layout/app", "v1")
    view = world.scratch("view")
    (view / "blobs").symlink_to(world.server.root / "blobs")
    (view / "oci-layout").write_bytes((world.server.root / "oci-layout").read_bytes())
    entry = f'{{"mediaType":"{media_type}","digest":"{name}","size":{len(document)}}}'
    (view / "index.json").write_text(f'{{"schemaVersion":2,"manifests":[{entry}]}}')
    world.skopeo("copy", f"oci:{view}", f"dir:{world.folder}/view-dir")
    run(["cmp", world.folder / "view-dir/manifest.json", world.server.blob_path(name)], world)
