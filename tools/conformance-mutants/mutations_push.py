# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Mistakes in what is written: uploads, mounts, manifests."""

import json

from mutation import (BAD, OK, WRONG_DIGEST, accept, answer, ask, drop, mutation, put, refuse, status, stray, when,
                      without)

SESSION = "push.session*,push.name*"
MONO = "push.monolithic*"
CHUNK = "push.chunked*"
STREAM = "push.streamed*"
POST = "push.post*"
MOUNT = "push.mount*"
CANCEL = "push.cancel*"
ALGORITHM = "push.digest-algorithm*"
WIRE = "push.wire*"
CLIENT = "push.client*"
PUSHES = ",".join([MONO, CHUNK, STREAM, POST, MOUNT, CANCEL, ALGORITHM, WIRE, CLIENT])
MANIFEST = "push.manifest*"
SHAPE = "push.shape*"
SUBJECT = "push.subject*"
QUERY = "push.tag-query*"

# Opening a session.
opened = when("POST", "uploads", (202, 202))
answer("post-200", "POST answers 200", ",".join([SESSION, MOUNT, ALGORITHM, WIRE, CLIENT]), opened, status(200))
ask("post-404", "POST answers 404", ",".join([SESSION, MOUNT, ALGORITHM, POST]), when("POST", "uploads"), refuse(404))
answer("post-no-location", "POST answers without Location", ",".join([SESSION, MOUNT, POST, ALGORITHM]),
       when("POST", "uploads", OK), drop("Location"))
answer("post-same-location", "every session has the same Location", SESSION, opened,
       lambda x: x.answer.set("Location", x.target.path + "always"))
answer("post-elsewhere", "Location of a session is on another host", SESSION, opened,
       put("Location", "http://192.0.2.1:9/v2/a/blobs/uploads/1"))
answer("post-no-uuid", "no Docker-Upload-UUID", ",".join([SESSION, CHUNK, STREAM, CLIENT]),
       when("POST,PATCH", "uploads,upload"), drop("Docker-Upload-UUID"))
answer("post-no-range", "no Range on a new session", SESSION, opened, drop("Range"))
answer("post-body", "a new session answers with a body", SESSION, opened, lambda x: setattr(x, "content", b"{}"))
ask("post-json-415", "POST with application/json answers 415", ",".join([SESSION, MOUNT, CLIENT]),
    lambda x: x.is_a("POST", "uploads") and x.headers.get("Content-Type") == "application/json", refuse(415))
ask("post-length-411", "POST without Content-Length answers 411", SESSION,
    lambda x: x.is_a("POST", "uploads") and x.headers.get("Content-Length") is None, refuse(411))
answer("min-length-text", "OCI-Chunk-Min-Length is no number", SESSION, opened, put("OCI-Chunk-Min-Length", "5 MiB"))
answer("names-all-taken", "invalid names are accepted", SESSION, when("POST", "uploads,none", BAD), accept(202))
answer("names-500", "invalid names answer 500", SESSION, when("POST", "uploads,none", BAD), status(500))
ask("names-long-500", "long names answer 500", SESSION, lambda x: len(x.repository) > 255, refuse(500))
lost = when("GET,PATCH,PUT,DELETE", "upload", BAD)
answer("upload-lost-500", "an upload that is gone answers 500", ",".join([SESSION, CANCEL, WIRE]), lost, status(500))
answer("upload-lost-2xx", "an upload that is gone answers with success", ",".join([SESSION, CANCEL, WIRE]), lost,
       lambda x: accept(204)(x))
answer("upload-lost-400", "an upload that is gone answers 400", ",".join([SESSION, CANCEL, WIRE]), lost, status(400))
ask("traversal-200", "a path with dots is served", SESSION, lambda x: "..%2F" in x.target_text, lambda x: x.answers(200))

# Closing an upload.
closed = when("PUT", "upload", (201, 201))
answer("put-200", "PUT of a blob answers 200", PUSHES, closed, status(200))
answer("put-500", "PUT of a blob answers 500", PUSHES, closed, status(500))
answer("put-no-location", "PUT of a blob answers without Location", PUSHES, when("PUT,POST", "upload,uploads", (201, 201)),
       drop("Location"))
answer("put-wrong-location", "PUT of a blob tells the Location of another", PUSHES,
       when("PUT,POST", "upload,uploads", (201, 201)),
       lambda x: x.answer.set("Location", f"/v2/{x.repository}/blobs/{WRONG_DIGEST}"))
