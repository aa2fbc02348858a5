# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of tools/web-e2e: what a browser says of every page, and what the server says without one."""

import http.client
import json
import sqlite3
import statistics
import time
import zipfile

import environments
from access_server import SecureServer, basic
from access_world import make_certificate
from bench_client import Connection, push_image
from bench_fill import fill
from e2e_cases import Failure, Skip, case, expect, expect_equal
from e2e_server import Server
from web_browser import Browser, find
from web_world import NASTY

WIDTHS = [(360, 740), (1440, 900)]
POLICY = ("default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
          "base-uri 'none'")
# Errors and breaches of the policy that the browser has to notice.
PLANTED = [
    "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">'); 0",
    "document.body.append(Object.assign(new Image(), {src: 'https://git.example/a.png'})); 0",
    "setTimeout(() => { throw new Error('planted') }); 0",
]
# What a busy browser may take to say or do something.
LATE_SECONDS = 30
LOADS = 20
LIMIT_MILLISECONDS = 100
TAGS = 100_000


def browser(world):
    """The browser of this run, started at its first use."""
    if world.browser is None:
        binary = find()
        if binary is None:
            raise Skip("there is no Chromium, and none could be installed")
        world.browser = Browser(binary, world.folder)
    return world.browser


def every_page(world, look):
    """Runs `look(name, url, status)` for all pages; what it returns is what is wrong."""
    found = []
    for name, (path, status) in world.pages().items():
        found += [f"{name}: {problem}" for problem in look(name, f"http://{world.host}{path}", status)]
    expect(not found, "\n      ".join(found[:20]))
    return f"{len(world.pages())} pages"


@case("every page loads without an error or a breach of its policy")
def loads(world):
    view = browser(world)
    view.size(1440)

    def look(_, url, wanted):
        status = view.open(url)
        styled = view.evaluate("document.styleSheets.length === 1 && document.styleSheets[0].cssRules.length > 40")
        # What the browser finds late has come once it has answered a question.
        problems = view.complaints(wanted)
        if status != wanted:
            problems.append(f"status {status}, not {wanted}")
        if not styled:
            problems.append("the stylesheet is not in force")
        return problems

    note = every_page(world, look)
    # It can find something.
    for breach in PLANTED:
        view.open(f"http://{world.host}/ui/")
        expect_equal(view.complaints(), [], "complaints before a breach is planted")
        view.evaluate(breach)
        deadline = time.monotonic() + LATE_SECONDS
        while not view.complaints() and time.monotonic() < deadline:
            view.evaluate("new Promise(done => setTimeout(done, 200))")
        expect(view.complaints(), f"the browser does not complain of {breach}")
    return note


@case("nothing that others wrote runs, or becomes more than text")
def hostile(world):
    view = browser(world)

    def look(_, url, __):
        view.open(url)
        problems = []
        if view.evaluate("window.pwned === undefined && document.scripts.length === 0") is not True:
            problems.append("a script is there, or has run")
        strange = view.evaluate(
            "[...document.querySelectorAll('a[href], area, form, iframe, object, embed, img, svg a')].filter(one => {"
            " const to = one.getAttribute('href') || one.getAttribute('action') || '';"
            " if (to.startsWith('/') && !to.startsWith('//') || to.startsWith('#')) return false;"
            " return !(to.startsWith('https://git.example/') && one.rel.includes('noreferrer')); })"
            ".map(one => one.outerHTML.slice(0, 200))"
        )
        problems += [f"an element of others: {text}" for text in strange]
        handlers = view.evaluate(
            "[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames().filter("
            "name => name.startsWith('on') || name === 'style' || name === 'autofocus'))"
        )
        problems += [f"an attribute of others: {name}" for name in handlers]
        if view.evaluate("document.querySelectorAll('h1').length") != 1:
            problems.append("it has not one heading of the first order")
        return problems

    every_page(world, look)
    view.open(f"http://{world.host}/ui/repositories/nasty/app/-/v1")
    text = view.evaluate("document.body.textContent")
    shown = [part for part in NASTY if "\u202e" not in part and part not in text]
    expect(not shown, f"what was written is not shown as it was: {shown}")


