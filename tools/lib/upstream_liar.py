# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A registry that lies: about manifests, and about blobs, one way for each repository."""

import hashlib
import http.server
import json
import threading
import time

IMAGE = "application/vnd.oci.image.manifest.v1+json"
SIZE = 200_000


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Liar:
    """`good/…`, `wrong/…`, `endless/…`, `drip/…`, `short/…`, `html/…`, `forged/…`: what it does
    with their content."""

    def __init__(self):
        self.layer = b"true" * (SIZE // 4)
        self.config = b'{"architecture":"amd64","os":"linux"}'
        self.asked = []
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.answer(head=True)

            def do_GET(self):
                self.answer(head=False)

            def answer(self, head):
                liar.asked.append((self.command, self.path))
                try:
                    liar.answer(self, head)
                except OSError:
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def manifest(self, how):
        descriptor = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(self.layer), "size": SIZE}
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(self.config),
                  "size": len(self.config)}
        return json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [descriptor],
                           "annotations": {"how": how}}).encode()

    def answer(self, handler, head):
        _, _, how, _, kind, reference = handler.path.split("/", 5)
        if how == "html":
            return self.send(handler, b"<html>log in</html>" * 100, "text/html", head)
        if kind == "manifests":
            body = self.manifest(how)
            name = digest(b"another") if how == "forged" else digest(body)
            return self.send(handler, body, IMAGE, head, name)
        data = self.layer if reference == digest(self.layer) else self.config
        if how == "wrong":
            data = b"lies" * (len(data) // 4)
        if head or how in ("good", "wrong"):
            return self.send(handler, data, "application/octet-stream", head)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/octet-stream")
        if how == "short":
            handler.send_header("Content-Length", str(len(data) // 2))
            handler.end_headers()
            return handler.wfile.write(data[: len(data) // 2])
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        while how == "endless":
            handler.wfile.write(data)
        for byte in data:  # one byte after the other
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.5)

    @staticmethod
    def send(handler, body, kind, head, name=None):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        if name:
            handler.send_header("Docker-Content-Digest", name)
        handler.end_headers()
        if not head:
            handler.wfile.write(body)
