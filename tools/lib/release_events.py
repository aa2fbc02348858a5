# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Made-up entries of a release record, and questions about them: what a year brings, with its edges close together.

Many times are equal, many spans end exactly at a limit or a millisecond beside it."""

import hashlib

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BEGIN = 1_700_000_000_000

REPOSITORIES = ["acme/shop", "acme/pay", "acme/mail", "tools/bot"]
ENVIRONMENTS = ["dev", "staging", "prod", "prod-eu"]
PRODUCTION = ["prod", "prod-eu"]


def digest(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class Events:
    def __init__(self, random, count, days):
        self.random = random
        self.count = count
        self.length = days * DAY
        self.entries = []
        self.images = {repository: [] for repository in REPOSITORIES}
        self.last_deployment = {}
        self.numbers = 0

    def make(self):
        now = BEGIN
        while len(self.entries) < self.count and now < BEGIN + self.length:
            self.happen(now)
            # Paced so that the entries fill the time.
            left = BEGIN + self.length - now
            share = max(1, left * 12 // max(12, self.count - len(self.entries)))
            now += self.random.choice([0, 0, share // 2, share, share, share * 2, MINUTE, HOUR])
        # The order in which equal times stand is kept.
        self.entries.sort(key=lambda entry: entry["time"])
        return self.entries[:self.count]

    def put(self, time, repository, image, kind, **more):
        # Rounded times meet.
        if self.random.random() < 0.2:
            time = time // MINUTE * MINUTE
        entry = {"time": time, "repository": repository, "kind": kind}
        if image is not None:
            entry["digest"] = image
        entry.update({key: value for key, value in more.items() if value is not None})
        self.entries.append(entry)

    def around(self, limit):
        """A span that is short, or ends at a limit, or beside it, or long after it."""
        draw = self.random.random()
        if draw < 0.65:
            return self.random.randrange(0, max(1, limit // 4))
        if draw < 0.85:
            return limit + self.random.choice([-1, 0, 0, 1])
        return self.random.randrange(0, limit * 3)

    def happen(self, now):
        repository = self.random.choice(REPOSITORIES)
        act = self.random.choices(
            [self.build, self.promote, self.roll_out, self.roll_back, self.report, self.scan, self.flap, self.noise],
            [4, 3, 5, 2, 8, 3, 1, 1],
        )[0]
        act(now, repository)

    def image(self, repository):
        known = self.images[repository]
        if not known or self.random.random() < 0.1:
            self.numbers += 1
            known.append(digest(f"{repository} {self.numbers}"))
        if self.random.random() < 0.15:
            return self.random.choice(known)
        return self.random.choice(known[-4:])

    def place(self, repository):
        environment = self.random.choice(ENVIRONMENTS)
        services = {"acme/shop": [None, "web", "worker"], "acme/pay": [None], "acme/mail": ["smtp"]}
        return environment, self.random.choice(services.get(repository, [None, "one", "two"]))

    def configuration(self):
        return self.random.choice([None, None, digest("configuration 1"), digest("configuration 2")])

    def build(self, now, repository):
        if self.random.random() < 0.15:
            self.put(now, repository, None, "build", succeeded=False)
        else:
            self.put(now, repository, self.image(repository), "build", succeeded=self.random.random() < 0.95)

    def promoted(self, repository):
        """An image, or nothing: then nothing is to run there any more."""
        return self.image(repository) if self.random.random() < 0.9 else None

    def promote(self, now, repository):
        environment, service = self.place(repository)
        time = now + self.around(self.random.choice([HOUR, 90 * DAY]))
        self.put(
            time, repository, self.promoted(repository), "promotion", environment=environment,
            service=self.random.choice([None, service]),
        )

    def scan(self, now, repository):
        image = self.image(repository)
        for _ in range(self.random.choice([1, 1, 2])):
            self.put(now, repository, image, "scan", critical=self.random.choice([0, 0, 1, 2, 7]))
            now += self.random.choice([0, HOUR, 90 * DAY, 90 * DAY + 1])

    def step(self, now, repository, place, deployment, image, phase, target=None, configuration=None):
        self.put(
            now, repository, image, "step", environment=place[0], service=place[1], deployment=deployment,
            target=target, phase=phase, configuration=configuration,
        )

    def name(self, prefix):
        self.numbers += 1
        # Some tools call all their rollouts the same.
        return f"{prefix}-{self.numbers}" if self.random.random() < 0.9 else f"{prefix}-{self.random.randrange(4)}"

    def roll_out(self, now, repository, deployment=None):
        place, image = self.place(repository), self.image(repository)
        deployment = deployment or self.name("d")
        self.last_deployment[repository, place] = deployment
        configuration = self.configuration()
        if self.random.random() < 0.9:
            self.step(now, repository, place, deployment, image, "started", configuration=configuration)
        for number in range(self.random.randrange(0, 4)):
            self.instance(now + self.random.randrange(0, MINUTE), repository, place, deployment, image, f"host-{number}")
        if self.random.random() < 0.8:
            phase = self.random.choice(["telemetry-seen"] * 5 + ["unhealthy", "started"])
            target = self.random.choice([None, "host-0"])
            self.step(now + self.around(HOUR), repository, place, deployment, image, phase, target)
        if self.random.random() < 0.85:
            end = self.random.choice(["healthy"] * 8 + ["failed", "failed", "rollback-ordered", "rolled-back", "unhealthy"])
            former = self.image(repository) if end == "rollback-ordered" else image
            self.step(now + self.around(HOUR), repository, place, deployment, former, end)
            if end == "rollback-ordered" and self.random.random() < 0.8:
                end = self.random.choice(["rolled-back", "healthy"])
                self.step(now + HOUR + self.around(DAY), repository, place, deployment, former, end)
        if self.random.random() < 0.2:
            late = now + 7 * DAY + self.random.choice([-1, 0, 1, HOUR, 9 * DAY])
            phase = self.random.choice(["healthy", "telemetry-seen", "failed", "started"])
            self.step(late, repository, place, deployment, image, phase, self.random.choice([None, "host-1"]))

    def instance(self, now, repository, place, deployment, image, target):
        def say(time, phase):
            self.step(time, repository, place, deployment, image, phase, target)

        for _ in range(self.random.choice([0, 1, 1, 1, 2])):
            say(now, "replacement-ordered")
            now += self.random.choice([0, 0, self.around(HOUR)])
        for _ in range(self.random.choice([0, 1, 1, 1, 2])):
            say(now + self.random.randrange(0, MINUTE), "boot-attempted")
            for _ in range(self.random.choice([0, 1, 1, 1, 2, 3])):
                now += self.around(10 * MINUTE)
                say(now, self.random.choice(["booted"] * 4 + ["boot-failed", "healthy"]))
        if self.random.random() < 0.1:
            say(now, self.random.choice(["booted", "boot-failed"]))
        if self.random.random() < 0.9:
            say(now + self.around(HOUR), "healthy")

    def roll_back(self, now, repository):
        place, image = self.place(repository), self.image(repository)
        deployment = self.name("r")
        if self.random.random() < 0.2:
            deployment = self.last_deployment.get((repository, place), deployment)
        if self.random.random() < 0.6:
            bad = self.name("d")
            self.step(now, repository, place, bad, self.image(repository), "started")
            now += self.around(HOUR)
        for _ in range(self.random.choice([1, 1, 1, 2])):
            self.step(
                now, repository, place, deployment, image, "rollback-ordered", configuration=self.configuration()
            )
            if self.random.random() < 0.3:
                now += self.around(DAY)
        if self.random.random() < 0.85:
            end = self.random.choice(["healthy", "rolled-back", "rolled-back", "failed"])
            self.step(now + self.around(self.random.choice([HOUR, DAY])), repository, place, deployment, image, end)

    def report(self, now, repository):
        place, image = self.place(repository), self.image(repository)
        target = f"host-{self.random.randrange(3)}"
        reporter = self.random.choice(["agent", "agent", "cluster"])
        configuration = self.configuration()
        interval = self.random.choice([5 * MINUTE, 15 * MINUTE, HOUR])
        for _ in range(self.random.randrange(1, 6)):
            until = now + self.random.choice([interval, interval, interval * 2, interval - 1, 0, -1, DAY])
            self.put(
                now, repository, image, "running", environment=place[0], service=place[1], target=target,
                reporter=reporter, configuration=configuration, running=self.random.random() < 0.9, until=until,
                deployment=self.random.choice([None, self.last_deployment.get((repository, place))]),
            )
            now += self.random.choice([interval, interval, interval, 0, 1, interval + 1])
            if self.random.random() < 0.15:
                image = self.image(repository)
            if self.random.random() < 0.1:
                promoted = image if self.random.random() < 0.7 else None
                self.put(now, repository, promoted, "promotion", environment=place[0], service=place[1])

    def flap(self, now, repository):
        place, image, deployment = self.place(repository), self.image(repository), self.name("f")
        target = self.random.choice([None, "host-0", "host-1"])
        for number in range(self.random.randrange(2, 9)):
            phase = ["healthy", "unhealthy"][number % 2] if self.random.random() < 0.9 else "healthy"
            self.step(now, repository, place, deployment, image, phase, target)
            now += self.random.choice([0, MINUTE, 20 * MINUTE, HOUR, HOUR - 1, DAY, DAY + 1])

    def noise(self, now, repository):
        """Steps of an id that nothing else is known of, or without an image."""
        place = self.place(repository)
        image = self.random.choice([None, self.image(repository)])
        phase = self.random.choice(["healthy", "unhealthy", "telemetry-seen", "booted", "boot-failed", "rolled-back"])
        target = "host-9" if phase.startswith("boot") else self.random.choice([None, "host-9"])
        self.step(now, repository, place, self.name("n"), image, phase, target)


def questions(random, entries, count):
    """Windows of many lengths, evaluated in them, at their end and after it, with filters."""
    times = [entry["time"] for entry in entries]
    first, last = times[0], times[-1]
    limits = [0, 1, -1, 10 * MINUTE, HOUR, HOUR - 1, HOUR + 1, DAY]
    asked = []
    for number in range(count):
        start, end = sorted([random.choice(times) + random.choice(limits), random.choice(times) + random.choice(limits)])
        if number == 0 or random.random() < 0.2:
            start, end = first, last + 1
        end = max(start, end)
        at = random.choice([end, end, end - 1, last, last + 2 * HOUR, random.choice(times) + random.choice(limits)])
        if number == 0:
            at = last + random.choice([0, DAY])
        question = {
            "from": start, "to": end, "at": at, "production": random.choice([PRODUCTION, PRODUCTION, ["prod"], []]),
            "driftAfter": random.choice([15 * MINUTE, 15 * MINUTE, HOUR, 1, 0, 5 * MINUTE]),
        }
        if number and random.random() < 0.4:
            question["repository"] = random.choice(REPOSITORIES)
        if number and random.random() < 0.4:
            question["environment"] = random.choice(ENVIRONMENTS)
        asked.append(question)
    return asked