answer("put-wrong-digest", "PUT of a blob tells another digest", PUSHES, when("PUT,POST", "upload,uploads", (201, 201)),
       put("Docker-Content-Digest", WRONG_DIGEST))
ask("put-forgets", "PUT of a blob answers 201 and stores nothing", ",".join([MONO, CHUNK, STREAM]), when("PUT", "upload"),
    lambda x: x.answers(201, [("Location", f"/v2/{x.repository}/blobs/{x.target.parameter('digest')}")]))
unsound = when("PUT,POST", "upload,uploads", BAD)
answer("put-takes-anything", "a wrong or malformed digest is accepted", PUSHES, unsound, accept(201))
answer("put-refuses-500", "a wrong or malformed digest answers 500", PUSHES, unsound, status(500))


def once(exchange, memory):
    if exchange.is_a("PUT", "upload") and exchange.status == 201:
        digest = exchange.target.parameter("digest")
        if digest in memory:
            exchange.status = 409
        memory[digest] = True


mutation("put-again-409", "a blob that is there cannot be pushed again", MONO, response=once)
ask("query-encoded-400", "%3A in a query is not decoded", PUSHES, lambda x: "%3A" in x.target_text.split("?")[-1],
    refuse(400))
ask("digest-first-400", "the digest must be the last of the query", MONO,
    lambda x: x.target.query.startswith("digest=") and "&" in x.target.query, refuse(400))
ask("type-needed-415", "a body without Content-Type answers 415", ",".join([MONO, STREAM]),
    lambda x: x.is_a("PUT,PATCH", "upload") and not x.headers.get("Content-Type"), refuse(415))
ask("type-octets-415", "a body of a type other than octets answers 415", ",".join([MONO, STREAM]),
    lambda x: x.is_a("PUT,PATCH", "upload") and "vnd.oci" in (x.headers.get("Content-Type") or ""), refuse(415))
ask("chunked-coding-411", "a body without Content-Length answers 411", ",".join([MONO, STREAM, WIRE, MANIFEST, CLIENT]),
    lambda x: bool(x.headers.get("Transfer-Encoding")), refuse(411))
answer("single-post-500", "POST with a digest answers 500", POST,
       lambda x: x.is_a("POST", "uploads") and x.target.parameter("digest"), status(500))

# Chunks.
chunk = when("PATCH", "upload", (202, 202))
answer("patch-200", "PATCH answers 200", ",".join([CHUNK, STREAM, WIRE, CLIENT]), chunk, status(200))
answer("patch-500", "PATCH answers 500", ",".join([CHUNK, STREAM, WIRE, CLIENT]), chunk, status(500))
answer("patch-no-location", "PATCH answers without Location", ",".join([CHUNK, STREAM]), chunk, drop("Location"))
answer("patch-no-range", "PATCH answers without Range", ",".join([CHUNK, STREAM, CLIENT]), chunk, drop("Range"))
answer("patch-range-count", "PATCH tells the number of bytes instead of the last one", ",".join([CHUNK, STREAM, CLIENT]),
       chunk, lambda x: x.answer.set("Range", "0-" + str(int(x.of("Range")[2:]) + 1)))
status_of = when("GET", "upload", (204, 204))
answer("status-200", "GET of an upload answers 200", ",".join([CHUNK, WIRE, CLIENT]), status_of, status(200))
answer("status-404", "GET of an upload answers 404", ",".join([CHUNK, WIRE]), status_of, status(404))
answer("status-500", "GET of an upload answers 500", ",".join([CHUNK, WIRE]), status_of, status(500))
answer("status-no-range", "GET of an upload tells no Range", ",".join([CHUNK, WIRE]), status_of, drop("Range"))
answer("status-range-one", "GET of an upload tells a Range that begins with 1", CHUNK, status_of, put("Range", "1-2"))
answer("status-no-location", "GET of an upload tells no Location", CHUNK, status_of, drop("Location"))
answer("status-wrong-location", "GET of an upload tells the Location of another", CHUNK, status_of,
       lambda x: x.answer.set("Location", f"/v2/{x.repository}/blobs/uploads/none"))
ask("patch-range-ignored", "Content-Range of a chunk is ignored", ",".join([CHUNK, CLIENT]), when("PATCH", "upload"),
    without("Content-Range"))
ask("put-range-ignored", "Content-Range of the last chunk is ignored", CHUNK, when("PUT", "upload"),
    without("Content-Range"))
