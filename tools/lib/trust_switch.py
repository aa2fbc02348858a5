# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Cases of a policy that is switched while it is used: the next request is judged by the new one, whoever asks."""

import threading
import time

from access_server import write_atomically
from e2e_cases import case, expect, expect_equal
from trust_world import MEASURES, NOTICE_SECONDS, PATIENCE_SECONDS, RULES, KeptConnection

SWITCHES = 10
# How often it is looked whether the machine stands still, how long it may, and how often all is measured then.
TICK_SECONDS = 0.05
STALL_SECONDS = 0.5
MOST_MEASURES = 8
OPEN = """
    - repositories: ["nowhere"]
      enforce: pull
      require: [{signed: {keys: [alice]}}]
"""


class Ticker:
    """A thread that wants to run all the time, from pause to pause: how late it was at most is the machine's doing."""

    def __enter__(self):
        self.late, self.done = 0, threading.Event()
        self.thread = threading.Thread(target=self.tick, daemon=True)
        self.thread.start()
        return self

    def tick(self):
        began = time.monotonic()
        while not self.done.wait(TICK_SECONDS):
            began = self.note(began)
        # A stall may have lasted until the end.
        self.note(began)

    def note(self, began):
        ended = time.monotonic()
        self.late = max(self.late, ended - began - TICK_SECONDS)
        return ended

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def noticed(measure):
    """The seconds after which changes are noticed at the latest; measured again where that is too long. A measure in
    which the machine stood still is none."""
    tries, fair = [], 0
    while not tries or (tries[-1][0] > NOTICE_SECONDS and fair < MEASURES and len(tries) < MOST_MEASURES):
        with Ticker() as ticker:
            seconds = measure()
        tries.append((seconds, ticker.late))
        fair += ticker.late <= STALL_SECONDS
    said = ", ".join(f"{seconds:.2f} s ({late:.2f} s of standstill)" for seconds, late in tries)
    expect(tries[-1][0] <= NOTICE_SECONDS, f"noticed after {said}")
    return f"noticed after at most {said}"


@case("policy: a switch takes effect on the next request, on warm connections too")
def switched(world):
    image = world.server.push_image("switched/app")
    closing = OPEN.replace("nowhere", "switched/**")

    def measure():
        notes = []
        kept = [KeptConnection(world.server, image, reference) for reference in ("v1", image.digest)]
        with kept[0] as tag, kept[1] as name:
            expect_equal(set(tag.seen + name.seen), {200}, "answers before")
            for rules, status in [(RULES + closing, 403), (RULES, 200), (RULES + closing, 403), (RULES, 200)]:
                world.write_policy(rules=rules)
                notes.append(tag.eventually(status, PATIENCE_SECONDS))
                expect_equal([name.ask().status, tag.ask().status], [status] * 2, "answers after the switch")
                expect_equal([tag.ask().status for _ in range(50)], [status] * 50, "answers from then on")
            for rules, status in [(RULES + closing, 403), (RULES, 200)]:
                world.write_policy(rules=rules)
                world.server.hang_up()
                notes.append(tag.eventually(status, PATIENCE_SECONDS))
                expect_equal(name.ask().status, status, "the answer after SIGHUP")
        return max(notes)

    try:
        return noticed(measure)
    finally:
        world.write_policy()


@case("policy: another key in the same file counts after SIGHUP")
def rekeyed(world):
    image = world.server.push_image("signed/rekeyed")
    world.server.attach_signature(image, world.keys["mallory"])
    path = world.keys["alice"].public
    with KeptConnection(world.server, image, "v1") as connection:
        expect_equal(set(connection.seen), {403}, "answers before")

        def measure():
            try:
                write_atomically(path, world.keys["mallory"].pem.decode())
                world.server.hang_up()
                taken = connection.eventually(200, PATIENCE_SECONDS)
            finally:
                write_atomically(path, world.keys["alice"].pem.decode())
                world.server.hang_up()
            return max(taken, connection.eventually(403, PATIENCE_SECONDS))

        return noticed(measure)


