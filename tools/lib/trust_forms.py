# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of forms: what Cairn signs is verified in Python by the public definitions, and what Python signs by Cairn."""

import json
import os
import re
import stat

from e2e_cases import case, expect, expect_equal
from e2e_http import digest
from e2e_images import IMAGE
from trust_evidence import SPDX, provenance, report
from trust_policy import signature_layer, wrong_signatures
from trust_signing import (
    BUNDLE,
    ENVELOPE,
    IN_TOTO,
    SIGN_TYPE,
    SIGNATURE,
    SIMPLE_SIGNING,
    TYPES,
    Invalid,
    Key,
    PublicKey,
    bundle,
    check_bundle,
    check_envelope,
    check_statement,
    compact,
    decode,
    encode,
    envelope,
    members,
    parse,
    simple_signing,
    statement,
)
from trust_world import EMPTY, POLICY

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PREDICATES = {
    "slsaprovenance": provenance(), "spdx": SPDX, "vuln": report(),
    "cyclonedx": {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "é", "version": "\u2028"}]},
    "custom": {"Data": "x" * 1000, "Timestamp": "2026-01-31T00:00:00Z", "numbers": [1, 2.5, -3e10, None, True]},
}


def referrers(world, image):
    return world.server.json(f"/v2/{image.repository}/referrers/{image.digest}")["manifests"]


def read_referrer(world, image, name, predicate_type):
    """Checks the manifest of a bundle as cosign writes it; returns the bundle's bytes."""
    reply = world.server.get(image.repository, name)
    expect_equal((reply.status, reply.header("content-type")), (200, IMAGE), "GET of the referrer")
    document = parse(reply.body)
    members(document, ["schemaVersion", "mediaType", "artifactType", "config", "layers", "subject", "annotations"])
    head = [document[name] for name in ("schemaVersion", "mediaType", "artifactType")]
    expect_equal(head, [2, IMAGE, BUNDLE], "head")
    empty = {"mediaType": EMPTY, "digest": digest(b"{}"), "size": 2}
    expect_equal(document["config"], empty, "config")
    expect_equal(world.server.call("GET", f"/v2/{image.repository}/blobs/{empty['digest']}").body, b"{}", "its bytes")
    expect_equal(document["subject"], image.descriptor, "subject")
    annotations = document["annotations"]
    created = annotations.pop("org.opencontainers.image.created")
    expect(TIME.fullmatch(created), f"created: {created}")
    wanted = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type}
    expect_equal(annotations, wanted, "annotations")
    (layer,) = document["layers"]
    expect_equal(layer["mediaType"], BUNDLE, "media type of the layer")
    data = world.server.call("GET", f"/v2/{image.repository}/blobs/{layer['digest']}").body
    expect_equal((digest(data), len(data)), (layer["digest"], layer["size"]), "the layer")
    listed = [entry for entry in referrers(world, image) if entry["digest"] == name]
    expect_equal([entry["artifactType"] for entry in listed], [BUNDLE], "artifactType in the list of referrers")
    return data


@case("form: keys are PKCS#8 and PKIX in PEM, and openssl's encryption where a passphrase is set")
def keys(world):
    alice = world.keys["alice"]
    expect(alice.public.read_text().startswith("-----BEGIN PUBLIC KEY-----\n"), alice.public.read_text())
    expect(alice.path.read_text().startswith("-----BEGIN PRIVATE KEY-----\n"), "the head of the private key")
    expect_equal(stat.S_IMODE(os.stat(alice.path).st_mode), 0o600, "mode of the private key")
    expect_equal(PublicKey(alice.public.read_bytes()).hint, alice.hint, "the public key of the private one")
    closed = world.generate(world.folder / "keys" / "closed", "a passphrase")
    expect(closed.path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "an encrypted key's head")
    image = world.server.push_image("free/closed")
    world.cairn("sign", image.by_digest, "--key", closed.path, expects=2, CAIRN_KEY_PASSPHRASE="wrong")
    world.cairn("sign", image.by_digest, "--key", closed.path, CAIRN_KEY_PASSPHRASE="a passphrase")
    (entry,) = referrers(world, image)
    check_bundle(read_referrer(world, image, entry["digest"], SIGN_TYPE), closed, image.digest)


