# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of traces and metrics while all goes well."""

import json
import math
import time

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from bench_client import Connection
from e2e_cases import Failure, case, expect, expect_equal
from otlp_world import OPEN_METRICS, children, new_trace

SERVER, INTERNAL = 2, 1
PUT_MANIFEST = "PUT /v2/{name}/manifests/{reference}"
PUT_UPLOAD = "PUT /v2/{name}/blobs/uploads/{session}"
STAGES = ["body.receive", "blob.fsync", "directory.fsync", "catalog.queue", "catalog.commit", "log.seal"]
# What a scrape sees of itself.
OWN = ("cairn_http_requests_in_flight", "cairn_telemetry_queue_spans", "process_")
SERIES_BUDGET, LINES_BUDGET = 2_000, 8_000
ATTEMPTS = 3


def is_sealed(found, index):
    """Whether the seal of the push itself has come: a push makes several entries, and an earlier one's may be first."""
    seals = [span for span in found if span.name == "log.seal"]
    if index is not None:
        return any(seal.attributes["cairn.log.index"] == index for seal in seals)
    last = max((span for span in found if span.name == "catalog.commit"), key=lambda span: span.start)
    return any(seal.start >= last.start and seal.end >= last.end for seal in seals)


def whole_push(world, root, index=None):
    """The stages of a push, once all of them have come: one of each, and in their order. `index` is that of its entry,
    where its answer said it."""

    def come():
        found = children(world.receiver.of_trace(root.trace), root)
        return found if {span.name for span in found} >= set(STAGES) and is_sealed(found, index) else None

    found = world.receiver.until(come, f"the stages of {root}")
    # A push does more than one change in the catalog where it makes the repository; the last one is its own.
    last = {span.name: span for span in sorted(found, key=lambda span: span.start)}
    expect(all(span.kind == INTERNAL and span.start >= root.start for span in found), "stages are inside")
    order = [last[name] for name in STAGES]
    for before, after in zip(order[:-1], order[1:]):
        expect(before.start <= after.start, f"{before.name} begins before {after.name}")
    for before, after in zip(order[:4], order[1:5]):
        expect(before.end <= after.start, f"{before.name} ends before {after.name} begins")
    expect(all(span.end <= root.end for span in order[:5]), "what is answered was durable")
    expect(last["log.seal"].end >= last["catalog.commit"].end, "the seal comes after the commit")
    return last


@case("a push with skopeo: from the request to the seal of the log")
def pushed(world):
    source, name = world.small_image("traced")
    world.skopeo_push(source, "traced/app:v1", "--preserve-digests")
    manifest = world.receiver.until(
        lambda: [span for span in world.receiver.named(PUT_MANIFEST)
                 if span.attributes.get("cairn.repository") == "traced/app"], "the push of the manifest")
    expect_equal(len(manifest), 1, "spans of the manifest's push")
    root = manifest[0]
    last = whole_push(world, root)
    expect_equal((root.kind, root.parent, root.status), (SERVER, "", 0), "the span of the request")
    wanted = {
        "http.request.method": "PUT", "http.route": "/v2/{name}/manifests/{reference}",
        "http.response.status_code": 201, "url.path": "/v2/traced/app/manifests/v1", "url.scheme": "http",
        "server.address": "127.0.0.1", "server.port": world.port, "client.address": "127.0.0.1",
        "network.protocol.version": "1.1", "cairn.repository": "traced/app", "cairn.digest": name,
    }
    expect_equal({key: root.attributes.get(key) for key in wanted}, wanted, "attributes of the request")
    expect("skopeo" in root.attributes["user_agent.original"], "the client is named")
    seal = last["log.seal"].attributes
    expect(seal["cairn.log.size"] > seal["cairn.log.index"] >= 0, f"the seal names the entry: {seal}")
    uploads = [span for span in world.receiver.named(PUT_UPLOAD) if span.attributes["cairn.repository"] == "traced/app"]
    expect(len(uploads) >= 3, f"{len(uploads)} uploads are traced")
    for upload in uploads:
        names = {span.name for span in children(world.receiver.of_trace(upload.trace), upload)}
        expect(names >= {"body.receive", "blob.fsync", "directory.fsync", "catalog.commit"}, f"{upload}: {names}")
    resource = root.resource
    expect_equal(
        (resource["service.name"], resource["deployment.environment.name"]), ("cairn", "test"), "the resource")
    expect(resource["service.version"] and resource["service.instance.id"], "version and instance are named")
    expect_equal(len({span.resource["service.instance.id"] for span in world.receiver.spans}), 1, "instances")
    return f"{len(last)} stages"


