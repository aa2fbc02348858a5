# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of pins, holds, locks and reports of deployments: who may, what is refused, and what a pull leaves behind."""

import json

from access_server import bearer
from access_world import PASSWORD
from e2e_cases import case, expect, expect_equal

DENIED = 4
MISSING = 3


def cairn(world, who, *arguments):
    """A command of the binary, as a user or a robot; returns exit status, output and errors."""
    user, password = who if isinstance(who, tuple) else (who, PASSWORD[who])
    options = ["--username", user, "--password-stdin", "--ca", world.certificate]
    result = world.server.cairn(*arguments, *options, text=password + "\n", check=False)
    return result.returncode, result.stdout, result.stderr


def done(world, who, *arguments):
    status, output, errors = cairn(world, who, *arguments)
    expect_equal(status, 0, f"exit status of {' '.join(map(str, arguments))}: {errors.strip()}")
    return output


def image(world, repository, tag="v1"):
    """An image that alice pushed with skopeo; returns its digest."""
    account = world.folder / "auth-protection.json"
    world.login("skopeo", account, "alice", PASSWORD["alice"])
    made = world.server.push_image(world.who("alice"), repository, tag)
    target = f"docker://{world.host}/{repository}:{tag}"
    world.skopeo("inspect", "--authfile", account, "--cert-dir", world.trust, target)
    return made


def delete(world, repository, reference):
    return world.server.call("DELETE", f"/v2/{repository}/manifests/{reference}", [world.who("alice")])


@case("a pin takes 'retain', a hold 'admin', and both say who and why when they refuse")
def pins(world):
    name = f"{world.host}/alpha/pinned"
    digest = image(world, "alpha/pinned")
    for who in ("alice", "carol"):
        expect_equal(cairn(world, who, "pin", f"{name}:v1", "--reason", "x")[0], DENIED, f"a pin by {who}")
    done(world, "keeper", "pin", f"{name}:v1", "--reason", "shown to a customer")
    expect_equal(cairn(world, "keeper", "pin", f"{name}@{digest}", "--hold", "--reason", "x")[0], DENIED, "a hold")
    done(world, "root", "pin", f"{name}@{digest}", "--hold", "--reason", "INC-7")
    refused = delete(world, "alpha/pinned", digest)
    expect_equal((refused.status, refused.code), (403, "DENIED"), f"DELETE of what is held: {refused}")
    expect("user:root" in refused.body.decode() and "INC-7" in refused.body.decode(), f"who and why: {refused}")
    expect_equal(cairn(world, "keeper", "unpin", f"{name}@{digest}", "--hold")[0], DENIED, "lifting a hold")
    listed = json.loads(done(world, "alice", "pin", "--list", "--repository", name, "--output", "json"))["pins"]
    shown = [(one["kind"], one["actor"]) for one in listed]
    expect_equal(shown, [("pin", "user:keeper"), ("hold", "user:root")], "the list")
    expect_equal(cairn(world, "carol", "pin", "--list", "--repository", name)[0], DENIED, "the list, without a right")
    expect_equal(cairn(world, "alice", "pin", "--list", "--registry", world.host)[0], DENIED, "the list of all")
    expect("INC-7" in done(world, "root", "pin", "--list", "--registry", world.host), "the list of all, as an auditor")
    done(world, "root", "unpin", f"{name}@{digest}", "--hold")
    expect_equal(delete(world, "alpha/pinned", digest).status, 202, "DELETE after the hold was lifted")
    kinds = [record["kind"] for record in world.audit()["audit"] if record.get("repository") == "alpha/pinned"]
    expect_equal((kinds.count("hold.set"), kinds.count("hold.clear")), (2, 1), "events")


@case("a locked tag is neither deleted nor moved, by whatever client, and by no one")
def locks(world):
    name = f"{world.host}/alpha/locked"
    digest = image(world, "alpha/locked")
    image(world, "alpha/locked", "v2")
    done(world, "keeper", "pin", f"{name}:v1", "--lock", "--until", "2040-12-31", "--reason", "sold")
    account = world.folder / "auth-protection.json"
    trust = ["--src-cert-dir", world.trust, "--dest-cert-dir", world.trust, "--authfile", account]
    moved = world.skopeo("copy", *trust, f"docker://{name}:v2", f"docker://{name}:v1", check=False)
    expect(moved.returncode != 0 and "sold" in moved.stderr, f"skopeo moved it: {moved.stderr[-300:]}")
    target = ["--authfile", account, "--cert-dir", world.trust, f"docker://{name}:v1"]
    removed = world.skopeo("delete", *target, check=False)
    expect(removed.returncode != 0 and "sold" in removed.stderr, f"skopeo deleted it: {removed.stderr[-300:]}")
    for reference in ("v1", digest):
        expect_equal(delete(world, "alpha/locked", reference).status, 403, f"DELETE of {reference}")
    expect_equal(cairn(world, "root", "unpin", f"{name}:v1", "--lock")[0], DENIED, "removing a lock, as admin")
    shorter = cairn(world, "root", "pin", f"{name}:v1", "--lock", "--until", "2030-01-01", "--reason", "x")
    expect(shorter[0] == DENIED and "never shortened" in shorter[2], f"shortening a lock: {shorter}")
    done(world, "keeper", "pin", f"{name}:v1", "--lock", "--until", "2041-01-01T00:00:00Z", "--reason", "sold again")


