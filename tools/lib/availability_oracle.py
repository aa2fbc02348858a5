# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Availability (M9) as docs/observability.md defines it, computed the slow way: all samples of a life are kept, and every
minute of a window is looked at for itself.

Nothing here was taken from the registry's code."""

from collections import defaultdict

OWN, OTHER, PROBE = "eu", "us", "probe"
WINDOWS = {"5m": 5, "1h": 60, "6h": 360, "3d": 4_320, "30d": 43_200}
WARM_UP = 120


class Run:
    """One process: how it began and ended, what it saw, and up to which minute that was written."""

    def __init__(self, number, second, is_clean, expected, former):
        self.number, self.start, self.is_clean, self.expected = number, second, is_clean, expected
        # A registry warms up from a clean start on, whether or not it is killed meanwhile.
        self.warm_from = second if is_clean else former.warm_from
        self.warm_minutes = range(self.warm_from // 60, (self.warm_from + WARM_UP - 1) // 60 + 1)
        self.samples = []  # (number of the line, region, source, minute, good, total)
        self.written = (-1, 0)  # (number of the line, the first minute that was not over)
        self.stopped = self.crashed = None

    def is_warming_up(self, second):
        return self.warm_from <= second < self.warm_from + WARM_UP

    def keeps(self, number, minute, asked):
        """Whether what was sampled of a minute by a line is still known when it is asked."""
        if self.crashed is None or asked < self.crashed:
            return number < asked
        line, end = self.written
        return number < line and minute < end

    def seen_until(self, asked, now):
        """The first minute that this process has not ended, as far as is known when it is asked."""
        if self.crashed is not None and asked > self.crashed:
            return self.written[1]
        if self.stopped is not None and asked > self.stopped[0]:
            return self.stopped[1] // 60 + 1
        return now


class Oracle:
    def __init__(self, lines):
        self.runs, self.exempt = [], defaultdict(set)
        for number, (word, *fields) in enumerate(lines):
            if word == "start":
                self.runs.append(Run(number, *fields, self.runs[-1] if self.runs else None))
            elif word == "sample":
                self.sample(self.runs[-1], number, *fields)
            elif word == "tick":
                self.runs[-1].written = (number, fields[0] // 60)
            elif word == "stop":
                self.runs[-1].stopped = (number, fields[0])
            elif word == "crash":
                self.runs[-1].crashed = number
            elif word == "maintenance":
                for region, environment, start, end in fields[0]:
                    if environment is None:
                        self.exempt[region].update(range(start // 60, (end - 1) // 60 + 1))

    @staticmethod
    def sample(run, number, second, region, source, good, total):
        # What failed while the process warmed up is as if it had not been tried.
        run.samples.append((number, region, source, second // 60, good, good if run.is_warming_up(second) else total))

    def known(self, asked, now):
        """Of each region and source the minutes of which anything is known: what was good, and out of how many."""
        known = defaultdict(dict)
        for run in self.runs:
            if run.number > asked:
                break
            of_run = defaultdict(lambda: [0, 0])
            for number, region, source, minute, good, total in run.samples:
                if run.keeps(number, minute, asked):
                    of_run[region, source, minute][0] += good
                    of_run[region, source, minute][1] += total
            until = run.seen_until(asked, now)
            first = run.start // 60
            place = (OWN, PROBE, first)
            is_charged = not run.is_clean and first not in run.warm_minutes
            if is_charged and first < until and (place in of_run or first in known[OWN, PROBE]):
                # It began somewhere within a minute: those before it are missing, and those after a clean end are not.
                end = 60
                if run.stopped is not None and run.stopped[0] < asked and run.stopped[1] // 60 == first:
                    end = run.stopped[1] % 60
                before = known[OWN, PROBE].get(first, (0, 0))[1]
                of_run[place][1] = max(of_run[place][1], run.expected * end // 60 - before)
            for (region, source, minute), (good, total) in of_run.items():
                was = known[region, source].get(minute, (0, 0))
                known[region, source][minute] = (was[0] + good, was[1] + total)
            for minute in run.warm_minutes:
                if minute < until:
                    for region in (OWN, OTHER):
                        known[region, PROBE].setdefault(minute, (0, 0))
        return known

    def answer(self, asked, second):
        """Of each region and source the availability over each window."""
        now = second // 60
        expected = [run for run in self.runs if run.number < asked][-1].expected
        known = self.known(asked, now)
        return {
            f"{region} {source}": {
                name: self.ratio(known, region, source, now, length, expected) for name, length in WINDOWS.items()
            }
            for region, source in sorted(known) if known[region, source]
        }

    def ratio(self, known, region, source, now, length, expected):
        minutes = known[region, source]
        first = min((minute for minute, (_, total) in minutes.items() if total > 0), default=now)
        own = known[OWN, PROBE]
        part = whole = 0
        for minute in range(max(first, now - length + 1), now + 1):
            if minute in self.exempt[region]:
                continue
            good, total = minutes.get(minute, (None, None))
            if source != PROBE:
                part, whole = part + (good or 0), whole + (total or 0)
            elif total is None:
                is_missing = minute < now and (region == OWN or own.get(minute, (0, 0))[1] > 0)
                whole += is_missing
            elif total > 0:
                weight = max(total, expected) if minute == now else total
                part, whole = part + good / weight, whole + total / weight
        return part / whole if whole else None
