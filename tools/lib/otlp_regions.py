# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of two regions: a trace of a push goes on where its image arrives."""

import json

from e2e_cases import case, expect, expect_equal
from otlp_world import new_trace, push_manifest
from region_world import Region, eventually

CLIENT = 3


def settings(world, name):
    return (f"telemetry:\n  endpoint: {world.receiver.url}\n  sample: {0 if name == 'eu' else 1}\n"
            f"  metrics-every: 1h\n  resource: {{region: {name}}}\n")


@case("a push is followed into the other region, in its own trace")
def followed(world):
    us, eu = (Region(name, world.binary, world.folder) for name in ("us", "eu"))
    us.file.write_text(settings(world, "us"))
    us.start()
    try:
        us.push("team/app", "v0", seed="before", layers=1)
        us.sealed()
        eu.file.write_text(
            settings(world, "eu") + f"regions:\n  - {{name: us, url: 'http://{us.host}', log-keys: ['{us.key()}']}}\n")
        eu.start()
        world.receiver.until(lambda: eu.regions()["us"]["entries"] >= us.log_size(), "the first entries over there")
        trace, parent = new_trace()
        status, _ = push_manifest(us.port, "team/app", "v1", [("traceparent", f"00-{trace}-{parent}-01")])
        expect_equal(status, 201, "the push")

        def merges():
            return [s for s in world.receiver.of_trace(trace)
                    if s.name == "region.merge" and s.resource["region"] == "eu"]

        def entries():
            return {(s.attributes["cairn.log.origin"], s.attributes["cairn.log.index"]) for s in merges()}

        def one(name):
            return world.receiver.until(
                lambda: [s for s in world.receiver.of_trace(trace) if s.name == name], f"the span {name}")[0]

        world.receiver.until(merges, "the merge")
        push = one("PUT /v2/{name}/manifests/{reference}")
        expect_equal((push.parent, push.resource["region"]), (parent, "us"), "the push was there")
        seal = one("log.seal").attributes
        # Entries of one push may be merged, and told, one after the other.
        world.receiver.until(lambda: (seal["cairn.log.origin"], seal["cairn.log.index"]) in entries(),
                             f"the merge of the sealed entry, which is one of {entries()}")
        expect_equal({span.parent for span in merges()}, {push.id}, "parents of the merge")
        fetch = one("region.fetch")
        expect_equal((fetch.parent, fetch.resource["region"]), (push.id, "eu"), "the fetch")
        asked = world.receiver.until(
            lambda: [s for s in world.receiver.of_trace(trace) if s.kind == CLIENT and s.resource["region"] == "eu"],
            "requests to the other region")
        answered = world.receiver.until(
            lambda: [s for s in world.receiver.of_trace(trace)
                     if s.kind == 2 and s.resource["region"] == "us" and s.parent in {a.id for a in asked}],
            "their answers there")
        expect(all(s.attributes["http.request.method"] == "GET" for s in answered), "GET")
        # Its own rate is 0: nothing but what others keep is kept there.
        def own():
            theirs = {span.trace for span in world.receiver.spans if span.resource.get("region") == "us"}
            return [s for s in world.receiver.spans if s.resource.get("region") == "eu" and s.trace not in theirs]

        # What began there may be told after what followed from it here.
        eventually(lambda: not own(), 30)
        expect_equal(own(), [], "traces that began where the rate is 0")
        return f"{len(world.receiver.of_trace(trace))} spans in one trace over two regions"
    finally:
        eu.stop()
        us.stop()


@case("a pull through a mirror takes its trace to the registry that is mirrored")
def mirrored(world):
    (world.folder / "mirror").mkdir()
    us, eu = (Region(name, world.binary, world.folder / "mirror") for name in ("us", "eu"))
    us.file.write_text(settings(world, "us"))
    us.start()
    try:
        us.push("team/app", "v0", seed="x", layers=1)
        eu.file.write_text(settings(world, "eu") + f"upstreams:\n  - {{name: us, url: 'http://{us.host}'}}\n")
        eu.start()
        trace, parent = new_trace()
        status, _, _ = eu.call(
            "GET", "/v2/us/team/app/manifests/v0",
            headers={"traceparent": f"00-{trace}-{parent}-01", "Accept": "*/*"})
        expect_equal(status, 200, "the pull")
        there = world.receiver.until(
            lambda: [s for s in world.receiver.of_trace(trace) if s.resource["region"] == "us"],
            "the request there")
        client = world.receiver.until(
            lambda: [s for s in world.receiver.of_trace(trace) if s.id == there[0].parent], "its parent")[0]
        expect_equal((client.kind, client.resource["region"]), (CLIENT, "eu"), "its parent")
        expect("?" not in json.dumps(client.attributes), "no query is told")
    finally:
        eu.stop()
        us.stop()
