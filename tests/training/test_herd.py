"""Herding a cell by what the base says, and the memory that keeps the first of the order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from continual_vqa.cli import main
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.consolidation.herding import herding_order
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.training.examples import Examples
from continual_vqa.training.herd import HerdFiles, HerdSettings, herd
from continual_vqa.training.loading import load_model
from training import memory_world
from training.memory_world import TRAINING

CELL = "train/color/G1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return memory_world.make(tmp_path_factory.mktemp("herding"))


def herded(world: Path, out: Path, cell: str = CELL, size: int = 8) -> list[dict]:
    files = HerdFiles(world / "base", cell, world / "cells" / cell, out)
    settings = HerdSettings(size=size, training=TRAINING)
    herd(files, settings, torch.device("cpu"))
    return read_table(out, MEMORY).to_pylist()


def test_the_order_is_that_of_the_bases_first_logits(world: Path, tmp_path: Path) -> None:
    rows = herded(world, tmp_path / "herd.parquet")
    model, _, _ = load_model(world / "base", None, torch.device("cpu"))
    model.eval()
    fixed = TRAINING.model_copy(update={"target": "majority"})
    examples = Examples(
        [world / "cells" / CELL], model, fixed, ShardsConfig(), sees="image_and_question", workers=0
    )
    with torch.inference_mode():
        # All at once: the job's batches must not matter.
        whole = [np.arange(len(examples))]
        ((batch, _),) = examples.stream(whole, np.zeros(len(examples)))
        features = model.logits(batch)[:, 0].numpy()
    assert [row["number"] for row in rows] == herding_order(features, 8).tolist()
    assert {row["cell"] for row in rows} == {CELL}
    assert herded(world, tmp_path / "again.parquet") == rows


def test_the_verbs_choose_a_herded_memory(world: Path, tmp_path: Path) -> None:
    names = [f"train/{skill}/{group}" for skill in ("color", "count") for group in ("G1", "G2")]
    cells = [f"{name}={world / 'cells' / name}" for name in names]
    orders = []
    for number, cell in enumerate(cells):
        out = tmp_path / f"{number}.parquet"
        settings = json.dumps({"size": 6, "training": TRAINING.model_dump(mode="json")})
        options = ["--base", str(world / "base"), "--cell", cell, "--settings", settings]
        assert main(["herd", *options, "--threads", "1", "--out", str(out)]) == 0
        orders.append(str(out))
    out = tmp_path / "memory.parquet"
    command = ["memory", "--cells", *cells, "--size", "6", "--out", str(out)]
    assert main([*command, "--orders", *orders]) == 0
    kept = read_table(out, MEMORY).to_pylist()
    assert len(kept) == 6
    for name, file in zip(names, orders, strict=True):
        mine = [row for row in kept if row["cell"] == name]
        assert mine == read_table(file, MEMORY).to_pylist()[: len(mine)] != []


def test_orders_that_do_not_fit_are_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, order = tmp_path / "memory.parquet", tmp_path / "herd.parquet"
    rows = herded(world, order, size=2)
    command = ["memory", "--cells", f"{CELL}={world / 'cells' / CELL}", "--out", str(out)]

    def refused(words: str, size: str = "2") -> None:
        assert main([*command, "--size", size, "--orders", str(order)]) == 2
        assert words in capsys.readouterr().err and not out.exists()

    refused("orders 2 questions of train/color/G1", size="3")

    def rewrite(changed: list[dict]) -> None:
        write_table(order, pa.Table.from_pylist(changed, schema=MEMORY), MEMORY)

    rewrite([rows[0], {**rows[1], "number": 10**9}])
    refused("does not fit cell train/color/G1")
    rewrite([rows[0], rows[0]])
    refused("does not fit cell train/color/G1")
    rewrite([rows[0], {**rows[1], "question_id": "another"}])
    refused("does not fit cell train/color/G1")
    rewrite([{**row, "cell": "train/count/G1"} for row in rows])
    refused("no order of cell train/color/G1")
