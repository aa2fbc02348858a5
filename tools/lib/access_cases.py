# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Generated rules and requests for tools/access-matrix: few names and many patterns, so that they meet."""

import ipaddress
import json

from access_oracle import ACTIONS, Policy, Request, Rule

PRINCIPALS = [
    "anonymous", "user:alice", "user:bob", "user:al", "robot:ci", "robot:agent-1", "robot:idle", "workload:github/main",
    "workload:github/any", "workload:local/main", "certificate:eu.example", "certificate:alice",
]
ROBOTS = ["ci", "agent-1", "idle"]
WHO = [
    "*", "authenticated", "anonymous", "user:alice", "user:*", "user:al*", "user:?ob", "user:**", "robot:*",
    "robot:agent-?", "robot:ci", "workload:github/*", "workload:*", "workload:*/main", "certificate:*.example",
    "certificate:**", "group:dev", "group:o*", "group:**", "group:team/?",
]
GROUPS = ["dev", "ops", "team/a", "other"]
REPOSITORIES = ["a", "app", "team/app", "team/lib", "team/a/b", "teams/app", "x/y/z", "base/os"]
REPOSITORY_PATTERNS = [
    "**", "*", "team/*", "team/**", "*/app", "**/app", "a*", "?", "team*/**", "x/?/z", "app", "**/*b", "t*/*/*",
    "team/app", "b???/*",
]
TAGS = ["v1", "v1.2", "v10", "latest", "main", "release-1", "_x"]
TAG_PATTERNS = ["v*", "v?", "*", "latest", "*-?", "v*.*", "????", "**", "main"]
ADDRESSES = [
    "10.0.0.1", "10.1.2.3", "11.0.0.1", "127.0.0.1", "127.0.0.9", "192.0.2.130", "::1", "2001:db8::1", "2001:db9::1",
    "2001:db8:0:0:8000::7", "::ffff:10.1.2.3", "fe80::1",
]
# Actions that are asked for more often, for they are what clients do.
USUAL = ["pull", "pull-by-tag", "push", "overwrite", "delete"]


def pick(random, values, most):
    return [random.choice(values) for _ in range(random.randint(1, most))]


def maybe(random, chance, make):
    return make() if random.random() < chance else None


def network(random):
    """The network of some length around one of the addresses, or one address alone."""
    address = ipaddress.ip_address(random.choice(ADDRESSES))
    address = getattr(address, "ipv4_mapped", None) or address
    if random.random() < 0.2:
        return str(address)
    length = random.choice([0, 1, 7, 8, 15, 24, 25, 30, 31, 32, 33, 64, 65, 127, 128])
    return str(ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False))


def rule(random, number):
    effect = random.choice(["allow", "allow", "deny"])
    actions = ["*"] if random.random() < 0.2 else pick(random, USUAL + ACTIONS, 4)
    return Rule(
        effect,
        actions,
        name=maybe(random, 0.5, lambda: f"rule of case {number}"),
        who=maybe(random, 0.65, lambda: pick(random, WHO, 2)),
        repositories=maybe(random, 0.55, lambda: pick(random, REPOSITORY_PATTERNS, 2)),
        tags=maybe(random, 0.3, lambda: pick(random, TAG_PATTERNS, 2)),
        networks=maybe(random, 0.25, lambda: [network(random) for _ in range(random.randint(1, 3))]),
        message=maybe(random, 0.5, lambda: f"ask \"team {number}\": no\\yes é") if effect == "deny" else None,
    )


def policy(random):
    grants = {
        name: [(pick(random, ["*"] + USUAL * 2, 3), random.choice(REPOSITORY_PATTERNS)) for _ in range(2)]
        for name in ROBOTS
        if name != "idle"
    }
    return Policy(
        rules=[rule(random, number) for number in range(random.randint(5, 16))],
        groups={name: pick(random, PRINCIPALS[1:], 3) for name in GROUPS if random.random() < 0.6},
        grants=grants,
    )


def request(random):
    principal = random.choice(PRINCIPALS + PRINCIPALS[4:6] * 4)
    has_groups = principal != "anonymous" and random.random() < 0.3
    repository = maybe(random, 0.85, lambda: random.choice(REPOSITORIES))
    return Request(
        principal,
        random.choice(USUAL * 3 + ACTIONS),
        groups=tuple(pick(random, GROUPS, 2)) if has_groups else (),
        repository=repository,
        tag=maybe(random, 0.5, lambda: random.choice(TAGS)) if repository else None,
        address=maybe(random, 0.75, lambda: random.choice(ADDRESSES)),
    )


def write(policy, path, robots):
    """Writes the configuration file, and notes on which line each rule stands. JSON is YAML too."""
    lines = ["access:", f"  robots: {json.dumps(str(robots))}"]
    if policy.groups:
        lines.append("  groups:")
        lines += [f"    {name}: {json.dumps(members)}" for name, members in policy.groups.items()]
    lines += ["  # Comments and blank lines count.", "", "  rules:"]
    policy.lines = []
    for one in policy.rules:
        keys = {one.effect: "*" if one.actions == ["*"] else one.actions}
        for key in ("name", "who", "repositories", "tags", "networks", "message"):
            if getattr(one, key) is not None:
                keys[key] = getattr(one, key)
        lines.append(f"    - {json.dumps(keys, ensure_ascii=False)}")
        policy.lines.append(len(lines))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
