# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of long and broken transfers: big layers, uploads and downloads cut and resumed, HTTP/2, mounts."""

import contextlib
import hashlib
import os
import signal
import sqlite3
import subprocess
import time

from e2e_cases import case, expect, expect_equal, run
from e2e_clients import need, pulled_digest
from e2e_http import Connection, digest, exchange, message, patience
from e2e_images import file_digest, sha256
from environments import environment

MIB = 1 << 20
HUGE = 20480 * MIB
OCTETS = [("Content-Type", "application/octet-stream")]


def start_upload(world, repository):
    reply = exchange(world.port, "POST", f"/v2/{repository}/blobs/uploads/")
    expect_equal(reply.status, 202, "POST of a session")
    return reply.header("location")


def session_bytes(world, location):
    """What the session says that it has, from its Range; None if it is gone."""
    reply = exchange(world.port, "GET", location)
    if reply.status == 404:
        return None
    expect_equal(reply.status, 204, "GET of a session")
    last = int(reply.header("range").split("-")[1])
    return last + 1 if last else 0


def wait_for_bytes(world, location, wanted):
    """Waits until the session has no more to take of what was sent: `wanted`, or as much as it ever reaches."""
    deadline, seen = time.monotonic() + 60, None
    while time.monotonic() < deadline:
        seen = session_bytes(world, location)
        if seen is None or seen >= wanted:
            return seen
        time.sleep(0.05)
    return seen


def durable_bytes(world, location):
    """How many bytes of an upload the catalog says that a restart will find."""
    catalog = world.server.root / "meta" / "registry.db"
    with contextlib.closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True, timeout=60)) as connection:
        identifier = location.partition("?")[0].rpartition("/")[2]
        row = connection.execute("SELECT durable_offset FROM upload WHERE id = ?", [identifier]).fetchone()
    return row[0] if row else 0


def finish(world, repository, location, data):
    """Sends the rest of an upload from where its session stands, closes it, and reads the blob back."""
    offset = session_bytes(world, location)
    expect(offset is not None, "the session is gone")
    if offset < len(data):
        span = f"{offset}-{len(data) - 1}"
        reply = exchange(world.port, "PATCH", location, OCTETS + [("Content-Range", span)], data[offset:])
        expect_equal(reply.status, 202, f"PATCH of the rest, from {offset}")
        expect_equal(reply.header("range"), f"0-{len(data) - 1}", "Range after the rest")
    reply = exchange(world.port, "PUT", f"{location}?digest={digest(data)}")
    expect_equal(reply.status, 201, f"closing PUT ({reply})")
    status, _, served = world.request("GET", f"/v2/{repository}/blobs/{digest(data)}")
    expect_equal((status, sha256(served)), (200, digest(data)), "blob served")
    return offset


@case("skopeo pushes and pulls a 2 GiB layer", slow=True)
def two_gibibytes(world):
    need("skopeo")
    layout = world.layout("big")
    layer = layout.big_layer(2048 * MIB)
    image = layout.manifest([layer], [layer["digest"]])
    began = time.monotonic()
    world.skopeo_push(layout.tag(image, "v1"), "big/app:v1", "--preserve-digests")
    pushed = time.monotonic()
    world.skopeo_pull("big/app:v1", f"dir:{world.folder}/big-dir")
    pulled = time.monotonic()
    expect_equal(pulled_digest(world.folder / "big-dir"), image["digest"], "digest pulled")
    copy = world.folder / "big-dir" / layer["digest"][7:]
    expect_equal(file_digest(copy), layer["digest"], "layer pulled")
    run(["rm", "-rf", world.folder / "big-dir", layout.path], world)
    return f"push {pushed - began:.0f} s, pull {pulled - pushed:.0f} s"


ORAS_BIG = """
import sys, oras.client
host, folder, name = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, insecure=True)
client.push(target=f"{host}/huge/artifact:v1", files=[f"{folder}/{name}:application/octet-stream"],
            disable_path_validation=True, do_chunked=True, chunk_size=64 << 20)
"""


