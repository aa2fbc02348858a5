# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of what a policy does beside refusing pulls: warnings, promotion, exemptions, and decisions for others."""

import json
import subprocess

from access_server import basic
from e2e_cases import case, expect, expect_equal
from e2e_http import exchange
from e2e_images import IMAGE
from trust_evidence import SPDX
from trust_signing import TYPES, bundle
from trust_world import KeptConnection, TrustServer

ACCESS = """
access:
  htpasswd: htpasswd
  robots: robots.json
  rules:
    - {name: pushing, allow: [pull, push], who: ["user:ci", "user:scanner", "robot:signer"]}
    - {name: copies, allow: [pull, replicate], who: ["user:region"]}
    - {name: agents, allow: [pull], who: ["user:agent"], repositories: ["signed/**"]}
    - {name: all, allow: "*", who: ["user:root"]}
"""
EXEMPTING = """
    - repositories: ["signed/**"]
      enforce: pull
      require: [{signed: {keys: [alice]}}]
      exempt: ["user:scanner", "robot:signer"]
    - repositories: ["signed/both"]
      enforce: pull
      require: [{signed: {keys: [bob]}}]
    - repositories: ["released/**"]
      enforce: promote
      require: [{signed: {keys: [alice]}}]
      exempt: ["user:root"]
"""


@case("policy: rules that warn let images go, with a Warning")
def warned(world):
    image = world.server.push_image("warned/app")
    with KeptConnection(world.server, image, "v1", times=5) as connection:
        reply = connection.ask()
        expect_equal(reply.status, 200, "GET of an image that lacks what a rule asks for")
        warning = reply.header("warning") or ""
        expect(warning.startswith('299 - "') and "it has 0 of 1 signatures by alice" in warning, f"Warning: {warning}")
        world.pull("skopeo", image, "v1")
        world.pull("podman", image, "v1")
        world.server.attach_signature(image, world.keys["alice"])
        expect_equal(connection.ask().header("warning"), None, "Warning of a signed image")
    world.flows(image)


@case("policy: a tag is set only once the evidence is there")
def promoted(world):
    server = world.server
    source = server.push_image("free/released")
    for blob in source.blobs:
        started = server.call("POST", f"/v2/released/app/blobs/uploads/?mount={blob}&from=free/released")
        expect_equal(started.status, 201, "a mount")
    tagging = ("PUT", "/v2/released/app/manifests/v1", ("Content-Type", IMAGE))
    by_digest = f"/v2/released/app/manifests/{source.digest}"

    def refused(reply, what):
        expect_equal((reply.status, reply.code), (403, "DENIED"), f"{what}: {reply}")
        expect("it has 0 of 1 signatures by alice" in reply.body.decode(), f"{what}: {reply.body}")

    refused(server.call(*tagging, body=source.data), "PUT of a tag")
    refused(server.call("PUT", by_digest + "?tag=v1", tagging[2], body=source.data), "PUT with ?tag=")
    posing = json.dumps({**json.loads(source.data), "subject": source.descriptor}).encode()
    refused(server.call(*tagging, body=posing), "PUT of an image with a subject")
    places = [f"docker://{source.by_tag()}", f"docker://{server.host}/released/app:v1"]
    pushed = world.skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", *places, check=False)
    expect(pushed.returncode != 0 and "denied" in pushed.stderr, f"skopeo: {pushed.stderr}")
    expect_equal(server.get("released/app", "v1").status, 404, "GET of the tag")
    expect_equal(server.call("PUT", by_digest, tagging[2], body=source.data).status, 201, "PUT by digest")
    source.repository = "released/app"
    server.attach_signature(source, world.keys["mallory"])
    refused(server.call(*tagging, body=source.data), "PUT of a tag with a stranger's signature")
    world.sign(source, "--legacy-tag")
    expect_equal(server.call(*tagging, body=source.data).status, 201, "PUT of a tag of a signed image")
    world.flows(source, clients=("skopeo",))


def promotable_index(world, repository):
    """An index and its two images, by digest, where an inventory is asked for."""
    server = world.server
    children = []
    for number in range(2):
        child = server.push_image(f"free/{repository}", f"c{number}")
        for blob in child.blobs:
            server.call("POST", f"/v2/{repository}/blobs/uploads/?mount={blob}&from=free/{repository}")
        child.repository = repository
        target = f"/v2/{repository}/manifests/{child.digest}"
        expect_equal(server.call("PUT", target, ("Content-Type", IMAGE), body=child.data).status, 201, "PUT by digest")
        children.append(child)
    index = server.push_index(f"free/{repository}", "v1", children)
    index.repository = repository
    return index


def list_parts(world, image):
    """Attaches an inventory."""
    world.server.attach(image, bundle(world.keys["builder"], image.digest, TYPES["spdx"], SPDX))


