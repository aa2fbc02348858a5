# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What is left of the story: kills in the middle of reports, figures against what was done, another region, a rebuild."""

import random
import threading

from e2e_cases import case, expect, expect_equal
from region_world import eventually
from release_differ import differences
from release_host import REPORT_SECONDS
from release_journal import FIGURES, compare_as_told, match, oracle, question
from release_world import DRIFT_SECONDS, REFUSED, REPOSITORY

AGENTS, ROLLOUTS, KILLS = 4, 8, 3


def told_figures(world, server, entries, scans=None):
    """The figures of a region are those of its entries, to the last number; returns them."""
    figures = world.figures(server)
    expect_equal(figures["uncounted"], 0, "what was not counted")
    scans = world.scans if scans is None else scans
    theirs = oracle(entries, question(figures, DRIFT_SECONDS * 1000), scans)
    for name in FIGURES:
        found = list(differences(figures[name], theirs[name], f".{name}"))
        expect(not found, f"{len(found)} numbers differ from the oracle's: {found[:3]}")
    return figures


def counts(figures):
    return {name: figures[name]["counts"] for name in FIGURES}


def shown(image):
    """What an environment has of an image, but for the names that people have in one region alone."""
    targets = [{key: target[key] for key in target if key != "reporter"} for target in image["targets"]]
    return {**{key: image[key] for key in image if key != "actor"}, "targets": targets}


def environments(server):
    names = server.json("/api/v1/environments")["environments"]
    return {name: [shown(image) for image in server.json(f"/api/v1/environments/{name}/images")["images"]]
            for name in names}


def nameless(entries):
    return [{key: value for key, value in entry.items() if key != "reporter"} for entry in entries]


def journal_of(world):
    with world.journal.lock:
        return list(world.journal.entries)


@case("killed in the middle of reports: agents repeat, nothing is lost, nothing is twice")
def killed(world):
    image = world.deliver("v5")
    world.promote(image)
    world.phase("started", image, "d6")
    for phase in ("boot-attempted", "booted"):
        world.until(lambda: any(fact.get("phase") == phase and fact.get("deployment") == "d6"
                                for *_, fact in journal_of(world)), f"a host says '{phase}'")
        world.server.kill()
        world.server.start()
    world.until(lambda: world.well(image, "d6"), "the rollout goes on")
    world.phase("healthy", image, "d6")
    unanswered(world, image)
    burst(world, image)
    match(world.record(), journal_of(world))
    expect(world.journal.repeated > 1, "no kill came while reports were sent")
    return f"{world.journal.repeated} reports were repeated, {world.journal.unheard} of which were recorded before"


def unanswered(world, image):
    """The registry is killed after it has recorded a report, and before anybody hears of it."""

    def tell(method, path, body):
        status, _, answer = world.server.call(method, path, body)
        expect_equal(status, 200, f"what is not heard: {answer[:300]}")
        world.server.kill()
        world.server.start()
        answer, sent = world.tell(method, path, body)
        return answer, sent + 1

    before = world.journal.unheard
    place = {"repository": REPOSITORY, "digest": image, "environment": "burst", "target": "b-unanswered"}
    for phase in ("replacement-ordered", "boot-attempted", "booted", "healthy"):
        world.journal.step(tell if phase == "booted" else world.tell, phase, deployment="b-unanswered", **place)
    expect(world.journal.unheard > before, "a report that had been recorded counts as a new one")


