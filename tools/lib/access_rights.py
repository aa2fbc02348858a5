# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of what the rules refuse, and in which words: messages, digests only, immutable tags, mounts, certificates."""

import json

from access_server import OCTETS, basic, bearer, claims
from access_world import DIGESTS, FREEZE, PASSWORD
from e2e_cases import case, expect, expect_equal, run
from e2e_http import digest


def said(reply):
    """Status, code and message of an error."""
    error = json.loads(reply.body)["errors"][0]
    return reply.status, error["code"], error["message"]


@case("a challenge names realm, service and scope")
def challenge(world):
    reply = world.server.call("GET", "/v2/alpha/app/manifests/v1")
    expect_equal((reply.status, reply.code), (401, "UNAUTHORIZED"), "GET without credentials")
    field = reply.header("www-authenticate")
    wanted = f'Bearer realm="https://localhost:{world.port}/token",service="cairn",scope="repository:alpha/app:pull"'
    expect_equal(field, wanted, "WWW-Authenticate")
    push = world.server.call("POST", "/v2/alpha/app/blobs/uploads/")
    expect('scope="repository:alpha/app:pull,push"' in push.header("www-authenticate"), push.header("www-authenticate"))
    expect_equal(world.server.call("GET", "/v2/").status, 401, "GET /v2/ without credentials")


@case("a token has what was asked for and the rules give, no more")
def intersection(world):
    asked = ("alpha/app:pull,push,delete", "beta/app:pull,push", "public/x:pull,push")
    token = world.server.token(world.who("alice"), *[f"repository:{rest}" for rest in asked])
    granted = {entry["name"]: sorted(entry["actions"]) for entry in claims(token)["access"]}
    wanted = {"alpha/app": ["delete", "pull", "push"], "public/x": ["pull", "push"]}
    expect_equal(granted, wanted, "access of the token")
    nothing = world.server.ask_token(world.who("carol"), "repository:alpha/app:pull")
    expect_equal(nothing.status, 200, "GET /token of a user without rights")
    expect_equal(claims(json.loads(nothing.body)["token"])["access"], [], "access of his token")
    expect_equal(world.server.ask_token(basic("alice", "wrong")).status, 401, "GET /token with a wrong password")
    body = json.loads(world.server.ask_token(world.who("alice")).body)
    expect(body["token"] == body["access_token"], "token and access_token differ")
    expect(60 <= body["expires_in"] <= 900, f"expires_in is {body['expires_in']}")


