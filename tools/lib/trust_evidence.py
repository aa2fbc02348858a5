# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of reports, provenance, inventories and age at pull: what is missing, old or by somebody else is refused."""

import time
from datetime import datetime, timedelta, timezone

from e2e_cases import case, expect, expect_equal
from e2e_http import digest
from trust_signing import BUNDLE, TYPES, bundle, compact
from trust_world import PATIENCE_SECONDS, POLICY, RIPE_SECONDS, KeptConnection

# Manifests and the layers of each: together more than one evaluation looks at.
FLOOD, FLOOD_LAYERS = 5, 250
# How long a report is still young enough: it is asked for often meanwhile. The later ones are for a busy machine.
YOUNG_SECONDS = [20, 60, 180]
WARM = 50
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SPDX = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "app", "packages": []}


def moment(**ago):
    return (datetime.now(timezone.utc) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_before(text, **span):
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(number, severity):
    return {
        "VulnerabilityID": f"CVE-2026-{number:04}", "PkgName": "libfoo", "InstalledVersion": "1.0",
        "Severity": severity,
    }


def trivy(*findings):
    return {"SchemaVersion": 2, "ArtifactName": "app", "Results": [{"Target": "os", "Vulnerabilities": list(findings)}]}


def report(*findings, scanned=None):
    """The predicate of cosign's type `vuln`."""
    scanned = scanned or moment(minutes=5)
    return {
        "invocation": {}, "scanner": {"uri": "pkg:trivy", "version": "0.60", "result": trivy(*findings)},
        "metadata": {"scanStartedOn": scanned, "scanFinishedOn": scanned},
    }


def provenance(builder="https://ci.example/runner/1", source="https://git.example/team/app", built=None, ref="main"):
    """The predicate of SLSA's provenance 1."""
    return {
        "buildDefinition": {
            "buildType": "https://ci.example/build", "externalParameters": {},
            "resolvedDependencies": [
                {"uri": f"git+{source}@refs/heads/{ref}", "digest": {"gitCommit": COMMIT}},
            ],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"finishedOn": built or moment(hours=1)}},
    }


def attest(world, image, kind, predicate, key):
    return world.server.attach(image, bundle(world.keys[key], image.digest, TYPES[kind], predicate))


def stepwise(world, image, steps, tag="v1", key="scanner", kind="vuln"):
    """Attaches one after the other; each must leave the image refused for the reason given."""
    for words, predicate, *other in steps:
        stored = attest(world, image, kind, predicate, *(other or [key]))
        world.refused(image, words, tag=tag)
        # Taken away again, so that what is left does not give the next reason.
        expect_equal(world.server.get(image.repository, stored, method="DELETE").status, 202, "DELETE of evidence")


@case("policy: expired waiver")
def waiver(world):
    image = world.server.push_image("scanned/waived")
    attest(world, image, "vuln", report(finding(1, "HIGH"), finding(2, "CRITICAL")), "scanner")
    world.refused(image, "CVE-2026-0001 (high) in libfoo 1.0, whose waiver ended at 2026-02-01T00:00:00Z",
                  clients=("skopeo",))
    attest(world, image, "vuln", report(finding(2, "CRITICAL"), scanned=moment(minutes=1)), "scanner")
    world.flows(image, clients=("skopeo",))


@case("policy: a vulnerability above the limit")
def severe(world):
    image = world.server.push_image("scanned/severe")
    stepwise(world, image, [
        ("1 vulnerabilities are above medium: CVE-2026-0009 (high) in libfoo 1.0", report(finding(9, "HIGH"))),
        ("CVE-2026-0009 (critical)", report(finding(3, "LOW"), finding(9, "CRITICAL"))),
        ("CVE-2026-0009 (unknown)", report(finding(9, "UNKNOWN"))),
    ])
    attest(world, image, "vuln", report(finding(9, "HIGH"), scanned=moment(minutes=2)), "scanner")
    # An older report that is clean does not outweigh a newer one.
    attest(world, image, "vuln", report(scanned=moment(minutes=30)), "scanner")
    world.refused(image, "CVE-2026-0009", clients=("skopeo",))
    attest(world, image, "vuln", report(finding(4, "MEDIUM"), scanned=moment(seconds=30)), "scanner")
    world.flows(image, clients=("skopeo",))