@case("form: cairn sign")
def signed(world):
    image = world.server.push_image("free/signed")
    ((name, tag),) = world.sign(image)
    expect_equal(tag, None, "the tag")
    data = read_referrer(world, image, name, SIGN_TYPE)
    expect_equal(check_bundle(data, world.keys["alice"], image.digest), {}, "predicate")
    # The bytes themselves: no white space, members in the order of the definition, nothing that is empty.
    value = json.loads(data)
    expect_equal(compact(value), data, "the bundle's bytes")
    expect_equal(list(value), ["mediaType", "verificationMaterial", "dsseEnvelope"], "order")
    for other in ("bob", "desk"):
        try:
            check_bundle(data, world.keys[other], image.digest)
        except Invalid:
            continue
        raise AssertionError("another key verifies it")
    world.sign(image, key="bob")
    expect_equal(len(referrers(world, image)), 2, "referrers after a second signature")
    index = world.server.push_index("free/signed", "index", [image, world.server.push_image("free/signed", "second")])
    ((name, _),) = world.sign(index)
    check_bundle(read_referrer(world, index, name, SIGN_TYPE), world.keys["alice"], index.digest)


@case("form: cairn attest, each type")
def attested(world):
    image = world.server.push_image("free/attested")
    for kind, predicate in PREDICATES.items():
        path = world.folder / f"{kind}.json"
        # With white space and an order of its own, which are the maker's.
        text = json.dumps(predicate, indent=2, ensure_ascii=False)
        path.write_text(text)
        stored = world.sign(image, "--type", kind, "--predicate", path, command="attest")
        data = read_referrer(world, image, stored[0][0], TYPES[kind])
        read = check_bundle(data, world.keys["alice"], image.digest, TYPES[kind])
        expect_equal(read, predicate, f"predicate of {kind}")
    address = "https://example.org/checked/v2"
    ((name, _),) = world.sign(image, "--type", address, "--predicate", world.folder / "custom.json", command="attest")
    check_bundle(read_referrer(world, image, name, address), world.keys["alice"], image.digest, address)
    (world.folder / "bad.json").write_text("[1]")
    for kind, file in [("custom", "bad.json"), ("nonsense", "custom.json"), ("custom", "missing.json")]:
        world.cairn("attest", image.by_digest, "--key", world.keys["alice"].path, "--type", kind,
                    "--predicate", world.folder / file, expects=2)
    expect_equal(len(referrers(world, image)), len(PREDICATES) + 1, "referrers")
    return f"{len(PREDICATES)} types and an address"