@case("every link and field is reached by the Tab key, and shows it")
def keyboard(world):
    view = browser(world)
    view.size(1440)

    def look(_, url, __):
        view.open(url)
        missed, bare = view.walk()
        return [f"not reached: {one}" for one in missed[:3]] + [f"no focus to be seen: {one}" for one in bare[:3]]

    return every_page(world, look)


@case("the first stop of the Tab key leads to the content")
def skip_link(world):
    view = browser(world)
    view.size(360, 740)
    view.open(f"http://{world.host}/ui/")
    view.press("Tab", 9)
    expect_equal(view.evaluate("document.activeElement.className"), "skip", "the first element")
    view.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    view.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    deadline = time.monotonic() + LATE_SECONDS
    while not view.evaluate("location.hash") and time.monotonic() < deadline:
        time.sleep(0.1)
    expect_equal(view.evaluate("location.hash"), "#main", "where it leads")


@case("no page is wider than a phone or a screen")
def width(world):
    view = browser(world)

    def look(_, url, __):
        problems = []
        for pixels, height in WIDTHS:
            view.size(pixels, height)
            view.open(url)
            wide = view.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
            if wide > pixels:
                culprit = view.evaluate(
                    "[...document.querySelectorAll('main *, header *, footer *')].find(one => "
                    "one.getBoundingClientRect().right > innerWidth + 1)?.outerHTML.slice(0, 160)"
                )
                problems.append(f"{wide} pixels at {pixels}: {culprit}")
        return problems

    return every_page(world, look)


def checker():
    """The text of axe-core, of a package that bundles it."""
    with zipfile.ZipFile(environments.checker()) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith("axe.min.js"))
        return wheel.read(name).decode()


@case("an accessibility checker finds nothing, in light and in dark")
def accessible(world):
    source, view = checker(), browser(world)

    def look(_, url, __):
        problems = []
        for scheme, (pixels, height) in (("light", WIDTHS[0]), ("light", WIDTHS[1]), ("dark", WIDTHS[1])):
            view.size(pixels, height, scheme)
            view.open(url)
            view.evaluate(source + "; 0")
            found = json.loads(view.evaluate(
                "axe.run(document, {resultTypes: ['violations']}).then(result => JSON.stringify("
                "{ran: result.passes.length, found: result.violations.map(one => [one.id, one.nodes.length,"
                " one.nodes[0].html.slice(0, 160), one.nodes[0].failureSummary.slice(0, 300)])}))"
            ))
            problems += [f"{scheme} {pixels}: {one}" for one in found["found"]]
            if found["ran"] < 5:
                problems.append("the checker has not looked")
        return problems

    note = every_page(world, look)
    # It can find something.
    view.open(f"http://{world.host}/ui/")
    view.evaluate("document.querySelector('html').removeAttribute('lang'); 0")
    view.evaluate(source + "; 0")
    count = view.evaluate("axe.run(document).then(result => result.violations.length)")
    expect(count > 0, "the checker finds nothing on a page without a language")
    return f"{note}, axe-core {view.evaluate('axe.version')}"


@case("pictures at 360 and 1440 pixels")
def pictures(world):
    view = browser(world)
    if world.pictures is None:
        raise Skip("--pictures DIR keeps them")
    world.pictures.mkdir(parents=True, exist_ok=True)
    for name, (path, _) in world.pages().items():
        for scheme in ("light", "dark"):
            for pixels, height in WIDTHS:
                view.size(pixels, height, scheme)
                view.open(f"http://{world.host}{path}")
                view.picture(world.pictures / f"{name}-{pixels}-{scheme}.png")
    return str(world.pictures)


