# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Hostile rows that lie in a manifest's bytes and headers: JSON bombs, ambiguity, wrong types, wrong references."""

import json

from e2e_http import chunked
from hostile_world import (
    ABSENT,
    CONFIG,
    IMAGE,
    INDEX,
    MAXIMUM_MANIFEST,
    REPOSITORY,
    ROWS,
    Connection,
    digest,
    exchange,
    message,
    request,
    row,
)

TARGET = f"/v2/{REPOSITORY}/manifests/evil"


def put(name, body, expected=400, code="MANIFEST_INVALID", media_type=IMAGE):
    """A row that pushes a body by tag; where it is refused, the tag must not be there."""
    target = f"{TARGET}-{len(ROWS)}"

    def run(world):
        data = body(world) if callable(body) else body
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        fields = [] if media_type is None else [("Content-Type", media_type)]
        reply = exchange(world.port, "PUT", target, fields, data)
        made = exchange(world.port, "HEAD", target).status
        if made != (200 if reply.status == 201 else 404):
            raise ValueError(f"HEAD of the tag is {made} after {reply}")
        return reply

    row(f"manifest, {name}", expected, run, code if expected == 400 else None)


SKELETON = b'{"schemaVersion":2,"mediaType":"' + IMAGE.encode() + b'","config":%s,"layers":[%s]%s}'


def text(extra=b"", layers=None, config=None):
    """The bytes of an image manifest with something put in as it stands."""

    def build(world):
        given = json.dumps(world.config_descriptor()).encode() if config is None else config
        inner = json.dumps(world.layer_descriptor()).encode() if layers is None else layers
        return SKELETON % (given, inner, extra)

    return build


def changed(**changes):
    return lambda world: world.image_document(**changes)


def layer(**changes):
    def build(world):
        descriptor = world.layer_descriptor(**changes)
        return world.image_document(layers=[{key: value for key, value in descriptor.items() if value is not ...}])

    return build


for label, body in {
    "empty body": b"",
    "empty object": b"{}",
    "array": b"[]",
    "null": b"null",
    "string": b'"x"',
    "number": b"2",
    "open brace": b"{",
    "white space": b" \n\t ",
    "garbage": b"\x00\x01\x02\xfe",
    "gzip": b"\x1f\x8b\x08\x00" + bytes(20),
    "XML": b"<manifest/>",
    "YAML": b"schemaVersion: 2\n",
    "comment": b"/* x */ {}",
    "single quotes": b"{'schemaVersion':2}",
    "NaN": b'{"schemaVersion":NaN}',
    "100,000 open brackets": b"[" * 100_000,
    "100,000 open objects": b'{"a":' * 100_000,
    "4 MiB of brackets": b"[" * (4 << 20),
    "100,000 numbers": b"[" + b"1," * 100_000 + b"1]",
    "UTF-16": '{"schemaVersion":2}'.encode("utf-16"),
    "one string of 3 MiB": b'"' + b"a" * (3 << 20) + b'"',
    "one number of 1 MiB": b"1" * (1 << 20),
    "escapes without an end": b'"\\u12',
}.items():
    put(label, body)
for label, extra in {
    "40 levels in an annotation": b',"x":' + b"[" * 40 + b"]" * 40,
    "30,000 nodes": b',"x":[' + b"0," * 30_000 + b"0]",
    "duplicate key": b',"layers":[]',
    "duplicate config": b',"config":null',
    "duplicate key by escape": b',"\\u006cayers":[]',
    "duplicate unknown key": b',"x":1,"x":2',
    "key in other case": b',"Layers":[]',
    "media type twice": b',"mediaType":"text/plain"',
    "layers and manifests": b',"manifests":[]',
    "trailing comma": b",",
    "byte FF in a string": b',"x":"\xff"',
    "overlong in a string": b',"x":"\xc0\xaf"',
    "surrogate bytes": b',"x":"\xed\xa0\x80"',
    "lone surrogate escape": b',"x":"\\ud800"',
    "line break in a string": b',"x":"a\nb"',
    "NUL in a string": b',"x":"a\x00b"',
    "leading zero": b',"x":01',
    "number ends in a dot": b',"x":1.',
    "hexadecimal number": b',"x":0x1F',
    "bad escape": b',"x":"\\q"',
    "bare word": b',"x":tru',
    "annotation is a number": b',"annotations":{"a":1}',
    "annotations are an array": b',"annotations":[]',
    "subject is a string": b',"subject":"x"',
    "subject without a digest": b',"subject":{"mediaType":"a/b","size":1}',
    "subject of md5": b',"subject":{"mediaType":"a/b","size":1,"digest":"md5:aa"}',
    "artifactType is no media type": b',"artifactType":"nonsense"',
    "artifactType is a number": b',"artifactType":7',
    "document twice": b"}{",
    "bytes after the end": b"} x {",
    "300,000 spaces, then garbage": b" " * 300_000 + b"!",
}.items():
    put(label, text(extra))
