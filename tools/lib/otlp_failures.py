# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of a receiver that is away, busy or slow, and of ends."""

import time

from bench_client import Connection
from e2e_cases import case, expect, expect_equal
from e2e_server import Configured
from otlp_world import new_trace

SPANS_WAITING = 8192
# Longer than the pause that the server makes by itself after a first attempt.
RETRY_AFTER = 4
# What waits is sent for 5 s when the process ends; to give up after all attempts would take more than 30 s.
END_SECONDS = 20
ATTEMPTS = 3


def ask(world, count):
    """Requests from memory, each a span; all must be answered."""
    with Connection(world.port) as connection:
        for _ in range(count):
            status, _, _ = connection.request("GET", "/v2/busy/app/manifests/v1")
            expect_equal(status, 200, "GET while the receiver fails")


def delivered_again(world):
    """Until a new span arrives."""
    trace, parent = new_trace()
    with Connection(world.port) as connection:
        connection.request("GET", "/v2/busy/app/manifests/v1", [("traceparent", f"00-{trace}-{parent}-01")])
    world.receiver.until(lambda: world.receiver.of_trace(trace), "spans after the receiver is back", 90)


def telemetry(world, name, **labels):
    text = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return world.value(f"cairn_telemetry_{name}" + (f"{{{text}}}" if text else ""))


@case("a receiver that is busy is asked again when it says, and gets everything")
def busy(world):
    world.push_manifest("busy/app", "v1")
    delivered_again(world)
    world.receiver.forget()
    world.receiver.answer, world.receiver.retry_after = 503, RETRY_AFTER
    trace, parent = new_trace()
    world.push_manifest("busy/app", "v2", [("traceparent", f"00-{trace}-{parent}-01")])
    world.receiver.until(lambda: len(world.receiver.refusals("/v1/traces")) >= 2, "a second attempt")
    first, second = world.receiver.refusals("/v1/traces")[:2]
    world.receiver.answer, world.receiver.retry_after = 200, None
    world.receiver.until(lambda: world.receiver.of_trace(trace), "the spans of the push", 60)
    expect(second - first >= RETRY_AFTER, f"it asks again after {second - first:.2f} s")
    expect_equal(telemetry(world, "dropped_total", signal="spans", reason="refused"), 0, "spans dropped")
    return f"asked again after {second - first:.1f} s"


@case("a receiver that is away: the server serves, the queue is bounded, drops are counted, and it goes on", slow=True)
def away(world):
    world.receiver.stop()
    began = world.server.resident_bytes()
    ask(world, 12_000)
    queued = telemetry(world, "queue_spans")
    dropped = telemetry(world, "dropped_total", signal="spans", reason="full")
    ended = telemetry(world, "spans_total")
    expect(queued <= SPANS_WAITING, f"{queued} spans wait")
    expect(dropped > 0, f"of {ended} spans none is dropped")
    grown = world.server.resident_bytes() - began
    expect(grown < 200 << 20, f"{grown >> 20} MiB more")
    world.receiver.start()
    delivered_again(world)
    world.receiver.until(lambda: telemetry(world, "queue_spans") < 100, "an empty queue", 30)
    return f"{queued:.0f} wait, {dropped:.0f} dropped, {grown >> 20} MiB more"


@case("a receiver that is slow costs nobody but itself", slow=True)
def slow(world):
    world.receiver.delay = 3
    began = time.monotonic()
    ask(world, 2_000)
    status, _ = world.push_manifest("busy/app", "slow")
    seconds = time.monotonic() - began
    expect_equal(status, 201, "a push meanwhile")
    world.receiver.delay = 0
    delivered_again(world)
    return f"2000 requests and a push in {seconds:.1f} s"


@case("a receiver that refuses is not asked again with the same")
def refusing(world):
    delivered_again(world)
    before = telemetry(world, "dropped_total", signal="spans", reason="refused")
    world.receiver.answer = 400
    world.push_manifest("busy/app", "refused")
    world.receiver.until(
        lambda: telemetry(world, "dropped_total", signal="spans", reason="refused") > before, "spans dropped")
    world.receiver.answer = 200
    delivered_again(world)


@case("SIGTERM sends what waits, with the last values")
def flushed(world):
    trace, parent = new_trace()
    world.receiver.forget()
    before = world.value('cairn_http_requests_total{code="201",method="PUT",route="manifest"}')
    expect(before > 0, "pushes were counted before")
    world.push_manifest("busy/app", "flushed", [("traceparent", f"00-{trace}-{parent}-01")])
    expect_equal(world.server.stop(), 0, "exit status")
    names = {span.name for span in world.receiver.of_trace(trace)}
    expect({"PUT /v2/{name}/manifests/{reference}", "catalog.commit", "log.seal"} <= names, f"at the end: {names}")
    pushes = world.receiver.exported()["cairn_http_requests_total"][2]
    key = (("code", "201"), ("method", "PUT"), ("route", "manifest"))
    expect_equal(pushes[key].as_int, before + 1, "pushes in the last export")
    world.restart()


@case("SIGTERM with no receiver ends in time")
def unflushed(world):
    for _ in range(ATTEMPTS):
        world.receiver.stop()
        world.push_manifest("busy/app", "unflushed")
        before, began = len(world.server.log.read_text()), time.monotonic()
        expect_equal(world.server.stop(), 0, "exit status")
        seconds = time.monotonic() - began
        said = world.server.log.read_text()[before:]
        world.receiver.start()
        world.restart()
        expect("before its spans were delivered" in said, "and says what it lost")
        # A server that does not keep to its time is late each time, one on a busy machine is not.
        if seconds < END_SECONDS:
            break
    expect(seconds < END_SECONDS, f"{seconds:.1f} s")
    return f"{seconds:.1f} s"


@case("what OpenTelemetry's variables say counts where the file says nothing")
def variables(world):
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": world.receiver.url + "/", "OTEL_SERVICE_NAME": "named",
        "OTEL_RESOURCE_ATTRIBUTES": "team=a%20b,region=eu", "OTEL_TRACES_SAMPLER_ARG": "1",
    }
    server = Configured(world.binary, world.folder / "variables", settings, text="log-level: info\n")
    server.start()
    try:
        world.push_manifest("a/b", "v1", port=server.port)
    finally:
        expect_equal(server.stop(), 0, "exit status")
    found = [span.resource for span in world.receiver.spans if span.resource["service.name"] == "named"]
    expect(found, "spans came")
    expect_equal((found[0]["team"], found[0]["region"]), ("a b", "eu"), "the resource")
    silent = Configured(world.binary, world.folder / "silent", settings, text="telemetry: {sample: 0}\n")
    world.receiver.forget()
    silent.start()
    try:
        world.push_manifest("a/b", "v1", port=silent.port)
    finally:
        expect_equal(silent.stop(), 0, "exit status")
    named = [span for span in world.receiver.spans if span.resource["service.name"] == "named"]
    expect_equal(named, [], "spans at the rate 0, which the file says")
