#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an image FROM scratch as an OCI layout, without a daemon.

    oci_image.py OUT --file PATH:INSIDE[:MODE] ... --entrypoint WORD ... [--env NAME=VALUE ...]
                     [--platform linux/amd64|wasi/wasm] [--port N] [--user UID] [--tag NAME]
    oci_image.py OUT --unpack FOLDER      the root file system of such an image, and its config

Files go into one layer, sorted, owned by root, dated 1970: equal inputs give equal digests. A folder
is taken with all that is below it. OUT is a folder; `skopeo copy oci:OUT:NAME docker://...` or
`ctr image import` (of a tar of it) take it from there, by the tag (latest).
Source: OCI image layout and image specification 1.0.
"""
import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def add(archive, names, source, inside, mode):
    """One file, or a folder with what is below it; parent folders come first."""
    parts = inside.strip("/").split("/")
    for i in range(1, len(parts)):
        folder(archive, names, "/".join(parts[:i]))
    if source is None or source.is_dir():
        folder(archive, names, "/".join(parts), mode if source is None else 0o755)
        for child in sorted(source.iterdir()) if source is not None else []:
            add(archive, names, child, f"{inside}/{child.name}", mode)
        return
    info = tarfile.TarInfo("/".join(parts))
    data = source.read_bytes()
    info.size, info.mode = len(data), mode
    archive.addfile(info, io.BytesIO(data))
    names.add(info.name)


def folder(archive, names, name, mode=0o755):
    if name not in names:
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, mode
        archive.addfile(info)
        names.add(name)


def blob(out, data):
    digest = hashlib.sha256(data).hexdigest()
    path = out / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def layer_of(files):
    """Returns (compressed layer, digest of the plain one)."""
    plain, names = io.BytesIO(), set()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for text in sorted(files, key=lambda text: text.split(":")[1]):
            source, inside, *mode = text.split(":")
            add(archive, names, Path(source) if source else None, inside,
                int(mode[0], 8) if mode else 0o644)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream:
        stream.write(plain.getvalue())
    return packed.getvalue(), hashlib.sha256(plain.getvalue()).hexdigest()


def write(options):
    out = Path(options.out)
    system, machine = options.platform.split("/")
    packed, plain_digest = layer_of(options.file)
    layer = blob(out, packed)
    settings = {"Entrypoint": options.entrypoint, "Env": options.env, "WorkingDir": "/",
                "User": options.user}
    if options.port:
        settings["ExposedPorts"] = {f"{options.port}/tcp": {}}
    config = blob(out, json.dumps({
        "architecture": machine, "os": system, "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + plain_digest]},
    }, sort_keys=True).encode())
    manifest = blob(out, json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, **config},
        "layers": [{"mediaType": LAYER, **layer}],
    }, sort_keys=True).encode())
    (out / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}\n')
    (out / "index.json").write_text(json.dumps({
        "schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, **manifest, "platform": {
            "os": system, "architecture": machine}, "annotations": {
                "org.opencontainers.image.ref.name": options.tag}}]}, sort_keys=True) + "\n")
    print(f"{out}: {layer['size']} bytes packed, {manifest['digest']}")


def read_blob(out, descriptor):
    kind, digest = descriptor["digest"].split(":")
    data = (out / "blobs" / kind / digest).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest or len(data) != descriptor["size"]:
        sys.exit(f"oci_image: {out}: blob {digest} is damaged")
    return data


def unpack(options):
    out, target = Path(options.out), Path(options.unpack)
    index = json.loads((out / "index.json").read_text())
    manifest = json.loads(read_blob(out, index["manifests"][0]))
    config = json.loads(read_blob(out, manifest["config"]))
    (target / "rootfs").mkdir(parents=True, exist_ok=True)
    for descriptor in manifest["layers"]:
        with tarfile.open(fileobj=io.BytesIO(read_blob(out, descriptor)), mode="r:gz") as archive:
            archive.extractall(target / "rootfs")
    (target / "image.json").write_text(json.dumps(config["config"], indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--platform", default="linux/amd64")
    parser.add_argument("--port", type=int)
    parser.add_argument("--user", default="65532:65532")
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--unpack")
    options = parser.parse_args()
    if options.unpack:
        unpack(options)
    elif options.file and options.entrypoint:
        write(options)
    else:
        parser.error("--file and --entrypoint, or --unpack")


main()
