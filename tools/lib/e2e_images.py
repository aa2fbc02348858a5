# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""OCI image layouts made on the spot: small images from scratch, indexes of them, and layers of any size."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
BLOCK = 1 << 20


def tar_layer(files):
    """The same bytes for the same files, whenever and wherever it is made."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, 0
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def file_digest(path):
    state = hashlib.sha256()
    with open(path, "rb") as stream:
        while data := stream.read(4 * BLOCK):
            state.update(data)
    return "sha256:" + state.hexdigest()


class Layout:
    """A folder in the OCI image layout."""

    def __init__(self, path):
        self.path = Path(path)
        (self.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.entries = []

    def blob(self, data, media_type):
        name = sha256(data)
        (self.path / "blobs" / "sha256" / name[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    def read(self, name):
        return (self.path / "blobs" / "sha256" / name[7:]).read_bytes()

    def image(self, layers, architecture="amd64", compress=True):
        """An image of tar layers, given as bytes; returns its descriptor, with the platform."""
        descriptors = []
        for data in layers:
            if compress:
                descriptors.append(self.blob(gzip.compress(data, 1, mtime=0), LAYER + "+gzip"))
            else:
                descriptors.append(self.blob(data, LAYER))
        return self.manifest(descriptors, [sha256(data) for data in layers], architecture)

    def manifest(self, descriptors, differences, architecture="amd64"):
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": differences},
        }
        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": self.blob(json.dumps(config).encode(), CONFIG),
            "layers": descriptors,
        }
        result = self.blob(json.dumps(document).encode(), IMAGE)
        result["platform"] = {"architecture": architecture, "os": "linux"}
        return result

    def index(self, images):
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
        return self.blob(json.dumps(document).encode(), INDEX)

    def tag(self, descriptor, name):
        """Names an entry; returns the reference that skopeo and buildah take."""
        entry = {key: value for key, value in descriptor.items() if key != "platform"}
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.entries.append(entry)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries}
        (self.path / "index.json").write_text(json.dumps(index))
        return f"oci:{self.path}:{name}"

    def big_layer(self, size):
        """A layer that is a tar of one file of about `size` bytes which do not compress; returns its descriptor."""
        temporary = self.path / "big"
        state = hashlib.sha256()
        entry = tarfile.TarInfo("big")
        entry.size, entry.mtime = size // BLOCK * BLOCK, 0
        noise = os.urandom(BLOCK)
        with open(temporary, "wb") as stream:

            def write(data):
                state.update(data)
                stream.write(data)

            write(entry.tobuf(tarfile.USTAR_FORMAT if size < 8 << 30 else tarfile.GNU_FORMAT))
            for number in range(size // BLOCK):
                write(number.to_bytes(8, "big") + noise[8:])
            write(bytes(1024))
            total = stream.tell()
        name = "sha256:" + state.hexdigest()
        temporary.rename(self.path / "blobs" / "sha256" / name[7:])
        return {"mediaType": LAYER, "digest": name, "size": total}
