"""The download rule fetches the official archives that are missing; here from a local server."""

from __future__ import annotations

import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from .conftest import Checkout

ARCHIVES = {
    "v2_Questions_Train_mscoco.zip": ["v2_OpenEnded_mscoco_train2014_questions.json"],
    "v2_Questions_Val_mscoco.zip": ["v2_OpenEnded_mscoco_val2014_questions.json"],
    "v2_Annotations_Train_mscoco.zip": ["v2_mscoco_train2014_annotations.json"],
    "v2_Annotations_Val_mscoco.zip": ["v2_mscoco_val2014_annotations.json"],
    "annotations_trainval2014.zip": [
        "annotations/instances_train2014.json",
        "annotations/instances_val2014.json",
    ],
    "images/train2014.zip": ["images/train2014"],
    "images/val2014.zip": ["images/val2014"],
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(finished: Checkout, tmp_path: Path) -> Iterator[str]:
    """A server of the tiny world packed as the official archives."""
    world = next((finished.results() / "miniature").iterdir()) / "vqav2"
    for name, members in ARCHIVES.items():
        path = tmp_path / "served" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                files = (
                    [world / member] if (world / member).is_file() else (world / member).iterdir()
                )
                for file in files:
                    archive.write(file, str(file.relative_to(world)).removeprefix("images/"))
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_missing_archives_are_fetched_and_indexed(
    checkout: Checkout, address: str, tmp_path: Path
) -> None:
    sources = checkout.root / "config" / "sources.yaml"
    content = yaml.safe_load(sources.read_text())
    for entry in content["vqav2"]:
        entry |= {"url": f"{address}/{entry['file']}", "size": None, "sha256": None}
    sources.write_text(yaml.safe_dump(content))
    root = tmp_path / "official"
    raw = yaml.safe_load(checkout.config.read_text()) | {"name": "fetched"}
    raw["data"] = {"dataset": "vqav2", "root": str(root), "download": True}
    raw["pretraining"] = {"steps": 0}
    config = checkout.root / "config" / "fetched.yaml"
    config.write_text(yaml.safe_dump(raw))
    study = Checkout(checkout.root, config)
    study.snakemake("data")
    assert sorted(p.name for p in root.rglob("*.zip")) == sorted(Path(n).name for n in ARCHIVES)
    fetched = pq.read_table(checkout.root / "results" / "fetched" / "data" / "questions.parquet")
    world = pq.read_table(checkout.results() / "data" / "questions.parquet")
    assert fetched["question_id"].to_pylist() == world["question_id"].to_pylist()
    assert fetched["group"].to_pylist() == world["group"].to_pylist()
    assert study.pending("data") == []