@case("form: tags .sig and .att of cosign's older form")
def legacy(world):
    image = world.server.push_image("free/legacy")
    stored = world.sign(image, "--legacy-tag")
    base = image.digest.replace(":", "-")
    expect_equal([tag for _, tag in stored], [None, f"{base}.sig"], "tags")

    def layers(suffix):
        reply = world.server.get("free/legacy", base + suffix)
        expect_equal((reply.status, reply.header("content-type")), (200, IMAGE), f"GET of {suffix}")
        document = parse(reply.body)
        expect_equal((document["schemaVersion"], document["mediaType"]), (2, IMAGE), "head")
        expect_equal(document["config"]["mediaType"], "application/vnd.oci.image.config.v1+json", "type of the config")
        target = f"/v2/free/legacy/blobs/{document['config']['digest']}"
        identifiers = json.loads(world.server.call("GET", target).body)["rootfs"]["diff_ids"]
        expect_equal(identifiers, [layer["digest"] for layer in document["layers"]], "diff_ids")
        return [
            (layer, world.server.call("GET", f"/v2/free/legacy/blobs/{layer['digest']}").body)
            for layer in document["layers"]
        ]

    ((layer, payload),) = layers(".sig")
    expect_equal(payload, simple_signing(image.digest, f"{image.host}/free/legacy"), "payload")
    expect_equal((layer["mediaType"], list(layer["annotations"])), (SIMPLE_SIGNING, [SIGNATURE]), "layer")
    world.keys["alice"].check(decode(layer["annotations"][SIGNATURE]), payload)
    world.sign(image, "--legacy-tag", key="bob")
    second = layers(".sig")
    expect_equal(len(second), 2, "layers after a second signature")
    world.keys["bob"].check(decode(second[1][0]["annotations"][SIGNATURE]), second[1][1])
    file = world.folder / "predicate.json"
    for kind in ("spdx", "vuln"):
        file.write_text(json.dumps(PREDICATES[kind]))
        world.sign(image, "--legacy-tag", "--type", kind, "--predicate", file, command="attest")
    for kind, (layer, data) in zip(("spdx", "vuln"), layers(".att")):
        expect_equal(layer["mediaType"], ENVELOPE, "media type of an attestation")
        expect_equal(layer["annotations"], {SIGNATURE: "", "predicateType": TYPES[kind]}, "annotations")
        payload = check_envelope(parse(data), world.keys["alice"])
        expect_equal(check_statement(payload, image.digest, TYPES[kind]), PREDICATES[kind], "predicate")
    # The tags are attachments, so skopeo copies them as images.
    world.skopeo_pull(f"free/legacy:{base}.sig", f"dir:{world.scratch('legacy-copy')}")


def accepted_forms(key, image):
    """Signatures that cosign makes, each with a function that attaches it."""
    lenient = envelope(key, compact(statement(image.digest)))
    unpadded = {**lenient, "payload": lenient["payload"].rstrip("=").replace("+", "-").replace("/", "_")}
    named = bundle(key, image.digest)
    named["dsseEnvelope"]["signatures"][0]["keyid"] = key.hint
    logged = bundle(key, image.digest)
    logged["verificationMaterial"]["tlogEntries"] = []
    spaced = json.dumps(bundle(key, image.digest), indent=2).encode()
    capital = simple_signing(image.digest, "r.example/a").replace(b"docker-manifest", b"Docker-manifest")
    optional = simple_signing(image.digest, "r.example/a").replace(b"null}", b'{"creator":"ci","timestamp":1}}')
    v01 = compact({**statement(image.digest), "_type": "https://in-toto.io/Statement/v0.1"})
    older = {**bundle(key, image.digest), "dsseEnvelope": envelope(key, v01)}
    yield "a bundle", lambda server: server.attach_signature(image, key)
    yield "a bundle without a hint", lambda server: server.attach_signature(image, key, hint="")
    yield "a bundle with a key id", lambda server: server.attach(image, named)
    yield "a bundle with empty lists", lambda server: server.attach(image, logged)
    yield "a bundle with white space", lambda server: server.attach(image, spaced)
    yield "a statement of version 0.1", lambda server: server.attach(image, older)
    yield "a payload under .sig", lambda server: server.attach_layers(image, ".sig", [signature_layer(key, image)])
    yield "a payload of the document", lambda server: server.attach_layers(
        image, ".sig", [signature_layer(key, image, capital)])
    yield "a payload with more in it", lambda server: server.attach_layers(
        image, ".sig", [signature_layer(key, image, optional)])
    yield "an envelope under .att", lambda server: server.attach_layers(
        image, ".att", [(compact(lenient), ENVELOPE, {SIGNATURE: "", "predicateType": SIGN_TYPE})])
    yield "an envelope in base64 for URLs", lambda server: server.attach_layers(
        image, ".att", [(compact(unpadded), ENVELOPE, {})])