def burst(world, image):
    """Agents that report as fast as they can, while the registry is killed again and again."""
    source, trouble = random.Random(world.seed), []

    def agent(number):
        place = {"repository": REPOSITORY, "digest": image, "environment": "burst", "target": f"b-{number}"}
        try:
            for rollout in range(ROLLOUTS):
                name = {"deployment": f"b-{rollout}"}
                for phase in ("replacement-ordered", "boot-attempted", "booted", "healthy", "telemetry-seen"):
                    world.journal.step(world.tell, phase, **place, **name)
                # One report after the other of another image is an entry each.
                other = image if rollout % 2 else world.images["v2"]
                place["digest"] = other
                world.journal.running(world.tell, expires=REPORT_SECONDS, **place, **name)
                place["digest"] = image
        except Exception as error:  # noqa: BLE001 - told by the case
            trouble.append(repr(error))

    def reports():
        """How many reports of these agents were answered."""
        return sum(fact.get("target") in targets for *_, fact in journal_of(world))

    targets = {f"b-{number}" for number in range(AGENTS)}
    agents = [threading.Thread(target=agent, args=(number,), daemon=True) for number in range(AGENTS)]
    for one in agents:
        one.start()
    total = AGENTS * ROLLOUTS * 6
    for kill in range(KILLS):
        reached = total * (kill + source.uniform(0.2, 0.8)) / KILLS
        world.until(lambda: reports() >= reached or trouble, "the agents report")
        world.server.kill()
        world.server.start()
    for one in agents:
        one.join(timeout=300)
    expect(not trouble, f"an agent: {trouble[:2]}")
    expect_equal(reports(), total, "reports")


@case("figures: what the registry computes is what the hosts and people of this story did")
def figures(world):
    world.scan(world.images["v5"], ["CRITICAL", "MEDIUM", "CRITICAL"])
    entries, journal = world.record(), journal_of(world)
    match(entries, journal)
    found = told_figures(world, world.server, entries)
    asked = question(found, DRIFT_SECONDS * 1000)
    slack, (low, high) = compare_as_told(found, journal, entries, asked, world.scans)
    for name in FIGURES:
        expect(any(found[name]["counts"].values()), f"{name} has nothing to count")
    prod = world.figures(query="&env=prod")
    theirs = oracle(entries, question(prod, DRIFT_SECONDS * 1000), world.scans)
    for name in FIGURES:
        different = list(differences(prod[name], theirs[name], f".{name}"))
        expect(not different, f"of prod alone: {different[:3]}")
    told = ", ".join(f"{name} {found[name]['value']:.4g}" for name in FIGURES if found[name]["value"] is not None)
    return f"{len(entries)} entries, told within {slack} ms; {low} to {high} incidents; {told}"


@case("a region that follows shows the same: what is to run, what can be gone back to, figures")
def follower(world):
    entries = world.record()
    expect(eventually(lambda: not world.follower.remote_blobs()
                      and world.follower.regions()["us"]["applied"] >= world.server.log_size()), "it does not catch up")
    expect(eventually(lambda: nameless(world.record(world.follower)) == nameless(entries)), "its record is another")
    expect(eventually(lambda: environments(world.follower) == environments(world.server)),
           f"environments: {environments(world.follower)}\n      and here {environments(world.server)}")
    expect(eventually(lambda: world.figures(world.follower)["m5"]["counts"]["critical"] == 2), "its scans")
    ours = told_figures(world, world.server, entries)
    theirs = told_figures(world, world.follower, world.record(world.follower))
    expect_equal(counts(theirs), counts(ours), "counts of the figures")
    # Requests are counted in one region.
    there = [f"{world.follower.host}/{REPOSITORY}", "--env", "prod", "--service", "web", "--deployment", "c3"]
    world.cairn("rollout", "verdict", *there, expects=REFUSED)
    return f"{len(entries)} entries"


@case("a catalog that is made again from the log has the same record, desired images and figures")
def rebuilt(world):
    server = world.server
    before = world.record(), environments(server), counts(told_figures(world, server, world.record()))
    server.sealed(rest=1.5)
    expect_equal(server.stop(), 0, "the end of the server")
    for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
        (server.root / "meta" / name).unlink(missing_ok=True)
    world.environment["CAIRN_LOG_ORIGIN"] = server.settings["CAIRN_LOG_ORIGIN"]
    world.cairn("rebuild", "--root", server.root, "--config", server.file)
    server.start()
    entries = world.record()
    expect_equal(len(entries), len(before[0]), "entries of the record")
    expect_equal(nameless(entries), nameless(before[0]), "the record")
    expect_equal(environments(server), before[1], "what is to run")
    expect_equal(counts(told_figures(world, server, entries)), before[2], "counts of the figures")
    return f"{len(entries)} entries"
