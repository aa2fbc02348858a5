# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Ports for servers that are started later, and again on the same port after they were killed."""

import collections
import random
import socket

RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
LOWEST = 15_000
ATTEMPTS = 1_000
# What marks the ports that this process was given, for other campaigns to see; it goes with the process.
MARKS = collections.deque(maxlen=256)
# Not that of a campaign, whose seed makes the same choices again.
CHOICE = random.SystemRandom()


def free_port():
    """A port that nobody takes until a server listens there, nor while that is down: it is none of those that the
    system gives to connections and to listeners on any port, and each campaign beside this one is given others."""
    with open(RANGE, encoding="ascii") as file:
        highest = int(file.read().split()[0])
    for _ in range(ATTEMPTS if highest > LOWEST + ATTEMPTS else 0):
        port = CHOICE.randrange(LOWEST, highest)
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # A name without a file.
            mark.bind(f"\0cairn-campaign-port-{port}")
            bind(port)
        except OSError:
            mark.close()
            continue
        MARKS.append(mark)
        return port
    return bind(0)


def bind(port):
    """The port, which is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return probe.getsockname()[1]