@case("policy: verdicts that were kept do not outlive the policy or the evidence, over a restart either")
def restarted_policy(world):
    server = world.server
    image = server.push_image("signed/over")
    reference = server.attach_signature(image, world.keys["alice"])
    bare = server.push_image("signed/over", "bare")
    world.flows(image)
    world.refused(bare, "and none at all", tag="bare")
    try:
        server.stop()
        world.write_policy(rules=RULES.replace("keys: [alice, desk]", "keys: [bob, desk]"))
        server.start()
        world.refused(image, "signed by 1 of bob, desk")
    finally:
        server.stop()
        world.write_policy()
        server.start()
    world.flows(image)
    world.refused(bare, "and none at all", tag="bare")
    expect_equal(server.get("signed/over", reference, method="DELETE").status, 202, "DELETE of the signature")
    world.refused(image, "and none at all")


@case("policy: a policy that cannot be read changes nothing, and the log says why")
def unreadable(world):
    image = world.server.push_image("signed/kept")
    world.server.attach_signature(image, world.keys["alice"])
    bare = world.server.push_image("signed/bare")
    unknown = OPEN.replace("[alice]", "[nobody]")
    broken = [unknown, "\n   - [", RULES.replace("enforce: pull", "enforce: never", 1)]
    try:
        for rules in broken:
            world.write_policy(rules=rules)
            before = world.server.log.read_text().count("trust policy not applied")
            world.server.hang_up()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while world.server.log.read_text().count("trust policy not applied") == before:
                expect(time.monotonic() < deadline, "the log does not say that the policy was not applied")
                time.sleep(0.05)
            world.flows(image)
            world.refused(bare, "and none at all")
    finally:
        world.write_policy()
        world.server.hang_up()
    configuration = world.scratch("broken") / "cairn.yml"
    configuration.write_text(world.configuration(rules=unknown))
    root = ["--root", str(configuration.parent / "root"), "--listen", "127.0.0.1:0"]
    done = world.cairn("serve", *root, "--config", configuration, expects=2)
    expect("nobody" in done.stderr and "cairn.yml:" in done.stderr, done.stderr)


@case("policy: under load no answer is by the former policy once one was by the new")
def under_load(world):
    image = world.server.push_image("switched/load")
    closing = OPEN.replace("nowhere", "switched/load")
    answers, switches, done = [], [], threading.Event()

    def asks():
        with KeptConnection(world.server, image, "v1", times=0) as connection:
            while not done.is_set():
                began = time.monotonic()
                status = connection.ask().status
                answers.append((began, time.monotonic(), status))

    clients = [threading.Thread(target=asks) for _ in range(3)]
    try:
        with KeptConnection(world.server, image, "v1") as observer:
            for client in clients:
                client.start()
            for number in range(SWITCHES):
                status = (403, 200)[number % 2]
                switches.append((time.monotonic(), status))
                world.write_policy(rules=RULES + (closing if status == 403 else ""))
                world.server.hang_up()
                observer.eventually(status, PATIENCE_SECONDS)
                # As many more as tell whether the former one comes back.
                expect_equal({observer.ask().status for _ in range(500)}, {status}, "answers after the switch")
                # The clients have heard of it too, however seldom they come to their turn.
                deadline = time.monotonic() + PATIENCE_SECONDS
                while not any(start >= switches[-1][0] and heard == status for start, _, heard in answers[-1000:]):
                    expect(time.monotonic() < deadline, f"no client is answered {status}")
                    time.sleep(0.05)
    finally:
        done.set()
        for client in clients:
            client.join()
        world.write_policy()
        world.server.hang_up()
    for (start, status), (end, _) in zip(switches, [*switches[1:], (time.monotonic(), None)]):
        within = [answer for answer in answers if start <= answer[0] and answer[1] <= end]
        first = min(answer[1] for answer in within if answer[2] == status)
        former = [answer for answer in within if answer[0] > first and answer[2] != status]
        expect(not former, f"{len(former)} answers of the former policy after one of the new")
    return f"{len(answers)} requests, {SWITCHES} switches"