@case("form: Python's signatures, Ed25519 and ECDSA, are accepted by cairn verify and by the policy")
def accepted(world):
    count = 0
    for owner in ("alice", "desk"):
        key = world.keys[owner]
        source = world.server.push_image("free/forms", owner)
        for number, (name, _) in enumerate(accepted_forms(key, source)):
            for repository in (f"free/forms/{owner}{number}", f"signed/forms/{owner}{number}"):
                image = world.server.copy(source, repository)
                # A second pass of the generator, for this repository.
                dict(accepted_forms(key, image))[name](world.server)
                if repository.startswith("signed"):
                    expect_equal(world.server.get(repository, "v1").status, 200, f"GET with {name} by {owner}")
                else:
                    done = world.cairn("verify", image.by_tag(), "--key", key.public)
                    expect("signed: by" in done.stdout, f"{name} by {owner}: {done.stdout}")
                count += 1
    return f"{count} verifications"


@case("form: cairn verify refuses each kind of alteration")
def altered(world):
    count = 0
    for owner in ("alice", "desk"):
        key = world.keys[owner]
        source = world.server.push_image("free/altered", owner)
        kinds = dict(wrong_signatures(key, source))
        if owner == "desk":
            # These are of the length of an Ed25519 signature: in DER the last byte may lie elsewhere.
            kinds = {name: value for name, value in kinds.items() if "byte" not in name}
        for number, (name, value) in enumerate(kinds.items()):
            image = world.server.copy(source, f"free/altered/{owner}{number}")
            world.server.attach(image, value)
            done = world.cairn("verify", image.by_tag(), "--key", key.public, expects=POLICY)
            expect("is not signed by the given keys" in done.stderr, f"{name} by {owner}: {done.stderr}")
            count += 1
    return f"{count} kinds"


@case("form: no single byte of a bundle, a payload or a signature can be another")
def every_byte(world):
    image = world.server.push_image("signed/bytes")
    key = world.keys["alice"]
    data = compact(bundle(key, image.digest))
    payload, media_type, annotations = signature_layer(key, image)
    signature = annotations[SIGNATURE]
    variants = []
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 3
        variants.append((bytes(changed), BUNDLE, {}))
    for position in range(0, len(payload), 5):
        changed = bytearray(payload)
        changed[position] ^= 1 << position % 3
        variants.append((bytes(changed), media_type, annotations))
    for position in range(0, 64, 3):
        changed = bytearray(decode(signature))
        changed[position] ^= 1 << position % 8
        variants.append((payload, media_type, {SIGNATURE: encode(bytes(changed))}))
    accepted = []
    for changed, kind, notes in variants:
        if kind == BUNDLE and is_same_bundle(changed, key, image):
            continue
        if kind == BUNDLE:
            stored = world.server.attach(image, changed)
        else:
            stored = world.server.attach_layers(image, ".sig", [(changed, kind, notes)])
        if world.server.get("signed/bytes", "v1").status != 403:
            accepted.append((changed, notes))
        world.server.get("signed/bytes", stored, method="DELETE")
    expect_equal(accepted, [], "altered signatures that were accepted")
    world.server.attach(image, data)
    world.flows(image)
    return f"{len(variants)} alterations"


def is_same_bundle(data, key, image):
    """Whether an altered bundle still says the same: the second implementation decides."""
    try:
        check_bundle(data, key, image.digest)
    except (Invalid, KeyError, TypeError):
        return False
    return True


@case("form: what is signed with another algorithm or curve counts for nothing")
def other_algorithms(world):
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    image = world.server.push_image("free/algorithms")
    for number, private in enumerate([
        ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ]):
        key = Key(private).save(world.folder / "keys" / f"other{number}")
        done = world.cairn("verify", image.by_tag(), "--key", key.public, expects=None)
        expect(done.returncode in (2, POLICY), f"exit {done.returncode}: {done.stderr}")
    # A signature over the right bytes, whose statement is of a type that nobody asked for.
    payload = compact({**statement(image.digest), "_type": "https://example.org/Statement"})
    key = world.keys["alice"]
    world.server.attach(image, {**bundle(key, image.digest), "dsseEnvelope": envelope(key, payload, IN_TOTO)})
    world.cairn("verify", image.by_tag(), "--key", world.keys["alice"].public, expects=POLICY)
