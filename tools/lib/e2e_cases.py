# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Named cases that pass, fail or are skipped, and the tally of them."""

import subprocess
import sys
import time
import traceback

COMMAND_SECONDS = 240


class Skip(Exception):
    """The case cannot be tried on this machine; the reason says why."""


class Failure(Exception):
    """An expectation that did not hold."""


CASES = []


def case(name, slow=False, on_demand=False):
    """Registers a case; `slow` ones are left out by --quick, `on_demand` ones run only with --big."""

    def register(function):
        CASES.append((name, function, slow, on_demand))
        return function

    return register


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(actual, wanted, what):
    if actual != wanted:
        raise Failure(f"{what}: got {actual!r}, wanted {wanted!r}")


def run(command, world, check=True, seconds=COMMAND_SECONDS, text=True, **options):
    """Runs a client. A client that fails is a failure with its last words."""
    command = [str(part) for part in command]
    environment = dict(world.environment, **options.pop("env", {}))
    try:
        result = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=text,
            timeout=seconds,
            env=environment,
            **options,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} ran longer than {seconds} s: {' '.join(command)}") from error
    if check and result.returncode != 0:
        words = result.stderr if text else result.stderr.decode(errors="replace")
        raise Failure(f"{' '.join(command)}\n      exit {result.returncode}: {words.strip()[-1200:]}")
    return result


def run_cases(world, selected, quick, big):
    """Runs the cases in order; returns the exit status."""
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    for name, function, slow, on_demand in CASES:
        if selected and not any(part in name for part in selected):
            continue
        if on_demand and not big:
            continue
        began = time.monotonic()
        try:
            if slow and quick:
                raise Skip("left out by --quick")
            try:
                note = function(world)
            finally:
                world.after_case()
            outcome, detail = "passed", note or ""
        except Skip as reason:
            outcome, detail = "skipped", str(reason)
        except (Failure, AssertionError) as failure:
            outcome, detail = "failed", str(failure)
        except Exception:  # noqa: BLE001 - a case that breaks in an unforeseen way has failed, and the next must run
            outcome, detail = "failed", traceback.format_exc(limit=4)
        tally[outcome] += 1
        mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
        seconds = time.monotonic() - began
        print(f"{mark} {seconds:6.1f} s  {name}{'  - ' + detail if detail else ''}", flush=True)
        if world.server_is_gone():
            print("     the server is gone; a new one is started on the same root", file=sys.stderr, flush=True)
            world.restart()
    print(f"{tally['passed']} passed, {tally['failed']} failed, {tally['skipped']} skipped")
    return 1 if tally["failed"] or not tally["passed"] else 0
