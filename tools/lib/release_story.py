# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The story of one service: built, promoted, rolled out, broken, rolled back, drifting. Each case goes on where the one
before ended."""

import json
import time

from e2e_cases import case, expect, expect_equal
from region_world import eventually
from release_world import DRIFT_SECONDS, POLICY, REFUSED, REPOSITORY

# Gauges of the record are made every 15 s; the rest is for a machine that is busy.
METRIC_SECONDS = 15 + 60


@case("builds are reported: success, failure, a run told twice, one commit that gives two images")
def builds(world):
    first = world.build("v1")
    said = world.report_build(first, "commit-v1", "run-1")
    expect("not reproducible" not in said.stderr, f"the first build: {said.stderr}")
    again = world.cairn("build", "report", world.by_digest(first), "--source", "git.example/acme/web", "--revision",
                        "commit-v1", "--builder", "ci.example/release", "--build", "run-1")
    expect("as was reported before" in again.stdout, f"a run told twice: {again.stdout}")
    other = world.build("v1")
    expect(other != first, "the second build of the commit is the same image")
    said = world.report_build(other, "commit-v1", "run-2")
    expect("not reproducible" in said.stderr and first in said.stderr, f"the second build: {said.stderr}")
    world.report_build(None, "commit-broken", "run-3", failed=True)
    missing = world.cairn("build", "report", f"{world.host}/{REPOSITORY}@sha256:{'0' * 64}", expects=3)
    expect("no such manifest" in missing.stderr, f"a build of an image that is not there: {missing.stderr}")
    world.images["v1"] = first
    world.start_follower()


@case("promotions: refused until signed, from where it was, never from quarantine")
def promotions(world):
    image = world.images["v1"]
    reference = world.by_digest(image)
    refused = world.cairn("promote", reference, "--to", "staging", "--service", "web", expects=POLICY)
    expect("sign" in refused.stderr, f"a promotion of what nobody signed: {refused.stderr}")
    started = world.cairn("deploy", "step", "started", "--image", reference, "--env", "staging", "--service", "web",
                          "--deployment", "s0", expects=POLICY)
    expect("sign" in started.stderr, f"a rollout of what nobody signed: {started.stderr}")
    world.sign(image)
    world.tag(image, "v1")
    refused = world.cairn("promote", reference, "--from", "staging", "--to", "prod", expects=REFUSED)
    expect("staging" in refused.stderr, f"a promotion from where it never was: {refused.stderr}")
    world.promote(image, to="staging")
    world.phase("started", image, "s1", environment="staging")
    world.phase("telemetry-seen", image, "s1", environment="staging")
    world.phase("healthy", image, "s1", environment="staging")
    world.cairn("quarantine", image, "--reason", "a test", "--registry", world.host)
    refused = world.cairn("promote", reference, "--from", "staging", "--to", "prod", "--service", "web", expects=POLICY)
    expect("quarantine" in refused.stderr, f"a promotion out of quarantine: {refused.stderr}")
    world.cairn("quarantine", image, "--lift", "--reason", "a test", "--registry", world.host)
    world.promote(image, source="staging")
    again = world.cairn("promote", reference, "--from", "staging", "--to", "prod", "--service", "web")
    expect("was to run already" in again.stdout, f"a promotion told twice: {again.stdout}")


@case("a good rollout: every host fetches ahead, replaces, and is healthy")
def first_rollout(world):
    image = world.images["v1"]
    for host in world.hosts:
        host.start()
    world.until(lambda: all(image in host.have for host in world.hosts), "what was promoted is fetched ahead")
    expect(not any(host.runs for host in world.hosts), "a host runs what no rollout has begun with")
    took = world.roll_out(image, "d1")
    expect_equal({host.version() for host in world.hosts}, {"v1"}, "versions that run")
    expect_equal(world.states(), {host.target: "as-desired" for host in world.hosts}, "states of the targets")
    second = world.deliver("v2")
    world.promote(second)
    world.until(lambda: all(second in host.have for host in world.hosts), "the next one is fetched ahead")
    took = world.roll_out(second, "d2")
    expect_equal({host.version() for host in world.hosts}, {"v2"}, "versions that run")
    expect_equal(world.desired()["rollback"], [image], "what can be gone back to")
    return f"{len(world.hosts)} hosts in {took:.1f} s"


@case("an image that does not boot: failed, and refused elsewhere")
def bad_image(world):
    bad = world.deliver("v3", "bad")
    world.promote(bad)
    world.phase("started", bad, "d3")
    world.until(lambda: all(("d3", bad) in host.tried and not host.runs for host in world.hosts), "no host runs")
    world.until(lambda: sum(fact.get("phase") == "boot-failed" for *_, fact in world.journal.entries)
                == len(world.hosts), "each says that it does not boot")
    world.phase("failed", bad, "d3")
    refused = world.cairn("promote", world.by_digest(bad), "--from", "prod", "--to", "prod-eu", expects=REFUSED)
    expect("failed" in refused.stderr, f"a promotion of what failed: {refused.stderr}")
    expect_equal(world.desired()["rollback"], [world.images["v2"], world.images["v1"]], "what can be gone back to")


@case("retention would delete the last good image, and may not")
def retention(world):
    good, old = world.images["v2"], {}
    for number in range(3):
        old[f"old-{number}"] = world.deliver(f"old-{number}")
    time.sleep(2)  # the rules select what is older than a second
    lines = world.cairn("retention", "plan", "--all", "--registry", world.host, "--output", "json").stdout.splitlines()
    run, decisions = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    of_good = [decision for decision in decisions if decision.get("digest") == good]
    expect(of_good and all("healthy in prod (web); kept for rollback" in decision["reason"] for decision in of_good),
           f"decisions on the last good image: {of_good}")
    told = world.cairn("retention", "explain", f"{world.host}/{REPOSITORY}:v2").stdout
    expect("kept for rollback" in told, f"explain: {told}")
    told = world.cairn("retention", "explain", f"{world.host}/{REPOSITORY}:v3").stdout
    expect("is to run in prod" in told, f"explain of what is to run: {told}")
    world.cairn("retention", "apply", run["plan"], "--registry", world.host)
    left = {tag for (name, tag), digest in world.server.tags().items() if name == REPOSITORY and isinstance(digest, str)}
    versions = {tag for tag in left if not tag.startswith("sha256-")}
    expect_equal(versions, {"v1", "v2", "v3"}, "tags that are left")
    gone = [world.server.resolve(REPOSITORY, digest) for digest in old.values()]
    expect_equal(set(gone), {404}, "what retention deleted")
    return f"{len(decisions)} decisions"


@case("rollback: one command, and the hosts run the last good image again")
def rollback(world):
    good = world.images["v2"]
    began = time.monotonic()
    said = world.rollback(good, "back-1")
    expect(good in said.stdout, f"rollback names another image than the last good one: {said.stdout}")
    again = world.cairn("rollback", world.host, "--env", "prod", "--service", "web", "--deployment", "back-1")
    expect(good in again.stdout and "as was ordered before" in again.stdout, f"told again: {again.stdout}")
    world.until(lambda: world.well(good, "back-1"), "the hosts are back")
    took = time.monotonic() - began
    world.phase("healthy", good, "back-1")
    expect_equal({host.version() for host in world.hosts}, {"v2"}, "versions that run")
    expect_equal(world.desired()["rollback"], [world.images["v1"]], "what can be gone back to")
    return f"{took:.1f} s from the command on"


@case("an image that flaps is named, and counted by a metric")
def flapping(world):
    image = world.deliver("v4", "flap")
    world.promote(image)
    world.phase("started", image, "d4")

    def named():
        listed = world.server.json("/api/v1/flapping")["flapping"]
        return {entry["target"] for entry in listed if entry["deployment"] == "d4" and entry["flips"] >= 3}

    wanted = {host.target for host in world.hosts}
    world.until(lambda: named() == wanted, "every host flaps")
    expect(world.until(lambda: 'cairn_deployment_flapping{' in metrics(world), "the metric", METRIC_SECONDS) >= 0, "")
    line = [line for line in metrics(world).splitlines() if line.startswith("cairn_deployment_flapping{")]
    expect(any('deployment="d4"' in text and 'environment="prod"' in text for text in line), f"the metric: {line}")
    good = world.images["v2"]
    said = world.rollback(good, "back-2")
    expect(good in said.stdout, f"rollback: {said.stdout}")
    world.until(lambda: world.well(good, "back-2"), "the hosts are back")
    # A rollback that is said to be done is healthy.
    world.phase("rolled-back", good, "back-2", kept="healthy")
    return line[0].split("}")[-1].strip() + " flips"


def metrics(world):
    return world.server.call("GET", "/metrics")[2].decode()


@case("drift: a host that was changed by hand is an incident")
def drift(world):
    host, good = world.hosts[1], world.images["v2"]
    before = world.figures()["m7"]["counts"]["incidents"]
    host.change_by_hand(world.images["v1"])
    expect_equal(host.version(), "v1", "what runs there")
    wanted = {other.target: "as-desired" for other in world.hosts} | {host.target: "drifted"}
    expect_equal(world.states(), wanted, "states")
    shown = world.cairn("environment", "prod", "--registry", world.host).stdout
    expect(any(host.target in line and "drifted" in line for line in shown.splitlines()), f"cairn environment: {shown}")
    time.sleep(DRIFT_SECONDS + 1.5)  # it differs for longer than the configuration lets pass
    counts = world.figures()["m7"]["counts"]
    expect_equal((counts["incidents"] - before, counts["open"]), (1, 1), "incidents, and those that are open")
    host.mend(good)
    expect_equal(world.states()[host.target], "as-desired", "the state once it was mended")
    counts = world.figures()["m7"]["counts"]
    expect_equal((counts["incidents"] - before, counts["open"]), (1, 0), "incidents once it was mended")


@case("drift of the configuration: the image is the same, what it is configured with is not")
def configuration(world):
    image = world.images["v2"]
    first, second = world.attach_configuration("limit: 1"), world.attach_configuration("limit: 2")
    world.roll_out(image, "d5", configuration=first)
    expect_equal(world.desired()["config"], first, "the configuration that is to be")
    expect_equal(set(world.states().values()), {"as-desired"}, "states")
    before = world.figures()["m7"]["counts"]["incidents"]
    host = world.hosts[2]
    host.configuration = second
    host.report()
    expect_equal(world.states()[host.target], "drifted", "its state")
    time.sleep(DRIFT_SECONDS + 1.5)  # it differs for longer than the configuration lets pass
    host.configuration = first
    host.report()
    expect_equal(set(world.states().values()), {"as-desired"}, "states once it was mended")
    expect_equal(world.figures()["m7"]["counts"]["incidents"] - before, 1, "incidents")


@case("a verdict on a canary: promote, hold, roll back")
def verdict(world):
    place = [f"{world.host}/{REPOSITORY}", "--env", "prod", "--service", "web", "--deployment"]

    def count(deployment, requests, errors, *role):
        world.cairn("rollout", "report", *place, deployment, "--requests", requests, "--errors", errors, *role)

    for deployment, requests, errors, status in (("c1", 5000, 5, 0), ("c2", 50, 0, REFUSED), ("c3", 5000, 600, POLICY)):
        count(deployment, requests, errors)
        count(deployment, 5000, 5, "--baseline")
        world.cairn("rollout", "verdict", *place, deployment, expects=status)
    said = world.cairn("rollout", "verdict", *place, "c3", "--output", "json", expects=POLICY)
    expect_equal(json.loads(said.stdout)["verdict"], "roll-back", "the verdict")


@case("inspect shows who built an image of what, where it runs and ran, and what is wrong with it")
def inspect(world):
    image, former = world.images["v2"], world.images["v1"]
    world.scan(image, ["CRITICAL", "HIGH", "HIGH"])
    shown = json.loads(world.cairn("inspect", world.by_digest(image), "--output", "json").stdout)
    found = shown["vulnerabilities"]
    expect_equal((found["critical"], found["high"]), (1, 2), "vulnerabilities")
    expect_equal({(run["target"], run["state"]) for run in shown["runs"]},
                 {(host.target, "running") for host in world.hosts}, "where it runs")
    place = next(place for place in shown["desired"] if place["env"] == "prod")
    expect_equal((place["service"], place["former"], place["proven"]), ("web", former, True), "the last good one before")
    build = shown["builds"][0]
    expect_equal((build["builder"], build["revision"], build["source"]),
                 ("ci.example/release", "commit-v2", "git.example/acme/web"), "the build")
    text = world.cairn("inspect", f"{world.host}/{REPOSITORY}:v2").stdout
    for word in ("commit-v2", "ci.example/release", former, *[host.target for host in world.hosts], "critical"):
        expect(word in text, f"the screen does not say {word}:\n{text}")
    ran = json.loads(world.cairn("inspect", world.by_digest(former), "--output", "json").stdout)
    expect(any(entry["kind"] == "ended" for entry in ran["releases"]), "inspect does not say where the former one ran")
    expect(eventually(lambda: world.figures()["m5"]["value"] == 1), "M5 has the critical one")
    return f"{len(text.splitlines())} lines"
