# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Mistakes in what is read: the base endpoint, blobs, ranges, manifests, error bodies."""

from mutation import (BAD, OK, WRONG_DIGEST, accept, answer, ask, drop, flip, longer, mutation, put, refuse, status,
                      stray, when, without)

BASE = "pull.base*,pull.headers*"
BLOB = "pull.blob*"
RANGE = "pull.range*"
MANIFEST = "pull.manifest*"
ROUND = ("push.monolithic*,push.chunked*,push.streamed*,push.post*,push.mount*,push.cancel*,management.blob*,"
         "pull.client*,discovery.client*")
SHAPES = "push.shape*,push.manifest.by*,push.manifest.tag*,push.manifest.size.3.9*,push.client*,pull.client*," \
         "management.*,discovery.referrers*digest-pullable,push.tag-query*"

# The base endpoint.
get_base = when("GET", "base")
ask("base-404", "GET /v2/ answers 404", BASE + ",pull.client*,push.client*", get_base, refuse(404))
ask("base-401-silent", "GET /v2/ answers 401 without WWW-Authenticate", BASE, get_base, refuse(401))
ask("base-401-odd", "GET /v2/ challenges with a scheme nobody knows", BASE, get_base,
    lambda x: x.answers(401, [("WWW-Authenticate", "Riddle what=walks")]))
answer("base-no-version", "no Docker-Distribution-Api-Version", BASE + ",push.client*", when("GET", "base"),
       drop("Docker-Distribution-Api-Version"))
ask("base-head-405", "HEAD /v2/ answers 405", BASE, when("HEAD", "base"), refuse(405))
answer("base-post-200", "POST /v2/ answers 200", BASE, when("POST", "base"), status(200))
answer("unknown-endpoint-200", "an endpoint that is none answers 200", BASE, when("GET", "none"), status(200))


def hang_up(exchange, memory):
    exchange.hangs_up = True


mutation("hangs-up", "every connection ends after one answer, untold",
         "pull.base.keep-alive,pull.manifest.negotiation.pipelined,push.wire.whole*,pull.blob*no-body,"
         "pull.manifest*no-body", response=hang_up)
answer("stray-after-close", "bytes follow an answer that was the last", "pull.base*,pull.blob*http-1.0",
       lambda x: x.headers.get("Connection") == "close" or x.version == "HTTP/1.0", stray)
answer("closes-silently", "the end of a connection is not announced", "pull.base.close*", lambda x: True,
       lambda x: setattr(x, "closes_silently", True))
answer("stays-open", "a connection stays open after its last answer", "pull.base.close*,pull.blob*http-1.0,push.wire.length*",
       lambda x: x.headers.get("Connection") == "close" or x.version == "HTTP/1.0" or x.headers.get("Transfer-Encoding"),
       lambda x: setattr(x, "stays_open", True))
answer("stray-after-head", "answers to HEAD have a body", "pull.*no-body", when("HEAD", "blob,manifest"), stray)
answer("no-date", "answers have no Date", "pull.headers*", lambda x: True, drop("Date"))
answer("namespace-wrong", "OCI-Namespace names another host", "pull.headers*", when("GET", "manifest"),
       put("OCI-Namespace", "elsewhere.example.com"))
answer("warning-free-form", "Warning has a form of its own", "pull.headers*", when("GET", "manifest"),
       put("Warning", "the disk is slow"))
answer("warning-long", "Warning of 5000 bytes", "pull.headers*", when("GET", "manifest"),
       put("Warning", '299 - "' + "w" * 5000 + '"'))
ask("long-header-431", "a header of 6 KiB is too long", "pull.headers*",
    lambda x: any(len(value) > 4096 for _, value in x.headers.fields), refuse(431))
