# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Who might notice that a store was tampered with. Each probe answers with what was noticed, or None."""

import re
import subprocess
import time

from .database import Database
from .report import Report
from .sources import Directory
from .tamper_store import Server
from .verifier import Expectation, Verifier

VERIFY_SECONDS = 300
FINDINGS = re.compile(r"^cairn_log_scrub_findings(?:_total)? ([0-9.e+]+)$", re.MULTILINE)
SCRUBS = re.compile(r"^cairn_log_scrubs(?:_total)? ([0-9.e+]+)$", re.MULTILINE)


class Unclear(Exception):
    """The probe could not do its work: neither silence nor a finding."""


class Probes:
    def __init__(self, campaign, binary, options):
        self.campaign, self.binary, self.options = campaign, binary, options
        self.expectation = Expectation([campaign.vkey])
        self.last_seen = campaign.store.checkpoint()

    def table(self):
        """Name -> (the probe, whether its finding counts, asked each so many rounds)."""
        table = {"agent": (self.agent, True, 1)}
        if self.options.agent_only:
            return table | {"auditor": (self.auditor, True, 1)}
        if self.has_verify():
            table = {"verify": (self.verify, True, 1)} | table
        else:
            print("there is no `cairn log verify`: every round starts the server")
        often = self.options.start_every if "verify" in table else 1
        return table | {"start": (self.start, True, often), "auditor": (self.auditor, False, 1)}

    def has_verify(self):
        # Of a command that is not there the help of all is printed.
        done = subprocess.run([self.binary, "log", "verify", "--help"], capture_output=True, text=True)
        return done.returncode == 0 and "cairn log verify" in done.stdout

    def verify(self, store):
        """The server's own offline check: 0 is silence, 1 a finding."""
        done = subprocess.run([self.binary, "log", "verify", "--root", store.root, *self.options.verify_argument],
                              capture_output=True, text=True, timeout=VERIFY_SECONDS)
        said = (done.stdout + done.stderr).strip()[-300:]
        if done.returncode == 1:
            return said or "exit 1"
        if done.returncode != 0:
            raise Unclear(f"cairn log verify ends with {done.returncode}: {said}")
        return None

    def agent(self, store):
        """Who saw the log before, keeps its last checkpoint, and sees only what is served."""
        report = Report()
        Verifier(Directory(store.log), self.expectation, report).run(True, 3, [self.last_seen], with_files=False)
        return str(report.faults[0]) if report.faults else None

    def auditor(self, store):
        """Who may read the files and the database."""
        report = Report()
        database = Database(store.database, self.expectation, report)
        verifier = Verifier(Directory(store.log), self.expectation, report)
        checkpoint = verifier.run(True, 0, [self.last_seen], on_entry=database.on_entry)
        if checkpoint is not None and not report.faults:
            database.check(checkpoint, verifier.tree)
        return str(report.faults[0]) if report.faults else None

    def start(self, store):
        """A server that does not start, takes no push, or whose scrub reports it."""
        server = Server(self.binary, store.root, self.options.serve_argument, dict(self.options.setting))
        try:
            if server.client is None:
                if server.code == 0:
                    raise Unclear("the server ended with 0 and did not serve")
                return f"refused to start: exit {server.code}, {server.said()[-300:]}"
            codes = [server.push_blob("team/probe"), server.push_manifest("team/probe", "after", 0)]
            if codes != [201, 201]:
                return f"takes no push: {codes}"
            return self.scrub(server)
        finally:
            server.stop()

    def scrub(self, server):
        """What the scrub found once it went over the log, or within its time."""
        deadline = time.monotonic() + self.options.scrub_seconds
        while True:
            text = server.client.request("GET", "/metrics")[2].decode()
            findings, scrubs = value_of(FINDINGS, text), value_of(SCRUBS, text)
            if findings:
                return f"scrub: {findings:.0f} findings"
            if scrubs or time.monotonic() > deadline:
                return None
            time.sleep(0.2)


def value_of(metric, text):
    found = metric.search(text)
    return float(found.group(1)) if found else 0
