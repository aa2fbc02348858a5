# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of changes while the server runs: rules, users, robots, and what the records say of them afterwards."""

import json

from access_server import basic, bearer, claims, write_atomically
from access_world import PASSWORD, RULES
from e2e_cases import case, expect, expect_equal


@case("changed rules are in force without a restart, at a change of the file and at SIGHUP")
def rules_change(world):
    server = world.server
    server.push_image(world.who("alice"), "alpha/app", "v1")
    target = "/v2/alpha/app/tags/list"
    carol = world.who("carol")
    pid = server.pid
    expect_equal(server.call("GET", target, [carol]).status, 403, "GET before the change")
    more = '    - {name: carol reads, allow: [pull], who: ["user:carol"], repositories: ["alpha/**"]}\n'
    for hang_up in (False, True):
        world.write_rules(RULES + more)
        if hang_up:
            server.hang_up()
        server.eventually(lambda: server.call("GET", target, [carol]).status == 200, "carol reads")
        # What a token says is held against the rules of the moment, not of the moment when it was issued.
        token = server.token(carol, "repository:alpha/app:pull")
        expect_equal(server.call("GET", target, [bearer(token)]).status, 200, "GET with a token")
        world.write_rules(RULES)
        if hang_up:
            server.hang_up()
        server.eventually(lambda: server.call("GET", target, [carol]).status == 403, "carol reads no more")
        expect_equal(server.call("GET", target, [bearer(token)]).status, 403, "GET with the token of before")
    expect_equal((server.pid, world.server_is_gone()), (pid, False), "the process")


BROKEN = {
    "not YAML": "\n    - {name: x, allow: [pull",
    "an unknown key": '\n    - {name: x, allow: [pull], whom: ["user:carol"]}\n',
    "an unknown action": '\n    - {name: x, allow: [fly], who: ["user:carol"]}\n',
    "allow and deny at once": '\n    - {name: x, allow: [pull], deny: [pull], who: ["user:carol"]}\n',
    "a bad network": '\n    - {name: x, allow: [pull], networks: ["127.0.0.1/99"]}\n',
    "an unknown kind": '\n    - {name: x, allow: [pull], who: ["human:carol"]}\n',
}


@case("a broken file of rules is refused whole, with line and reason; the old rules go on")
def broken_rules(world):
    server = world.server
    carol = world.who("carol")
    target = "/v2/alpha/app/tags/list"
    gift = '\n    - {name: gift, allow: "*", who: ["user:carol"]}'
    for what, rule in BROKEN.items():
        seen = len(server.log_records())
        # The good rule before the bad one must not come into force either.
        world.write_rules(gift + rule)
        server.hang_up()
        server.eventually(lambda: [r for r in server.log_records()[seen:] if refusal(r)], f"the log tells of {what}")
        said = next(record for record in server.log_records()[seen:] if refusal(record))
        expect(str(server.file) in json.dumps(said) or "line" in json.dumps(said), f"{what}: no place in {said}")
        expect_equal(server.call("GET", target, [carol]).status, 403, f"carol, after {what}")
        expect_equal(server.call("GET", target, [world.who("alice")]).status, 200, f"alice, after {what}")
        checked = server.access("check", check=False)
        expect(checked.returncode != 0, f"cairn access check accepts {what}")
    world.write_rules(RULES)
    server.hang_up()
    expect_equal(server.access("check").returncode, 0, "cairn access check of the good file")


def refusal(record):
    """Whether a line of the log says that a change was not taken."""
    return record.get("level") in ("warning", "error") and "access" in json.dumps(record).lower()


@case("a broken htpasswd file is refused whole; a good one is taken")
def users_change(world):
    server = world.server
    file = world.folder / "htpasswd"
    before = file.read_text()
    server.set_user("dave", "first")
    world.eventually_known("dave", "first")
    with_dave = file.read_text()
    server.set_user("dave", "second")
    world.eventually_known("dave", "second")
    expect_equal(server.call("GET", "/v2/", [basic("dave", "first")]).status, 401, "dave's old password")
    seen = len(server.log_records())
    write_atomically(file, with_dave + "eve:{SHA}notbcrypt\n")
    server.hang_up()
    server.eventually(lambda: any(refusal(record) for record in server.log_records()[seen:]), "the log tells of it")
    expect_equal(server.call("GET", "/v2/", [basic("dave", "second")]).status, 200, "dave, after the broken file")
    token = server.token(basic("dave", "second"))
    write_atomically(file, before)
    server.hang_up()
    server.eventually(lambda: server.call("GET", "/v2/", [basic("dave", "second")]).status == 401, "dave is gone")
    expect_equal(server.call("GET", "/v2/", [bearer(token)]).status, 401, "a token of a user who is gone")
    expect_equal(server.call("GET", "/v2/", [world.who("alice")]).status, 200, "alice")


