# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What the access rules mean, written from their description and not from the server's code.

Rules are asked in order, and the first that matches decides; then a robot's own grants may allow; else it is denied.
Patterns become regular expressions here, and networks are those of Python.
"""

import ipaddress
import re
from dataclasses import dataclass, field

ACTIONS = [
    "pull", "pull-by-tag", "push", "overwrite", "delete", "sign", "promote", "retain", "replicate", "audit", "admin",
]
# A rule that lists the action on the right is about the one on the left too.
COVERED_BY = {"pull-by-tag": "pull", "overwrite": "push"}
WILDCARDS = {"*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Request:
    principal: str
    action: str
    groups: tuple = ()
    repository: str | None = None
    tag: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class Decision:
    allowed: bool
    rule: str | None = None
    message: str | None = None
    explicit: bool = False


@dataclass
class Rule:
    """`who`, `repositories`, `tags` and `networks` are None where the rule says nothing of them."""

    effect: str
    actions: list
    name: str | None = None
    who: list | None = None
    repositories: list | None = None
    tags: list | None = None
    networks: list | None = None
    message: str | None = None


@dataclass
class Policy:
    rules: list
    # Group: principals, written as `user:alice`.
    groups: dict = field(default_factory=dict)
    # Robot: list of (actions, pattern).
    grants: dict = field(default_factory=dict)
    # The line of the file on which each rule stands.
    lines: list = field(default_factory=list)

    def decide(self, request):
        for number, rule in enumerate(self.rules):
            named = names(rule.actions, request.action)
            if named and self.applies(rule, request):
                label = rule.name or f"rule {number + 1} (line {self.lines[number]})"
                allowed = rule.effect == "allow"
                return Decision(allowed, label, None if allowed else rule.message, named == "itself")
        return self.ask_grants(request)

    def ask_grants(self, request):
        kind, _, name = request.principal.partition(":")
        found = [
            names(actions, request.action)
            for actions, pattern in (self.grants.get(name, []) if kind == "robot" else [])
            if request.repository is not None and matches(pattern, request.repository)
        ]
        if not any(found):
            return Decision(False)
        return Decision(True, f"grants of {request.principal}", None, "itself" in found)

    def applies(self, rule, request):
        return (
            (rule.who is None or any(self.is_meant(who, request) for who in rule.who))
            and (rule.repositories is None or any_matches(rule.repositories, request.repository))
            and self.tags_apply(rule, request.tag)
            and (rule.networks is None or any(holds(network, request.address) for network in rule.networks))
        )

    @staticmethod
    def tags_apply(rule, tag):
        if rule.tags is None:
            return True
        # Tags constrain requests that name one.
        return rule.effect == "allow" if tag is None else any_matches(rule.tags, tag)

    def is_meant(self, who, request):
        if who == "*":
            return True
        if who in ("anonymous", "authenticated"):
            return (request.principal == "anonymous") == (who == "anonymous")
        kind, _, pattern = who.partition(":")
        if kind == "group":
            own = {group for group, members in self.groups.items() if request.principal in members}
            return any(matches(pattern, group) for group in own | set(request.groups))
        own_kind, _, name = request.principal.partition(":")
        return kind == own_kind and matches(pattern, name)


def names(actions, action):
    """`itself` or `covered` where a list of actions is about an action, else nothing."""
    if "*" in actions or action in actions:
        return "itself"
    return "covered" if COVERED_BY.get(action) in actions else None


def matches(pattern, text):
    """`**` any run, `*` any run without `/`, `?` one character but `/`."""
    pieces = re.split(r"(\*{2,}|\*|\?)", pattern)
    expression = "".join(
        ".*" if piece.startswith("**") else WILDCARDS.get(piece, re.escape(piece)) for piece in pieces
    )
    return re.fullmatch(expression, text, re.DOTALL) is not None


def any_matches(patterns, text):
    return text is not None and any(matches(pattern, text) for pattern in patterns)


def holds(network, address):
    """An IPv4 address that is mapped into IPv6 is that IPv4 address."""
    if address is None:
        return False
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed) in ipaddress.ip_network(network)
