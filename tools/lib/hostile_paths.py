# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Hostile rows that lie in the request target: names, digests, tags, escapes, traversal, queries and methods."""

from hostile_world import ABSENT, IMAGE, REPOSITORY, digest, request

HEX = "ab" * 32

BAD_NAMES = {
    "capitals": "Team/App",
    "empty component": "a//b",
    "empty": "",
    "leading slash": "/a",
    "leading dot": ".a",
    "trailing dot": "a.",
    "two dots inside": "a..b",
    "three underscores": "a___b",
    "leading hyphen": "-a",
    "trailing hyphen": "a-",
    "leading underscore": "_a",
    "dot component": "a/./b",
    "dot-dot component": "a/../b",
    "only dot-dot": "..",
    "256 bytes": "a" * 256,
    "4,000 bytes": "a/" * 2000 + "a",
    "colon": "a:b",
    "at sign": "a@b",
    "asterisk": "a*b",
    "tilde": "~a",
    "escaped e-acute": "%C3%A9",
    "escaped slash": "a%2Fb",
    "escaped capital slash": "a%2fB",
    "escaped NUL": "a%00b",
    "lone percent": "a%",
    "bad escape": "a%zz",
    "overlong slash": "a%c0%afb",
    "overlong dot": "a/%c0%ae%c0%ae/b",
    "overlong NUL": "a%c0%80",
    "byte FF": "a%ff",
    "surrogate half": "a%ed%a0%80",
    "beyond Unicode": "a%f4%90%80%80",
    "escaped space": "a%20b",
    "escaped line break": "a%0d%0aX-Evil:%201",
    "escaped backslash": "a%5cb",
    "doubly escaped slash": "a%252fb",
    "escaped dot-dots": "%2e%2e/%2e%2e/etc/passwd",
    "shell words": "a;id",
    "quote": "a'or'1",
    "dollar": "$(id)",
    "reserved catalog": "_catalog",
}

for label, name in BAD_NAMES.items():
    request(f"name, {label}: tags", 400, "GET", f"/v2/{name}/tags/list", code="NAME_INVALID")
for label in ("capitals", "escaped slash", "dot-dot component", "escaped NUL", "overlong slash", "256 bytes"):
    name = BAD_NAMES[label]
    request(f"name, {label}: upload", 400, "POST", f"/v2/{name}/blobs/uploads/", code="NAME_INVALID")
    request(
        f"name, {label}: push",
        400,
        "PUT",
        f"/v2/{name}/manifests/v1",
        [("Content-Type", IMAGE)],
        b"{}",
        code="NAME_INVALID",
    )

BAD_DIGESTS = {
    "no hash": "sha256:",
    "no algorithm": f":{HEX}",
    "algorithm alone": "sha256",
    "63 digits": f"sha256:{HEX[:-1]}",
    "65 digits": f"sha256:{HEX}a",
    "capital digits": f"sha256:{HEX.upper()}",
    "capital algorithm": f"SHA256:{HEX}",
    "not hexadecimal": f"sha256:{HEX[:-1]}g",
    "sha512 too short": f"sha512:{HEX}",
    "md5": "md5:" + "a" * 32,
    "sha1": "sha1:" + "a" * 40,
    "sha384": "sha384:" + "a" * 96,
    "blake3": f"blake3:{HEX}",
    "compound algorithm": f"sha256+b64u:{HEX}",
    "prefix twice": f"sha256:sha256:{HEX}",
    "4,000 digits": "sha256:" + "a" * 4000,
    "traversal": "sha256:..%2f..%2f..%2fetc%2fpasswd",
    "dot-dots only": "..%2f..%2f..%2fmeta%2fregistry.db",
    "NUL at the end": f"sha256:{HEX}%00",
    "NUL inside": f"sha256:{HEX[:31]}%00{HEX[32:]}",
    "space": f"sha256:%20{HEX[1:]}",
    "line break": f"sha256:{HEX}%0a",
    "full-width digits": "sha256:%EF%BC%91" + HEX[3:],
    "word": "baddigeststring",
}
BAD_ESCAPES = ("NUL at the end", "NUL inside")

for label, text in BAD_DIGESTS.items():
    wanted = None if label in BAD_ESCAPES else "DIGEST_INVALID"
    request(f"digest, {label}: blob", 400, "GET", f"/v2/{REPOSITORY}/blobs/{text}", code=wanted)
