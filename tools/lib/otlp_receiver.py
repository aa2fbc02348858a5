# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A receiver of OTLP over HTTP that knows the protocol from its own definition: bodies are decoded into the messages of
opentelemetry-proto, strictly. It can be slow, busy or away."""

import base64
import gzip
import http.server
import json
import threading
import time

from e2e_server import free_port
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# OTLP writes ids in hexadecimal where JSON of protobuf wants base64.
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def with_base64_ids(value):
    if isinstance(value, list):
        return [with_base64_ids(element) for element in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, inner in value.items():
        if key in IDS:
            raw = bytes.fromhex(inner)
            if len(raw) != IDS[key] or inner != inner.lower() or not any(raw):
                raise ValueError(f"{key} is no id: {inner}")
            result[key] = base64.b64encode(raw).decode()
        else:
            result[key] = with_base64_ids(inner)
    return result


def plain(value):
    """An AnyValue as Python has it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(element) for element in value.array_value.values]
    return getattr(value, kind)


def attributes(message):
    return {attribute.key: plain(attribute.value) for attribute in message.attributes}


class Span:
    def __init__(self, span, resource):
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.name, self.kind, self.state, self.status = span.name, span.kind, span.trace_state, span.status.code
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes, self.resource, self.flags = attributes(span), resource, span.flags

    def __repr__(self):
        return f"{self.name} {self.id} of {self.parent or '-'} in {self.trace}"


class Receiver:
    """Takes what comes to `/v1/traces` and `/v1/metrics`. `answer` is the status that it gives, `delay` how long it
    waits before; what is not answered with 200 is not taken."""

    def __init__(self):
        self.spans, self.metrics, self.headers, self.errors, self.bodies = [], [], [], [], []
        self.answer, self.delay, self.retry_after = 200, 0, None
        # Path and time of each request that was not taken.
        self.refused = []
        self.lock = threading.Lock()
        self.server, self.port = None, free_port()
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        receiver, self.is_away = self, False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.is_away:
                    # A connection from before.
                    self.close_connection = True
                    return
                time.sleep(receiver.delay)
                status = receiver.take(self.path, dict(self.headers), body)
                answer = b"{}"
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    if receiver.retry_after is not None:
                        self.send_header("Retry-After", str(receiver.retry_after))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.is_away = True
        self.server.shutdown()
        self.server.server_close()

    def take(self, path, headers, body):
        with self.lock:
            if self.answer != 200:
                self.refused.append((path, time.monotonic()))
                return self.answer
            try:
                if headers.get("Content-Type") != "application/json":
                    raise ValueError(f"the content type is {headers.get('Content-Type')}")
                if headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if any(name.lower() in ("traceparent", "tracestate") for name in headers):
                    raise ValueError("a request of the exporter is part of a trace")
                document = with_base64_ids(json.loads(body))
                self.bodies.append(body)
                if path == "/v1/traces":
                    self.add(ParseDict(document, ExportTraceServiceRequest()))
                elif path == "/v1/metrics":
                    self.metrics.append(ParseDict(document, ExportMetricsServiceRequest()))
                else:
                    raise ValueError(f"a request to {path}")
                self.headers.append(headers)
                return 200
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a body is told by the test
                self.errors.append(f"{path}: {error}: {body[:300]!r}")
                return 400

    def add(self, request):
        for resource_spans in request.resource_spans:
            resource = attributes(resource_spans.resource)
            for scope_spans in resource_spans.scope_spans:
                self.spans += [Span(span, resource) for span in scope_spans.spans]

    def of_trace(self, trace):
        with self.lock:
            return [span for span in self.spans if span.trace == trace]

    def named(self, name):
        with self.lock:
            return [span for span in self.spans if span.name == name]

    def until(self, condition, what, seconds=90):
        """Waits for spans that satisfy a condition."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{what}: not within {seconds} s")

    def forget(self):
        with self.lock:
            self.spans, self.metrics, self.bodies, self.refused = [], [], [], []

    def refusals(self, path):
        """When requests of that path were refused."""
        with self.lock:
            return [when for one, when in self.refused if one == path]

    def told_errors(self):
        """What was wrong with requests, each told once."""
        with self.lock:
            errors, self.errors = self.errors, []
        return errors

    def exported(self):
        """The newest values of all metrics: by name, and then by labels."""
        with self.lock:
            newest = self.metrics[-1]
        values = {}
        for resource_metrics in newest.resource_metrics:
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    kind = metric.WhichOneof("data")
                    points = getattr(metric, kind).data_points
                    values[metric.name] = kind, metric.unit, {
                        tuple(sorted(attributes(point).items())): point for point in points
                    }
        return values