put("byte order mark", lambda world: b"\xef\xbb\xbf" + json.dumps(world.image).encode())
for label, value in {"1": 1, "3": 3, "text": "2", "null": None, "true": True, "huge": 10**400, "absent": ...}.items():
    put(f"schemaVersion {label}", changed(schemaVersion=value))
# A member that is null counts as absent, and an image without a config is allowed.
put("config is null", changed(config=None), (201, 400), None)
for label, value in {"array": [], "text": "x", "empty": {}}.items():
    put(f"config is {label}", changed(config=value))
for label, value in {
    "object": {},
    "text": "x",
    "numbers": [1, 2],
    "null inside": [None],
    "empty object inside": [{}],
}.items():
    put(f"layers are {label}", changed(layers=value))
for label, changes in {
    "without a digest": {"digest": ...},
    "without a size": {"size": ...},
    "without a media type": {"mediaType": ...},
    "digest is a word": {"digest": "word"},
    "digest is a number": {"digest": 5},
    "digest of md5": {"digest": "md5:" + "a" * 32},
    "digest in capitals": {"digest": "sha256:" + "AB" * 32},
    "digest is a path": {"digest": "sha256:../../meta/registry.db"},
    "size negative": {"size": -1},
    "size a fraction": {"size": 1.5},
    "size as text": {"size": "10000"},
    "size above 2^53": {"size": 2**53 + 1},
    "size of 400 digits": {"size": 10**400},
    "media type is a word": {"mediaType": "nonsense"},
    "media type with a line break": {"mediaType": "a/b\r\nX: y"},
    "urls are numbers": {"urls": [1]},
    "data is not base64": {"data": "!!!"},
    "data is something else": {"data": "aGVsbG8="},
    "annotations nest": {"annotations": {"a": {"b": "c"}}},
    "platform is text": {"platform": "linux"},
}.items():
    put(f"layer {label}", layer(**changes))