for label in ("63 digits", "capital digits", "md5", "traversal", "not hexadecimal"):
    text = BAD_DIGESTS[label]
    request(f"digest, {label}: HEAD of a blob", 400, "HEAD", f"/v2/{REPOSITORY}/blobs/{text}")
    request(f"digest, {label}: delete a blob", 400, "DELETE", f"/v2/{REPOSITORY}/blobs/{text}", code="DIGEST_INVALID")
    request(f"digest, {label}: manifest", (400, 404), "GET", f"/v2/{REPOSITORY}/manifests/{text}")
    request(
        f"digest, {label}: push a manifest",
        400,
        "PUT",
        f"/v2/{REPOSITORY}/manifests/{text}",
        [("Content-Type", IMAGE)],
        b"{}",
    )
    request(f"digest, {label}: referrers", 400, "GET", f"/v2/{REPOSITORY}/referrers/{text}", code="DIGEST_INVALID")

BAD_TAGS = {
    "leading dot": ".a",
    "leading hyphen": "-a",
    "129 bytes": "a" * 129,
    "space": "a%20b",
    "escaped slash": "a%2Fb",
    "empty": "",
    "plus": "a+b",
    "NUL": "a%00",
    "e-acute": "%C3%A9",
    "dot-dot": "..",
    "at": "a@b",
    "bad escape": "v%1",
    "overlong": "v%c1%81",
    "tag and digest": f"v1@sha256:{HEX}",
    "markup": "%3Cscript%3E",
}
for label, text in BAD_TAGS.items():
    request(f"tag, {label}: pull", 400, "GET", f"/v2/{REPOSITORY}/manifests/{text}")
    request(f"tag, {label}: push", 400, "PUT", f"/v2/{REPOSITORY}/manifests/{text}", [("Content-Type", IMAGE)], b"{}")

OUTSIDE = {
    "dot-dots from the root": "/../../etc/passwd",
    "dot-dots below v2": "/v2/../../../etc/passwd",
    "dot-dots below blobs": "/v2/a/blobs/../../../../etc/passwd",
    "nothing": "/",
    "other version": "/v1/_ping",
    "double slash": "//v2/",
    "v2 without an endpoint": f"/v2/{REPOSITORY}",
    "tags without list": f"/v2/{REPOSITORY}/tags",
    "list of no name": "/v2/tags/list",
    "blobs alone": "/v2/blobs/uploads/",
    "deep nonsense": "/v2/" + "x/" * 500,
    "session of dot-dots": f"/v2/{REPOSITORY}/blobs/uploads/..",
    "session of escaped dot-dots": f"/v2/{REPOSITORY}/blobs/uploads/%2e%2e%2f%2e%2e%2fmeta%2fregistry.db",
    "session of another form": f"/v2/{REPOSITORY}/blobs/uploads/not-a-uuid",
    "session that never was": f"/v2/{REPOSITORY}/blobs/uploads/00000000-0000-4000-8000-000000000000",
    "blob of no repository": f"/v2/nobody/blobs/{ABSENT}",
    "manifest of no repository": "/v2/nobody/manifests/v1",
    "tags of no repository": "/v2/nobody/tags/list",
    "absent blob": f"/v2/{REPOSITORY}/blobs/{ABSENT}",
    "absent manifest": f"/v2/{REPOSITORY}/manifests/{ABSENT}",
    "absent tag": f"/v2/{REPOSITORY}/manifests/none",
}
for label, path in OUTSIDE.items():
    request(f"path, {label}", 404, "GET", path)
request("path, session with NUL", 400, "GET", f"/v2/{REPOSITORY}/blobs/uploads/a%00b")
request("path, session with overlong bytes", 400, "GET", f"/v2/{REPOSITORY}/blobs/uploads/%c0%ae%c0%ae")
for method in ("PATCH", "PUT", "DELETE"):
    request(
        f"session that never was: {method}",
        404,
        method,
        f"/v2/{REPOSITORY}/blobs/uploads/00000000-0000-4000-8000-000000000000?digest={ABSENT}",
        body=b"x" * (method != "DELETE"),
        code="BLOB_UPLOAD_UNKNOWN",
    )

