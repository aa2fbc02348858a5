# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A network of namespaces with faults: regions reach one another through a router, and clients by links of their own.

All of it lies in a network and a mount namespace of the campaign, and ends with it."""

import os
import subprocess
import sys
from pathlib import Path

MARK = "CAIRN_REGION_NAMESPACE"
NEEDED = ("unshare", "ip", "nft", "tc")
PORT = 5000
PROXY_PORT = 7000
PROXY = Path(__file__).resolve().parent / "region_proxy.py"
DELAY_SECONDS = 0.2
NARROW = ("rate", "2mbit", "burst", "32kb", "latency", "400ms")


def isolated():
    """Whether this process is in namespaces of its own. Where it is not, it is run again in some, and this does not
    return; nor does it return where there can be none."""
    if os.environ.get(MARK):
        Path("/run/netns").mkdir(parents=True, exist_ok=True)
        shell("mount", "-t", "tmpfs", "none", "/run/netns")
        shell("ip", "link", "set", "lo", "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
        return True
    why = "only root can make them" if os.geteuid() else None
    for program in NEEDED:
        if why is None and subprocess.run(["which", program], stdout=subprocess.DEVNULL).returncode:
            why = f"there is no {program}"
    if why is None:
        probe = ("mount -t tmpfs none /run/netns && ip netns add probe && nft add table ip probe"
                 " && nft add chain ip probe way '{ type nat hook prerouting priority -100; }'"
                 " && nft add rule ip probe way tcp dport 1 redirect to :2"
                 " && ip link add va type veth peer name vb netns probe && tc qdisc add dev va root tbf "
                 + " ".join(NARROW))
        Path("/run/netns").mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", probe], capture_output=True, text=True)
        why = done.stderr.strip()[-200:] or "a probe fails" if done.returncode else None
    if why is not None:
        print(f"skipped: no network namespaces here: {why}\n0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def shell(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return done


class Network:
    """Up to nine hosts. Each has a link to the router, and one to the clients that no fault is injected into."""

    def __init__(self, names):
        self.number = {name: index + 1 for index, name in enumerate(names)}
        self.dropped, self.delayed = set(), set()
        self.proxy = None
        for name, index in self.number.items():
            shell("ip", "netns", "add", name)
            self.link(name, f"p-{name}", "peers", f"10.213.{index}")
            self.link(name, f"c-{name}", "clients", f"10.214.{index}")
            shell("ip", "-n", name, "link", "set", "lo", "up")
            shell("ip", "-n", name, "route", "add", "default", "via", f"10.213.{index}.1")
        self.apply()

    @staticmethod
    def link(name, here, there, prefix):
        shell("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        shell("ip", "addr", "add", f"{prefix}.1/24", "dev", here)
        shell("ip", "link", "set", here, "up")
        shell("ip", "-n", name, "addr", "add", f"{prefix}.2/24", "dev", there)
        shell("ip", "-n", name, "link", "set", there, "up")

    def for_peers(self, name):
        return f"10.213.{self.number[name]}.2"

    def for_clients(self, name):
        return f"10.214.{self.number[name]}.2"

    def wrapper(self, name):
        """What a command begins with that is to run on that host."""
        return ["ip", "netns", "exec", name]

    def apply(self):
        """The router's rules, all at once."""
        rules = ["add table ip faults", "flush table ip faults",
                 "add chain ip faults before { type nat hook prerouting priority -100; }",
                 "add chain ip faults passing { type filter hook forward priority 0; }"]
        for source, target in sorted(self.dropped):
            rules.append(f"add rule ip faults passing ip saddr {self.for_peers(source)}"
                         f" ip daddr {self.for_peers(target)} drop")
        for source, target in sorted(self.delayed):
            pair = f"ip saddr {self.for_peers(source)} ip daddr {self.for_peers(target)}"
            rules.append(f"add rule ip faults before {pair} tcp dport {PORT} redirect to :{PROXY_PORT}")
            # Connections from before would go on without the delay.
            rules.append(f"add rule ip faults passing {pair} tcp dport {PORT} reject with tcp reset")
        shell("nft", "-f", "-", input="\n".join(rules) + "\n")

    # Faults: each returns what ends it.

    def cut(self, name):
        """The link is down, and that is known."""
        shell("ip", "link", "set", f"p-{name}", "down")
        return lambda: shell("ip", "link", "set", f"p-{name}", "up")

    def blackhole(self, source, target, both=True):
        """Packets vanish; one way or both."""
        pairs = {(source, target)} | ({(target, source)} if both else set())
        self.dropped |= pairs
        self.apply()

        def end():
            self.dropped -= pairs
            self.apply()

        return end

    def unrouted(self, source, target):
        """The host itself has no way there."""
        prefix = f"10.213.{self.number[target]}.0/24"
        shell("ip", "-n", source, "route", "add", "blackhole", prefix)
        return lambda: shell("ip", "-n", source, "route", "del", "blackhole", prefix)

    def narrow(self, name):
        """Both ways of a link are narrow."""
        shell("tc", "qdisc", "add", "dev", f"p-{name}", "root", "tbf", *NARROW)
        shell("tc", "-n", name, "qdisc", "add", "dev", "peers", "root", "tbf", *NARROW)

        def end():
            shell("tc", "qdisc", "del", "dev", f"p-{name}", "root")
            shell("tc", "-n", name, "qdisc", "del", "dev", "peers", "root")

        return end

    def delay(self, one, other):
        """What two hosts say to each other takes so long each way. One pair at a time."""
        self.proxy = subprocess.Popen([sys.executable, PROXY, str(PROXY_PORT), str(DELAY_SECONDS)],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.proxy.stdout.readline()
        self.delayed = {(one, other), (other, one)}
        self.apply()

        def end():
            self.delayed = set()
            self.apply()
            self.proxy.kill()
            self.proxy.wait()
            self.proxy.stdout.close()
            self.proxy = None

        return end

    def close(self):
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()
