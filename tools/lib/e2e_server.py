# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A registry process under test: started, watched, stopped and killed like an operator would."""

import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

from ports import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
# Nothing is said by it of how long a start takes: the machine may be busy with other campaigns.
START_SECONDS = 120
STOP_SECONDS = 60


def default_binary():
    return CHECKOUT / ".build" / "release" / "cairn"


def ensure_binary(path, log):
    """Builds the server when it is not there yet."""
    if path is not None:
        return Path(path).resolve()
    if not default_binary().exists():
        log("building the server (swift build -c release --product cairn)")
        subprocess.run(["swift", "build", "-c", "release", "--product", "cairn"], cwd=CHECKOUT, check=True)
    return default_binary()


class Server:
    """`cairn serve` on a root of its own."""

    def __init__(self, binary, root, settings=None, log=None):
        self.binary = str(binary)
        self.root = Path(root)
        self.settings = settings or {}
        self.log = Path(log or f"{root}.log")
        self.port = free_port()
        self.process = None

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def command(self, port=None):
        return [self.binary, "serve", "--root", str(self.root), "--listen", f"127.0.0.1:{port or self.port}"]

    def start(self):
        """Starts, and returns the seconds until the registry said that it is ready."""
        environment = dict(os.environ, **self.settings)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.tail()}")
            if self.ready():
                return time.monotonic() - began
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"the server is not ready after {START_SECONDS} s: {self.tail()}")

    def ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def tail(self, lines=12):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=STOP_SECONDS):
        return self.process.wait(timeout=seconds)

    def stop(self):
        """Asks the server to end, and returns its exit status."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def fsck(self, deep=True):
        """The exit status and output of `cairn fsck`."""
        command = [self.binary, "fsck", "--root", str(self.root)] + (["--deep"] if deep else [])
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        return result.returncode, result.stdout

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def upload_files(self):
        return sorted(path.name for path in (self.root / "uploads").iterdir())

    def blob_path(self, digest):
        algorithm, _, encoded = digest.partition(":")
        return self.root / "blobs" / algorithm / encoded


class Configured(Server):
    """A registry with a configuration file: `<root>.yml` where no other is named; written where its text is given."""

    def __init__(self, binary, root, settings=None, log=None, file=None, text=None):
        super().__init__(binary, root, settings, log)
        self.file = Path(file or f"{root}.yml")
        if text is not None:
            self.file.write_text(text)

    def command(self, port=None):
        return super().command(port) + ["--config", str(self.file)]
