# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What was told to the registry, as those who told it know: the record of the registry is held against it.

Each entry has the time before it was told for the first time and the time when it was acknowledged."""

import json
import threading
import time
import urllib.parse
from collections import Counter, defaultdict
from datetime import datetime

from e2e_cases import Failure, expect, expect_equal
from release_oracle import Oracle

# Clocks are read in whole milliseconds.
MARGIN = 2
FIGURES = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m10"]
PRODUCTION = ["prod"]
LOGGED_MILLISECONDS = 7 * 86_400_000


def now():
    return time.time_ns() // 1_000_000


def milliseconds(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Journal:
    def __init__(self):
        self.entries = []
        self.lock = threading.Lock()
        # Reports that were sent more than once, and those of them that had been recorded before their answer was lost.
        self.repeated = self.unheard = 0

    def add(self, begun, fact):
        with self.lock:
            self.entries.append((begun, now(), {key: value for key, value in fact.items() if value is not None}))

    def count(self, sent, recorded=True):
        with self.lock:
            self.repeated += sent > 1
            self.unheard += not recorded

    # What agents say over HTTP. `tell` repeats until there is an answer, and says how often it was sent.

    def step(self, tell, phase, **step):
        begun = now()
        body = {
            "image": {"repository": step["repository"], "digest": step["digest"]}, "phase": phase,
            "env": step["environment"], "deployment": step["deployment"],
        }
        for key, member in (("service", "service"), ("target", "target"), ("configuration", "config")):
            if step.get(key):
                body[member] = step[key]
        (status, _, answer), sent = tell("POST", "/api/v1/rollouts", body)
        expect_equal(status, 200, f"'{phase}' of {step}: {answer[:300]}")
        recorded = json.loads(answer)["recorded"]
        # What was sent once and is not recorded was told before, and no agent here does that.
        expect(recorded or sent > 1, f"'{phase}' of {step} was said before")
        self.count(sent, recorded)
        self.add(begun, {"kind": "step", "phase": phase, **step})

    def running(self, tell, expires, **report):
        begun = now()
        body = {
            "image": {"repository": report["repository"], "digest": report["digest"]}, "env": report["environment"],
            "target": report["target"], "expires": expires,
        }
        for key, member in (("service", "service"), ("deployment", "deployment"), ("configuration", "config")):
            if report.get(key):
                body[member] = report[key]
        (status, _, answer), sent = tell("POST", "/api/v1/deployments", body)
        expect_equal(status, 200, f"a report of {report}: {answer[:300]}")
        self.count(sent)
        until = milliseconds(json.loads(answer)["stale_at"])
        self.add(begun, {"kind": "running", "running": True, "until": until, **report})

    def ended(self, tell, **report):
        begun = now()
        query = {
            "repository": report["repository"], "env": report["environment"], "target": report["target"],
            "service": report["service"], "digest": report["digest"],
        }
        (status, _, answer), sent = tell("DELETE", f"/api/v1/deployments?{urllib.parse.urlencode(query)}")
        # Where the first answer was lost, nothing is reported there any more.
        expect(status == 204 or (sent > 1 and status in (404, 409)), f"an end of {report}: {status} {answer[:300]}")
        self.count(sent)
        self.add(begun, {"kind": "running", "running": False, **report})


def record(region, repository=None):
    """All entries of the release record in the order of their times, in the form of the oracle."""
    path = "/api/v1/releases?n=1000" + (f"&repository={repository}" if repository else "")
    rows = region.listed(path, "releases")
    rows.sort(key=lambda row: (milliseconds(row["time"]), row["id"]))
    return [entry_of(row) for row in rows]


def entry_of(row):
    entry = {"time": milliseconds(row["time"]), "repository": row["repository"], "kind": row["kind"]}
    for key, member in (
        ("digest", "digest"), ("environment", "env"), ("service", "service"), ("target", "target"),
        ("deployment", "deployment"), ("phase", "phase"), ("configuration", "config"), ("reporter", "reporter"),
        ("from", "from"), ("source", "source"), ("revision", "revision"), ("builder", "builder"), ("build", "build"),
    ):
        if member in row:
            entry[key] = row[member]
    if row["kind"] in ("running", "ended"):
        entry.update(kind="running", running=row["kind"] == "running", until=milliseconds(row["until"]))
    if row["kind"] == "build":
        entry["succeeded"] = row["outcome"] == "succeeded"
    return entry


def told(fact):
    """What of an entry its teller knows."""
    left_out = {"time", "reporter", "until"}
    if fact["kind"] == "running" and not fact["running"]:
        left_out |= {"deployment", "configuration"}
    return tuple(sorted((key, value) for key, value in fact.items() if key not in left_out))


def match(entries, journal):
    """Everything that was told is in the record, once, at the time when it was told; and nothing else is."""
    said, kept = defaultdict(list), defaultdict(list)
    for begun, done, fact in journal:
        said[told(fact)].append((begun, done))
    for entry in entries:
        kept[told(entry)].append(entry["time"])
    lost = Counter({key: len(value) for key, value in said.items()})
    lost.subtract({key: len(value) for key, value in kept.items()})
    wrong = [f"{'lost' if count > 0 else 'not told, or doubled'}: {dict(key)}" for key, count in lost.items() if count]
    expect(not wrong, f"{len(wrong)} entries differ from what was told: {wrong[:3]}")
    for key, calls in said.items():
        for (begun, done), time_kept in zip(sorted(calls), sorted(kept[key])):
            if not begun - MARGIN <= time_kept <= done + MARGIN:
                raise Failure(f"{dict(key)} was told from {begun} to {done}, and has the time {time_kept}")


def question(figures, drift_after):
    return {
        "from": figures["from"], "to": figures["to"], "at": figures["at"], "production": PRODUCTION,
        "driftAfter": drift_after, "repository": figures["repository"], "environment": figures["environment"],
    }


def with_scans(entries, scans, at):
    """What scanners say counts as of the moment of the question."""
    return entries + [
        {"time": at, "repository": repository, "digest": digest, "kind": "scan", "critical": critical}
        for (repository, digest), critical in scans.items()
    ]


def as_told(journal, record_entries):
    """The journal as a record, once `match` has held: at the times that those who told it know.

    Its order is that of the record, as only what was told at once can be in another by the tellers' times. Where these
    disagree a time is put off for as long as order needs: never by more than the time that telling took, as each step
    is a millisecond, and one at least in the record."""
    calls = defaultdict(list)
    for begun, done, fact in sorted(journal, key=lambda call: call[:2]):
        calls[told(fact)].append(((begun + done) // 2, fact))
    calls = {key: iter(value) for key, value in calls.items()}
    entries, former = [], None
    for row in record_entries:
        middle, fact = next(calls[told(row)])
        if entries:
            middle = max(middle, entries[-1]["time"] + (row["time"] > former))
        entries.append({**fact, "time": middle})
        former = row["time"]
    reporters = {entry["reporter"] for entry in record_entries if "reporter" in entry}
    expect_equal(len(entries), len(journal), "entries that were told")
    for entry in entries:
        if entry["kind"] == "running":
            # Renewals are no entries: the record has the end of a report, and some days.
            until = entry["until"] + LOGGED_MILLISECONDS if entry["running"] else entry["time"]
            entry.update(reporter=next(iter(reporters)), until=until)
    return entries


def slowest(journal):
    """The longest time in which something was told, in milliseconds."""
    return max(done - begun for begun, done, _ in journal) + MARGIN


def oracle(entries, asked, scans):
    kept = [entry for entry in entries if entry["time"] <= asked["at"]]
    return Oracle(with_scans(kept, scans, asked["at"]), asked).figures()


def compare_as_told(figures, journal, entries, asked, scans):
    """Counts are the same as by the tellers' own clocks, and times differ by no more than telling took."""
    slack = slowest(journal)
    own = as_told(journal, entries)
    theirs = oracle(own, asked, scans)
    low = oracle(own, {**asked, "driftAfter": asked["driftAfter"] + 2 * slack}, scans)["m7"]["counts"]["incidents"]
    high = oracle(own, {**asked, "driftAfter": max(0, asked["driftAfter"] - 2 * slack)}, scans)
    high = high["m7"]["counts"]["incidents"]
    for name in FIGURES:
        ours, wanted = dict(figures[name]["counts"]), dict(theirs[name]["counts"])
        if name == "m7":
            incidents = ours.pop("incidents")
            wanted.pop("incidents")
            expect(low <= incidents <= high, f"m7: {incidents} incidents, and {low} to {high} as told")
        expect_equal(ours, wanted, f"counts of {name}, as told")
    for name, unit in (("m3", 1000), ("m4", 60_000), ("m6", 1000)):
        for key, value in theirs[name]["statistics"].items():
            ours = figures[name]["statistics"][key]
            if value is None or ours is None:
                expect_equal(ours, value, f"{key} of {name}")
                continue
            # Percentiles are cut down to whole units.
            allowed = 2 * slack / unit + (1 if key.startswith("p") else 0)
            expect(abs(ours - value) <= allowed, f"{key} of {name}: {ours}, and {value} as told, ± {allowed}")
    return slack, (low, high)
