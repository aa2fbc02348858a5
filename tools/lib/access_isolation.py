# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of isolation: to a tenant without rights, what another has and what nobody has must look and take the same."""

import json
import random
import time
from statistics import median

from access_server import IMAGE, OCTETS, SecureConnection, bearer, claims
from e2e_cases import case, expect, expect_equal
from e2e_http import digest, message

SAMPLES = 200
ROUNDS = 3
RESAMPLES = 1000
# Medians closer than this are one class, whatever a resampling says of them.
SAME = 0.03
SECRET, ABSENT = "alpha/secret", "alpha/absent"
VOLATILE = {"date", "x-request-id", "cairn-event"}


class Tenant:
    """What alice has in alpha/secret, and names of the same lengths that stand for nothing."""

    def __init__(self, world):
        self.server = world.server
        alice = world.who("alice")
        self.manifest = self.server.push_image(alice, SECRET, "v1", "secret one", "secret two")
        served = self.server.call("GET", f"/v2/{SECRET}/manifests/v1", [alice])
        self.layer = json.loads(served.body)["layers"][0]
        self.blob = self.layer["digest"]
        self.server.push_image(
            alice, SECRET, "about", "about", subject={"mediaType": IMAGE, "digest": self.manifest, "size": 1},
        )
        self.upload = self.server.call("POST", f"/v2/{SECRET}/blobs/uploads/", [alice]).header("location")
        self.session = self.upload.rstrip("/").rpartition("/")[2].partition("?")[0]
        self.nothing = digest(random.randbytes(100))
        swapped = {"a": "b", "b": "a", "1": "2", "2": "1"}
        self.no_session = self.session[:-6] + "".join(swapped.get(letter, letter) for letter in self.session[-6:])
        if self.no_session == self.session:
            self.no_session = self.session[::-1]

    def names(self):
        """What stands for something, with each thing that stands for nothing."""
        return [
            (SECRET, ABSENT), (self.manifest, self.nothing), (self.blob, self.nothing),
            (self.session, self.no_session), ("/v1", "/v9"),
        ]


def normal(reply, tenant):
    """An answer without what differs in every answer, and with the names that the client itself sent made one."""
    fields = [(name, value) for name, value in reply.fields if name not in VOLATILE]
    text = json.dumps([reply.status, reply.interim, fields, reply.body.decode("latin-1")])
    for one, other in tenant.names():
        text = text.replace(one, "NAME").replace(other, "NAME")
    for name, value in reply.fields:
        # A session that was begun for the client has an identifier that is drawn at random.
        if name in ("docker-upload-uuid", "location"):
            text = text.replace(value.rstrip("/").rpartition("/")[2], "SESSION")
    return text


def requests(tenant):
    """Pairs of targets, with methods: the first of what is there, the second of what is not."""
    t, both = tenant, (SECRET, ABSENT)
    for method in ("GET", "HEAD", "DELETE"):
        for there, absent in ((t.blob, t.nothing), (t.blob, t.blob), (t.nothing, t.nothing)):
            for repository in both:
                yield method, f"/v2/{SECRET}/blobs/{there}", f"/v2/{repository}/blobs/{absent}"
        for there, absent in ((t.manifest, t.nothing), (t.manifest, t.manifest), ("v1", "v9"), ("v1", "v1")):
            for repository in both:
                yield method, f"/v2/{SECRET}/manifests/{there}", f"/v2/{repository}/manifests/{absent}"
    for method in ("GET", "HEAD"):
        yield method, f"/v2/{SECRET}/tags/list", f"/v2/{ABSENT}/tags/list"
        yield method, f"/v2/{SECRET}/tags/list?n=1", f"/v2/{ABSENT}/tags/list?n=1"
        for repository in both:
            yield method, f"/v2/{SECRET}/referrers/{t.manifest}", f"/v2/{repository}/referrers/{t.nothing}"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        for repository in both:
            for session in (t.session, t.no_session):
                for query in ("", f"?digest={t.blob}"):
                    there = f"/v2/{SECRET}/blobs/uploads/{t.session}{query}"
                    yield method, there, f"/v2/{repository}/blobs/uploads/{session}{query}"
    yield "POST", f"/v2/{SECRET}/blobs/uploads/", f"/v2/{ABSENT}/blobs/uploads/"
    yield "PUT", f"/v2/{SECRET}/manifests/v1", f"/v2/{ABSENT}/manifests/v9"