@case("POST /token: password, refresh token and token exchange")
def grants(world):
    server = world.server
    scope = "repository:alpha/app:pull"
    first = server.post_token(
        grant_type="password", username="alice", password=PASSWORD["alice"], scope=scope, access_type="offline",
        client_id="test",
    )
    expect_equal(first.status, 200, f"password grant: {first}")
    refresh = json.loads(first.body)["refresh_token"]
    second = server.post_token(grant_type="refresh_token", refresh_token=refresh, scope=scope, client_id="test")
    expect_equal(second.status, 200, f"refresh grant: {second}")
    token = json.loads(second.body)["access_token"]
    server.push_image(world.who("alice"), "alpha/app", "v1")
    reply = server.call("GET", "/v2/alpha/app/manifests/v1", [bearer(token)])
    expect_equal(reply.status, 200, "GET with the token of a refresh")
    exchanged = server.post_token(
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token=world.job(),
        subject_token_type="urn:ietf:params:oauth:token-type:id_token", scope=scope,
    )
    expect_equal(exchanged.status, 200, f"token exchange: {exchanged}")
    body = json.loads(exchanged.body)
    expect_equal(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token", "issued_token_type")
    expect("refresh_token" not in body, "a CI job got a refresh token")
    reply = server.call("GET", "/v2/alpha/app/manifests/v1", [bearer(body["access_token"])])
    expect_equal(reply.status, 200, "GET with the exchanged token")


@case("a denied push shows the rule's message to the client")
def message_shown(world):
    source, _ = world.small_image("frozen")
    there = [f"--dest-cert-dir={world.trust}", f"--dest-creds=alice:{PASSWORD['alice']}"]
    result = world.skopeo("copy", *there, source, f"docker://{world.host}/frozen/app:v1", check=False)
    expect(result.returncode != 0, "the push works")
    expect(FREEZE in result.stderr, f"skopeo says: {result.stderr[-400:]}")
    for who in (world.who("alice"), bearer(world.server.token(world.who("alice"), "repository:frozen/app:pull,push"))):
        reply = world.server.call("POST", "/v2/frozen/app/blobs/uploads/", [who])
        expect_equal(said(reply), (403, "DENIED", FREEZE), "POST of an upload")


@case("a user without rights is denied everything, and told so")
def without_rights(world):
    server = world.server
    name = server.push_image(world.who("alice"), "alpha/app", "v1")
    carol = world.who("carol")
    for method, target in (
        ("GET", "/v2/alpha/app/manifests/v1"), ("GET", f"/v2/alpha/app/manifests/{name}"),
        ("GET", "/v2/alpha/app/tags/list"), ("GET", f"/v2/alpha/app/referrers/{name}"),
        ("DELETE", "/v2/alpha/app/manifests/v1"), ("POST", "/v2/alpha/app/blobs/uploads/"),
        ("GET", "/api/v1/audit"), ("GET", "/api/v1/denials"),
    ):
        reply = server.call(method, target, [carol])
        expect_equal((reply.status, reply.code), (403, "DENIED"), f"{method} {target}")
        expect_equal(server.call(method, target).status, 401, f"{method} {target} without credentials")
    listed = json.loads(server.call("GET", "/v2/_catalog", [carol]).body)["repositories"]
    expect(not any(name.startswith(("alpha/", "beta/")) for name in listed), f"the catalog shows {listed}")


@case("a deploy agent pulls by digest, and not by tag")
def deploy_agent(world):
    source, name = world.small_image("deployed")
    pushing = [f"--dest-cert-dir={world.trust}", f"--dest-creds=alice:{PASSWORD['alice']}"]
    world.skopeo("copy", *pushing, source, f"docker://{world.host}/alpha/deployed:v1")
    user, secret = world.agent
    agent = basic(user, secret)
    reply = world.server.call("GET", "/v2/alpha/deployed/manifests/v1", [agent])
    expect_equal(said(reply), (403, "DENIED", DIGESTS), "GET by tag")
    manifests = "/v2/alpha/deployed/manifests"
    expect_equal(world.server.call("HEAD", f"{manifests}/v1", [agent]).status, 403, "HEAD by tag")
    expect_equal(world.server.call("GET", f"{manifests}/{name}", [agent]).status, 200, "GET by digest")
    options = [f"--src-cert-dir={world.trust}", f"--src-creds={user}:{secret}"]
    place = f"docker://{world.host}/alpha/deployed"
    result = world.skopeo("copy", *options, f"{place}:v1", f"dir:{world.folder}/agent-tag", check=False)
    expect(result.returncode != 0 and DIGESTS in result.stderr, f"skopeo by tag: {result.stderr[-300:]}")
    world.skopeo("copy", *options, f"{place}@{name}", f"dir:{world.folder}/agent-digest")
    pull = ["pull", "-q", "--cert-dir", world.trust, "--creds", f"{user}:{secret}"]
    result = world.podman(*pull, f"{world.host}/alpha/deployed:v1", check=False)
    expect(result.returncode != 0 and DIGESTS in result.stderr, f"podman by tag: {result.stderr[-300:]}")
    world.podman(*pull, f"{world.host}/alpha/deployed@{name}")
    reply = world.server.call("POST", "/v2/alpha/deployed/blobs/uploads/", [agent])
    expect_equal(reply.status, 403, "push of an agent")


@case("immutable tags are not overwritten, nor is a name free after its deletion")
def immutable(world):
    server = world.server
    alice = world.who("alice")
    for repository in ("alpha/release", "alpha/fixed"):
        first = server.push_image(alice, repository, "v1", "one")
        again = server.image(alice, repository, "one")
        expect_equal(server.put_manifest(alice, repository, "v1", again).status, 201, "the same manifest again")
        other = server.image(alice, repository, "two")
        reply = server.put_manifest(alice, repository, "v1", other)
        expect_equal((reply.status, reply.code), (403, "DENIED"), f"overwrite of {repository}:v1")
        data = json.dumps(other).encode()
        by_digest = server.put_manifest(alice, repository, f"{digest(data)}?tag=v1", data)
        expect_equal(by_digest.status, 403, f"overwrite of {repository}:v1 by digest with ?tag=")
        expect_equal(server.put_manifest(alice, repository, "latest", other).status, 201, "a tag outside the pattern")
        expect_equal(server.put_manifest(alice, repository, "latest", again).status, 201, "its overwrite")
        now = server.call("GET", f"/v2/{repository}/manifests/v1", [alice])
        expect_equal(digest(now.body), first, f"{repository}:v1 after the refusals")
    source, _ = world.small_image("immutable")
    there = [f"--dest-cert-dir={world.trust}", f"--dest-creds=alice:{PASSWORD['alice']}"]
    result = world.skopeo("copy", *there, source, f"docker://{world.host}/alpha/release:v1", check=False)
    expect(result.returncode != 0 and "not replaced" in result.stderr, f"skopeo says: {result.stderr[-300:]}")
    deleted = server.call("DELETE", "/v2/alpha/fixed/manifests/v1", [alice])
    if deleted.status == 202:
        reply = server.put_manifest(alice, "alpha/fixed", "v1", other)
        expect_equal(reply.status, 403, "another manifest under the name of a deleted immutable tag")
    forced = server.put_manifest(world.root, "alpha/fixed", "v1", other)
    expect_equal(forced.status, 201, "overwrite by who has that very right")


@case("a mount from an unreadable repository begins an upload, and tells nothing")
def mount(world):
    server = world.server
    name = server.push_blob(world.who("alice"), "alpha/app", b"only alpha has this" * 20)
    bob = world.who("bob")
    both = server.token(bob, "repository:beta/app:pull,push", "repository:alpha/app:pull")
    only = server.token(bob, "repository:beta/app:pull,push")
    for who in (bob, bearer(both), bearer(only)):
        reply = server.call("POST", f"/v2/beta/app/blobs/uploads/?mount={name}&from=alpha/app", [who])
        expect_equal(reply.status, 202, "mount from a repository that bob may not read")
        cancelled = server.call("DELETE", reply.header("location"), [who])
        expect_equal(cancelled.status, 204, "cancel with the right to push")
    expect_equal(server.call("HEAD", f"/v2/beta/app/blobs/{name}", [bob]).status, 404, "HEAD after the mount")
    # Of one's own repositories, with a token that covers the source, and one that does not.
    mine = server.push_blob(bob, "beta/app", b"bob's" * 100)
    wide = server.token(bob, "repository:beta/copy:pull,push", "repository:beta/app:pull")
    target = f"/v2/beta/copy/blobs/uploads/?mount={mine}&from=beta/app"
    expect_equal(server.call("POST", target, [bearer(wide)]).status, 201, "mount with both scopes")
    narrow = server.token(bob, "repository:beta/copy:pull,push")
    expect(server.call("POST", target, [bearer(narrow)]).status in (201, 202), "mount without the source's scope")


@case("certificates are principals, by their SAN and only from the right authority")
def certificates(world):
    server = world.server
    name = server.push_image(world.who("alice"), "alpha/app", "v1")
    agent = world.clients.issue("agent", ["DNS:agent-7.deploy.example"], "clientAuth")
    region = world.clients.issue("region", ["URI:spiffe://example/region/eu-west"], "clientAuth")
    unknown = world.clients.issue("unknown", ["DNS:somebody.example"], "clientAuth")
    reply = server.call("GET", f"/v2/alpha/app/manifests/{name}", certificate=agent)
    expect_equal(reply.status, 200, "GET by digest with the agent's certificate")
    reply = server.call("GET", "/v2/alpha/app/manifests/v1", certificate=agent)
    expect_equal(said(reply), (403, "DENIED", DIGESTS), "GET by tag with the agent's certificate")
    for pair, wanted in ((region, "202 "), (agent, "403 "), (unknown, "401 ")):
        curl = run(
            ["curl", "-sS", "--cacert", world.certificate, "--cert", pair[0], "--key", pair[1], "-o", "/dev/null",
             "-w", "%{http_code} ", "-X", "POST", f"{server.base}/v2/beta/mirror/blobs/uploads/"], world,
        )
        expect_equal(curl.stdout, wanted, f"POST of an upload by curl with {pair[0].stem}'s certificate")
    both = server.call("GET", "/v2/alpha/app/manifests/v1", [world.who("alice")], certificate=agent)
    expect_equal(both.status, 200, "a password beside a certificate")
    forged = world.strangers.issue("agent", ["DNS:agent-7.deploy.example"], "clientAuth")
    refused = run(
        ["curl", "-sS", "--cacert", world.certificate, "--cert", forged[0], "--key", forged[1], "-o", "/dev/null",
         "-w", "%{http_code}", f"{server.base}/v2/alpha/app/manifests/{name}"], world, check=False,
    )
    expect(refused.returncode != 0 or refused.stdout == "401", f"a stranger's certificate: {refused.stdout}")
    scope = "repository:alpha/app:pull"
    token = server.token(None, scope, certificate=agent)
    reply = server.call("GET", f"/v2/alpha/app/manifests/{name}", [bearer(token)])
    expect_equal(reply.status, 200, "GET with a token that a certificate got")


@case("a token of one scope of the registry is not good for another")
def registry_scopes(world):
    for scope, listed, audited in (
        ("registry:catalog:*", 200, 401), ("registry:audit:audit", 401, 200), ("registry:admin:*", 401, 401),
        ("repository:alpha/app:*", 401, 401),
    ):
        token = world.server.token(world.root, scope)
        expect_equal(world.server.call("GET", "/v2/_catalog", [bearer(token)]).status, listed, f"catalog by {scope}")
        expect_equal(world.server.call("GET", "/api/v1/audit", [bearer(token)]).status, audited, f"audit by {scope}")


@case("one principal has 512 uploads open and no more: 429 with Retry-After")
def open_uploads(world):
    server, alice = world.server, world.who("alice")
    places, reply = [], None
    while len(places) < 600:
        reply = server.call("POST", "/v2/alpha/many/blobs/uploads/", [alice])
        if reply.status != 202:
            break
        places.append(reply.header("location"))
    expect_equal((reply.status, reply.code, len(places)), (429, "TOOMANYREQUESTS", 512), "the upload that is too many")
    expect(reply.header("retry-after") and b"512" in reply.body, f"no Retry-After, or no limit: {reply.body}")
    expect_equal(server.call("POST", "/v2/beta/many/blobs/uploads/", [world.who("bob")]).status, 202, "another's upload")
    for place in places:
        expect_equal(server.call("DELETE", place, [alice]).status, 204, "DELETE of an upload")
    expect_equal(server.call("POST", "/v2/alpha/many/blobs/uploads/", [alice]).status, 202, "an upload after that")


@case("rules hold for networks")
def networks(world):
    server = world.server
    server.push_image(world.root, "near/app", "v1")
    target = "/v2/near/app/manifests/v1"
    for source, wanted in (("127.0.0.9", 200), ("127.0.0.12", 403)):
        reply = server.call("GET", target, [world.who("carol")], source=source)
        expect_equal(reply.status, wanted, f"GET from {source}")
    token = server.token(world.root, "repository:near/app:pull")
    expect_equal(server.call("GET", target, [bearer(token)]).status, 200, "an admin from anywhere")
    reply = server.call("POST", "/v2/near/app/blobs/uploads/", [world.who("carol"), *OCTETS], source="127.0.0.9")
    expect_equal(reply.status, 403, "push from the network")
