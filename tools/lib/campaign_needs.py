# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Installs what the campaigns of tools/test need of Debian and PyPI, one after the other: while everything is built,
and before several campaigns run at once, whose installers would be in each other's way. What cannot be had is told by
the campaign that needs it."""

import environments
import web_browser
from e2e_cases import Skip
from e2e_world import daemon_programs, install
from tlog import needs

# Commands beyond real clients: by which campaigns build, break and read things.
COMMANDS = {
    "busybox": "busybox-static", "jq": "jq", "openssl": "openssl", "promtool": "prometheus", "resize2fs": "e2fsprogs",
    "runc": "runc", "strace": "strace",
}


def main():
    install(print, **COMMANDS)
    needs.install_cryptography()
    web_browser.find()
    for name in environments.ENVIRONMENTS:
        attempt(environments.environment, name)
    attempt(environments.checker)
    attempt(daemon_programs)


def attempt(function, *arguments):
    try:
        function(*arguments)
    except Skip as reason:
        print(reason)


if __name__ == "__main__":
    main()