def own_requests(tenant):
    """Pairs of requests to bob's own repository that name what only alice has."""
    t, own = tenant, "/v2/beta/app"
    for method in ("GET", "HEAD", "DELETE"):
        yield method, f"{own}/blobs/{t.blob}", f"{own}/blobs/{t.nothing}"
        yield method, f"{own}/manifests/{t.manifest}", f"{own}/manifests/{t.nothing}"
    yield "GET", f"{own}/referrers/{t.manifest}", f"{own}/referrers/{t.nothing}"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        yield method, f"{own}/blobs/uploads/{t.session}", f"{own}/blobs/uploads/{t.no_session}"
    mount = f"{own}/blobs/uploads/?mount="
    for repository in (SECRET, ABSENT):
        for name in (t.blob, t.nothing):
            yield "POST", f"{mount}{t.blob}&from={SECRET}", f"{mount}{name}&from={repository}"
    yield "POST", f"{mount}{t.blob}", f"{mount}{t.nothing}"


def compare(tenant, who, method, there, absent):
    fields = [who, *OCTETS] if method in ("POST", "PUT", "PATCH") else [who]
    body = b"x" * 10 if method in ("PUT", "PATCH") else b""
    answers = []
    for target in (there, absent):
        reply = tenant.server.call(method, target, fields, body)
        answers.append(normal(reply, tenant))
        if reply.status == 202 and method == "POST":
            tenant.server.call("DELETE", reply.header("location"), [who])
    expect(answers[0] == answers[1], f"{method} {there}\n      {answers[0]}\n      {absent}\n      {answers[1]}")


@case("isolation: no answer tells what another tenant has, byte for byte")
def answers(world):
    tenant = Tenant(world)
    server, bob = world.server, world.who("bob")
    scopes = [f"repository:{name}:pull,push,delete" for name in (SECRET, ABSENT)]
    bobs = server.token(bob, *scopes, "repository:beta/app:pull,push,delete")
    # Whoever asks for nothing of the two has a token that is not wide enough, which is another answer.
    observers = {"bob": bob, "bob's token": bearer(bobs), "nobody": None, "carol": world.who("carol")}
    compared = 0
    for who in observers.values():
        for method, there, absent in requests(tenant):
            compare(tenant, who, method, there, absent)
            compared += 1
    for who in (bob, bearer(bobs)):
        for method, there, absent in own_requests(tenant):
            compare(tenant, who, method, there, absent)
            compared += 1
    return f"{compared} pairs of answers"


@case("isolation: manifests that name another tenant's blobs, tokens, and the catalog")
def references(world):
    tenant = Tenant(world)
    server, bob = world.server, world.who("bob")
    own = server.image(bob, "beta/app", "mine")
    told = []
    for name in (tenant.blob, tenant.nothing):
        document = {**own, "layers": [{**tenant.layer, "digest": name}]}
        told.append(normal(server.put_manifest(bob, "beta/app", "stolen", document), tenant))
    expect_equal(told[0], told[1], "a manifest with a layer of alpha, and of nobody")
    expect("MANIFEST_BLOB_UNKNOWN" in told[0], f"not refused: {told[0]}")
    told = []
    for name in (tenant.manifest, tenant.nothing):
        document = {**own, "subject": {"mediaType": IMAGE, "digest": name, "size": 1}}
        data = json.dumps(document).encode()
        text = normal(server.put_manifest(bob, "beta/app", "about", data), tenant)
        told.append(text.replace(digest(data), "OWN"))
    expect_equal(told[0], told[1], "a manifest whose subject is alpha's, and nobody's")
    tokens = []
    for name in (SECRET, ABSENT):
        body = json.loads(server.ask_token(bob, f"repository:{name}:pull,push").body)
        held = claims(body["token"])
        tokens.append((sorted(body), {key: held[key] for key in held if key not in ("iat", "nbf", "exp", "jti")}))
    expect_equal(tokens[0], tokens[1], "tokens for alpha's repository, and for none")
    before = server.call("GET", "/v2/_catalog", [bob]).body
    server.push_image(world.who("alice"), "alpha/secret-two", "v1")
    expect_equal(server.call("GET", "/v2/_catalog", [bob]).body, before, "bob's catalog after alice's push")