@case("oras uploads a 20 GiB artifact, its download is cut and resumed", on_demand=True)
def twenty_gibibytes(world):
    folder = world.scratch("huge")
    layer = world.layout("huge").big_layer(HUGE)
    source = world.folder / "layouts/huge/blobs/sha256" / layer["digest"][7:]
    script = world.folder / "oras_big.py"
    script.write_text(ORAS_BIG)
    run([environment("oras"), script, world.host, source.parent, source.name], world, seconds=1800, cwd=folder)
    source.unlink()
    state, received = hashlib.sha256(), 0
    path = f"/v2/huge/artifact/blobs/{layer['digest']}"
    for limit in (HUGE // 3, HUGE // 3 * 2, layer["size"]):
        with Connection(world.port, timeout=60) as connection:
            connection.send(message("GET", path, [("Range", f"bytes={received}-")]))
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.socket.recv(65536)
            head, _, data = head.partition(b"\r\n\r\n")
            expect(b" 206 " in head.split(b"\r\n")[0], f"answer to a Range: {head[:200]!r}")
            state.update(data)
            received += len(data)
            while received < limit and (data := connection.socket.recv(4 * MIB)):
                state.update(data)
                received += len(data)
    expect_equal(
        (received, "sha256:" + state.hexdigest()), (layer["size"], layer["digest"]), "what came in three parts"
    )


def cut_download(world, address, target, rate):
    """Kills a curl that has received more than 20 MiB; returns its exit status, which is 0 if it was done before."""
    target.unlink(missing_ok=True)
    command = ["curl", "-sS", "--noproxy", "*", "--limit-rate", rate, "-o", str(target), address]
    process = subprocess.Popen(command, env=world.environment)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if target.exists() and target.stat().st_size > 20 * MIB:
            break
        time.sleep(0.01)
    process.kill()
    return process.wait()


@case("curl's download is cut and resumed")
def download_cut(world):
    need("curl")
    data = os.urandom(MIB) * 192
    name = digest(data)
    location = start_upload(world, "cut/app")
    expect_equal(exchange(world.port, "PUT", f"{location}?digest={name}", OCTETS, data).status, 201, "push")
    target = world.folder / "cut.bin"
    address = f"http://{world.host}/v2/cut/app/blobs/{name}"
    # Where all of it came before the cut, the next try is slower.
    for rate in ("16M", "4M", "1M"):
        status = cut_download(world, address, target, rate)
        part = target.stat().st_size if target.exists() else 0
        if status not in (0, -signal.SIGKILL) or part < len(data):
            break
    expect_equal(status, -signal.SIGKILL, "exit status of the curl that was to be cut")
    expect(0 < part < len(data), f"the cut came at {part} bytes")
    world.curl("-f", "-C", "-", "-o", target, address)
    expect_equal(file_digest(target), name, "file in two parts")
    target.unlink()
    return f"cut at {part >> 20} of {len(data) >> 20} MiB"


@case("an upload cut in the middle goes on in the same session")
def upload_cut(world):
    data = os.urandom(MIB) * 40
    location = start_upload(world, "resume/cut")
    with Connection(world.port, patience(data)) as connection:
        connection.send(message("PATCH", location, OCTETS + [("Content-Length", str(len(data)))], data[:21_000_000]))
        wait_for_bytes(world, location, 1)
    # What came is counted before it is written: until then the session is still the broken request's.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if exchange(world.port, "PATCH", location, OCTETS).status != 416 \
                and session_bytes(world, location) == 21_000_000:
            break
        time.sleep(0.05)
    offset = finish(world, "resume/cut", location, data)
    expect_equal(offset, 21_000_000, "bytes kept of the broken-off chunk")


@case("an upload goes on after kill -9 of the server")
def upload_killed(world):
    data = os.urandom(MIB) * 224
    sent = 200 * MIB
    location = start_upload(world, "resume/killed")
    with Connection(world.port, patience(data)) as connection:
        connection.send(message("PATCH", location, OCTETS + [("Content-Length", str(len(data)))], data[:sent]))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and durable_bytes(world, location) < 64 * MIB:
            time.sleep(0.01)
        world.server.kill()
    seconds = world.server.start()
    kept = session_bytes(world, location)
    expect(kept is not None, "the session is gone after kill -9")
    expect(64 * MIB <= kept <= sent, f"the session has {kept} bytes; at least 64 MiB were durable")
    finish(world, "resume/killed", location, data)
    return f"{kept >> 20} of {sent >> 20} MiB kept, ready after {seconds:.2f} s"


@case("an upload goes on after a planned restart of the server, without loss")
def upload_restarted(world):
    data = os.urandom(MIB) * 30
    sent = 10 * MIB + 12345
    location = start_upload(world, "resume/restarted")
    span = [("Content-Range", f"0-{sent - 1}")]
    expect_equal(exchange(world.port, "PATCH", location, OCTETS + span, data[:sent]).status, 202, "PATCH")
    expect_equal(world.server.stop(), 0, "exit status after SIGTERM")
    world.server.start()
    kept = finish(world, "resume/restarted", location, data)
    expect_equal(kept, sent, "bytes kept over a planned restart")


@case("curl pushes and pulls over cleartext HTTP/2")
def http2(world):
    need("curl")
    source, target, head = (world.folder / name for name in ("h2.bin", "h2.out", "h2.head"))
    source.write_bytes(os.urandom(MIB) * 48)
    name = file_digest(source)
    version = ["--http2-prior-knowledge", "-w", "%{http_version} %{http_code}"]
    base = f"http://{world.host}"
    began = world.curl(*version, "-D", head, "-o", "/dev/null", "-X", "POST", f"{base}/v2/h2/app/blobs/uploads/")
    expect_equal(began.stdout, "2 202", "POST")
    fields = dict(line.split(": ", 1) for line in head.read_text().splitlines() if ": " in line)
    location = base + fields["location"]
    kind = ["-H", "Content-Type: application/octet-stream"]
    sent = world.curl(*version, *kind, "-o", "/dev/null", "-X", "PATCH", "-T", source, location)
    expect_equal(sent.stdout, "2 202", "PATCH")
    closed = world.curl(*version, "-o", "/dev/null", "-X", "PUT", f"{location}?digest={name}")
    expect_equal(closed.stdout, "2 201", "PUT")
    got = world.curl(*version, "-o", target, f"{base}/v2/h2/app/blobs/{name}")
    expect_equal(got.stdout, "2 200", "GET")
    expect_equal(file_digest(target), name, "blob over HTTP/2")
    part = world.curl(*version, "-r", "1000000-1999999", "-o", target, f"{base}/v2/h2/app/blobs/{name}")
    expect_equal(part.stdout, "2 206", "GET of a range")
    expect_equal(target.read_bytes(), source.read_bytes()[1_000_000:2_000_000], "range over HTTP/2")
    whole = ["--data-binary", f"@{source}", "-X", "POST", "-o", "/dev/null"]
    posted = world.curl(*version, *kind, *whole, f"{base}/v2/h2/post/blobs/uploads/?digest={name}")
    expect_equal(posted.stdout, "2 201", "POST of a whole blob")
    document = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    index = ["-H", "Content-Type: application/vnd.oci.image.index.v1+json", "--data-binary", document.decode()]
    put = world.curl(*version, *index, "-X", "PUT", "-o", "/dev/null", f"{base}/v2/h2/app/manifests/v1")
    expect_equal(put.stdout, "2 201", "PUT of a manifest")
    expect_equal(world.manifest("h2/app", "v1")[0], document, "manifest")
    missing = world.curl(*version, "-o", "/dev/null", "-I", f"{base}/v2/h2/app/manifests/none")
    expect_equal(missing.stdout, "2 404", "HEAD of an absent manifest")


@case("a blob is mounted from one repository into another")
def mount(world):
    data = os.urandom(500_000)
    name = digest(data)
    location = start_upload(world, "mount/source")
    expect_equal(exchange(world.port, "PUT", f"{location}?digest={name}", OCTETS, data).status, 201, "push")
    target = "/v2/mount/target/blobs"
    expect_equal(exchange(world.port, "HEAD", f"{target}/{name}").status, 404, "HEAD before the mount")
    reply = exchange(world.port, "POST", f"{target}/uploads/?mount={name}&from=mount/source")
    expect_equal((reply.status, reply.header("location")), (201, f"{target}/{name}"), "mount")
    status, _, served = world.request("GET", f"{target}/{name}")
    expect_equal((status, served), (200, data), "blob mounted")
    reply = exchange(world.port, "POST", f"/v2/mount/third/blobs/uploads/?mount={name}&from=mount/nowhere")
    expect_equal(reply.status, 202, "mount from a repository that lacks the blob")
    expect_equal(exchange(world.port, "DELETE", reply.header("location")).status, 204, "cancel")
    expect_equal(exchange(world.port, "DELETE", f"/v2/mount/source/blobs/{name}").status, 202, "delete from the source")
    expect_equal(exchange(world.port, "HEAD", f"/v2/mount/source/blobs/{name}").status, 404, "HEAD in the source")
    status, _, served = world.request("GET", f"{target}/{name}")
    expect_equal((status, served), (200, data), "blob mounted, after the delete from its source")
