# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A registry with TLS and access rules: its certificates, its files, and raw requests to it over verified TLS."""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse
from pathlib import Path

from e2e_http import TIMEOUT, Connection, digest, message
from e2e_server import Server

OCTETS = [("Content-Type", "application/octet-stream")]
IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# More than what is promised, for a machine that is busy.
PATIENCE_SECONDS = 60
# Changes of files are looked for about once a second.
NOTICE_SECONDS = 1 + PATIENCE_SECONDS


def basic(user, password):
    """The header field of Basic authentication."""
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def write_atomically(path, text):
    """Puts a file in the place of another in one step, as an operator's tools do."""
    path = Path(path)
    fresh = path.with_name(path.name + ".fresh")
    fresh.write_text(text)
    os.rename(fresh, path)


class Authority:
    """A certificate authority of this run, made with openssl, which issues what the test needs."""

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self._openssl(
            "req", "-x509", *self._new_key(self.key), "-subj", f"/CN={name}", "-days", "3", "-out", self.certificate,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )

    @staticmethod
    def _new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    @staticmethod
    def _openssl(*arguments):
        command = ["openssl", *[str(argument) for argument in arguments]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, names, usage="serverAuth"):
        """A certificate for some SANs (`DNS:…`, `IP:…`, `URI:…`); returns the paths of certificate and key."""
        certificate, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        self._openssl(
            "req", *self._new_key(key), "-subj", f"/CN={name}", "-out", request,
            "-addext", f"subjectAltName={','.join(names)}", "-addext", f"extendedKeyUsage={usage}",
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
            "-days", "2", "-copy_extensions", "copy", "-out", certificate,
        )
        return certificate, key


class SecureConnection(Connection):
    """A connection over TLS whose server certificate is verified."""

    def __init__(self, server, timeout=TIMEOUT, certificate=None, source=None):
        plain = socket.create_connection(
            ("127.0.0.1", server.port), timeout=timeout, source_address=source and (source, 0)
        )
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = server.context(certificate).wrap_socket(plain, server_hostname="localhost")
        self.buffer = b""


class SecureServer(Server):
    """`cairn serve` over TLS with a configuration file, and the commands of `cairn access` on that file."""

    def __init__(self, binary, folder, configuration, trust, settings=None):
        super().__init__(binary, Path(folder) / "root", settings, Path(folder) / "server.log")
        self.folder = Path(folder)
        self.file = self.folder / "cairn.yml"
        # The certificates that clients trust, as one PEM file.
        self.trust = Path(trust)
        self._contexts = {}
        write_atomically(self.file, configuration)

    def command(self, port=None):
        return [*super().command(port), "--config", str(self.file)]

    @property
    def base(self):
        return f"https://localhost:{self.port}"

    def context(self, certificate=None):
        """The client's side of TLS; `certificate` is a pair of paths."""
        if certificate not in self._contexts:
            context = ssl.create_default_context(cafile=str(self.trust))
            if certificate is not None:
                context.load_cert_chain(*[str(path) for path in certificate])
            self._contexts[certificate] = context
        return self._contexts[certificate]

    def forget_contexts(self):
        self._contexts = {}

    def ready(self):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=2, context=self.context())
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def hang_up(self):
        """Asks the server to read its files again."""
        self.process.send_signal(signal.SIGHUP)

    def cairn(self, *arguments, text=None, check=True):
        """Runs a command of the binary; its result has text streams."""
        command = [self.binary, *[str(argument) for argument in arguments]]
        result = subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=120)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(command[1:])}: exit {result.returncode}: {result.stderr.strip()[-600:]}")
        return result

    def access(self, *arguments, **options):
        """`cairn access … --config FILE`"""
        return self.cairn("access", *arguments, "--config", self.file, **options)

    def set_user(self, name, password):
        self.access("user", "set", name, text=password + "\n")

    def create_robot(self, name, *grants, expires=None):
        """Makes a robot; returns the user name and the secret that it logs in with."""
        options = [part for grant in grants for part in ("--allow", grant)]
        options += ["--expires", expires] if expires else []
        made = json.loads(self.access("robot", "create", name, *options, "--json").stdout)
        return made["user"], made["secret"]

    # Requests

    def call(self, method, target, fields=(), body=b"", certificate=None, source=None, timeout=TIMEOUT):
        """One request on a connection of its own."""
        fields = [field for field in fields if field is not None]
        with SecureConnection(self, timeout, certificate, source) as connection:
            connection.send(message(method, target, fields, body, host=f"localhost:{self.port}"))
            return connection.reply(head=method == "HEAD")

    def ask_token(self, who=None, *scopes, certificate=None, **parameters):
        """The answer of GET /token."""
        query = [("service", "cairn"), *[("scope", scope) for scope in scopes], *parameters.items()]
        target = "/token?" + urllib.parse.urlencode(query)
        return self.call("GET", target, [who], certificate=certificate)

    def token(self, who=None, *scopes, **options):
        """A token for those scopes, or for as much of them as the rules give."""
        reply = self.ask_token(who, *scopes, **options)
        assert reply.status == 200, f"GET /token: {reply}"
        return json.loads(reply.body)["token"]

    def post_token(self, **form):
        """The answer of POST /token."""
        body = urllib.parse.urlencode({"service": "cairn", **form}).encode()
        return self.call("POST", "/token", [("Content-Type", "application/x-www-form-urlencoded")], body)

    def push_blob(self, who, repository, data):
        name = digest(data)
        started = self.call("POST", f"/v2/{repository}/blobs/uploads/", [who])
        assert started.status == 202, f"POST of an upload to {repository}: {started}"
        stored = self.call("PUT", f"{started.header('location')}?digest={name}", [who, *OCTETS], data)
        assert stored.status == 201, f"PUT of a blob to {repository}: {stored}"
        return name

    def put_manifest(self, who, repository, reference, document, media_type=IMAGE):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.call("PUT", f"/v2/{repository}/manifests/{reference}", [who, ("Content-Type", media_type)], data)

    def image(self, who, repository, *seeds, **members):
        """Pushes the blobs of an image with one small layer for each seed; returns the manifest, not pushed yet."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "seeds": seeds}).encode()
        layers = [f"layer {seed}".encode() * 50 for seed in seeds]
        return {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": {
                "mediaType": CONFIG, "digest": self.push_blob(who, repository, config), "size": len(config),
            },
            "layers": [
                {"mediaType": LAYER, "digest": self.push_blob(who, repository, data), "size": len(data)}
                for data in layers
            ],
            **members,
        }

    def push_image(self, who, repository, tag, *seeds, **members):
        """Pushes an image; returns the digest of its manifest."""
        document = json.dumps(self.image(who, repository, *(seeds or [repository, tag]), **members)).encode()
        reply = self.put_manifest(who, repository, tag, document)
        assert reply.status == 201, f"PUT of {repository}:{tag}: {reply}"
        return digest(document)

    def eventually(self, probe, what, seconds=NOTICE_SECONDS):
        """Asks until the probe is true; returns the seconds that it took."""
        began = time.monotonic()
        while not (answer := probe()):
            if time.monotonic() - began > seconds:
                raise AssertionError(f"after {seconds} s still not: {what} ({answer!r})")
            time.sleep(0.05)
        return time.monotonic() - began

    def log_records(self):
        """The lines of the log that are JSON objects."""
        records = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                records.append(record)
        return records


def claims(token):
    """The claims of a JWT, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
