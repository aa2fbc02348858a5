# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A real OpenID Connect issuer on loopback: the PyPI package `oidc-provider-mock` over TLS, in its own environment.

A workload gets its ID token as the specification says, by the authorization code flow. Each start makes a new key.
"""

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from e2e_server import free_port
from environments import environment

CALLBACK = "https://ci.example/callback"
START_SECONDS = 120
# As it comes the package signs without naming the key; CI systems name it, and whoever verifies wants it.
RUNNER = """
import sys
from datetime import timedelta
import oidc_provider_mock, uvicorn
from authlib.jose import RSAKey
from oidc_provider_mock import _app

def with_key_id(self, *arguments, **options):
    config = plain(self, *arguments, **options)
    return {**config, "kid": RSAKey.import_key(config["key"]).thumbprint()}

plain, _app.OpenIDCode.get_jwt_config = _app.OpenIDCode.get_jwt_config, with_key_id
port, certificate, key, seconds = sys.argv[1:]
uvicorn.run(
    oidc_provider_mock.app(access_token_max_age=timedelta(seconds=int(seconds))), interface="wsgi", host="127.0.0.1",
    port=int(port), ssl_certfile=certificate, ssl_keyfile=key, log_level="warning",
)
"""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The code comes in a redirect to a callback that nobody serves: it is read, not followed."""

    def redirect_request(self, *_):
        return None


class Issuer:
    """One issuer; `url` is what its tokens call it."""

    def __init__(self, folder, authority):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.authority = authority
        self.certificate, self.key = authority.issue("issuer", ["DNS:localhost", "IP:127.0.0.1"])
        self.python = environment("issuer")
        self.process = None
        context = ssl.create_default_context(cafile=str(authority.certificate))
        handlers = [urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}), NoRedirect()]
        self._opener = urllib.request.build_opener(*handlers)

    def start(self, seconds=3600):
        """Starts with a new signing key; tokens live for that many seconds."""
        command = [str(self.python), "-c", RUNNER, str(self.port), str(self.certificate), str(self.key), str(seconds)]
        with open(self.folder / "issuer.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS:
            try:
                if self.keys():
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the issuer does not start: {(self.folder / 'issuer.log').read_text()[-500:]}")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def rotate(self, seconds=3600):
        """Ends the issuer and starts it again: what it signs from then on has another key, and the old one is gone."""
        self.stop()
        self.start(seconds)

    def keys(self):
        return json.loads(self._request("GET", "/jwks")[1])["keys"]

    def _request(self, method, path, form=None, document=None):
        data, fields = None, {}
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        if document is not None:
            data, fields = json.dumps(document).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, fields, method=method)
        try:
            with self._opener.open(request, timeout=30) as response:
                return response.headers, response.read()
        except urllib.error.HTTPError as error:
            if error.code == 302:
                return error.headers, b""
            raise

    def id_token(self, subject, audience, **claims):
        """The ID token of a job with those claims."""
        self._request("PUT", f"/users/{urllib.parse.quote(subject, safe='')}", document=claims)
        query = {"client_id": audience, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
        path = "/oauth2/authorize?" + urllib.parse.urlencode(query)
        headers, _ = self._request("POST", path, form={"sub": subject})
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        form.update(client_id=audience, client_secret="not checked")
        _, body = self._request("POST", "/oauth2/token", form=form)
        return json.loads(body)["id_token"]
