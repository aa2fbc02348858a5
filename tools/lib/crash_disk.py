# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""File systems in a file, mounted through a loop device. Needs root."""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
NO_LOG_FLUSH = 2  # what was not flushed is gone, as after a power cut


class Unavailable(Exception):
    """This machine has no loop devices for us."""


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


class Disk:
    def __init__(self, folder, megabytes, kind="ext4"):
        self.image = str(Path(folder) / "disk.img")
        self.point = str(Path(folder) / "mnt")
        self.mounted = False
        self.device = None
        os.makedirs(self.point, exist_ok=True)
        run("truncate", "-s", f"{megabytes}M", self.image)
        made = run("losetup", "-f", "--show", self.image)
        if made.returncode != 0:
            raise Unavailable(made.stderr.strip())
        self.device = made.stdout.strip()
        maker = ["mkfs.ext4", "-q", "-F"] if kind == "ext4" else ["mkfs.xfs", "-q", "-f"]
        formatted = run(*maker, self.device)
        if formatted.returncode != 0:
            self.close()
            raise Unavailable(formatted.stderr.strip())
        self.mount()

    def mount(self):
        mounted = run("mount", self.device, self.point)
        if mounted.returncode != 0:
            self.close()
            raise Unavailable(mounted.stderr.strip())
        self.mounted = True

    def unmount(self):
        if self.mounted:
            run("umount", self.point)
            self.mounted = False

    def cut_power(self):
        """Drops everything that was not flushed to the disk, at once, whoever is writing."""
        point = os.open(self.point, os.O_RDONLY)
        try:
            fcntl.ioctl(point, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(point)

    def close(self):
        self.unmount()
        if self.device:
            run("losetup", "-d", self.device)
            self.device = None