def put(world, index, reference):
    target = f"/v2/{index.repository}/manifests/{reference}"
    return world.server.call("PUT", target, ("Content-Type", index.media_type), body=index.data).status


@case("policy: whoever promotes an index promotes its images")
def promoted_index(world):
    index = promotable_index(world, "inventoried/app")
    list_parts(world, index.children[0])
    expect_equal(put(world, index, index.digest), 201, "PUT of an index by digest")
    expect_equal(put(world, index, "v1"), 403, "PUT of a tag on an index of which one image lacks an inventory")
    list_parts(world, index.children[1])
    expect_equal(put(world, index, "v1"), 201, "PUT of the tag once both images have one")


@case("policy: an index is promoted in the request that pushes it")
def promoted_at_once(world):
    index = promotable_index(world, "inventoried/new")
    expect_equal(put(world, index, "v1"), 403, "PUT of a tag on an index whose images lack an inventory")
    for child in index.children:
        list_parts(world, child)
    expect_equal(put(world, index, "v1"), 201, "PUT of a tag on a new index whose images have one")


def guarded(world):
    """A second registry, that knows who asks; and the credentials of its users."""
    server = TrustServer(world.binary, world.folder / "guarded", world.configuration(EXEMPTING, access=ACCESS))
    people = {}
    for name in ("ci", "scanner", "region", "agent", "root"):
        command = [world.binary, "access", "user", "set", name, "--config", str(server.file)]
        subprocess.run(command, input=f"{name} password\n", text=True, check=True, stdout=subprocess.DEVNULL)
        people[name] = basic(name, f"{name} password")
    made = world.cairn("access", "robot", "create", "signer", "--json", "--allow", "pull:signed/**",
                       "--config", server.file)
    robot = json.loads(made.stdout)
    people["robot"] = basic(robot["user"], robot["secret"])
    server.start()
    return server, people


def upload(server, who, source, repository, tag="v1"):
    """Pushes an image of another registry as somebody."""
    for name in source.blobs:
        data = exchange(int(source.host.rpartition(":")[2]), "GET", f"/v2/{source.repository}/blobs/{name}").body
        started = server.call("POST", f"/v2/{repository}/blobs/uploads/?digest={name}", who,
                              ("Content-Type", "application/octet-stream"), body=data)
        expect_equal(started.status, 201, f"POST of a blob: {started}")
    target = f"/v2/{repository}/manifests/{tag}"
    return server.call("PUT", target, who, ("Content-Type", source.media_type), body=source.data)


@case("policy: exempt principals and replicas fetch what others may not")
def exempt(world):
    server, people = guarded(world)
    try:
        source = world.server.push_image("free/guarded")
        for repository in ("signed/app", "signed/both", "released/app"):
            tag = source.digest if repository == "released/app" else "v1"
            expect_equal(upload(server, people["ci"], source, repository, tag).status, 201, f"push to {repository}")

        def asked(repository, who, kind="manifests"):
            reference = source.digest if kind == "blobs" else "v1"
            return server.call("GET", f"/v2/{repository}/{kind}/{reference}", people[who]).status

        for kind in ("manifests", "blobs"):
            answers = {who: asked("signed/app", who, kind) for who in people}
            # A right to everything makes nobody a replica.
            wanted = {"ci": 403, "scanner": 200, "region": 200, "agent": 403, "root": 403, "robot": 200}
            expect_equal(answers, wanted, f"GET of {kind}")
        # Who is exempt from one rule is bound by the other.
        expect_equal([asked("signed/both", who) for who in ("scanner", "region", "ci")], [403, 200, 403], "two rules")
        # One caller's warm answers are not another's.
        again = [asked("signed/app", who) for who in ("scanner", "agent") * 20]
        expect_equal(again, [200, 403] * 20, "in turns")
        with KeptConnection(server, source_in(source, server, "signed/app"), "v1", people["scanner"]) as warm:
            expect_equal(set(warm.seen), {200}, "the scanner's warm connection")
            warm.fields = [people["agent"]]
            expect_equal(warm.ask().status, 403, "the agent on the same connection")
        promoted = [upload(server, people[who], source, "released/app").status for who in ("ci", "root")]
        expect_equal(promoted, [403, 201], "PUT of a tag by one who is bound and one who is not")
    finally:
        server.stop()


def source_in(image, server, repository):
    """The same image where it was pushed to."""
    return type(image)(server.host, repository, image.data, image.media_type)