TAGS, CATALOG = f"/v2/{REPOSITORY}/tags/list", "/v2/_catalog"
REFERRERS = f"/v2/{REPOSITORY}/referrers/{ABSENT}"
for label, text, wanted in [
    ("a billion", "1000000000", 200),
    ("zero", "0", 200),
    ("eighteen nines", "9" * 18, 200),
    ("negative", "-1", 400),
    ("word", "abc", 400),
    ("empty", "", 400),
    ("fraction", "1.5", 400),
    ("exponent", "1e3", 400),
    ("hexadecimal", "0x10", 400),
    ("twenty digits", "9" * 20, 400),
    ("a thousand digits", "9" * 1000, 400),
    ("escaped NUL", "%00", 400),
    ("Arabic digits", "%D9%A1", 400),
    ("plus sign", "%2B5", 400),
    ("twice", "1&n=2", (200, 400)),
]:
    request(f"n, {label}: tags", wanted, "GET", f"{TAGS}?n={text}")
    request(f"n, {label}: catalog", wanted, "GET", f"{CATALOG}?n={text}")
for label, path, wanted in [
    ("last is no tag", f"{TAGS}?last=..%2f..", 400),
    ("last with byte FF", f"{TAGS}?last=%ff", 400),
    ("last of catalog is no name", f"{CATALOG}?last=../..", 400),
    ("last with SQL", f"{TAGS}?last='%20OR%201=1--", 400),
    ("300 items", f"{TAGS}?" + "&".join(f"a{number}=1" for number in range(300)), 400),
    ("only separators", f"{TAGS}?&&&=&", 200),
    ("question marks", f"{TAGS}????n", (200, 400)),
    ("bad escape in a key", f"{TAGS}?%zz=1", 400),
    ("referrers n is a word", f"{REFERRERS}?n=abc", 400),
    ("referrers last is no digest", f"{REFERRERS}?last=zzz", 400),
    ("artifactType is no media type", f"{REFERRERS}?artifactType=nonsense", 400),
    ("artifactType with byte FF", f"{REFERRERS}?artifactType=%ff", 400),
    ("artifactType of 5,000 bytes", f"{REFERRERS}?artifactType=a/" + "b" * 5000, 400),
]:
    request(f"query, {label}", wanted, "GET", path)
UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"
for label, query in [
    ("mount of a bad digest", "mount=sha256:abc"),
    ("mount of a traversal", "mount=..%2f..%2fx"),
    ("mount from a bad name", f"mount={ABSENT}&from=../x"),
    ("unknown algorithm", "digest-algorithm=md5"),
    ("empty algorithm", "digest-algorithm="),
    ("bad digest", "digest=sha256:xyz"),
    ("digest of md5", "digest=md5:" + "a" * 32),
    ("bad escape", "digest=%zz"),
]:
    request(f"upload query, {label}", 400, "POST", f"{UPLOADS}?{query}", body=b"x")
EMPTY_INDEX = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
INDEX_TYPE = [("Content-Type", "application/vnd.oci.image.index.v1+json")]
BY_DIGEST = f"/v2/{REPOSITORY}/manifests/{digest(EMPTY_INDEX)}"
request("push by digest, bad tag in the query", 400, "PUT", f"{BY_DIGEST}?tag=ok&tag=.bad", INDEX_TYPE, EMPTY_INDEX)
request(
    "push by digest, 65 tags",
    414,
    "PUT",
    BY_DIGEST + "?" + "&".join(f"tag=t{n}" for n in range(65)),
    INDEX_TYPE,
    EMPTY_INDEX,
)
request(
    "push by tag, another tag in the query", 400, "PUT", f"/v2/{REPOSITORY}/manifests/a?tag=b", INDEX_TYPE, EMPTY_INDEX
)

BLOB, MANIFEST = f"/v2/{REPOSITORY}/blobs/{ABSENT}", f"/v2/{REPOSITORY}/manifests/v1"
for method, path in [
    ("POST", "/v2/"),
    ("DELETE", "/v2/"),
    ("OPTIONS", "/v2/"),
    ("PUT", BLOB),
    ("POST", BLOB),
    ("PATCH", BLOB),
    ("PATCH", MANIFEST),
    ("POST", MANIFEST),
    ("POST", TAGS),
    ("DELETE", TAGS),
    ("PUT", REFERRERS),
    ("DELETE", CATALOG),
    ("GET", UPLOADS),
    ("DELETE", UPLOADS),
    ("PUT", UPLOADS),
    ("TRACE", "/v2/"),
    ("PROPFIND", BLOB),
    ("PURGE", BLOB),
    ("POST", "/readyz"),
    ("DELETE", "/metrics"),
]:
    request(f"method, {method} {path.replace(ABSENT, 'DIGEST')}", 405, method, path, code="UNSUPPORTED")