@case("policy: report missing, unparsable, stale, from the future, or by an untrusted key")
def reports(world):
    image = world.server.push_image("scanned/reports")
    world.refused(image, "no report on vulnerabilities counts", clients=("skopeo",))
    stepwise(world, image, [
        ("lacks 'scanner' or 'metadata'", {"scanner": {"result": trivy()}}),
        ("is of no form that is known", {**report(), "scanner": {"result": {"findings": []}}}),
        ("is no severity", report(finding(5, "HARMLESS"))),
        ("it does not say when the scan was", {**report(), "metadata": {}}),
        ("more than 86400 seconds old", report(scanned=moment(hours=25))),
        ("which is to come", report(scanned=moment(hours=-2))),
        ("no key that may count signed it", report(), "mallory"),
        ("no key that may count signed it", report(), "alice"),
    ])
    # Reports that are not signed at all.
    sarif = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "trivy"}}, "results": []}]}
    world.server.attach(image, sarif, "application/sarif+json")
    world.refused(image, "no report on vulnerabilities counts")
    # A report on another image.
    other = world.server.push_image("scanned/other")
    world.server.attach(image, bundle(world.keys["scanner"], other.digest, TYPES["vuln"], report()))
    world.refused(image, f"it is about another image, {other.digest}")
    attest(world, image, "vuln", report(), "scanner")
    world.flows(image, clients=("skopeo",))


@case("policy: a report that grows old closes the image, on a warm connection too")
def ages(world):
    for seconds in YOUNG_SECONDS:
        image = world.server.push_image("scanned/ages")
        until = moment(seconds=-seconds)
        attest(world, image, "vuln", report(scanned=moment_before(until, hours=24)), "scanner")
        allowed, took = closes(world, image, until)
        world.refused(image, "more than 86400 seconds old")
        if allowed >= WARM:
            return f"allowed {allowed} times until {until}, refused to who asked {took:.2f} s later"
    raise AssertionError(f"only {allowed} answers came while a report was young, for {YOUNG_SECONDS} s")


def closes(world, image, until):
    """Asks until the image is refused: how often it was allowed before, and how late the last question was."""
    end = datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp()
    explained = world.explained(image)["rules"][0]["requirements"][0].get("valid_until")
    if time.time() < end:
        expect_equal(str(explained).replace(".000Z", "Z"), until, "the end of the report, as explained")
    allowed = 0
    with KeptConnection(world.server, image, "v1", times=0) as connection:
        connection.connection.socket.settimeout(PATIENCE_SECONDS)
        while True:
            sent = time.time()
            status = connection.ask().status
            # Between the two either is right.
            if time.time() < end:
                expect_equal(status, 200, "the answer while the report is young enough")
                allowed += 1
            elif sent >= end:
                expect_equal(status, 403, f"the answer to a question {sent - end:.2f} s after the end of the report")
                return allowed, sent - end
            time.sleep(0.01)


@case("policy: provenance missing, by another builder, of another source, too old, by another key")
def built(world):
    image = world.server.push_image("built/app")
    world.refused(image, "no provenance is as asked for", clients=("skopeo",))
    stepwise(world, image, [
        ("the builder is 'https://ci.example.evil/runner/1'", provenance(builder="https://ci.example.evil/runner/1")),
        ("the source is 'https://git.example/other/app'", provenance(source="https://git.example/other/app")),
        ("the source is 'https://git.example/team/app/fork'", provenance(source="https://git.example/team/app/fork")),
        ("more than 2592000 seconds old", provenance(built=moment(days=31))),
        ("which is to come", provenance(built=moment(hours=-2))),
        ("it does not say when the build ended", {**provenance(), "runDetails": {"builder": {
            "id": "https://ci.example/runner/1"}}}),
        ("lacks 'buildDefinition' or 'runDetails.builder'", {"builder": {"id": "https://ci.example/runner/1"}}),
        ("no key that may count signed it", provenance(), "mallory"),
        ("no key that may count signed it", provenance(), "scanner"),
    ], key="builder", kind="slsaprovenance")
    # What says so under another type is no provenance.
    attest(world, image, "custom", provenance(), "builder")
    world.refused(image, "no provenance is as asked for")
    attest(world, image, "slsaprovenance", provenance(), "builder")
    world.flows(image, clients=("skopeo",))


