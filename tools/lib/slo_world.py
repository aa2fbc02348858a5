# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What the proof of service levels runs on: a way to a region that can be blocked, a client that keeps its own record,
and a real Prometheus."""

import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from e2e_server import free_port

PIECE = 64 * 1024


class Way:
    """A TCP proxy on a port of its own. While it is blocked, nothing comes through and nobody is told."""

    def __init__(self, target):
        self.target = target
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def block(self):
        self.open.clear()

    def unblock(self):
        self.open.set()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        self.open.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(PIECE):
                self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class Client:
    """Pulls one manifest again and again, at even times, and writes down what came of it."""

    SECONDS = 1.0

    def __init__(self, port, target, each=0.1):
        self.port, self.target, self.each = port, target, each
        self.record = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def run(self):
        due = time.time()
        while not self.stopping.is_set():
            # Each request has its own thread: one that hangs holds up none of the others.
            threading.Thread(target=self.pull, args=(due,), daemon=True).start()
            due += self.each
            time.sleep(max(0, due - time.time()))

    def pull(self, due):
        good = False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.SECONDS)
        try:
            connection.request("GET", self.target, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
            answer = connection.getresponse()
            good = len(answer.read()) > 0 and answer.status == 200
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        with self.lock:
            self.record.append((due, good))

    def stop(self):
        self.stopping.set()
        self.thread.join()
        time.sleep(self.SECONDS + 0.2)

    def availability(self, begin, end):
        """The part of the requests of a span that were answered."""
        with self.lock:
            results = [good for due, good in self.record if begin <= due < end]
        return sum(results) / len(results) if results else None


class Prometheus:
    """A Prometheus that scrapes the registries each second and looks at the rules."""

    def __init__(self, folder, registries, rules):
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        targets = "".join(
            f"      - targets: ['{server.host}']\n        labels: {{region: {name}}}\n"
            for name, server in registries.items())
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s, scrape_timeout: 1s}\n"
            f"rule_files: ['{rules}']\n"
            "scrape_configs:\n  - job_name: cairn\n    honor_labels: true\n    static_configs:\n" + targets)
        self.process = None

    def start(self):
        log = open(self.folder / "prometheus.log", "ab")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.get("/-/ready")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("Prometheus is not ready: " + (self.folder / "prometheus.log").read_text()[-2000:])

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read()

    def query(self, expression):
        answer = json.loads(self.get("/api/v1/query?query=" + urllib.parse.quote(expression)))
        return answer["data"]["result"]

    def firing(self):
        """The alerts that fire: sets of name, region and rule."""
        alerts = json.loads(self.get("/api/v1/alerts"))["data"]["alerts"]
        return {
            (alert["labels"]["alertname"], alert["labels"].get("region"), alert["labels"].get("rule"))
            for alert in alerts if alert["state"] == "firing"
        }

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
