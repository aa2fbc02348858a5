# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""The rows of tools/bench: what is measured, against whom, and the bar of each."""

import os
import subprocess
import time

from bench_client import Connection, Content, pull, push_content, push_image, run_together
from bench_load import head, wrk
from bench_servers import Cairn, DockerRegistry, GuardedCairn, Nginx
from bench_stats import Comparison
from bench_system import GB, MIB

REPOSITORY = "bench/image"
PARALLEL = 32
GET_ROUNDS = 4


class Bench:
    """The servers side by side, the data in them, and the settings of a run."""

    def __init__(self, directory, pairs, quick, logs, tell):
        self.directory = directory
        self.pairs = pairs
        self.blob_bytes = (128 if quick else 512) * MIB
        self.small_bytes = (4 if quick else 16) * MIB
        self.wrk_seconds = 1 if quick else 3
        self.logs = logs
        self.tell = tell
        self.cairn = Cairn(os.path.join(directory, "cairn"), logs)
        self.docker = DockerRegistry(os.path.join(directory, "docker"), logs)
        self.nginx = Nginx(os.path.join(directory, "nginx"), logs)

    def __enter__(self):
        try:
            for server in (self.cairn, self.docker, self.nginx):
                server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in (self.cairn, self.docker, self.nginx):
            server.stop()

    def alternate(self, name, ours, theirs):
        """Runs both measures in pairs, the order changing from pair to pair, after one pair that does not count."""
        results = ([], [])
        for number in range(-1, self.pairs):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            for side in order:
                value = (ours, theirs)[side]()
                if number >= 0:
                    results[side].append(value)
            self.tell(f"{name}: pair {max(number + 1, 0)} of {self.pairs}")
        return results

    @property
    def size_name(self):
        return f"{self.blob_bytes // MIB} MiB"