put("layer size 1e400", text(layers=b'{"mediaType":"a/b","digest":"%s","size":1e400}' % ABSENT.encode()))
put(
    "layer size of a megabyte of digits",
    text(layers=b'{"mediaType":"a/b","digest":"%s","size":%s}' % (ABSENT.encode(), b"9" * (1 << 20))),
)
put("duplicate key in a layer", text(layers=b'{"mediaType":"a/b","digest":"%s","size":1,"size":2}' % ABSENT.encode()))
put(
    "duplicate key in the config",
    text(config=b'{"mediaType":"a/b","mediaType":"a/c","digest":"%s","size":1}' % ABSENT.encode()),
)
put(
    "5,000 layers",
    lambda world: world.image_document(layers=[{"mediaType": "a/b", "digest": ABSENT, "size": 1}] * 5000),
)
put("layer that is not there", layer(digest=ABSENT), code="MANIFEST_BLOB_UNKNOWN")
put(
    "config that is not there",
    changed(config={"mediaType": CONFIG, "digest": ABSENT, "size": 1}),
    code="MANIFEST_BLOB_UNKNOWN",
)
put("layer of a wrong size", layer(size=9999), code=None)
put(
    "index of an absent manifest",
    {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": IMAGE, "digest": ABSENT, "size": 5}]},
    code="MANIFEST_BLOB_UNKNOWN",
    media_type=INDEX,
)
put("index pushed as an image", lambda world: world.index)
put("image pushed as an index", lambda world: world.image, media_type=INDEX)
put("image that says it is Docker's", changed(mediaType="application/vnd.docker.distribution.manifest.v2+json"))
put(
    "schema 1",
    b'{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[]}',
    media_type="application/vnd.docker.distribution.manifest.v1+json",
)
put("signed schema 1", b'{"schemaVersion":1}', media_type="application/vnd.docker.distribution.manifest.v1+prettyjws")
put("text/plain", lambda world: world.image, media_type="text/plain")
put("Content-Type is a word", lambda world: world.image, media_type="nonsense")
put("Content-Type of 5,000 bytes", lambda world: world.image, media_type="a/" + "b" * 5000)
put("Content-Type empty", changed(mediaType=...), media_type="", code=None)
put("no type anywhere", changed(mediaType=...), (201, 400), None, media_type=None)
put("Content-Type twice", lambda world: world.image, media_type=f"{IMAGE}, {INDEX}", code=None)
put("one byte over 4 MiB", b" " * (MAXIMUM_MANIFEST + 1), expected=413)
put(
    "manifests in an image's index, 5,000",
    lambda world: {"schemaVersion": 2, "mediaType": INDEX, "manifests": [world.image_descriptor()] * 5000},
    media_type=INDEX,
)


def oversize(framing):
    def run(world):
        with Connection(world.port) as connection:
            fields = [("Content-Type", IMAGE)]
            if framing == "chunked":
                body = chunked([b" " * (1 << 20)] * 5)
                connection.send(message("PUT", TARGET, fields + [("Transfer-Encoding", "chunked")], body))
            else:
                expects = [("Expect", "100-continue")] if framing == "expected" else []
                connection.send(message("PUT", TARGET, fields + expects + [("Content-Length", str(10**15))]))
            reply = connection.reply()
            if reply.interim:
                raise ValueError(f"asked for a body that is too large: {reply.interim}")
            return reply

    return run


row("manifest over the limit, chunked", 413, oversize("chunked"))
row("manifest over the limit, declared", 413, oversize("declared"))
row("manifest over the limit, declared with Expect", 413, oversize("expected"))
request(
    "manifest under another digest",
    400,
    "PUT",
    f"/v2/{REPOSITORY}/manifests/{ABSENT}",
    [("Content-Type", IMAGE)],
    lambda world: json.dumps(world.image).encode(),
    code="DIGEST_INVALID",
)
for label, fields, wanted in [
    ("If-Match is a word", [("If-Match", "word")], 400),
    ("If-Match of a bad digest", [("If-Match", '"sha256:x"')], 400),
    ("If-Match of another digest", [("If-Match", f'"{ABSENT}"')], 412),
    ("If-Match is a list", [("If-Match", '"a", "b"')], 400),
    ("If-None-Match of a digest", [("If-None-Match", f'"{ABSENT}"')], 400),
    ("If-None-Match * of a tag that is there", [("If-None-Match", "*")], 412),
]:
    request(
        f"condition, {label}",
        wanted,
        "PUT",
        f"/v2/{REPOSITORY}/manifests/v1",
        [("Content-Type", IMAGE)] + fields,
        lambda world: json.dumps(world.image).encode(),
    )
request("delete of a blob in use", 405, "DELETE", lambda world: world.blob_path(), code="UNSUPPORTED")
request(
    "delete of a manifest in an index", 405, "DELETE", lambda world: f"/v2/{REPOSITORY}/manifests/{world.image_digest}"
)
request("delete of an absent tag", 404, "DELETE", f"/v2/{REPOSITORY}/manifests/none", code="MANIFEST_UNKNOWN")
request("delete of an absent blob", 404, "DELETE", f"/v2/{REPOSITORY}/blobs/{ABSENT}", code="BLOB_UNKNOWN")


def nested(world):
    """Indexes within indexes: refused at some depth, and what was taken is taken away again."""
    below, taken = world.image_descriptor(annotations={"org.example.nested": "twelve"}), []
    reply = None
    for _ in range(12):
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [below]}).encode()
        name = digest(data)
        reply = exchange(world.port, "PUT", f"/v2/{REPOSITORY}/manifests/{name}", [("Content-Type", INDEX)], data)
        if reply.status != 201:
            break
        taken.append(name)
        below = {"mediaType": INDEX, "digest": name, "size": len(data)}
    for name in reversed(taken):
        gone = exchange(world.port, "DELETE", f"/v2/{REPOSITORY}/manifests/{name}")
        if gone.status != 202:
            raise ValueError(f"delete of a nested index: {gone}")
    return reply


row("manifest, indexes nested twelve deep", 400, nested, "MANIFEST_INVALID")