@case("without a browser: headers, HEAD, methods, and the root")
def headers(world):
    for name, (path, status) in world.pages().items():
        reply = world.server.call("GET", path)
        expect_equal(reply.status, status, f"GET {path}")
        expect_equal(reply.header("content-security-policy"), POLICY, f"policy of {name}")
        expect_equal(reply.header("cache-control"), "no-store", f"caching of {name}")
        expect_equal(reply.header("x-content-type-options"), "nosniff", name)
        expect_equal(reply.header("referrer-policy"), "no-referrer", name)
        expect_equal(world.server.call("HEAD", path).status, status, f"HEAD {path}")
        if status == 200:
            expect_equal(world.server.call("POST", path).status, 405, f"POST {path}")
    reply = world.server.call("GET", "/", ("Accept", "text/html,application/xhtml+xml"))
    expect_equal((reply.status, reply.header("location")), (302, "/ui/"), "GET / by a browser")
    expect_equal(world.server.call("GET", "/").status, 404, "GET / by anything else")


@case("a page shows what the API tells: verdicts, reports, places, pins, history and plans")
def content(world):
    page = world.server.call("GET", "/ui/repositories/shop/web/-/2.0.0").body.decode()
    for words in ("warnings", "satisfied", "SBOM", "cyclonedx, 214 parts", "Vulnerability report", "42 found",
                  "2 critical", "CVE-2026-0000", "prod", "web-4", "the release of May", "linux/amd64",
                  "History of the tag", "Proof from the log"):
        expect(words in page, f"the image's page lacks {words!r}")
    refused = world.server.call("GET", "/ui/repositories/strict/app/-/v1").body.decode()
    expect("refused" in refused and "keeps the image back" in refused, "a refused image is shown")
    expect("layer 1" not in refused, "the contents of a refused image are shown")
    held = world.server.call("GET", "/ui/repositories/free/tool/-/v1").body.decode()
    expect("quarantined" in held and "&lt;script&gt;" in held and "layer 1" not in held, "a held image is shown")
    run = world.server.call("GET", f"/ui/retention/{world.run}").body.decode()
    expect("builds" in run and "goes" in run, "the plan does not say why")
    proof = world.server.call("GET", "/ui/repositories/shop/web/-/2.0.0/proof")
    expect(proof.body.startswith(b"c2sp.org/tlog-proof"), f"the proof is none: {proof.body[:80]!r}")


@case("access: pages show and refuse what the API does")
def access(world):
    folder = world.folder / "access"
    folder.mkdir()
    certificate, key = make_certificate(world.binary, folder / "tls")
    server = SecureServer(
        world.binary, folder,
        f"tls:\n  certificate: {certificate}\n  key: {key}\n"
        "access:\n  service: cairn\n  htpasswd: htpasswd\n  robots: robots.json\n  token-keys: token-keys.json\n"
        "  rules:\n"
        "    - {name: all, allow: \"*\", who: [\"user:alice\"]}\n"
        "    - {name: team, allow: [pull, push], who: [\"user:bob\"], repositories: [\"team/**\"]}\n"
        "    - {name: open, allow: [pull], who: [\"*\"], repositories: [\"open/**\"]}\n", certificate)
    for name in ("alice", "bob"):
        server.set_user(name, f"the password of {name}")
    server.start()
    try:
        alice, bob = (basic(name, f"the password of {name}") for name in ("alice", "bob"))
        for repository in ("team/app", "open/app", "secret/app"):
            server.push_image(alice, repository, "v1")
        pages = {
            "/ui/": (200, 200, 200), "/ui/repositories/open/app": (200, 200, 200),
            "/ui/repositories/open/app/-/v1": (200, 200, 200), "/ui/repositories/team/app": (401, 200, 200),
            "/ui/repositories/team/app/-/v1": (401, 200, 200), "/ui/repositories/team/app/-/v1/proof": (401, 200, 200),
            "/ui/repositories/secret/app": (401, 403, 200), "/ui/repositories/secret/app/-/v1": (401, 403, 200),
            "/ui/repositories/secret/none": (401, 403, 404), "/ui/regions": (401, 403, 200),
            "/ui/storage": (401, 403, 200), "/ui/audit": (401, 403, 200), "/ui/denials": (401, 403, 200),
            "/ui/retention": (401, 200, 200), "/ui/log": (200, 200, 200), "/ui/sign-in": (401, 302, 302),
        }
        for path, wanted in pages.items():
            got = tuple(server.call("GET", path, fields).status for fields in ((), (bob,), (alice,)))
            expect_equal(got, wanted, f"GET {path} by nobody, bob and alice")
        for fields, seen in (((), ["open"]), ((bob,), ["open", "team"]), ((alice,), ["open", "secret", "team"])):
            body = server.call("GET", "/ui/", fields).body.decode()
            names = [name for name in ("open", "secret", "team") if f"{name}/app" in body]
            expect_equal(names, seen, "the repositories of a list")
        reply = server.call("GET", "/ui/audit")
        expect_equal(reply.header("www-authenticate"), 'Basic realm="Cairn", charset="UTF-8"', "the challenge of a page")
        expect(b"<!doctype html>" in reply.body, "the refusal is no page")
        expect("Bearer" in server.call("GET", "/v2/").header("www-authenticate"), "the challenge of the API")
        expect_equal(server.call("GET", "/ui/", (basic("bob", "wrong"),)).status, 401, "a wrong password")
        body = server.call("GET", "/ui/log").body.decode()
        expect("<details>" not in body and "Entries are shown to who may audit" in body, "entries are shown to nobody")
        expect("<details>" in server.call("GET", "/ui/log", (alice,)).body.decode(), "no entries for who may audit")
        style = body.split('rel="stylesheet" href="')[1].split('"')[0]
        expect_equal(server.call("GET", style).status, 200, "the stylesheet")
    finally:
        server.stop()