ask("put-range-400", "the last chunk may have no Content-Range", CHUNK,
    lambda x: x.is_a("PUT", "upload") and x.headers.get("Content-Range"), refuse(400))
gap = when("PATCH,PUT", "upload", (416, 416))
answer("gap-400", "a chunk out of order answers 400", ",".join([CHUNK, CLIENT]), gap, status(400))
answer("gap-no-range", "416 tells no Range", CHUNK, gap, drop("Range"))
answer("gap-wrong-location", "416 tells the Location of another", CHUNK, gap,
       lambda x: x.answer.set("Location", f"/v2/{x.repository}/blobs/uploads/none"))


def end(exchange, memory):
    """After a refused chunk the session is gone."""
    if exchange.kind == "upload" and exchange.reference in memory:
        refuse(404)(exchange)


def remember(exchange, memory):
    if exchange.kind == "upload" and exchange.status == 416:
        memory[exchange.reference] = True


mutation("gap-ends-session", "a chunk out of order ends the upload", ",".join([CHUNK, CLIENT]), request=end,
         response=remember)
answer("odd-range-500", "a Content-Range that is wrong answers 500", CHUNK, when("PATCH", "upload", BAD), status(500))
answer("empty-patch-400", "PATCH without a byte answers 400", CHUNK + "," + STREAM,
       lambda x: x.is_a("PATCH", "upload") and x.headers.get("Content-Length") == "0", status(400))
ask("stream-needs-range", "PATCH without Content-Range answers 400", STREAM + "," + CLIENT,
    lambda x: x.is_a("PATCH", "upload") and not x.headers.get("Content-Range"), refuse(400))
ask("large-chunk-413", "a chunk of more than 1 MiB answers 413", CHUNK,
    lambda x: x.is_a("PATCH", "upload") and int(x.headers.get("Content-Length") or 0) > 1 << 20, refuse(413))

# Mounts.


def unmounted(exchange):
    exchange.target_text = exchange.target_text.split("?")[0]


ask("mount-never", "a mount is always a new session", ",".join([MOUNT, "management.blob*"]),
    lambda x: x.is_a("POST", "uploads") and x.target.parameter("mount"), unmounted)
mounting = lambda x: x.is_a("POST", "uploads") and x.target.parameter("mount") is not None  # noqa: E731
answer("mount-no-location", "a mount answers without Location", MOUNT, mounting, drop("Location"))
answer("mount-declined-404", "a mount that cannot be done answers 404", ",".join([MOUNT, CLIENT, "management.blob*"]),
       lambda x: mounting(x) and x.status == 202, refuse(404))
answer("mount-always", "a mount is always said to be done", MOUNT + ",management.blob*",
       lambda x: mounting(x) and x.status == 202, status(201))
answer("mount-500", "a mount answers 500", MOUNT, mounting, status(500))
answer("mount-lost", "a session after a declined mount is lost", MOUNT, lambda x: mounting(x) and x.status == 202,
       lambda x: x.answer.set("Location", f"/v2/{x.repository}/blobs/uploads/none"))
ask("mount-slash-400", "an unencoded slash in `from` answers 400", MOUNT, lambda x: "from=" in x.target_text
    and "/" in x.target_text.split("from=")[1], refuse(400))
ask("mount-order-400", "`from` before `mount` answers 400", MOUNT, lambda x: x.target.query.startswith("from="), refuse(400))
answer("mount-not-linked", "a mounted blob is not found", MOUNT + ",push.manifest*,management.blob*",
       lambda x: x.is_a("HEAD,GET", "blob") and "push.mount" in x.repository and "source" not in x.repository, refuse(404))
answer("mount-manifest-404", "a manifest cannot refer to a mounted blob", MOUNT,
       lambda x: x.is_a("PUT", "manifest") and x.reference == "mounted", refuse(404))

# Cancelling.
answer("cancel-200", "DELETE of an upload answers 200", ",".join([CANCEL, MOUNT, CLIENT]),
       when("DELETE", "upload", (204, 204)), status(200))
ask("cancel-405", "DELETE of an upload answers 405", ",".join([CANCEL, MOUNT, CLIENT]), when("DELETE", "upload"), refuse(405))
ask("cancel-lies", "DELETE of an upload answers 204 and does nothing", CANCEL, when("DELETE", "upload"),
    lambda x: x.answers(204))