def differ(these, those):
    """The relative difference of the medians, where a resampling says that it is none of chance; else None."""
    difference = median(these) - median(those)
    source = random.Random(1)
    draws = sorted(
        median(source.choices(these, k=len(these))) - median(source.choices(those, k=len(those)))
        for _ in range(RESAMPLES)
    )
    certain = draws[1] > 0 or draws[-2] < 0
    relative = difference / median(those)
    return relative if certain and abs(relative) > SAME else None


def timed(connection, who, port, method, target, body=b"", fields=()):
    data = message(method, target, [who, *fields], body, host=f"localhost:{port}")
    began = time.perf_counter()
    connection.send(data)
    reply = connection.reply(head=method == "HEAD")
    return time.perf_counter() - began, reply


def time_pair(world, who, method, there, absent):
    """Both requests in turn, the order changing; the times of each."""
    times = ([], [])
    with SecureConnection(world.server) as connection:
        for number in range(SAMPLES):
            for side in (0, 1) if number % 2 else (1, 0):
                seconds, reply = timed(connection, who, world.port, method, (there, absent)[side])
                times[side].append(seconds)
                if reply.status == 202 and method == "POST":
                    timed(connection, who, world.port, "DELETE", reply.header("location"))
    return times


def same_class(measure, what):
    """Measures again before it says that there is a difference: a real one stays."""
    for _ in range(ROUNDS):
        times = measure()
        relative = differ(*times)
        if relative is None:
            return f"{what} {1e6 * median(times[0]):.0f}/{1e6 * median(times[1]):.0f} us"
    expect(False, f"{what}: what is there takes {relative:+.1%} as long, {ROUNDS} times over")
    return ""


@case("isolation: the time of an answer does not tell what another tenant has")
def times(world):
    tenant = Tenant(world)
    bob = world.who("bob")
    scopes = [f"repository:{name}:pull,push" for name in (SECRET, ABSENT, "beta/app")]
    who = bearer(world.server.token(bob, *scopes))
    t = tenant
    pairs = {
        "blob": ("GET", f"/v2/{SECRET}/blobs/{t.blob}", f"/v2/{SECRET}/blobs/{t.nothing}"),
        "repository": ("GET", f"/v2/{SECRET}/tags/list", f"/v2/{ABSENT}/tags/list"),
        "tag": ("GET", f"/v2/{SECRET}/manifests/v1", f"/v2/{SECRET}/manifests/v9"),
        "manifest": ("GET", f"/v2/{SECRET}/manifests/{t.manifest}", f"/v2/{ABSENT}/manifests/{t.nothing}"),
        "session": ("GET", f"/v2/{SECRET}/blobs/uploads/{t.session}", f"/v2/{SECRET}/blobs/uploads/{t.no_session}"),
        "blob in own": ("HEAD", f"/v2/beta/app/blobs/{t.blob}", f"/v2/beta/app/blobs/{t.nothing}"),
        "manifest in own": ("GET", f"/v2/beta/app/manifests/{t.manifest}", f"/v2/beta/app/manifests/{t.nothing}"),
        "mount": (
            "POST", f"/v2/beta/app/blobs/uploads/?mount={t.blob}&from={SECRET}",
            f"/v2/beta/app/blobs/uploads/?mount={t.nothing}&from={ABSENT}",
        ),
    }
    return "; ".join(
        same_class(lambda pair=pair: time_pair(world, who, *pair), what) for what, pair in pairs.items()
    )


@case("isolation: the time of a push does not tell that another tenant has the blob")
def push_times(world):
    server = world.server
    alice = bearer(server.token(world.who("alice"), f"repository:{SECRET}:pull,push"))
    bob = bearer(server.token(world.who("bob"), "repository:beta/app:pull,push"))

    def push(connection, who, repository, data):
        _, started = timed(connection, who, world.port, "POST", f"/v2/{repository}/blobs/uploads/")
        target = f"{started.header('location')}?digest={digest(data)}"
        seconds, reply = timed(connection, who, world.port, "PUT", target, data, OCTETS)
        expect_equal(reply.status, 201, "push")
        return seconds

    def measure():
        taken = ([], [])
        with SecureConnection(server) as connection:
            known = [random.randbytes(20_000) for _ in range(SAMPLES)]
            for data in known:
                push(connection, alice, SECRET, data)
            for number, data in enumerate(known):
                for side in (0, 1) if number % 2 else (1, 0):
                    sent = data if side == 0 else random.randbytes(20_000)
                    taken[side].append(push(connection, bob, "beta/app", sent))
        return taken

    return same_class(measure, "push of 20 kB")