@case("with 100,000 tags and 100,000 repositories a page takes less than 100 ms", slow=True)
def large(world):
    server = Server(world.binary, world.folder / "large", settings={"CAIRN_ACCESS_LOG": "false"})
    server.start()
    with Connection(server.port) as connection:
        push_image(connection, "large/app", "v1", layers=8, seed="large")
    server.stop()
    fill(server.root, "large/app", "v1", TAGS, 0)
    fill_repositories(server.root, TAGS)
    server.start()
    try:
        notes = []
        for path in ("/ui/", "/ui/?prefix=many/r09", "/ui/repositories/large/app", "/ui/repositories/large/app?after=t050000",
                     "/ui/repositories/large/app?prefix=t09", "/ui/repositories/large/app/-/t050000", "/ui/audit",
                     "/ui/log", "/ui/storage"):
            times = [load(server.port, path) for _ in range(LOADS)]
            worst, median = max(times), statistics.median(times)
            notes.append(f"{path} {median:.1f} ms (worst {worst:.1f})")
            expect(median < LIMIT_MILLISECONDS, f"{path} takes {median:.1f} ms")
        return "; ".join(notes)
    finally:
        server.stop()


def load(port, path):
    """Milliseconds of one load, on a connection of its own."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    if reply.status != 200 or b"</html>" not in body:
        raise Failure(f"GET {path}: {reply.status}")
    return (time.perf_counter() - began) * 1000


def fill_repositories(root, count):
    """Rows of repositories, each with the manifest of the first one."""
    database = sqlite3.connect(root / "meta" / "registry.db")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA foreign_keys = OFF")
    row = database.execute(
        "SELECT digest, media_type, config_type, pushed_at, touch_hlc, touch_region, payload FROM manifest LIMIT 1"
    ).fetchone()
    lease, linked = database.execute("SELECT lease_until_st, linked_at FROM repo_blob LIMIT 1").fetchone()
    first = database.execute("SELECT MAX(id) FROM repo").fetchone()[0] + 1
    database.executemany("INSERT INTO repo(id, name, tag_count) VALUES (?, ?, 0)",
                         ((first + number, f"many/r{number:06}") for number in range(count)))
    database.executemany(
        "INSERT INTO repo_blob(repo_id, digest, lease_until_st, linked_at) VALUES (?, ?, ?, ?)",
        ((first + number, row[0], lease, linked) for number in range(count)))
    database.executemany(
        "INSERT INTO manifest(repo_id, digest, media_type, config_type, depth, pushed_at, touch_hlc, touch_region, live,"
        " payload) VALUES (?, ?, ?, ?, 0, ?, ?, ?, 1, ?)",
        ((first + number, row[0], row[1], row[2], row[3], row[4], row[5], row[6]) for number in range(count)))
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
