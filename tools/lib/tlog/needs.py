# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Makes sure of the one package beyond Python's own library."""

import os
import subprocess
import sys
from pathlib import Path

DEBIAN_PYTHON = "/usr/bin/python3"
PACKAGE = "python3-cryptography"


def install_cryptography():
    """Installs Debian's package where `cryptography` cannot be imported; whether it could be imported here already, and
    whether Debian has it now."""
    try:
        import cryptography  # noqa: F401
        return True, True
    except ImportError:
        pass
    prepare = Path(__file__).resolve().parents[1] / "prepare.sh"
    done = subprocess.run(["bash", "-c", f'. "$1" && install_missing {PACKAGE}', "prepare", str(prepare)])
    return False, done.returncode == 0


def ensure_cryptography():
    """Returns when `cryptography` can be imported: else installs Debian's package, and goes on in Debian's Python."""
    here, in_debian = install_cryptography()
    if here:
        return
    if not in_debian or os.path.realpath(sys.executable) == os.path.realpath(DEBIAN_PYTHON):
        sys.exit(f"the Python package `cryptography` is needed (Debian: {PACKAGE})")
    os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
