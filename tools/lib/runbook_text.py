# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Runbooks as they are written: their blocks in order, and somebody who types them in and compares what comes."""

import re
import shlex
import subprocess

from e2e_cases import expect
from e2e_server import CHECKOUT

FOLDER = CHECKOUT / "docs" / "runbooks"
BLOCK_SECONDS = 300
BLOCK = re.compile(r"^```(sh|sh peer|text)\n(.*?)^```$|^<!-- stage: (.*?) -->$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"^(export )?([A-Z_]+)=", re.MULTILINE)
STATUS = re.compile(r"\(exit (\d+)\)")
# What a shell has of itself, and of where it stands.
OWN = r"^declare -[a-zA-Z]*r|^declare -[-a-zA-Z]* (_|PWD|OLDPWD|SHLVL)="


class Step:
    """What is typed in at one place, or what the world does meanwhile."""

    def __init__(self, script=None, on_peer=False, event=None):
        self.script, self.on_peer, self.event = script, on_peer, event
        self.wanted, self.status = [], 0

    def promise(self, text):
        """Takes the lines that the runbook says will come, in this order, with `…` for anything."""
        for line in text.splitlines():
            status = STATUS.fullmatch(line.strip())
            if status:
                self.status = int(status[1])
            elif line.strip():
                self.wanted.append(line.strip())

    def missing(self, output):
        """The first promised line that did not come after those before it; None where all came."""
        lines = iter(output.splitlines())
        for wanted in self.wanted:
            pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("…")))
            if not any(pattern.fullmatch(line.strip()) for line in lines):
                return wanted
        return None


class Runbook:
    def __init__(self, name):
        self.name = name
        # The variables of the first block: what is typed before the name, `export ` or nothing.
        self.variables, self.steps = {}, []
        for kind, text, event in BLOCK.findall((FOLDER / f"{name}.md").read_text()):
            if event:
                self.steps.append(Step(event=event))
            elif kind == "text":
                expect(self.steps and self.steps[-1].script, f"{name}: output without a command before it")
                self.steps[-1].promise(text)
            elif not self.variables:
                self.variables = {variable: export for export, variable in VARIABLE.findall(text)}
                others = [line for line in text.splitlines() if line and not (VARIABLE.match(line) or line[0] == "#")]
                expect(self.variables and not others, f"{name}: the first block sets variables alone: {others}")
            else:
                self.steps.append(Step(text, on_peer=kind == "sh peer"))

    def follow(self, stage):
        """Types everything in, on a stage that says what the variables are; returns how much that was."""
        odd = sorted(set(stage.variables) ^ set(self.variables))
        expect(not odd, f"the stage sets {odd} otherwise than the runbook")
        hands = {False: Hands(stage, stage.node), True: Hands(stage, stage.peer)}
        for hand in hands.values():
            if hand.node:
                hand.type(self.first({**stage.variables, **hand.node.variables}))
        for step in self.steps:
            if step.event:
                event = stage.events.get(step.event)
                expect(event is not None, f"the stage knows no event '{step.event}'")
                event()
                continue
            status, output = hands[step.on_peer].type(step.script)
            expect(status == step.status, f"exit {status} of\n{step.script}\n{output[-1500:]}")
            missing = step.missing(output)
            expect(missing is None, f"'{missing}' does not come of\n{step.script}\nbut\n{output[-1500:]}")
        commands = sum(len(step.script.splitlines()) for step in self.steps if step.script)
        lines = sum(len(step.wanted) for step in self.steps)
        return f"{commands} lines typed in, {lines} promised lines seen"

    def first(self, values):
        """The first block with these values, as somebody changes and pastes it."""
        return "".join(f"{export}{name}={shlex.quote(values[name])}\n" for name, export in self.variables.items())


class Hands:
    """A shell on one machine: what a block sets, the next one has, and its children where it was exported."""

    def __init__(self, stage, node):
        self.node = node
        self.file = stage.folder / f"shell-{node.name if node else 'none'}"

    def type(self, script):
        before = f'. "{self.file}"\n' if self.file.exists() else ""
        after = f'trap \'declare -p | grep -vE "{OWN}" > "{self.file}"\' EXIT\n'
        result = subprocess.run(
            ["bash", "-c", f"{before}set -eo pipefail\n{after}{script}"], cwd=self.node.folder,
            env=self.node.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=BLOCK_SECONDS, check=False,
        )
        return result.returncode, result.stdout