@case("decide: plain questions")
def decide(world):
    server = world.server
    signed = server.push_image("signed/decided")
    server.attach_signature(signed, world.keys["alice"])
    bare = server.push_image("signed/undecided")

    def ask(image, **document):
        body = json.dumps({"image": image, **document}).encode()
        return server.json("/api/v1/decide", method="POST", body=body)

    by_both = f"{signed.by_tag()}@{signed.digest}"
    for name in ("signed/decided:v1", f"signed/decided@{signed.digest}", signed.by_tag(), by_both):
        answer = ask(name)
        expect_equal((answer["allowed"], answer["image"], answer["reasons"]), (True, name, []), f"decision on {name}")
    for name, word in {
        bare.by_tag(): "it has 0 of 1 signatures by alice, desk",
        "other.example/signed/decided:v1": "it is not an image of this registry",
        "signed/decided:v9": "it is not in this registry",
        "signed/decided": "it is not in this registry",
        "nothing/here:v1": "it is not in this registry",
        f"signed/undecided@{signed.digest}": "it is not in this registry",
        "Signed/Decided:v1": "it is not an image of this registry",
        "": "it is not an image of this registry",
    }.items():
        answer = ask(name)
        expect_equal(answer["allowed"], False, f"decision on {name!r}")
        expect(any(word in reason for reason in answer["reasons"]), f"{name!r}: {answer['reasons']}")
    for body in (b"", b"{}", b"[]", b'{"image":5}', b'{"kind":"AdmissionReview"}'):
        reply = server.call("POST", "/api/v1/decide", body=body)
        expect_equal(reply.status, 400, f"POST of {body!r}")
    expect_equal(server.call("GET", "/api/v1/decide").status, 405, "GET")


def pod(*images, **others):
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)], **others}


@case("decide: AdmissionReview of pods and of what makes pods")
def admission(world):
    server = world.server
    good = server.push_image("signed/admitted")
    server.attach_signature(good, world.keys["alice"])
    bad = server.push_image("signed/rejected")

    def review(kind, spec):
        document = {
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "705ab4f5-6393", "kind": {"kind": kind}, "operation": "CREATE",
                        "object": {"kind": kind, "metadata": {"name": "app"}, "spec": spec}},
        }
        answer = server.json("/api/v1/decide", method="POST", body=json.dumps(document).encode())
        expect_equal((answer["apiVersion"], answer["kind"]), ("admission.k8s.io/v1", "AdmissionReview"), "the answer")
        expect_equal(answer["response"]["uid"], "705ab4f5-6393", "uid")
        return answer["response"]["allowed"], answer["response"].get("status", {}).get("message", "")

    def template(spec):
        return {"replicas": 2, "template": {"metadata": {}, "spec": spec}}

    name, other = good.by_tag(), bad.by_tag()
    cron = {"jobTemplate": {"spec": template(pod(name))}}
    for kind, spec in [("Pod", pod(name)), ("Deployment", template(pod(name, name))), ("CronJob", cron)]:
        expect_equal(review(kind, spec), (True, ""), f"a {kind} of signed images")
    foreign = "docker.io/library/nginx:1"
    for kind, spec, words in [
        ("Pod", pod(name, other), [other, "it has 0 of 1 signatures"]),
        ("Pod", pod(name, initContainers=pod(other)["containers"]), [other]),
        ("Pod", pod(name, ephemeralContainers=pod(other)["containers"]), [other]),
        ("Deployment", template(pod(foreign)), [foreign, "it is not an image of this registry"]),
        ("CronJob", {"jobTemplate": {"spec": template(pod(name, other, foreign))}}, [other, foreign]),
    ]:
        allowed, text = review(kind, spec)
        expect(not allowed and all(word in text for word in words), f"{kind}: {allowed} {text!r}")
    # One image more than is looked at is not let through unseen.
    allowed, _ = review("Pod", pod(*[f"{good.host}/signed/admitted:v{number}" for number in range(500)], name))
    expect_equal(allowed, False, "a pod of images that are not there")


@case("decide: who may not pull learns nothing")
def decide_rights(world):
    server, people = guarded(world) if not (world.folder / "guarded").exists() else restarted(world)
    try:
        source = world.server.push_image("free/rights")
        upload(server, people["ci"], source, "hidden/app")
        answers = {}
        for who in ("ci", "agent"):
            for image in ("hidden/app:v1", "hidden/none:v1"):
                body = json.dumps({"image": image}).encode()
                answers[who, image] = server.json("/api/v1/decide", people[who], method="POST", body=body)
        expect_equal(answers["ci", "hidden/app:v1"]["allowed"], True, "one who may pull")
        for image in ("hidden/app:v1", "hidden/none:v1"):
            reasons = [reason.replace(image.split(":")[0], "") for reason in answers["agent", image]["reasons"]]
            expect_equal(reasons, ["you may not pull from "], "one who may not")
        anonymous = server.call("POST", "/api/v1/decide", body=b'{"image":"hidden/app:v1"}')
        expect(anonymous.status == 401 or not json.loads(anonymous.body)["allowed"], f"nobody: {anonymous}")
    finally:
        server.stop()


def restarted(world):
    """The registry of an earlier case."""
    server = TrustServer(world.binary, world.folder / "guarded", world.configuration(EXEMPTING, access=ACCESS))
    server.start()
    return server, {name: basic(name, f"{name} password") for name in ("ci", "agent")}
