"""Processes that share every batch learn what one process learns; see also test_sharding.py."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import tiny_model
from continual_vqa.backbones.base import Batch
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.curve import CURVE
from continual_vqa.training.inflight import FILE
from continual_vqa.training.loop import shares
from continual_vqa.training.ranks import ALONE, Ranks, joined, local_device

CPU = torch.device("cpu")
GROUPS = ("G2", "G1")
# 24 questions a group; batches of 23 leave one question to the last: the second rank has none.
TRAINING = {"epochs": 2, "batch_size": 23, "lr": 3e-3}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base")
    tiny_model.cells(folder / "cells")
    tiny_model.cell(folder / "cells", skill="count", group="G1", seed=9)
    rows = [
        {"cell": "train/count/G1", "question_id": question, "number": number}
        for number, question in enumerate(
            open_cells([folder / "cells/train/count/G1"]).question_ids[:5]
        )
    ]
    write_table(folder / "memory.parquet", pa.Table.from_pylist(rows, schema=MEMORY), MEMORY)
    return folder


def command(
    world: Path, out: Path, recipe: dict, *more: str, processes: int, **training: object
) -> list[str]:
    stage = {"task": "color", "step": 2, "seed": 3, "recipe": recipe}
    settings = {"stage": stage, "training": {**TRAINING, **training}}
    cells = [f"train/color/{g}={world}/cells/train/color/{g}" for g in GROUPS]
    return [
        *(sys.executable, "-m", "continual_vqa", "train", "--base", str(world / "base")),
        *("--processes", str(processes)),
        *("--cells", *cells, "--settings", json.dumps(settings), "--threads", "1"),
        *("--scratch", str(out / "scratch"), "--out", str(out / "model.safetensors")),
        *("--curve", str(out / "curve"), "--device", "cpu", "--json", *more),
    ]


def train(
    world: Path, out: Path, recipe: dict, *more: str, processes: int, **training: object
) -> dict[str, torch.Tensor]:
    out.mkdir()
    run = command(world, out, recipe, *more, processes=processes, **training)
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["steps"] > 0  # told once, whatever the processes
    return read_tensors(out / "model.safetensors")[1]


@pytest.mark.parametrize(
    ("recipe", "training"),
    [
        ({}, {"accumulation": 2}),
        ({"replay": "examples"}, {"clip": 0.1}),
    ],
    ids=["plain", "replay"],
)
def test_two_processes_learn_what_one_learns(
    world: Path, tmp_path: Path, recipe: dict, training: dict
) -> None:
    more: list[str] = []
    if "replay" in recipe:
        cell = f"train/count/G1={world}/cells/train/count/G1"
        more = ["--memory", str(world / "memory.parquet"), "--memory-cells", cell]
    one = train(world, tmp_path / "one", recipe, *more, processes=1, **training)
    two = train(world, tmp_path / "two", recipe, *more, processes=2, **training)
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-5)
    curves = [read_table(tmp_path / n / "curve", CURVE) for n in ("one", "two")]
    losses, shared = (curve["loss"].to_pylist() for curve in curves)
    assert shared == pytest.approx(losses, abs=1e-5) and len(losses) == 8


def test_a_signal_stops_all_processes_and_the_next_call_continues(
    world: Path, tmp_path: Path
) -> None:
    long = {"epochs": 12, "save_every_minutes": 0.05 / 60}
    whole = train(world, tmp_path / "whole", {}, processes=2, **long)
    out = tmp_path / "cut"
    out.mkdir()
    run = command(world, out, {}, processes=2, **long)
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (out / "scratch" / FILE).exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 75 and not (out / "model.safetensors").exists(), errors
    assert (out / "scratch" / FILE).exists()
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    resumed = read_tensors(out / "model.safetensors")[1]
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
    assert not (out / "scratch").exists()


class Numbers:
    """A source whose samples are their own numbers."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, torch.Tensor]]:
        for numbers in batches:
            column = torch.tensor(numbers)[:, None]
            yield Batch(column, column, column), torch.ones(len(numbers))


@pytest.mark.parametrize(
    ("count", "size", "ranks"), [(47, 23, 2), (10, 4, 3), (1, 4, 2), (9, 8, 8)]
)
@pytest.mark.parametrize("most", [1, 3])
def test_all_ranks_compute_equally_often_and_every_sample_counts_once(
    count: int, size: int, ranks: int, most: int
) -> None:
    all_ranks = [Ranks(rank, ranks) for rank in range(ranks)]
    given = [list(shares(Numbers(count), size, 5, 0, start=0, ranks=own)) for own in all_ranks]
    assert {len(each) for each in given} == {-(-count // size)}
    seen = []
    for step in zip(*given, strict=True):
        pieces = [share.pieces(most, own) for share, own in zip(step, all_ranks, strict=True)]
        assert len({len(each) for each in pieces}) == 1 and 1 <= len(pieces[0]) <= most
        for batch, weights, own in (piece for each in pieces for piece in each):
            assert len(weights) == len(batch.visual) > 0 and weights.sum() == own
            seen += batch.visual[:own, 0].tolist()
    assert sorted(seen) == list(range(count))


def test_a_process_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(CPU) as ranks:
        assert ranks is ALONE and ranks.first
        tensor = torch.tensor([1.0, 2.0])
        ranks.add(tensor)
        assert tensor.tolist() == [1.0, 2.0]
        assert ranks.total(3.5, CPU) == 3.5
        assert ranks.any((True, False), CPU) == (True, False)
        ranks.wait(CPU)
    assert local_device(CPU) == CPU


def test_an_environment_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(UserError, match="WORLD_SIZE"), joined(CPU):
        pass


def test_a_process_without_a_gpu_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with pytest.raises(UserError, match="has no GPU"):
        local_device(torch.device("cuda"))
