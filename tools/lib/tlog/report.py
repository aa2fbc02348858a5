# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What was checked and what was found."""

import contextlib

from .faults import Fault

# More are counted and not kept.
KEPT_FAULTS = 50


class Report:
    def __init__(self, show=lambda line: None):
        self.show = show
        self.passed, self.failed = 0, 0
        self.faults, self.uncounted = [], 0
        self.failed_checks = set()

    def fault(self, fault):
        if len(self.faults) >= KEPT_FAULTS:
            self.uncounted += 1
            return
        self.faults.append(fault)
        self.show(f"FAULT {fault}")

    @contextlib.contextmanager
    def check(self, name):
        """One check: it failed where a fault was raised or noted within. Yields a list for what to say of it."""
        before, details = len(self.faults) + self.uncounted, []
        try:
            yield details
        except Fault as fault:
            self.fault(fault)
        good = len(self.faults) + self.uncounted == before
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        if not good:
            self.failed_checks.add(name)
        self.show(f"{'ok    ' if good else 'FAILED'} {name}{': ' if details else ''}{', '.join(details)}")

    @property
    def kinds(self):
        return {fault.kind for fault in self.faults}
