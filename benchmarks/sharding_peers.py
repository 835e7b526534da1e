"""The peers of the sharding benchmark, apart so that their imports burden only themselves."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path

from webdataset.writer import ShardWriter

from benchmarks import material


def webdataset(source: str, out: str, max_bytes: int) -> None:
    """The usual loop over `webdataset.ShardWriter`."""
    folder = Path(source)
    images = material.Folder(folder)
    with ShardWriter(f"{out}/%05d.tar", maxcount=10**9, maxsize=max_bytes, verbose=0) as sink:
        for row in material.rows(folder).to_pylist():
            payload = images.read(row.pop("image_path"))
            sink.write({"__key__": row["image_id"], "jpg": payload, "json": row})


def standard_tarfile(source: str, out: str) -> None:
    """The standard library's `tarfile`, into one file."""
    folder = Path(source)
    images = material.Folder(folder)
    with tarfile.open(f"{out}/00000.tar", "w", format=tarfile.USTAR_FORMAT) as sink:
        for row in material.rows(folder).to_pylist():
            payload = images.read(row.pop("image_path"))
            for extension, content in (("jpg", payload), ("json", json.dumps(row).encode())):
                info = tarfile.TarInfo(f"{row['image_id']}.{extension}")
                info.size = len(content)
                sink.addfile(info, BytesIO(content))