@case("a trace that a client began goes on")
def continued(world):
    trace, parent = new_trace()
    fields = [("traceparent", f"00-{trace}-{parent}-01"), ("tracestate", "vendor=x,other=y"),
              ("Prefer", "wait=checkpoint")]
    status, headers = world.push_manifest("continued/app", "v1", fields)
    expect_equal(status, 201, "the push")
    root = world.receiver.until(lambda: [s for s in world.receiver.of_trace(trace) if s.kind == SERVER], "the span")[0]
    expect_equal((root.parent, root.state), (parent, "vendor=x,other=y"), "the parent and the state")
    expect_equal(root.flags & 0x300, 0x300, "the flag of a remote parent")
    index = int(headers["cairn-log-index"])
    last = whole_push(world, root, index)
    expect_equal(last["log.seal"].attributes["cairn.log.index"], index, "the sealed entry")

    def told():
        # The last line may not be whole yet.
        lines = world.server.log.read_text().split("\n")[:-1]
        return next((line for line in lines if trace in line), None)

    line = world.receiver.until(told, "the line of the access log")
    expect_equal(json.loads(line)["trace_id"], trace, "the access log")


@case("what a client does not keep is not kept, and what is malformed begins anew")
def not_kept(world):
    trace, parent = new_trace()
    world.push_manifest("kept/app", "v1", [("traceparent", f"00-{trace}-{parent}-00")])
    malformed = [f"00-{trace}-{parent}-1", f"00-{trace.upper()}-{parent}-01", f"ff-{trace}-{parent}-01",
                 f"00-{'0' * 32}-{parent}-01", "x" * 5000]
    for number, value in enumerate(malformed):
        world.push_manifest("kept/app", f"m{number}", [("traceparent", value)])
    world.push_manifest("kept/app", "last")

    def come():
        found = [span for span in world.receiver.named(PUT_MANIFEST)
                 if span.attributes.get("cairn.repository") == "kept/app"]
        has_last = any(span.attributes.get("url.path") == "/v2/kept/app/manifests/last" for span in found)
        return found if has_last and len(found) > len(malformed) else None

    roots = world.receiver.until(come, "the malformed pushes and the last one")
    expect_equal(world.receiver.of_trace(trace), [], "spans of what is not to be kept")
    expect_equal([span.parent for span in roots], [""] * (len(malformed) + 1), "parents of malformed ones")


@case("answers from memory are traced")
def hot(world):
    world.push_manifest("hot/app", "v1")
    trace, parent = new_trace()
    with Connection(world.port) as connection:
        for _ in range(3):
            status, _, _ = connection.request(
                "GET", "/v2/hot/app/manifests/v1", [("traceparent", f"00-{trace}-{parent}-01")])
            expect_equal(status, 200, "GET")
    spans = world.receiver.until(
        lambda: (found := world.receiver.of_trace(trace)) and len(found) >= 3 and found, "three spans")
    expect(any(span.attributes.get("cairn.hot") for span in spans), "one of them came from memory")
    expect(all(span.parent == parent for span in spans), "and all have their parent")


@case("spans hold no secrets")
def no_secrets(world):
    world.request("GET", "/v2/secret/app/tags/list?token=hunter2", {"Authorization": "Basic aHVudGVyMg==",
                  "Cookie": "hunter2", "X-Api-Key": "hunter2"})
    world.receiver.until(
        lambda: [s for s in world.receiver.named("GET /v2/{name}/tags/list")
                 if s.attributes.get("cairn.repository") == "secret/app"], "the request")
    for body in world.receiver.bodies:
        expect(b"hunter2" not in body and b"aHVudGVyMg" not in body, "a secret is in a body")
    expect_equal(world.receiver.headers[-1].get("x-secret"), "hunter3,", "the header of the environment")
    expect_equal(world.receiver.headers[-1].get("x-open"), "seen", "the header of the file")
    expect("hunter3" not in world.server.log.read_text(), "nothing of it is in the log")


def samples(text, parse):
    """Values by name and labels."""
    found = {}
    for family in parse(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


@case("metrics that are sent are those of /metrics")
def same_metrics(world):
    for attempt in range(ATTEMPTS):
        try:
            return compare_metrics(world)
        except Failure:
            # What went to and fro between the three is not so in each attempt.
            if attempt == ATTEMPTS - 1:
                raise


def compare_metrics(world):
    for _ in range(20):
        world.receiver.forget()
        before = samples(world.metrics(), text_format)
        world.receiver.until(lambda: len(world.receiver.metrics) >= 2, "two exports")
        exported = world.receiver.exported()
        after = samples(world.metrics(), text_format)
        steady = {key: value for key, value in before.items()
                  if after.get(key) == value and not key[0].startswith(OWN)}
        compared = 0
        for name, (kind, unit, points) in exported.items():
            if name.endswith(("_seconds", "_seconds_total")):
                expect_equal(unit, "s", f"unit of {name}")
            for labels, point in points.items():
                compared += compare(name, kind, labels, point, steady)
        if compared > 300:
            there = [{name for name, _ in found} for found in (before, after)]
            # A family may begin between two of the three.
            expect_equal(names(exported) - (there[0] | there[1]), set(), "names that /metrics does not have")
            expect_equal((there[0] & there[1]) - names(exported), set(), "names that are not sent")
            return f"{compared} values"
    expect(False, f"only {compared} values were steady")


def names(exported):
    """The names of samples that /metrics has for what was sent."""
    return {name + ending for name, (kind, _, points) in exported.items() if points
            for ending in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))}