answer("cancel-takes-blob", "cancelling takes the blobs along", CANCEL, when("GET", "blob", OK), refuse(404))
answer("cancel-takes-all", "cancelling takes every upload along", CANCEL, when("PUT", "upload", (201, 201)), refuse(404))

# Algorithms.
ask("hint-404", "digest-algorithm answers 404", ALGORITHM,
    lambda x: x.target.parameter("digest-algorithm"), refuse(404))
ask("hint-ignored", "digest-algorithm is ignored", ALGORITHM, lambda x: x.target.parameter("digest-algorithm"), unmounted)
ask("sha512-400", "SHA-512 answers 400", ",".join([ALGORITHM, MONO, CHUNK, STREAM, MOUNT, POST, MANIFEST, SHAPE]),
    lambda x: "sha512" in x.target_text.replace(x.repository, ""), refuse(400))
answer("unknown-algorithm-500", "an unknown or malformed digest answers 500", ALGORITHM + ",management.relation*",
       when("GET,PUT,DELETE", "blob,upload,manifest", BAD), status(500))
answer("unknown-algorithm-200", "an unknown or malformed digest is found", ALGORITHM, when("GET", "blob", BAD), status(200))

# On the wire.
answer("stray-after-refusal", "bytes follow a refused PUT", WIRE, when("PUT", "upload", BAD), stray)
answer("stray-second-answer", "a smuggled request is answered", WIRE,
       lambda x: x.headers.get("Transfer-Encoding") and x.headers.get("Content-Length"), stray)
answer("cut-status-500", "an upload that was cut answers 500", WIRE, when("GET", "upload"), status(500))
answer("wire-manifest-500", "PUT of a manifest answers 500", WIRE + ",push.mount*", when("PUT", "manifest", OK), status(500))

# Manifests.
EVERY = ",".join([MANIFEST, SHAPE, SUBJECT, QUERY, CLIENT])
stored = when("PUT", "manifest", (201, 201))
answer("manifest-put-200", "PUT of a manifest answers 200", EVERY + ",management.manifest*", stored, status(200))
answer("manifest-put-500", "PUT of a manifest answers 500", EVERY, stored, status(500))
answer("manifest-put-400", "PUT of a manifest answers 400", EVERY, stored, status(400))
answer("manifest-no-location", "PUT of a manifest answers without Location", MANIFEST, stored, drop("Location"))
answer("manifest-wrong-location", "PUT of a manifest tells the Location of another", MANIFEST, stored,
       lambda x: x.answer.set("Location", f"/v2/{x.repository}/manifests/{WRONG_DIGEST}"))
answer("manifest-put-no-digest", "PUT of a manifest tells no digest", ",".join([MANIFEST, QUERY, CLIENT]), stored,
       drop("Docker-Content-Digest"))
answer("manifest-put-wrong-digest", "PUT of a manifest tells another digest", ",".join([MANIFEST, CLIENT]), stored,
       put("Docker-Content-Digest", WRONG_DIGEST))
answer("subject-always", "OCI-Subject is always there", MANIFEST, stored, put("OCI-Subject", WRONG_DIGEST))
answer("subject-never", "OCI-Subject is never there", ",".join([SUBJECT, QUERY, CLIENT]), stored, drop("OCI-Subject"))
answer("subject-wrong", "OCI-Subject is another digest", ",".join([SUBJECT, CLIENT]), stored, put("OCI-Subject", WRONG_DIGEST))
ask("manifest-forgets", "PUT of a manifest answers 201 and stores nothing", ",".join([MANIFEST, QUERY]),
    when("PUT", "manifest"), lambda x: x.answers(201, [("Location", x.target.path)]))


def manifest_once(exchange, memory):
    if exchange.is_a("PUT", "manifest") and exchange.status == 201:
        if exchange.target.path in memory:
            exchange.status = 409
        memory[exchange.target.path] = True


mutation("manifest-again-409", "a manifest that is there cannot be pushed again",
         ",".join([MANIFEST, QUERY, "push.subject*,management.*"]), response=manifest_once)


def frozen(exchange, memory):
    """The second PUT of a tag is acknowledged and not done."""
    if exchange.is_a("PUT", "manifest") and ":" not in exchange.reference:
        if exchange.target.path in memory:
            exchange.answers(201, [("Location", exchange.target.path)])
        memory[exchange.target.path] = True


