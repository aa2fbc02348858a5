# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A small registry in memory that passes the whole suite, so that mutants can be run without any other.

It is written for one purpose: to be right in what the suite asks, and to have nothing else. It forgets everything when
it ends, has no users and no limits on what it stores.
"""

import asyncio
import hashlib
import json
import re
import uuid
from email.utils import formatdate

from http1 import Headers, Malformed, has_no_body, is_chunked, parse_target, read_chunk, read_head

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\Z")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\Z")
DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")
TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+\Z")
MANIFEST_LIMIT = 4 << 20
TAG_LIMIT = 100
CREATED = "Docker-Content-Digest"


class Refusal(Exception):
    def __init__(self, status, code, fields=()):
        self.status, self.code, self.fields = status, code, list(fields)


def digest_of(data, algorithm):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def checked_digest(text):
    if not text or not DIGEST.match(text):
        raise Refusal(400, "DIGEST_INVALID")
    return text


class Repository:
    def __init__(self):
        self.blobs, self.manifests, self.tags, self.uploads = {}, {}, {}, {}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body


class Answer:
    def __init__(self, status, fields=(), body=b""):
        self.status, self.headers, self.body = status, Headers(fields), body


class Registry:
    """Every verb of the API as a function of a request."""

    def __init__(self):
        self.repositories = {}

    def answer(self, request):
        target = request.target
        try:
            if target.kind == "none":
                raise Refusal(404, "NAME_UNKNOWN")
            if target.kind not in ("base", "catalog") and not NAME.match(target.repository):
                raise Refusal(400, "NAME_INVALID")
            verb = getattr(self, f"{request.method.lower()}_{target.kind}", None)
            if request.method == "HEAD":
                verb = getattr(self, f"get_{target.kind}", None)
            if verb is None:
                raise Refusal(405, "UNSUPPORTED", [("Allow", "GET, HEAD")])
            result = verb(request)
        except Refusal as refusal:
            body = json.dumps({"errors": [{"code": refusal.code, "message": refusal.code.lower()}]}).encode()
            result = Answer(refusal.status, [("Content-Type", "application/json"), *refusal.fields], body)
        result.headers.set("Docker-Distribution-Api-Version", "registry/2.0")
        result.headers.set("Date", formatdate(usegmt=True))
        return result

    def existing(self, target, code="NAME_UNKNOWN"):
        if target.repository not in self.repositories:
            raise Refusal(404, code)
        return self.repositories[target.repository]

    def made(self, target):
        return self.repositories.setdefault(target.repository, Repository())

    def get_base(self, request):
        return Answer(200, [("Content-Type", "application/json")], b"{}")

    # Content that is read: ETag, If-None-Match and Range are the same for blobs and manifests.

    def content(self, request, data, digest, media_type):
        tag = f'"{digest}"'
        fields = [("Content-Type", media_type), (CREATED, digest), ("ETag", tag), ("Accept-Ranges", "bytes")]
        wanted = request.headers.get("If-None-Match")
        if wanted and (wanted.strip() == "*" or tag in [w.strip().removeprefix("W/") for w in wanted.split(",")]):
            return Answer(304, fields)
        given = request.headers.get("Range") or ""
        condition = request.headers.get("If-Range")
        if request.method != "GET" or not given.startswith("bytes=") or "," in given or condition not in (None, tag):
            return Answer(200, fields, data)
        match = re.match(r"bytes=(\d*)-(\d*)\Z", given)
        if not match or not (match[1] or match[2]):
            return Answer(200, fields, data)
        if match[1]:
            first, last = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
        else:
            first, last = max(0, len(data) - int(match[2])), len(data) - 1
        if first > last or first >= len(data):
            return Answer(416, [("Content-Range", f"bytes */{len(data)}")])
        fields.append(("Content-Range", f"bytes {first}-{last}/{len(data)}"))
        return Answer(206, fields, data[first : last + 1])

    def get_blob(self, request):
        digest = checked_digest(request.target.reference)
        repository = self.existing(request.target, "BLOB_UNKNOWN")
        if digest not in repository.blobs:
            raise Refusal(404, "BLOB_UNKNOWN")
        return self.content(request, repository.blobs[digest], digest, "application/octet-stream")

    def delete_blob(self, request):
        digest = checked_digest(request.target.reference)
        if self.existing(request.target).blobs.pop(digest, None) is None:
            raise Refusal(404, "BLOB_UNKNOWN")
        return Answer(202)

    # Uploads.

    def post_uploads(self, request):
        target = request.target
        algorithm = target.parameter("digest-algorithm")
        if algorithm not in (None, "sha256", "sha512"):
            raise Refusal(400, "DIGEST_INVALID")
        repository = self.made(target)
        if target.parameter("mount") is not None:
            digest = checked_digest(target.parameter("mount"))
            source = target.parameter("from")
            places = self.repositories.values() if source is None else [self.repositories.get(source)]
            for place in places:
                if place and digest in place.blobs:
                    repository.blobs[digest] = place.blobs[digest]
                    return self.created(target.repository, "blobs", digest)
        elif target.parameter("digest") is not None:
            return self.stored(target.repository, checked_digest(target.parameter("digest")), request.body)
        identifier = str(uuid.uuid4())
        repository.uploads[identifier] = bytearray()
        return self.progress(202, target.repository, identifier)

    def created(self, repository, kind, digest):
        return Answer(201, [("Location", f"/v2/{repository}/{kind}/{digest}"), (CREATED, digest)])

    def stored(self, repository, digest, data):
        if digest_of(data, digest.split(":")[0]) != digest:
            raise Refusal(400, "DIGEST_INVALID")
        self.repositories[repository].blobs[digest] = bytes(data)
        return self.created(repository, "blobs", digest)

    def fields(self, repository, identifier):
        end = max(0, len(self.repositories[repository].uploads[identifier]) - 1)
        return [
            ("Location", f"/v2/{repository}/blobs/uploads/{identifier}?state=1"),
            ("Range", f"0-{end}"), ("Docker-Upload-UUID", identifier),
        ]

    def progress(self, status, repository, identifier):
        return Answer(status, self.fields(repository, identifier))

    def open_upload(self, target):
        repository = self.repositories.get(target.repository)
        if repository is None or target.reference not in repository.uploads:
            raise Refusal(404, "BLOB_UPLOAD_UNKNOWN")
        return repository.uploads[target.reference]

    def append(self, request, data):
        text = request.headers.get("Content-Range")
        if text is not None:
            match = re.match(r"(\d+)-(\d+)\Z", text)
            if not match or int(match[2]) - int(match[1]) + 1 != len(request.body):
                raise Refusal(400, "SIZE_INVALID")
            if int(match[1]) != len(data):
                target = request.target
                raise Refusal(416, "BLOB_UPLOAD_INVALID", self.fields(target.repository, target.reference))
        data += request.body

    def patch_upload(self, request):
        self.append(request, self.open_upload(request.target))
        return self.progress(202, request.target.repository, request.target.reference)

    def put_upload(self, request):
        target = request.target
        data = self.open_upload(target)
        digest = checked_digest(target.parameter("digest"))
        self.append(request, data)
        answer = self.stored(target.repository, digest, data)
        del self.repositories[target.repository].uploads[target.reference]
        return answer

    def get_upload(self, request):
        self.open_upload(request.target)
        return self.progress(204, request.target.repository, request.target.reference)

    def delete_upload(self, request):
        self.open_upload(request.target)
        del self.repositories[request.target.repository].uploads[request.target.reference]
        return Answer(204)

    def keep_cut(self, request):
        """Bytes of a PATCH that was cut off count as arrived."""
        if request.method == "PATCH" and request.target.kind == "upload":
            repository = self.repositories.get(request.target.repository)
            if repository and request.target.reference in repository.uploads:
                repository.uploads[request.target.reference] += request.body

    # Manifests.

    def get_manifest(self, request):
        reference = request.target.reference
        digest = checked_digest(reference) if ":" in reference else None
        repository = self.existing(request.target)
        digest = digest or repository.tags.get(reference)
        if digest not in repository.manifests:
            raise Refusal(404, "MANIFEST_UNKNOWN")
        data, media_type = repository.manifests[digest]
        return self.content(request, data, digest, media_type)

    def put_manifest(self, request):
        target, body = request.target, request.body
        reference = target.reference
        if len(body) > MANIFEST_LIMIT:
            raise Refusal(413, "SIZE_INVALID")
        media_type = (request.headers.get("Content-Type") or "").split(";")[0].strip()
        tags = target.parameters_named("tag")
        if ":" in reference:
            digest = checked_digest(reference)
        else:
            digest, tags = digest_of(body, "sha256"), [reference]
        if not all(TAG.match(tag) for tag in tags) or len(tags) > TAG_LIMIT:
            raise Refusal(400, "TAG_INVALID")
        if digest_of(body, digest.split(":")[0]) != digest:
            raise Refusal(400, "DIGEST_INVALID")
        repository = self.made(target)
        manifest = self.checked_manifest(body, media_type, repository)
        repository.manifests[digest] = (body, media_type)
        for tag in tags:
            repository.tags[tag] = digest
        answer = self.created(target.repository, "manifests", digest)
        if "subject" in manifest:
            answer.headers.set("OCI-Subject", manifest["subject"]["digest"])
        if ":" in reference and tags:
            answer.headers.set("OCI-Tag", ", ".join(dict.fromkeys(tags)))
        return answer

    def checked_manifest(self, body, media_type, repository):
        try:
            manifest = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, "MANIFEST_INVALID") from None
        if not isinstance(manifest, dict) or not TYPE.match(media_type) or ("layers" in manifest) == ("manifests" in manifest):
            raise Refusal(400, "MANIFEST_INVALID")
        if manifest.get("mediaType", media_type) != media_type:
            raise Refusal(400, "MANIFEST_INVALID")
        lists = [manifest.get("layers", []), manifest.get("manifests", [])]
        if not all(isinstance(entries, list) for entries in lists):
            raise Refusal(400, "MANIFEST_INVALID")
        needed = lists[0] + lists[1] + ([manifest["config"]] if "config" in manifest else [])
        for entry in needed + ([manifest["subject"]] if "subject" in manifest else []):
            if not DIGEST.match(entry["digest"]) or entry["size"] < 0:
                raise Refusal(400, "MANIFEST_INVALID")
        for entry in needed:
            is_foreign = "nondistributable" in entry["mediaType"] or "foreign" in entry["mediaType"]
            if not is_foreign and entry["digest"] not in repository.blobs and entry["digest"] not in repository.manifests:
                raise Refusal(404, "MANIFEST_BLOB_UNKNOWN")
        return manifest

    def delete_manifest(self, request):
        reference = request.target.reference
        digest = checked_digest(reference) if ":" in reference else None
        repository = self.existing(request.target)
        if digest is None:
            if repository.tags.pop(reference, None) is None:
                raise Refusal(404, "MANIFEST_UNKNOWN")
            return Answer(202)
        if repository.manifests.pop(digest, None) is None:
            raise Refusal(404, "MANIFEST_UNKNOWN")
        repository.tags = {tag: value for tag, value in repository.tags.items() if value != digest}
        return Answer(202)

    # Lists.

    def page(self, request, names, more, path):
        names = sorted(names)
        last = request.target.parameter("last")
        if last is not None:
            names = [name for name in names if name > last]
        fields = [("Content-Type", "application/json")]
        count = request.target.parameter("n")
        if count is not None and not count.isdigit():
            raise Refusal(400, "PAGINATION_NUMBER_INVALID")
        if count is not None:
            whole, names = names, names[: int(count)]
            if 0 < len(names) < len(whole):
                fields.append(("Link", f'<{path}?n={count}&last={names[-1]}>; rel="next"'))
        return Answer(200, fields, json.dumps(more(names)).encode())

    def get_tags(self, request):
        repository = self.existing(request.target)
        name = request.target.repository
        return self.page(request, repository.tags, lambda tags: {"name": name, "tags": tags}, f"/v2/{name}/tags/list")

    def get_catalog(self, request):
        return self.page(request, self.repositories, lambda names: {"repositories": names}, "/v2/_catalog")

    def get_referrers(self, request):
        digest = checked_digest(request.target.reference)
        repository = self.repositories.get(request.target.repository, Repository())
        entries = []
        for name, (data, media_type) in repository.manifests.items():
            manifest = json.loads(data)
            if manifest.get("subject", {}).get("digest") != digest:
                continue
            entry = {"mediaType": media_type, "digest": name, "size": len(data)}
            kind = manifest.get("artifactType") or manifest.get("config", {}).get("mediaType")
            if kind:
                entry["artifactType"] = kind
            if manifest.get("annotations"):
                entry["annotations"] = manifest["annotations"]
            entries.append(entry)
        fields = [("Content-Type", INDEX)]
        wanted = request.target.parameter("artifactType")
        if wanted is not None:
            entries = [entry for entry in entries if entry.get("artifactType") == wanted]
            fields.append(("OCI-Filters-Applied", "artifactType"))
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        return Answer(200, fields, json.dumps(index).encode())


async def read_body(reader, writer, headers):
    """The body of a request, and whether it was whole."""
    if (headers.get("Expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    data = bytearray()
    try:
        if is_chunked(headers):
            while True:
                _, content = await read_chunk(reader)
                if not content:
                    return bytes(data), True
                data += content
        length = int(headers.get("Content-Length") or 0)
        while len(data) < length:
            piece = await reader.read(min(1 << 20, length - len(data)))
            if not piece:
                return bytes(data), False
            data += piece
        return bytes(data), True
    except asyncio.IncompleteReadError:
        return bytes(data), False


async def serve_connection(registry, reader, writer):
    while True:
        head = await read_head(reader)
        if head is None:
            return
        method, target, version = head.words
        body, is_whole = await read_body(reader, writer, head.headers)
        request = Request(method, parse_target(target), head.headers, body)
        if not is_whole:
            registry.keep_cut(request)
            return
        if head.headers.get("Host") is None and version == "HTTP/1.1":
            raise Malformed(head.raw)
        answer = registry.answer(request)
        is_last = version == "HTTP/1.0" or (head.headers.get("Connection") or "").lower() == "close"
        is_last = is_last or (is_chunked(head.headers) and head.headers.get("Content-Length") is not None)
        if answer.status not in (204, 304):
            answer.headers.set("Content-Length", len(answer.body))
        if is_last:
            answer.headers.set("Connection", "close")
        writer.write(f"HTTP/1.1 {answer.status} Any\r\n".encode() + answer.headers.encoded() + b"\r\n")
        if not has_no_body(method, answer.status):
            writer.write(answer.body)
        await writer.drain()
        if is_last:
            return


async def start(port=0):
    """Serves on a port of the loopback interface; gives the server and its port."""
    registry = Registry()

    async def connected(reader, writer):
        try:
            await serve_connection(registry, reader, writer)
        except (Malformed, ValueError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except (ConnectionError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=1 << 20)
    return server, server.sockets[0].getsockname()[1]


async def main():
    server, port = await start(5602)
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
