# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Temporary folders of campaigns that hand paths to podman and buildah."""

import secrets
import tempfile
from pathlib import Path


def scratch_folder(prefix):
    """A new folder of this user alone.

    podman and buildah take the path of `oci:PATH` for the name of an image as well, so none of its components may begin
    or end with an underscore, as some names of `tempfile` do."""
    folder = Path(tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    return folder
