# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""The servers that are measured, each with its data in a directory of its own, on a free port of loopback."""

import base64
import glob
import http.client
import json
import os
import signal
import subprocess
import time

from bench_system import CPUReading, cairn_binary, find_tool, free_port, process_tree

START_SECONDS = 60
STOP_SECONDS = 60


class Server:
    """A child process that serves HTTP."""

    name = "?"
    ready_path = "/"

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.process = None
        os.makedirs(directory, exist_ok=True)

    def command(self):
        """The command line, and what the environment has beyond ours."""
        raise NotImplementedError

    def start(self):
        """Starts the server and returns the seconds until it answered that it is ready."""
        arguments, extra = self.command()
        log = open(os.path.join(self.directory, "server.log"), "ab")
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            arguments, env=dict(os.environ, **extra), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.close()
        while not self.is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.log_tail()}")
            if time.perf_counter() - begin > START_SECONDS:
                raise RuntimeError(f"{self.name} is not ready after {START_SECONDS} s: {self.log_tail()}")
            time.sleep(0.002)
        return time.perf_counter() - begin

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def log_tail(self):
        with open(os.path.join(self.directory, "server.log"), "rb") as file:
            return file.read()[-2000:].decode(errors="replace")

    def stop(self):
        """Ends the process in an orderly way; kills it where it does not go."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu(self):
        """A reading of the processor time of all processes and threads of the server."""
        return CPUReading(process_tree(self.process.pid))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Cairn(Server):
    name = "Cairn"
    ready_path = "/readyz"

    def __init__(self, directory, logs=False):
        super().__init__(directory)
        self.logs = logs
        self.root = os.path.join(directory, "data")

    def command(self):
        arguments = [cairn_binary(), "serve", "--root", self.root, "--listen", f"127.0.0.1:{self.port}"]
        extra = {} if self.logs else {"CAIRN_ACCESS_LOG": "false", "CAIRN_LOG_LEVEL": "warning"}
        return arguments, extra

    def remove_blob(self, digest):
        """Takes the file of a blob away behind the server's back, so that a long run does not fill the disk."""
        algorithm, _, encoded = digest.partition(":")
        os.unlink(os.path.join(self.root, "blobs", algorithm, encoded))


class GuardedCairn(Cairn):
    """Cairn with users and rules, so that nobody gets anything without a token."""

    name = "Cairn with rules"
    user, password = "bench", "bench password"

    def __init__(self, directory, logs=False):
        super().__init__(directory, logs)
        self.file = os.path.join(directory, "cairn.yml")
        with open(self.file, "w") as file:
            file.write(
                "access:\n  htpasswd: htpasswd\n  robots: robots.json\n  token-keys: token-keys.json\n  rules:\n"
                '    - {deny: [push], who: ["user:guest-*"], message: "guests only look"}\n'
                '    - {allow: [pull], who: ["robot:*"], repositories: ["public/**"]}\n'
                f'    - {{allow: [pull, push], who: ["user:{self.user}"], repositories: ["bench/**"]}}\n'
            )
        command = [cairn_binary(), "access", "user", "set", self.user, "--config", self.file]
        subprocess.run(command, input=self.password + "\n", text=True, check=True, stdout=subprocess.DEVNULL)

    def command(self):
        arguments, extra = super().command()
        return [*arguments, "--config", self.file], extra

    def authorization(self, repository, actions="pull"):
        """A fresh token, as the value of the Authorization field."""
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            path = f"/token?service=cairn&scope=repository:{repository}:{actions}"
            connection.request("GET", path, headers={"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"no token: {answer.status} {body[:300]!r}")
        return "Bearer " + json.loads(body)["token"]


class DockerRegistry(Server):
    """Debian's docker-registry (distribution 2.8) on its file system driver."""

    name = "docker-registry"
    ready_path = "/v2/"

    def __init__(self, directory, logs=False):
        super().__init__(directory)
        self.root = os.path.join(directory, "data")
        with open(os.path.join(directory, "config.yml"), "w") as file:
            file.write(
                "version: 0.1\n"
                f"log:\n  level: {'info' if logs else 'error'}\n"
                f"  accesslog:\n    disabled: {'false' if logs else 'true'}\n"
                "storage:\n  cache:\n    blobdescriptor: inmemory\n"
                f"  filesystem:\n    rootdirectory: {self.root}\n"
                f"http:\n  addr: 127.0.0.1:{self.port}\n"
            )

    def command(self):
        return [find_tool("docker-registry"), "serve", os.path.join(self.directory, "config.yml")], {}

    def remove_blob(self, digest):
        algorithm, _, encoded = digest.partition(":")
        base = os.path.join(self.root, "docker/registry/v2/blobs", algorithm, encoded[:2], encoded)
        for path in glob.glob(base + "/data"):
            os.unlink(path)


class Nginx(Server):
    """nginx with static files and sendfile."""

    name = "nginx"

    def __init__(self, directory, logs=False):
        super().__init__(directory)
        self.root = os.path.join(directory, "www")
        os.makedirs(self.root, exist_ok=True)
        user = "user root;\n" if os.geteuid() == 0 else ""
        access_log = os.path.join(directory, "access.log") if logs else "off"
        temporary = "".join(
            f"  {kind}_temp_path {directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        with open(os.path.join(directory, "nginx.conf"), "w") as file:
            file.write(
                f"{user}daemon off;\nworker_processes auto;\npid {directory}/nginx.pid;\n"
                f"error_log {directory}/error.log;\nevents {{ worker_connections 1024; }}\n"
                f"http {{\n  access_log {access_log};\n{temporary}"
                "  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000;\n"
                f"  server {{ listen 127.0.0.1:{self.port}; root {self.root}; }}\n}}\n"
            )

    def command(self):
        path = os.path.join(self.directory, "nginx.conf")
        return [find_tool("nginx"), "-p", self.directory, "-c", path, "-e", self.directory + "/error.log"], {}
