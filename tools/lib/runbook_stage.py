# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Machines on which a registry runs as a service, for runbooks to be carried out on."""

import os
import signal
from pathlib import Path

from e2e_server import START_SECONDS, free_port
from region_world import Region, caught_up, eventually

UNIT = r"""#!/bin/bash
# The service manager of this machine, which knows one unit.
alive() { [ -n "$pid" ] && state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ]; }
pid=$(cat "$NODE/pid" 2>/dev/null)
[ "$2" = cairn ] || { echo "Unit $2.service could not be found." >&2; exit 5; }
case $1 in
start)
    alive && exit 0
    setsid "$NODE/bin/cairn" serve --config "$NODE/etc/cairn.yml" </dev/null >>"$NODE/cairn.log" 2>&1 &
    echo $! > "$NODE/pid" ;;
stop)
    alive && kill "$pid"
    for _ in $(seq 600); do alive || break; sleep 0.1; done
    rm -f "$NODE/pid" ;;
restart) "$0" stop cairn && "$0" start cairn ;;
is-active)
    if alive; then echo active; elif [ -n "$pid" ]; then echo failed; exit 3; else echo inactive; exit 3; fi ;;
*) echo "Unknown command verb $1." >&2; exit 1 ;;
esac
"""
JOURNAL = '#!/bin/bash\ntail -n 50 "$NODE/cairn.log"\n'
FACTS = {"CAIRN_ACCESS_LOG": "false", "CAIRN_LOG_FORMAT": "human"}


def is_over(pid):
    """Whether a process has ended with all of its threads and holds nothing any more, whoever has yet to hear of it."""
    place = Path(f"/proc/{pid}")
    try:
        state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z" and len(os.listdir(place / "task")) <= 1
    except OSError:
        return True


class Node(Region):
    """A registry with a folder for its settings, its data and its signer, started and stopped as a service."""

    def __init__(self, name, binary, folder, settings="", root=None):
        super().__init__(name, binary, folder)
        self.folder = folder / name
        for part in ("etc", "bin"):
            (self.folder / part).mkdir(parents=True)
        self.root = root or self.folder / "data"
        self.signer = self.folder / "signer"
        self.file = self.folder / "etc/cairn.yml"
        self.log = self.folder / "cairn.log"
        self.port = free_port()
        self.more = (
            f"root: {self.root}\nlisten: 127.0.0.1:{self.port}\nsigner: {self.signer}\n"
            f"log-origin: {name}.example/log\n{settings}"
        )
        self.file.write_text(self.more)
        (self.folder / "bin/cairn").symlink_to(binary)
        for tool, text in (("systemctl", UNIT), ("journalctl", JOURNAL)):
            (self.folder / "bin" / tool).write_text(text)
            (self.folder / "bin" / tool).chmod(0o755)
        own = {key: value for key, value in os.environ.items() if not key.startswith("CAIRN_")}
        self.environment = {
            **own, **FACTS, "NODE": str(self.folder), "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "HOME": str(self.folder), "REGISTRY_AUTH_FILE": str(self.folder / "none"),
        }
        # Where a machine's files are, under the names that runbooks have for them.
        self.variables = {}

    def start(self):
        self.manage("start")
        if not eventually(self.ready, START_SECONDS):
            raise RuntimeError(f"{self.name} is not ready: {self.tail()}")

    def stop(self):
        self.manage("stop")

    def manage(self, verb):
        command = [str(self.folder / "bin/systemctl"), verb, "cairn"]
        os.spawnve(os.P_WAIT, command[0], command, self.environment)

    @property
    def pid(self):
        try:
            return int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return None

    def kill(self):
        """As the kernel does for want of memory: at once, and the service manager knows."""
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            eventually(lambda: not self.ready(), START_SECONDS)
            eventually(lambda: is_over(self.pid), START_SECONDS)

    def end(self):
        self.kill()


class Stage:
    """One or two machines, what the runbook's variables are there, and what the world does meanwhile."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.node = self.peer = None
        self.variables, self.events = {}, {}
        self.closing = []
        # What must be so when the runbook was followed.
        self.afterwards = lambda: None

    def one(self, settings="", root=None):
        self.node = Node("near", self.binary, self.folder, settings, root)
        return self.node

    def two(self, settings="", peer_settings=""):
        """Two regions that follow each other."""
        self.one(settings)
        self.peer = Node("far", self.binary, self.folder, peer_settings)
        for node in (self.node, self.peer):
            node.start()
            node.known_key = node.key()
        for node, other in ((self.node, self.peer), (self.peer, self.node)):
            node.stop()
            node.file.write_text(
                node.more + f"regions:\n  - name: {other.name}\n    url: http://{other.host}\n"
                f"    log-keys: ['{other.known_key}']\n")
            node.start()
        return self.node, self.peer

    def settle(self):
        """Waits until each region has all that the other has."""
        for node in (self.node, self.peer):
            node.sealed(rest=1.5)
        if not eventually(lambda: caught_up([self.node, self.peer])):
            raise RuntimeError("the regions do not come to the same")

    def close(self):
        for node in (self.node, self.peer):
            if node is not None:
                node.end()
        for close in self.closing:
            close()