@case("a robot is made, listed, rotated and revoked; its tokens die with its secret")
def robots(world):
    server = world.server
    user, secret = server.create_robot("temporary", "pull,push:alpha/*", expires="1d")
    expect_equal(user, "robot+temporary", "name to log in with")
    world.eventually_known(user, secret)
    expect("temporary" in server.access("robot", "list").stdout, "the list does not show it")
    expect(secret not in (world.folder / "robots.json").read_text(), "the secret is in the file")
    expect_equal((world.folder / "robots.json").stat().st_mode & 0o777, 0o600, "mode of the file of robots")
    scope = "repository:alpha/app:pull,push"
    token = server.token(basic(user, secret), scope)
    target = "/v2/alpha/app/tags/list"
    expect_equal(server.call("GET", target, [bearer(token)]).status, 200, "GET with its token")
    rotated = json.loads(server.access("robot", "rotate", "temporary", "--json").stdout)["secret"]
    world.eventually_known(user, rotated)
    expect_equal(server.call("GET", "/v2/", [basic(user, secret)]).status, 401, "its old secret")
    expect_equal(server.call("GET", target, [bearer(token)]).status, 401, "a token got by the old secret")
    token = server.token(basic(user, rotated), scope)
    refresh = json.loads(server.ask_token(basic(user, rotated), scope, offline_token="true").body).get("refresh_token")
    expect_equal(server.call("GET", target, [bearer(token)]).status, 200, "GET with a new token")
    expect(claims(token)["exp"] - claims(token)["iat"] >= 60, "the token has a minute at least")
    server.access("robot", "revoke", "temporary")
    refused = lambda: server.call("GET", "/v2/", [basic(user, rotated)]).status == 401  # noqa: E731
    seconds = server.eventually(refused, "it is revoked")
    expect_equal(server.call("GET", target, [bearer(token)]).status, 401, "a token of a revoked robot")
    if refresh:
        reply = server.post_token(grant_type="refresh_token", refresh_token=refresh, scope=scope)
        expect_equal(reply.status, 401, "a refresh token of a revoked robot")
    return f"revoked within {seconds:.1f} s"


@case("cairn access explain names the rule that decides")
def explain(world):
    def ask(who, action, repository, *more):
        options = ["--as", who, "--action", action, "--repository", repository, *more]
        return world.server.access("explain", *options, check=False).stdout

    text = ask("alice", "push", "frozen/app")
    expect("freeze" in text and "den" in text.lower(), f"explain: {text}")
    text = ask("alice", "pull", "alpha/app")
    expect("alpha" in text and "allow" in text.lower(), f"explain: {text}")
    text = ask("robot+builder", "push", "alpha/app")
    expect("allow" in text.lower() and "builder" in text, f"explain: {text}")
    text = ask("carol", "pull", "near/app", "--address", "127.0.0.12")
    expect("den" in text.lower(), f"explain: {text}")


def matching(records, **wanted):
    return [record for record in records if all(record.get(name) == value for name, value in wanted.items())]


@case("the audit record names principal, method, address and request id of each change")
def audit(world):
    server = world.server
    request = "audit-test-request-1"
    document = server.image(world.who("alice"), "alpha/audited", "one")
    token = server.token(world.who("alice"), "repository:alpha/audited:pull,push")
    fields = [bearer(token), ("Content-Type", document["mediaType"]), ("X-Request-ID", request)]
    data = json.dumps(document).encode()
    reply = server.call("PUT", "/v2/alpha/audited/manifests/v1", fields, data, source="127.0.0.5")
    expect_equal(reply.status, 201, "PUT of a manifest")
    expect_equal(reply.header("x-request-id"), request, "request id of the answer")
    page = world.audit()
    records = page["audit"]
    mine = [record for record in records if record.get("request") == request]
    expect(mine, f"no record of the push among {len(records)}: {records[-2:]}")
    for record in mine:
        expect_equal(record["principal"], "user:alice", "principal")
        expect_equal(record["method"], "token", "method of authentication")
        expect_equal(record["address"], "127.0.0.5", "address")
        expect_equal(record["repository"], "alpha/audited", "repository")
    reply = server.call("DELETE", "/v2/alpha/audited/manifests/v1", [world.who("alice"), ("X-Request-ID", "audit-2")])
    expect_equal(reply.status, 202, "DELETE of a tag")
    seen = [record for record in world.audit()["audit"] if record.get("request") == "audit-2"]
    expect(seen and seen[0]["method"] == "basic", f"the delete: {seen}")
    # By pages of one, the same records in the same order.
    for order in ("", "&after=0"):
        paged, path = [], f"/api/v1/audit?n=1{order}"
        for _ in range(5):
            reply = server.call("GET", path, [world.root])
            paged += json.loads(reply.body)["audit"]
            path = reply.header("link").partition("<")[2].partition(">")[0]
        whole = json.loads(server.call("GET", f"/api/v1/audit?n=5{order}", [world.root]).body)["audit"]
        expect_equal(paged, whole, "records by pages of one")


@case("denials are recorded, with the rule that denied")
def denials(world):
    server = world.server
    fields = [world.who("alice"), ("X-Request-ID", "denied-1")]
    expect_equal(server.call("POST", "/v2/frozen/app/blobs/uploads/", fields, source="127.0.0.6").status, 403, "push")
    wrong = [basic("alice", "wrong"), ("X-Request-ID", "denied-2")]
    expect_equal(server.call("GET", "/v2/alpha/app/tags/list", wrong).status, 401, "a wrong password")

    def found(request):
        return [record for record in world.audit("denials")["denials"] if record.get("request") == request]

    server.eventually(lambda: found("denied-1") and found("denied-2"), "both denials are recorded")
    record = found("denied-1")[0]
    expect_equal(
        (record["principal"], record["method"], record["address"], record["rule"], record["repository"]),
        ("user:alice", "basic", "127.0.0.6", "freeze", "frozen/app"), "the denied push",
    )
    text = json.dumps(world.audit("denials")) + server.log.read_text(errors="replace")
    for secret in (*PASSWORD.values(), world.robot[1], world.agent[1]):
        expect(secret not in text, "a secret is in the records or the log")


@case("changes of the policy are in the audit record")
def policy_audit(world):
    records = world.audit()["audit"]
    kinds = {record["kind"] for record in records}
    wanted = {"rule.set", "robot.create", "robot.rotate", "robot.revoke"}
    expect(wanted <= kinds, f"no record of {wanted - kinds} among {kinds}")
    expect(all(record["principal"] == "server" for record in records if record["kind"] in wanted), "who changed it")