@case("a deploy agent reports what runs; nobody ends it but he and who may retain")
def deployments(world):
    name = f"{world.host}/alpha/deployed"
    digest = image(world, "alpha/deployed")
    place = ["--env", "prod", "--target", "web-3"]
    report = ["deploy", "report", *place, "--image", f"{name}@{digest}", "--deployment", "rollout-7"]
    out = done(world, world.agent, *report)
    expect("report again before" in out, out)
    done(world, world.agent, *report)
    unknown = "sha256:" + "0" * 64
    missing = cairn(world, world.agent, "deploy", "report", *place, "--image", f"{name}@{unknown}")
    expect_equal(missing[0], MISSING, f"a report of what is not there: {missing[2]}")
    expect_equal(cairn(world, "carol", *report)[0], DENIED, "a report without 'pull'")
    end = ["deploy", "end", *place, "--image"]
    expect_equal(cairn(world, "alice", *end, name)[0], MISSING, "the end of another's report")
    listed = json.loads(done(world, "alice", "deploy", "list", "--repository", name, "--output", "json"))["deployments"]
    expect_equal(
        [(one["target"], one["digest"], one["state"], one["reporter"], one["deployment"]) for one in listed],
        [("web-3", digest, "running", "robot:agent", "rollout-7")], "the list",
    )
    done(world, world.agent, *end, f"{name}@{digest}")
    done(world, world.agent, *report)
    done(world, "keeper", *end, name)
    expect("ended" in done(world, "alice", "deploy", "list", "--repository", name), "it does not say that it ended")
    kinds = [record["kind"] for record in world.audit()["audit"] if record.get("repository") == "alpha/deployed"]
    # Two reports and two ends: the report that only said the same again is no event.
    expect_equal(kinds.count("deploy.report"), 4, "events")
    body = json.dumps({"env": "e", "target": "t", "image": {"repository": "public/x", "digest": digest}}).encode()
    nameless = world.server.call("POST", "/api/v1/deployments", body=body)
    expect_equal(nameless.status, 401, f"a report without a name: {nameless}")
    expect('scope="repository:public/x:pull"' in nameless.header("www-authenticate"), "the challenge")
    token = world.server.token(world.who("keeper"), "repository:alpha/other:pull")
    query = "/api/v1/deployments?repository=alpha/deployed"
    expect_equal(world.server.call("GET", query, [bearer(token)]).status, 401, "the list with another's token")


@case("the last pull is known after a restart, and what regions fetch is none")
def last_pull(world):
    name = f"{world.host}/alpha/pulled"
    digest = image(world, "alpha/pulled")
    place = ["--env", "prod", "--target", "web-9"]
    done(world, world.agent, "deploy", "report", *place, "--image", f"{name}@{digest}")
    world.skopeo(
        "copy", "--src-cert-dir", world.trust, "--authfile", world.folder / "auth-protection.json",
        f"docker://{name}:v1", f"dir:{world.scratch('pulled-by-agent')}",
    )
    mirrored = world.server.push_image(world.who("alice"), "alpha/mirrored", "v1")
    done(world, world.agent, "deploy", "report", *place, "--image", f"{world.host}/alpha/mirrored@{mirrored}")
    for reference in ("v1", "v1", mirrored, mirrored):
        reply = world.server.call("GET", f"/v2/alpha/mirrored/manifests/{reference}", [world.who("mirror")])
        expect_equal(reply.status, 200, "GET by another region")
    expect_equal(world.server.stop(), 0, "exit status")
    world.server.start()
    for repository, counts in (("alpha/pulled", True), ("alpha/mirrored", False)):
        place = ["--repository", f"{world.host}/{repository}"]
        listed = json.loads(done(world, "alice", "deploy", "list", *place, "--output", "json"))["deployments"]
        expect_equal("last_pull" in listed[0], counts, f"last pull of {repository}")
