# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Made-up lives of a registry that probes itself and another region: what a year brings, with its edges close together.

It starts, is stopped, crashes and starts again within the same minute or hours later; samples are good, bad, late and left
out; maintenance is declared for either region or for an environment alone. Each line is one that Tests/AvailabilityProbe
reads."""

import bisect

OWN, OTHER = "eu", "us"
BEGIN = 1_700_000_000
DAY = 86_400


class Life:
    def __init__(self, random, days, every, asked):
        self.random, self.every = random, every
        self.end = BEGIN + int(days * DAY)
        self.lines = []
        self.maintenance = self.make_maintenance(days)
        self.questions = sorted(random.randrange(BEGIN + 90, self.end) for _ in range(asked * 3))
        self.asked = asked
        self.outages = {region: self.make_outages(days) for region in (OWN, OTHER)}
        self.restarts = 0
        self.sick_until = self.other_from = 0

    def spans(self, count, longest):
        found = []
        for _ in range(count):
            start = self.random.randrange(BEGIN, self.end)
            found.append((start, start + self.random.choice([1, 59, 60, 61, 600, self.random.randrange(1, longest)])))
        return sorted(found)

    def make_maintenance(self, days):
        return [
            [self.random.choice([OWN, OTHER]), self.random.choice([None, None, "prod"]), start, end]
            for start, end in self.spans(min(300, 2 + int(days)), 20_000)
        ]

    def make_outages(self, days):
        return self.spans(min(2000, 3 + int(days * 4)), 3_000)

    def is_out(self, region, now):
        index = bisect.bisect_right(self.outages[region], (now, 1 << 60))
        # Spans are short: those that began lately are looked at.
        return any(start <= now < end for start, end in self.outages[region][max(0, index - 6):index])

    def make(self):
        self.lines.append(["maintenance", self.maintenance])
        now, is_clean = BEGIN + self.random.randrange(60), True
        while now < self.end:
            if self.restarts == 0 and self.random.random() < 0.2:
                self.restarts = self.random.randrange(2, 7)
            length = self.random.choice([1, 7, 20, 61, 200, 3_600, DAY, DAY, 8 * DAY, 20 * DAY])
            gap = self.random.choice([0, 1, 5, 30, 60, 119, 600, self.random.randrange(1, 10_000)])
            if self.restarts:
                # Again and again within a minute or two, and then looked at.
                self.restarts -= 1
                length, gap = self.random.choice([2, 10, 30]), self.random.randrange(0, 4)
                if not self.restarts:
                    length, gap = 2_000, 60
                    bisect.insort(self.questions, now + self.random.randrange(30, 300))
                    self.asked += 1
            stop = min(self.end, now + self.random.randrange(1, length + 1))
            now, is_clean = self.run(now, stop, is_clean)
            now += gap
        return self.lines

    def run(self, start, stop, is_clean):
        self.lines.append(["start", start, is_clean, 60 // self.every])
        late = []
        if self.random.random() < 0.3:
            self.sick_until = start + self.random.choice([10, 119, 120, 121, 150])
        if self.random.random() < 0.3:
            self.other_from = start + self.random.choice([30, 100, 200])
        sample, tick = start + self.random.choice([0, 1, 2, self.every - 1, self.random.randrange(self.every)]), start
        while True:
            now = min(sample, tick, *(due for due, _ in late), self.question())
            if now >= stop:
                break
            if now == tick:
                self.lines.append(["tick", now])
                tick = now - now % 60 + 60 + self.random.choice([0, 0, 1, 4])
            elif now == self.question():
                self.ask(now)
            elif late and now == min(late)[0]:
                late.sort()
                self.lines.append(late.pop(0)[1])
            else:
                self.sample(now, late)
                sample += self.every
        is_stopped = self.random.random() < 0.5
        self.lines.append(["stop", stop] if is_stopped else ["crash"])
        return stop, is_stopped

    def question(self):
        return self.questions[0] if self.questions else 1 << 60

    def ask(self, now):
        self.questions.pop(0)
        if self.asked:
            self.asked -= 1
            self.lines.append(["ask", now])

    def sample(self, now, late):
        for region in (OWN, OTHER):
            bad = now < self.sick_until or self.is_out(region, now) or self.random.random() < 0.002
            if region == OTHER and (now < self.other_from or self.random.random() < 0.001):
                continue
            line = ["sample", now, region, "probe", 0 if bad else 1, 1]
            # What fails is known late: its time runs out.
            if bad and self.random.random() < 0.3:
                late.append((now + self.random.randrange(1, 75), line))
            else:
                self.lines.append(line)
        if self.random.random() < 0.2:
            total = self.random.randrange(1, 500)
            good = total - (self.random.randrange(0, total + 1) if self.is_out(OWN, now) else 0)
            self.lines.append(["sample", now, OWN, "requests", good, total])
