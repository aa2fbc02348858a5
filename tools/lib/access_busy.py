# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Clients that keep a registry busy while its files change under it, and judge every answer."""

import asyncio
import json
import random
import time
import urllib.parse

from access_load import exchange, open_stream
from access_server import OCTETS, basic, bearer, claims
from e2e_http import digest

PASSWORD = "U*U"
SIDES = ("left", "right")
PAIRS = ("pair", "twin")
# Tokens live for five minutes at least.
TOKEN_SECONDS = 60
LISTED = 20


class Busy:
    """What the clients of one process share: the counts, and what went wrong."""

    def __init__(self, target):
        self.target = target
        self.context = target.context()
        self.done = {}
        self.failures = []
        self.failed = 0
        self.sides = {side: 0 for side in SIDES}
        self.running = True

    def fail(self, what):
        self.failed += 1
        if len(self.failures) < LISTED:
            self.failures.append(what)

    async def client(self, name, step, renew=0):
        """Repeats a step on one connection, which is replaced only after `renew` steps; each step must go well."""
        stream, steps = None, 0
        while self.running:
            try:
                if stream is None:
                    stream = await open_stream(self.target, self.context, None)
                await step(stream)
                self.done[name] = self.done.get(name, 0) + 1
                steps += 1
                if renew and steps % renew == 0:
                    stream[1].close()
                    stream = None
            except Exception as error:  # noqa: BLE001 - whatever it is, a request failed
                self.fail(f"{name}: {type(error).__name__}: {error}")
                if stream is not None:
                    stream[1].transport.abort()
                stream = None
                await asyncio.sleep(0.05)

    async def ask(self, stream, method, path, fields=(), body=b"", wanted=(200,)):
        status, _, answer = await exchange(*stream, self.target.head(method, path, fields, body))
        if status not in wanted:
            raise ValueError(f"{method} {path}: {status} {answer[:300]!r}")
        return status, answer

    async def token(self, stream, user, *scopes):
        query = urllib.parse.urlencode([("service", "cairn"), *[("scope", scope) for scope in scopes]])
        _, answer = await self.ask(stream, "GET", f"/token?{query}", [basic(user, PASSWORD)])
        return json.loads(answer)["token"]


def reading(busy, blob):
    """Requests that every version of the files allows."""
    held = {"token": None, "until": 0.0}

    async def pull(stream):
        if time.monotonic() > held["until"]:
            held["token"] = await busy.token(stream, "stay", "repository:steady/app:pull")
            held["until"] = time.monotonic() + TOKEN_SECONDS
        await busy.ask(stream, "GET", "/v2/steady/app/manifests/v1", [bearer(held["token"])])

    async def download(stream):
        _, answer = await busy.ask(stream, "GET", f"/v2/steady/app/blobs/{blob}", [basic("stay", PASSWORD)])
        if digest(answer) != blob:
            raise ValueError("other bytes")
        await asyncio.sleep(0.2)

    async def log_in(stream):
        # The first and the last line of the file: half a file would lack one of them.
        for user in ("first", "last"):
            await busy.ask(stream, "GET", "/v2/", [basic(user, PASSWORD)])
        await asyncio.sleep(0.005)

    async def push(stream):
        data = random.randbytes(3000)
        who = basic("stay", PASSWORD)
        names = f"?digest={digest(data)}"
        await busy.ask(stream, "POST", f"/v2/steady/app/blobs/uploads/{names}", [who, *OCTETS], data, (201,))
        await asyncio.sleep(0.05)

    async def greet(stream):
        await busy.ask(stream, "GET", "/livez")
        await asyncio.sleep(0.005)

    clients = [busy.client("pulls by token", pull), busy.client("pulls by token", pull)]
    clients += [busy.client("downloads", download), busy.client("logins", log_in), busy.client("pushes", push)]
    return clients + [busy.client("handshakes", greet, renew=1)]


def judging(busy):
    """Requests of `flip`, who may read the left of both pairs or the right of both, and never anything else.

    One pair stands at the head of the rules, the other at their end; the answer to one request speaks of all four.
    """
    names = [f"{pair}/{side}" for pair in PAIRS for side in SIDES]
    who = basic("flip", PASSWORD)
    query = urllib.parse.urlencode([("service", "cairn"), *[("scope", f"repository:{name}:pull") for name in names]])

    def judge(what, seen):
        for side in SIDES:
            if seen == {f"{pair}/{side}" for pair in PAIRS}:
                busy.sides[side] += 1
                return
        busy.fail(f"{what} was judged by half of a file: {sorted(seen)}")

    async def scopes(stream):
        _, answer = await busy.ask(stream, "GET", f"/token?{query}", [who])
        judge("a token", {item["name"] for item in claims(json.loads(answer)["token"])["access"]})

    async def catalog(stream):
        _, answer = await busy.ask(stream, "GET", "/v2/_catalog", [who])
        judge("the catalog", {name for name in json.loads(answer)["repositories"] if name in names})

    async def either(stream):
        for name in names:
            await busy.ask(stream, "GET", f"/v2/{name}/tags/list", [who], wanted=(200, 403))

    return [busy.client("tokens", scopes), busy.client("catalogs", catalog), busy.client("pairs", either)]


def keep_busy(pipe, target, kind, blob):
    """Runs until the parent says something; sends counts, failures and how often each side was seen."""

    async def main():
        busy = Busy(target)
        clients = judging(busy) if kind == "judging" else reading(busy, blob)
        tasks = [asyncio.ensure_future(client) for client in clients]
        while not pipe.poll():
            await asyncio.sleep(0.1)
        busy.running = False
        await asyncio.wait(tasks, timeout=30)
        return busy.done, busy.failed, busy.failures, busy.sides

    pipe.send(asyncio.run(main()))