mutation("tags-frozen", "a tag never moves, and nobody is told", MANIFEST + ",pull.manifest.negotiation*", request=frozen)
answer("by-digest-never", "a manifest is found by tag only", ",".join([MANIFEST, SHAPE, CLIENT]),
       lambda x: x.is_a("GET", "manifest") and ":" in x.reference, refuse(404))
answer("by-tag-never", "a manifest is found by digest only", ",".join([MANIFEST, QUERY, CLIENT]),
       lambda x: x.is_a("GET,HEAD", "manifest") and ":" not in x.reference, refuse(404))
answer("manifest-takes-anything", "a manifest that is refused is accepted", ",".join([MANIFEST, QUERY]),
       when("PUT", "manifest,none", BAD), accept(201))
answer("manifest-refuses-500", "a manifest that is refused answers 500", ",".join([MANIFEST, QUERY]),
       when("PUT", "manifest", BAD), status(500))
ask("manifest-1-mib", "a manifest of more than 1 MiB answers 400", "push.manifest.size*",
    lambda x: x.is_a("PUT", "manifest") and int(x.headers.get("Content-Length") or 0) > 1 << 20, refuse(400))
ask("tag-query-ignored", "?tag= is ignored", QUERY, lambda x: x.is_a("PUT", "manifest") and x.target.query, unmounted)
ask("tag-query-first", "only the first ?tag= is used", QUERY, lambda x: x.is_a("PUT", "manifest") and x.target.query,
    lambda x: setattr(x, "target_text", x.target_text.split("&")[0]))
answer("tag-query-no-header", "no OCI-Tag", QUERY, stored, drop("OCI-Tag"))
ask("tag-query-many-500", "a thousand tags answer 500", QUERY, lambda x: len(x.target.parameters) > 100, refuse(500))


def refuses(name, what, test):
    """A registry that does not take manifests of one shape."""

    def request(exchange, memory):
        if exchange.body is None:
            return
        try:
            manifest = json.loads(exchange.body)
        except ValueError:
            return
        if isinstance(manifest, dict) and test(manifest, exchange.body):
            refuse(400)(exchange)

    mutation(f"refuses-{name}", f"{what} answers 400", ",".join([SHAPE, CLIENT]), request=request,
             body=lambda x: x.is_a("PUT", "manifest"))


def types(manifest, key):
    return [entry.get("mediaType", "") for entry in manifest.get(key, [])]


refuses("no-layers", "an image without layers", lambda m, b: m.get("layers") == [])
refuses("empty-index", "an empty index", lambda m, b: m.get("manifests") == [])
refuses("nested-index", "an index of an index", lambda m, b: any("index" in t for t in types(m, "manifests")))
refuses("docker", "a Docker manifest", lambda m, b: "docker" in m.get("mediaType", ""))
refuses("docker-children", "an index of a Docker manifest",
        lambda m, b: "oci" in m.get("mediaType", "") and any("docker" in t for t in types(m, "manifests")))
refuses("artifacts", "a config that is no image's", lambda m, b: "config" in m
        and m["config"]["mediaType"] not in ("application/vnd.oci.image.config.v1+json",
                                             "application/vnd.docker.container.image.v1+json"))
refuses("unknown-layers", "a layer of an unknown type",
        lambda m, b: any("layer" not in t and "rootfs" not in t or "example" in t for t in types(m, "layers")))
refuses("zstd", "a zstd layer", lambda m, b: any("zstd" in t for t in types(m, "layers")))
refuses("foreign", "a layer that need not be there",
        lambda m, b: any("nondistributable" in t or "foreign" in t for t in types(m, "layers")))
refuses("subjects", "a subject", lambda m, b: "subject" in m)
refuses("unknown-fields", "a field that is not known", lambda m, b: any(key.startswith("x-") for key in m))
refuses("no-media-type", "a manifest without mediaType", lambda m, b: "mediaType" not in m)
refuses("no-config", "an image without config", lambda m, b: "layers" in m and "config" not in m)
refuses("spacing", "a manifest with line breaks", lambda m, b: b"\n" in b)
refuses("unicode", "a manifest beyond ASCII", lambda m, b: not b.isascii())
refuses("many-layers", "more than fifty layers", lambda m, b: len(m.get("layers", [])) > 50)
refuses("twice", "an entry that stands twice", lambda m, b: any(
    len({e["digest"] for e in m.get(key, [])}) < len(m.get(key, [])) for key in ("layers", "manifests")))
refuses("cache", "an index of layers", lambda m, b: any("layer" in t for t in types(m, "manifests")))
