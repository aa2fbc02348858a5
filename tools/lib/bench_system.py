# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""What the benchmarks need of the system: packages, ports, and the accounts of processes in /proc."""

import os
import shutil
import socket
import subprocess
import sys

MIB = 1024 * 1024
GB = 1e9

PACKAGES = {"wrk": "wrk", "nginx": "nginx-light", "docker-registry": "docker-registry"}

REPOSITORY_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def cairn_binary():
    """The release build of Cairn; built first where it is not there. CAIRN_BINARY names another one."""
    named = os.environ.get("CAIRN_BINARY")
    if named:
        return os.path.abspath(named)
    path = os.path.join(REPOSITORY_ROOT, ".build", "release", "cairn")
    if not os.path.exists(path):
        subprocess.run(
            ["swift", "build", "-c", "release", "--product", "cairn"], cwd=REPOSITORY_ROOT, check=True
        )
    return path


def find_tool(name):
    """The path of an installed program; Debian keeps some where a user's PATH does not look."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def require_tools(names):
    """Installs from Debian what is missing of `names`, or says what to install."""
    missing = [PACKAGES[name] for name in names if find_tool(name) is None]
    if not missing:
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = prefix + ["apt-get", "install", "-y", "--no-install-recommends"] + missing
    try:
        subprocess.run(prefix + ["apt-get", "update", "-q"], env=environment, stdout=sys.stderr, check=False)
        subprocess.run(command, env=environment, stdout=sys.stderr, check=True)
    except (OSError, subprocess.CalledProcessError):
        sys.exit("cannot install " + ", ".join(missing) + "; run as root: " + " ".join(command[len(prefix):]))


def free_port():
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def process_tree(pid):
    """The process and all its descendants that live."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    tree, pending = [], [pid]
    while pending:
        current = pending.pop()
        tree.append(current)
        pending.extend(children.get(current, []))
    return tree


class CPUReading:
    """Processor time of some processes: exact per thread, and in ticks of 10 ms with the threads that ended."""

    def __init__(self, pids):
        self.threads = {}
        self.ticks = 0
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                try:
                    with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                        self.threads[(pid, thread)] = int(file.read().split()[0])
                except OSError:
                    pass
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
                self.ticks += int(fields[11]) + int(fields[12])

    def seconds_since(self, earlier):
        """Seconds of processor time from `earlier` to this reading.

        The exact counts are lost with a thread that ends; the ticks then say more.
        """
        if all(thread in self.threads for thread in earlier.threads):
            exact = sum(value - earlier.threads.get(thread, 0) for thread, value in self.threads.items())
            return exact / 1e9
        return (self.ticks - earlier.ticks) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid, field):
    """A field of /proc/PID/status that is in kB, such as VmRSS, VmHWM or RssAnon."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/status has no {field}")


def open_descriptors(pid):
    """How many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def machine():
    """One line about the machine, for reports."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores shared by client and server, Linux {os.uname().release}, load {load:.1f}"