def compare(name, kind, labels, point, steady):
    """Compares the values of one point as far as they did not change meanwhile; how many they were."""
    if kind != "histogram":
        wanted = steady.get((name, labels))
        if wanted is None:
            return 0
        value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        expect(value == wanted or math.isclose(value, wanted, rel_tol=1e-12), f"{name}{labels}: {value}, not {wanted}")
        return 1
    total, compared = 0, 0
    if (f"{name}_count", labels) not in steady:
        return 0
    expect(math.isclose(point.sum, steady.get((f"{name}_sum", labels), point.sum), rel_tol=1e-9), f"sum of {name}")
    for bound, count in zip([*point.explicit_bounds, math.inf], point.bucket_counts, strict=True):
        total += count
        le = "+Inf" if bound == math.inf else f"{bound:.15g}"
        key = f"{name}_bucket", tuple(sorted([*labels, ("le", le)]))
        expect_equal(total, steady.get(key, total), f"{key}")
        compared += key in steady
    expect_equal(point.count, total, f"count of {name}")
    return compared


@case("both formats are what others read, exemplars included")
def formats(world):
    world.push_manifest("formats/app", "v1")
    text, extended = world.metrics(), world.metrics(OPEN_METRICS)
    status, complaints = world.promtool(text)
    expect_equal((status, complaints), (0, ""), "promtool check metrics")
    plain = "\n".join(line.split(" # {")[0] for line in extended.splitlines() if line != "# EOF") + "\n"
    # Its parser knows only the text format, in which a counter's family has its whole name.
    plain = "\n".join(line for line in plain.splitlines() if not line.startswith("#")) + "\n"
    status, complaints = world.promtool(plain)
    expect(status != 1, f"promtool over the samples of OpenMetrics: {complaints[-300:]}")
    families = {family.name: family for family in open_metrics(extended)}
    units = {name: family.unit for name, family in families.items() if family.unit}
    for ending in ("seconds", "bytes", "ratio"):
        lacking = [name for name in families if name.endswith("_" + ending) and units.get(name) != ending]
        expect_equal(lacking, [], f"families without the unit {ending}")
    exemplars = [(sample, sample.exemplar) for family in families.values() for sample in family.samples
                 if sample.exemplar]
    expect({"cairn_http_request_seconds_bucket", "cairn_http_requests_total"} <= {s.name for s, _ in exemplars},
           "requests have examples")
    expect(not any(" # {" in line for line in text.splitlines()), "the text format has none")
    newest = max(exemplars, key=lambda pair: pair[1].timestamp)[1]
    expect(abs(float(newest.timestamp) - time.time()) < 60, "its time is that of the clock")
    trace, span = newest.labels["trace_id"], newest.labels["span_id"]
    world.receiver.until(
        lambda: [s for s in world.receiver.of_trace(trace) if s.id == span], "the span that an example names")
    return f"{len(exemplars)} examples"


@case("series have the labels that are declared, and stay within the budget")
def labels(world):
    with Connection(world.port) as connection:
        for number in range(300):
            connection.request("GET", f"/v2/plenty{number}/app/tags/list")
            connection.request("GET", f"/v2/named/app{number}/tags/list")
    for number in range(20):
        world.push_manifest(f"plenty{number}/app", "v1")
    text = world.metrics()
    declared = world.tables()
    series, names = set(), set()
    for family in text_format(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        names.add(name)
        kind, wanted, _ = declared.get(name, (None, set(), ""))
        expect_equal(family.type, kind, f"kind of {name}")
        for sample in family.samples:
            found = set(sample.labels) - {"le"}
            expect(found <= wanted, f"{name} has the labels {found}, and is declared with {wanted}")
            series.add((name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))))
    lines = sum(not line.startswith("#") for line in text.splitlines())
    expect(len(series) < SERIES_BUDGET and lines < LINES_BUDGET, f"{len(series)} series, {lines} lines")
    expect("plenty" not in text and "app299" not in text, "no repository that was not named makes a series")
    counted = {s.labels["operation"]: s.value for f in text_format(text) for s in f.samples
               if s.name == "cairn_repository_requests_total" and s.labels["repository"] == "named"}
    expect_equal(counted.get("list"), 300, "requests of the repository that was named")
    return f"{len(names)} families, {len(series)} series, {lines} lines"
