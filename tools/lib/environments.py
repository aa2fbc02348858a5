# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What campaigns need of PyPI: virtual environments and wheels, kept in the cache folder between runs."""

import os
import subprocess
import sys
from pathlib import Path

from e2e_cases import Skip
from e2e_world import cache_folder, quietly

INSTALL_SECONDS = 600
# By name: the packages, and what must be importable then.
ENVIRONMENTS = {
    "issuer": (["oidc-provider-mock==0.3.4", "authlib<2"], "oidc_provider_mock"),
    "oras": (["oras==0.2.43"], "oras.client"),
    "otlp": (["opentelemetry-proto==1.45.2", "prometheus-client==0.26.0"], "opentelemetry.proto, prometheus_client"),
    "webhooks": (["cloudevents==1.13.0", "standardwebhooks==1.1.0"], "cloudevents.http, standardwebhooks.webhooks"),
}
# A package that bundles axe-core; only the files in it are used.
CHECKER = "axe-playwright-python==0.1.8"


def environment(name):
    """The interpreter of one of the environments; made where it is not there, or was made of other packages."""
    packages, probe = ENVIRONMENTS[name]
    folder = cache_folder() / name
    python, made_of = folder / "bin" / "python", folder / "packages"
    if made_of.exists() and made_of.read_text().split() == packages and works(python, probe):
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = attempt([sys.executable, "-m", "venv", "--clear", str(folder)])
    if made.returncode != 0:
        attempt(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv"])
        made = attempt([sys.executable, "-m", "venv", "--clear", str(folder)])
    if made.returncode != 0:
        raise Skip(f"no virtual environment: {made.stdout[-200:]}")
    installed = attempt([str(python), "-m", "pip", "install", "-q", *packages])
    if installed.returncode != 0:
        raise Skip(f"{', '.join(packages)} cannot be installed: {installed.stdout[-200:]}")
    made_of.write_text("\n".join(packages))
    return python


def enter(name):
    """Goes on in one of the environments: returns where it is the one that runs, else begins the command anew in it."""
    if Path(sys.prefix).resolve() == (cache_folder() / name).resolve():
        return
    python = str(environment(name))
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])


def checker():
    """The wheel that bundles axe-core."""
    folder = cache_folder() / CHECKER
    if not list(folder.glob("*.whl")):
        done = attempt([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), CHECKER])
        if not list(folder.glob("*.whl")):
            raise Skip(f"{CHECKER} cannot be had: {done.stdout.strip()[-200:]}")
    return next(folder.glob("*.whl"))


def works(python, probe):
    return python.exists() and attempt([str(python), "-c", f"import {probe}"]).returncode == 0


def attempt(command):
    """Runs an installer for a bounded time."""
    try:
        return quietly(command, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Skip(f"{' '.join(command[:4])} takes longer than {INSTALL_SECONDS} s") from error
    except OSError as error:
        raise Skip(f"{command[0]}: {error}") from error