@case("policy: a tag that disagrees with the provenance's revision")
def tagged(world):
    server = world.server
    image = server.push_image("tagged/app", "v1.0")
    attest(world, image, "slsaprovenance", provenance(ref="release/2"), "builder")
    # By digest no tag is claimed.
    world.flows(image, tag=None)
    world.refused_tag(image, "v1.0", "the tag 'v1.0' is not what was built", ("skopeo", "podman"))
    for tag in ("release-2", COMMIT, COMMIT[:7], f"sha-{COMMIT[:12]}"):
        server.call("PUT", f"/v2/tagged/app/manifests/{tag}", ("Content-Type", image.media_type), body=image.data)
        world.flows(image, tag=tag)
    for tag in ("release", COMMIT[:6], "sha-0000000", "main"):
        server.call("PUT", f"/v2/tagged/app/manifests/{tag}", ("Content-Type", image.media_type), body=image.data)
        world.refused_tag(image, tag, f"the tag '{tag}' is not what was built")
    world.pull("skopeo", image, "release-2")


@case("policy: SBOM missing, of another form, no inventory at all, by another key")
def inventory(world):
    image = world.server.push_image("listed/app")
    world.refused(image, "no inventory is as asked for", clients=("skopeo",))
    stepwise(world, image, [
        ("it is no inventory of the form that it claims", {"packages": []}),
        ("no key that may count signed it", SPDX, "mallory"),
    ], key="builder", kind="spdx")
    cyclonedx = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
    stepwise(world, image, [("it is of the form cyclonedx", cyclonedx)], key="builder", kind="cyclonedx")
    world.server.attach(image, SPDX, "application/spdx+json")
    world.refused(image, "no inventory is as asked for")
    attest(world, image, "spdx", SPDX, "builder")
    world.flows(image, clients=("skopeo",))


@case("policy: minimum age not reached")
def ripe(world):
    began = time.monotonic()
    image = world.server.push_image("ripe/app")
    world.refused(image, "and is old enough at", clients=("skopeo",))
    with KeptConnection(world.server, image, "v1", times=5) as connection:
        expect_equal(set(connection.seen), {403}, "answers before")
        connection.eventually(200, RIPE_SECONDS + 5)
    took = time.monotonic() - began
    # The registry counts whole seconds, from the one in which the push came.
    expect(took > RIPE_SECONDS - 1, f"it was let go after {took:.1f} s")
    world.flows(image, clients=("skopeo",))
    return f"after {took:.1f} s"


@case("policy: a flood of attachments hides no newer report")
def flood(world):
    image = world.server.push_image("scanned/flood")
    free = world.server.copy(image, "free/flood")
    # The digests that come first are looked at first: the clean report is made to, and the bad one not.
    clean = bundle(world.keys["scanner"], image.digest, TYPES["vuln"], report(scanned=moment(hours=2)))
    bad = bundle(world.keys["scanner"], image.digest, TYPES["vuln"], report(finding(9, "CRITICAL")))
    for one in (image, free):
        attach_numbered(world.server, one, clean, lambda name: name < "sha256:1")
        attach_numbered(world.server, one, bad, lambda name: name > "sha256:c")
    world.refused(image, "CVE-2026-0009")
    for number in range(FLOOD):
        for one in (image, free):
            attach_numbered(
                world.server, one, {"junk": number}, lambda name: "sha256:1" < name < "sha256:c", FLOOD_LAYERS)
    served = {tag: world.server.get("scanned/flood", tag).status for tag in ("v1", image.digest)}
    # The agent's own check of the same, where no rule of the registry binds.
    policy = world.folder / "flood-policy.yml"
    policy.write_text(
        "keys: {scanner: keys/scanner.pub}\nrules:\n  - repositories: ['**']\n    enforce: pull\n    require:\n"
        "      - vulnerabilities: {keys: [scanner], max-severity: medium, max-age: 24h}\n")
    served["agent"] = world.cairn("verify", free.by_tag(), "--policy", policy, expects=None).returncode
    expect_equal(served, {"v1": 403, image.digest: 403, "agent": POLICY}, "GET, and the status of the agent's check")
    return f"{FLOOD * FLOOD_LAYERS} attachments"


def attach_numbered(server, image, data, wanted, times=1):
    """Attaches a bundle by a manifest whose digest is in some range."""
    for number in range(10_000):
        annotations = {"number": str(number)}
        if wanted(digest(compact(server.referrer(image, compact(data), BUNDLE, annotations, times)))):
            return server.attach(image, data, annotations=annotations, times=times)
    raise AssertionError("no digest is in the range")
