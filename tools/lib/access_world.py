# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The world of tools/access-e2e: users, robots, workloads and certificates of two teams, and the rules between them."""

import json
import shutil

from access_issuer import Issuer
from access_server import Authority, SecureServer, basic, write_atomically
from e2e_cases import run
from e2e_world import World, quietly

AUDIENCE = "registry.example"
PASSWORD = {
    "alice": "correct horse", "bob": "battery:staple", "carol": "no rights at all", "keeper": "k33p", "mirror": "1mage",
    "root": "adm1n",
}
FREEZE = "the freeze of this week: ask the release team"
DIGESTS = "deploy agents pull by digest"

# Tenant alpha is alice's and the workload's, tenant beta is bob's; nobody of one may see the other.
RULES = f"""
    - name: freeze
      deny: [push]
      who: ["user:alice"]
      repositories: ["frozen/**"]
      message: "{FREEZE}"
    - name: digests only
      deny: [pull-by-tag]
      who: ["robot:agent", "certificate:agent"]
      message: "{DIGESTS}"
    - name: agents
      allow: [pull]
      who: ["robot:agent", "certificate:agent"]
      repositories: ["alpha/**"]
    - name: released versions stay
      deny: [overwrite]
      repositories: ["alpha/release"]
      tags: ["v*"]
      message: "released versions are not replaced"
    - name: alpha
      allow: [pull, push, delete]
      who: ["user:alice", "workload:ci/alpha", "group:alpha"]
      repositories: ["alpha/**", "frozen/**"]
    - name: keepers
      allow: [pull, retain]
      who: ["user:keeper"]
      repositories: ["alpha/**"]
    - name: other regions
      allow: [pull, replicate]
      who: ["user:mirror"]
      repositories: ["alpha/**"]
    - name: beta
      allow: [pull, push, delete]
      who: ["user:bob", "certificate:region-*"]
      repositories: ["beta/**"]
    - name: public
      allow: [pull]
      who: ["*"]
      repositories: ["public/**"]
    - name: publishing
      allow: [push]
      who: [authenticated]
      repositories: ["public/**"]
    - name: near
      allow: [pull]
      who: ["user:carol"]
      repositories: ["near/**"]
      networks: ["127.0.0.8/30"]
    - name: admins
      allow: "*"
      who: ["group:admins"]
"""


def install_tools(log):
    """Installs what certificates and tokens are made with, where it is missing."""
    missing = [] if shutil.which("openssl") else ["openssl"]
    try:
        import cryptography  # noqa: F401
    except ImportError:
        missing.append("python3-cryptography")
    if missing:
        log(f"installing {', '.join(missing)}")
        quietly(["apt-get", "update", "-qq"])
        quietly(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing])


def make_certificate(binary, folder):
    """`cairn tls self-signed`; returns the paths of certificate and key."""
    names = ["--name", "localhost", "--name", "127.0.0.1"]
    made = quietly([str(binary), "tls", "self-signed", "--out", str(folder), *names])
    if made.returncode != 0:
        raise RuntimeError(f"cairn tls self-signed: {made.stdout[-500:]}")
    return folder / "certificate.pem", folder / "key.pem"


class AccessWorld(World):
    """The clients of tools/e2e before a registry over TLS that knows who they are."""

    def __init__(self, binary, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = make_certificate(binary, folder / "tls")
        self.clients = Authority(folder / "client-ca", "client authority")
        self.strangers = Authority(folder / "other-ca", "some other authority")
        self.issuers = Authority(folder / "issuer-ca", "issuer authority")
        self.issuer = Issuer(folder / "issuer", self.issuers)
        self.issuer.start()
        server = SecureServer(binary, folder, self.configuration(folder, RULES), self.certificate)
        for name, password in PASSWORD.items():
            server.set_user(name, password)
        super().__init__(binary, folder, server)
        # podman, buildah and skopeo take every *.crt of a folder as an authority.
        self.trust = self.scratch("trust")
        shutil.copy(self.certificate, self.trust / "ca.crt")
        self.robot = server.create_robot("builder", "pull,push:alpha/*", expires="90d")
        self.agent = server.create_robot("agent", "pull:nothing/*")
        self.eventually_known(*self.robot)
        self.eventually_known("alice", PASSWORD["alice"])
        self.eventually_known(*self.agent)

    def configuration(self, folder, rules):
        return f"""
tls:
  certificate: {self.certificate}
  key: {self.key}
  client-ca: {self.clients.certificate}
log-format: json
access:
  service: cairn
  htpasswd: {folder}/htpasswd
  robots: {folder}/robots.json
  token-keys: {folder}/token-keys.json
  token-minutes: 5
  issuers:
    - name: ci
      issuer: {self.issuer.url}
      audience: {AUDIENCE}
      ca-file: {self.issuers.certificate}
      workloads:
        - name: alpha
          claims: {{repository: "alpha/*", ref: "refs/heads/main"}}
        - name: other
          claims: {{repository: "*/*"}}
  certificates:
    - san: "agent-*.deploy.example"
      name: agent
    - san: "spiffe://example/region/*"
      name: region-one
  groups:
    admins: ["user:root"]
    alpha: ["robot:nobody"]
  immutable:
    - repositories: ["alpha/fixed"]
      tags: ["v*"]
  rules:{rules}"""

    def close(self):
        super().close()
        self.issuer.stop()

    def write_rules(self, rules):
        write_atomically(self.server.file, self.configuration(self.folder, rules))

    def eventually_known(self, user, password):
        """Waits until the server has read the file that names a user or robot."""
        who = basic(user, password)
        self.server.eventually(lambda: self.server.call("GET", "/v2/", [who]).status == 200, f"{user} may log in")

    def who(self, name):
        """The Basic field of a user."""
        return basic(name, PASSWORD[name])

    @property
    def root(self):
        return self.who("root")

    def job(self, repository="alpha/app", ref="refs/heads/main", audience=AUDIENCE):
        """The ID token of a CI job."""
        # The issuer takes no "/" in the name of a user.
        subject = f"repo:{repository}:ref:{ref}".replace("/", ".")
        return self.issuer.id_token(subject, audience, repository=repository, ref=ref)

    def audit(self, path="audit", count=1000):
        """The newest records of /api/v1/audit, or of /api/v1/denials."""
        reply = self.server.call("GET", f"/api/v1/{path}?n={count}", [self.root])
        assert reply.status == 200, f"GET of {path}: {reply}"
        return json.loads(reply.body)

    # Clients. Each takes a file of credentials of its own, so that nothing leaks from case to case.

    def skopeo(self, *arguments, **options):
        command = ["skopeo", "--insecure-policy", "--tmpdir", self.environment["TMPDIR"], *arguments]
        return run(command, self, **options)

    def login(self, client, account, user, password, check=True):
        """`login` of skopeo, podman or buildah; the credentials go to the file `account`."""
        arguments = ["login", "--authfile", account, "--cert-dir", self.trust, "-u", user, "-p", password, self.host]
        return getattr(self, client)(*arguments, check=check)