def measure_get(server, path, streams, size):
    """Megabytes a second and processor seconds per gigabyte of `streams` clients at once, each with some downloads.

    A single download is bimodal in processor time: waking a client on the other core costs much more than on the same.
    """
    rounds = max(1, GET_ROUNDS // streams)
    tasks = [lambda: [pull(server.port, path) for _ in range(rounds)]] * streams
    before = server.cpu()
    seconds = run_together(tasks)
    cpu = server.cpu().seconds_since(before)
    received = size * streams * rounds
    return received / seconds / 1e6, cpu / (received / GB)


def get_rows(bench, streams):
    """GET of a large blob against nginx with sendfile."""
    content = Content(bench.directory, bench.blob_bytes)
    body = content.next()
    with Connection(bench.cairn.port) as connection:
        push_content(connection, REPOSITORY, content, body)
    source = os.path.join(bench.cairn.root, "blobs", *body[1].split(":"))
    target = os.path.join(bench.nginx.root, "blob")
    subprocess.run(["cp", "--reflink=never", source, target], check=True)
    os.sync()
    path = f"/v2/{REPOSITORY}/blobs/{body[1]}"
    # Both files are in the page cache before anything is measured.
    name = f"GET {bench.size_name}, {streams} stream{'s' if streams > 1 else ''}"
    ours, theirs = bench.alternate(
        name,
        lambda: measure_get(bench.cairn, path, streams, bench.blob_bytes),
        lambda: measure_get(bench.nginx, "/blob", streams, bench.blob_bytes),
    )
    return [
        Comparison(name, "MB/s", [x[0] for x in ours], [x[0] for x in theirs], "nginx", bar=1.0),
        Comparison(
            name + ", CPU", "s/GB", [x[1] for x in ours], [x[1] for x in theirs], "nginx", bar=1.0, at_most=True
        ),
    ]


def measure_put(server, content):
    """The same figures for one durable upload; the disk is quiet before and after."""
    body = content.next()
    os.sync()
    before = server.cpu()
    begin = time.perf_counter()
    with Connection(server.port) as connection:
        push_content(connection, REPOSITORY, content, body)
    seconds = time.perf_counter() - begin
    cpu = server.cpu().seconds_since(before)
    server.remove_blob(body[1])
    return content.size / seconds / 1e6, cpu / (content.size / GB)


def put_rows(bench):
    content = Content(bench.directory, bench.blob_bytes)
    name = f"PUT {bench.size_name}, durable"
    ours, theirs = bench.alternate(
        name, lambda: measure_put(bench.cairn, content), lambda: measure_put(bench.docker, content)
    )
    return [
        Comparison(name, "MB/s", [x[0] for x in ours], [x[0] for x in theirs], "docker-registry", bar=2.4),
        Comparison(
            name + ", CPU", "s/GB", [x[1] for x in ours], [x[1] for x in theirs], "docker-registry", at_most=True
        ),
    ]


def manifest_rows(bench, method, by):
    """Requests of one manifest against docker-registry, over 32 connections that stay open."""
    for server in (bench.cairn, bench.docker):
        with Connection(server.port) as connection:
            digest, _ = push_image(connection, REPOSITORY, "latest")
    path = f"/v2/{REPOSITORY}/manifests/{'latest' if by == 'tag' else digest}"
    name = f"{method} manifest by {by}"
    load = head if method == "HEAD" else wrk
    ours, theirs = bench.alternate(
        name,
        lambda: load(bench.cairn.port, path, bench.wrk_seconds),
        lambda: load(bench.docker.port, path, bench.wrk_seconds),
    )
    return [Comparison(name, "requests/s", ours, theirs, "docker-registry", bar=20)]


def bearer_rows(bench):
    """Requests of one manifest by a token, against the same ones of anybody to a Cairn without rules."""
    with GuardedCairn(os.path.join(bench.directory, "guarded"), bench.logs) as guarded:
        with Connection(bench.cairn.port) as connection:
            digest, _ = push_image(connection, REPOSITORY, "bearer")
        with Connection(guarded.port) as connection:
            connection.always = [("Authorization", guarded.authorization(REPOSITORY, "pull,push"))]
            push_image(connection, REPOSITORY, "bearer")
        rows = []
        for by, reference in (("tag", "bearer"), ("digest", digest)):
            path = f"/v2/{REPOSITORY}/manifests/{reference}"
            name = f"GET manifest by {by}, bearer token"

            def with_token(path=path):
                # A token lives for some minutes, so each sample gets its own.
                token = guarded.authorization(REPOSITORY)
                return wrk(guarded.port, path, bench.wrk_seconds, authorization=token)

            ours, theirs = bench.alternate(
                name, with_token, lambda path=path: wrk(bench.cairn.port, path, bench.wrk_seconds)
            )
            rows.append(Comparison(name, "requests/s", ours, theirs, "anonymous", bar=0.85))
        return rows


def parallel_pull_rows(bench):
    """The total time of 32 pulls at once against the same pulls one after the other."""
    content = Content(bench.directory, bench.small_bytes)
    bodies = [content.next() for _ in range(PARALLEL)]
    for body in bodies:
        with Connection(bench.cairn.port) as connection:
            push_content(connection, REPOSITORY, content, body)
    os.sync()
    tasks = [
        (lambda path: lambda: pull(bench.cairn.port, path))(f"/v2/{REPOSITORY}/blobs/{body[1]}") for body in bodies
    ]
    return parallel_rows(bench, "pulls", lambda: tasks, lambda: None)


def parallel_push_rows(bench):
    content = Content(bench.directory, bench.small_bytes)
    pushed = []

    def push(body):
        with Connection(bench.cairn.port) as connection:
            push_content(connection, REPOSITORY, content, body)

    def prepare():
        pushed[:] = [content.next() for _ in range(PARALLEL)]
        os.sync()
        return [(lambda body: lambda: push(body))(body) for body in pushed]

    def clean():
        for _, digest in pushed:
            bench.cairn.remove_blob(digest)

    return parallel_rows(bench, "pushes", prepare, clean)


def parallel_rows(bench, what, prepare, clean):
    def at_once():
        seconds = run_together(prepare())
        clean()
        return seconds

    def one_by_one():
        tasks = prepare()
        seconds = run_together([lambda: [task() for task in tasks]])
        clean()
        return seconds

    name = f"{PARALLEL} {what} of {bench.small_bytes // MIB} MiB at once"
    ours, theirs = bench.alternate(name, at_once, one_by_one)
    return [Comparison(name, "s in total", ours, theirs, "one at a time", bar=1.0, at_most=True)]


ROWS = {
    "get-1": lambda bench: get_rows(bench, 1),
    "get-4": lambda bench: get_rows(bench, 4),
    "put": put_rows,
    "get-tag": lambda bench: manifest_rows(bench, "GET", "tag"),
    "get-digest": lambda bench: manifest_rows(bench, "GET", "digest"),
    "head-tag": lambda bench: manifest_rows(bench, "HEAD", "tag"),
    "head-digest": lambda bench: manifest_rows(bench, "HEAD", "digest"),
    "bearer": bearer_rows,
    "pulls": parallel_pull_rows,
    "pushes": parallel_push_rows,
}