mutation("malformed-500", "what cannot be read answers 500", "pull.headers*,push.wire*",
         malformed=b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
mutation("no-interim", "Expect: 100-continue waits for ever", "push.wire.expect*",
         request=lambda x, memory: setattr(x, "interim", False))


def odd_case(exchange):
    return any(key.lower() == "range" and key != "Range" for key, _ in exchange.headers.fields)


ask("header-case", "header names are compared with regard to case", "pull.headers*", odd_case, without("Range"))
ask("host-optional", "a request without Host is served", "push.wire.host*", lambda x: x.headers.get("Host") is None,
    lambda x: x.answers(200))

# Blobs.
get_blob, head_blob = when("GET", "blob", OK), when("HEAD", "blob", OK)
answer("blob-get-203", "GET of a blob answers 203", BLOB + "," + ROUND, when("GET", "blob", (200, 200)), status(203))
answer("blob-get-other-byte", "GET of a blob gives another first byte",
       ",".join([BLOB, RANGE, ROUND, "pull.headers*"]), get_blob, flip)
answer("blob-get-longer", "GET of a blob gives one byte more", BLOB + ",push.monolithic*,pull.client*", get_blob, longer)
answer("blob-no-digest", "no Docker-Content-Digest on a blob", BLOB, when("GET,HEAD", "blob"),
       drop("Docker-Content-Digest"))
answer("blob-wrong-digest", "another Docker-Content-Digest on a blob", BLOB, when("GET,HEAD", "blob"),
       put("Docker-Content-Digest", WRONG_DIGEST))
answer("blob-no-accept-ranges", "no Accept-Ranges on a blob", BLOB, get_blob, drop("Accept-Ranges"))
answer("blob-encoded", "blobs are said to be gzipped for whoever accepts that", BLOB + ",pull.client*",
       lambda x: get_blob(x) and x.headers.get("Accept-Encoding"), put("Content-Encoding", "gzip"))
answer("blob-html", "blobs are served as text/html", BLOB, get_blob, put("Content-Type", "text/html"))
answer("blob-head-204", "HEAD of a blob answers 204", BLOB + ",push.monolithic*,push.mount*,push.client*,management.*",
       head_blob, status(204))
answer("blob-head-no-length", "HEAD of a blob tells no length", BLOB + ",push.client*", head_blob,
       lambda x: setattr(x, "length", ""))
answer("blob-head-range", "HEAD with Range answers 206", BLOB, lambda x: head_blob(x) and x.headers.get("Range"),
       status(206))
answer("blob-404-500", "what is not there answers 500",
       ",".join([BLOB, RANGE, "pull.error*,push.*stores-nothing,push.monolithic*,push.client*,management.blob*"]),
       when("GET,HEAD", "blob", BAD), status(500))
answer("blob-404-200", "what is not there answers 200",
       ",".join([BLOB, RANGE, "pull.error*,push.*stores-nothing,push.monolithic*,push.streamed*,push.session.gone*,"
                              "push.client*,push.digest-algorithm*,management.blob*"]),
       when("GET,HEAD", "blob", BAD), status(200))
ask("namespace-query-404", "?ns= finds nothing", BLOB + "," + MANIFEST + ",pull.client*",
    lambda x: x.target.parameter("ns"), refuse(404))
ask("colon-encoded-404", "%3A in a path finds nothing", ",".join([BLOB, MANIFEST, "discovery.referrers.*"]),
    lambda x: "%3A" in x.target_text.split("?")[0], refuse(404))
ask("etag-ignored", "If-None-Match is ignored", BLOB + "," + MANIFEST + ",pull.client*",
    lambda x: x.headers.get("If-None-Match"), without("If-None-Match"))
answer("no-etag", "no ETag", ",".join([BLOB, RANGE, MANIFEST, "pull.client*"]), when("GET", "blob,manifest"), drop("ETag"))

# Ranges.
ranged = when("GET", "blob", (206, 206))
ask("range-ignored", "Range is ignored", ",".join([RANGE, "pull.headers*,pull.client*"]),
    lambda x: x.headers.get("Range"), without("Range"))


def late(exchange):
    exchange.content = exchange.content[1:] + b"x"


answer("range-late", "a range begins one byte late", RANGE + ",pull.client*,pull.headers*", ranged, late)
answer("range-no-content-range", "206 without Content-Range", RANGE + ",pull.client*", ranged, drop("Content-Range"))
answer("range-wrong-content-range", "206 with another Content-Range", RANGE + ",pull.client*", ranged,
       put("Content-Range", "bytes 1-2/3"))
unsatisfiable = when("GET", "blob", (416, 416))
answer("range-416-200", "a range that cannot be served answers 200", RANGE, unsatisfiable, status(200))
answer("range-416-500", "a range that cannot be served answers 500", RANGE, unsatisfiable, status(500))
answer("range-416-bare", "416 without Content-Range", RANGE, unsatisfiable, drop("Content-Range"))
ask("range-unit-416", "a unit that is not bytes answers 416", RANGE,
    lambda x: (x.headers.get("Range") or "bytes").split("=")[0] != "bytes", refuse(416))
answer("range-several-bare", "several ranges answer 206 with nothing to tell them apart", RANGE,
       lambda x: get_blob(x) and "," in (x.headers.get("Range") or ""), status(206))
ask("if-range-ignored", "If-Range is ignored", RANGE, lambda x: x.headers.get("If-Range"), without("If-Range"))
ask("if-range-never", "If-Range never holds", RANGE, lambda x: x.headers.get("If-Range"), without("Range"))

# Manifests.
got, headed = when("GET", "manifest", (200, 200)), when("HEAD", "manifest", OK)
answer("manifest-get-203", "GET of a manifest answers 203", MANIFEST + "," + SHAPES + ",push.subject*,push.size*", got,
       status(203))
answer("manifest-other-byte", "GET of a manifest gives another first byte", MANIFEST + "," + SHAPES + ",push.manifest*",
       got, flip)
answer("manifest-longer", "GET of a manifest adds a space", MANIFEST + "," + SHAPES, got, longer)
answer("manifest-reencoded", "GET of a manifest gives JSON that was written anew", SHAPES, got,
       lambda x: x.set_json(x.json()))
answer("manifest-type-parameter", "Content-Type of a manifest has a parameter",
       MANIFEST + "," + SHAPES + ",push.manifest.invalid.content-type-parameter", when("GET,HEAD", "manifest", OK),
       lambda x: x.answer.set("Content-Type", x.of("Content-Type") + "; charset=utf-8"))
answer("manifest-type-json", "Content-Type of a manifest is application/json", MANIFEST + "," + SHAPES,
       when("GET,HEAD", "manifest", OK), put("Content-Type", "application/json"))
answer("manifest-no-digest", "no Docker-Content-Digest on a manifest",
       MANIFEST + ",pull.client*,management.client*,push.manifest.tag*,push.tag-query*,push.client*",
       when("GET,HEAD", "manifest", OK), drop("Docker-Content-Digest"))
answer("manifest-wrong-digest", "another Docker-Content-Digest on a manifest", MANIFEST + ",pull.client*",
       when("GET,HEAD", "manifest", OK), put("Docker-Content-Digest", WRONG_DIGEST))
answer("manifest-head-204", "HEAD of a manifest answers 204", MANIFEST + ",push.manifest.tag*,management.client*",
       headed, status(204))
answer("manifest-head-no-length", "HEAD of a manifest tells no length", MANIFEST + ",pull.client*", headed,
       lambda x: setattr(x, "length", ""))
ask("manifest-always-304", "any If-None-Match answers 304", MANIFEST,
    lambda x: x.kind == "manifest" and x.headers.get("If-None-Match"), lambda x: x.answers(304))
for name, sign in (("list", ","), ("weak", "W/"), ("star", "*")):
    ask(f"etag-{name}-ignored", f"If-None-Match with {sign} is ignored", MANIFEST,
        lambda x, sign=sign: sign in (x.headers.get("If-None-Match") or ""), without("If-None-Match"))
answer("304-bare", "304 without ETag", MANIFEST, when("GET", "manifest", (304, 304)), drop("ETag"))
answer("304-stray", "304 with a body", "pull.client.docker-again,pull.manifest*304*", when("GET", "manifest", (304, 304)),
       stray)
get_manifest = when("GET", "manifest")
ask("accept-needed", "without Accept nothing is found", MANIFEST,
    lambda x: get_manifest(x) and not x.headers.get("Accept"), refuse(404))
ask("accept-star", "*/* finds nothing", MANIFEST, lambda x: get_manifest(x) and x.headers.get("Accept") == "*/*",
    refuse(404))
ask("accept-first-line", "only the first line of Accept counts", MANIFEST + ",pull.client*",
    lambda x: get_manifest(x) and len(x.headers.all("Accept")) > 1, refuse(404))
ask("accept-quality", "quality values are not understood", MANIFEST,
    lambda x: get_manifest(x) and ";q=" in (x.headers.get("Accept") or ""), refuse(406))
ask("absolute-form-400", "an absolute target answers 400", MANIFEST, lambda x: "://" in x.target_text, refuse(400))
answer("manifest-404-500", "a manifest that is not there answers 500",
       MANIFEST + ",push.manifest*,push.client*,pull.client*,push.tag-query*,management.*,pull.error*,push.wire.cut*",
       when("GET,HEAD", "manifest", BAD), status(500))
answer("manifest-404-200", "a manifest that is not there answers 200",
       MANIFEST + ",push.manifest.*stores*,push.client*,pull.client*,push.tag-query*,management.*,push.wire.cut*",
       when("GET,HEAD", "manifest", BAD), status(200))
ask("manifest-head-always", "HEAD of any manifest answers 200", MANIFEST + ",push.client*,management.*",
    when("HEAD", "manifest"), lambda x: x.answers(200))


def lower(exchange):
    exchange.target_text = exchange.target_text.replace(exchange.reference, exchange.reference.lower())


ask("tags-lower-case", "tags are found without regard to case", MANIFEST + ",push.manifest.tag*",
    lambda x: x.kind == "manifest" and ":" not in x.reference, lower)

# Error bodies.
refused = when("GET,HEAD,POST,PUT,PATCH,DELETE", "blob,manifest,tags,uploads,upload,referrers,none", BAD)
ERRORS = "pull.error*,*code"
answer("error-no-codes", "error bodies are {}", ERRORS + ",push.manifest.missing*", refused,
       lambda x: x.set_json({}))
answer("error-empty-list", "error bodies list no error", ERRORS, refused, lambda x: x.set_json({"errors": []}))
answer("error-text", "error bodies are labelled text/plain", ERRORS, refused, put("Content-Type", "text/plain"))
answer("error-lower-case", "error codes are in lower case", ERRORS, refused,
       lambda x: setattr(x, "content", x.content.lower()))
answer("error-other-code", "every error is UNKNOWN", ERRORS + ",push.manifest.missing*", refused,
       lambda x: x.set_json({"errors": [{"code": "UNKNOWN", "message": "oh"}]}))
ask("error-never", "whatever is asked, the answer is 200", "pull.error*,push.session.gone*",
    when("GET,POST,PUT", "blob,manifest,tags,upload,uploads"), lambda x: x.answers(200))
