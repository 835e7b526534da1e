"""Replay: which batches of the memory follow which steps, and a stage that replays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import write_table
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.loop import memory_share
from continual_vqa.training.memory import among, numbered, read_memory
from training import memory_world
from training.memory_world import KEPT, cells, make, memory

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("world"))


def train(world: Path, out: Path, *, replay: bool = True, stop_after: int = 0) -> bytes:
    out.mkdir(exist_ok=True)
    files: dict[str, Any] = {}
    if replay:
        files["memory"] = memory(world, out / "memory.parquet", KEPT)
        files["memory_cells"] = cells(world, "count")
    return memory_world.train(world, out, "examples", stop_after=stop_after, **files).read_bytes()


def test_replay_changes_what_is_learned_and_is_reproducible(world: Path, tmp_path: Path) -> None:
    with_memory = train(world, tmp_path / "a")
    assert with_memory == train(world, tmp_path / "b")
    assert with_memory != train(world, tmp_path / "c", replay=False)


@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_a_replaying_stage_resumes_bit_equal(world: Path, tmp_path: Path, stop_after: int) -> None:
    whole = train(world, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(world, tmp_path / "cut", stop_after=stop_after)
    assert train(world, tmp_path / "cut") == whole


class Numbers:
    """A source that tells which numbers were asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def stream(self, batches, uniforms):
        assert len(uniforms) == self.count
        for numbers in batches:
            yield numbers, torch.ones(len(numbers))


@pytest.mark.parametrize(("count", "size"), [(10, 4), (8, 4), (3, 4), (1, 1)])
def test_every_remembered_example_is_passed_over_equally_often(count: int, size: int) -> None:
    a_pass = -(-count // size)
    seen: Counter[int] = Counter()
    for step in range(3 * a_pass):
        share = memory_share(Numbers(count), size, 5, step)  # type: ignore[arg-type]
        assert 1 <= share.own <= size and len(share.weights) == share.own == share.count
        seen.update(np.asarray(share.batch).tolist())
    assert seen == dict.fromkeys(range(count), 3)


def test_a_group_replays_its_own_questions(world: Path, tmp_path: Path) -> None:
    path = memory(world, tmp_path / "memory.parquet", KEPT)
    memories = read_memory(path, cells(world, "count"))
    both = {**cells(world, "count")}

    def shown(segment: str) -> tuple[list[str], list[int]]:
        chosen = among(memories, segment)
        return [memory.group for memory in chosen], numbered(chosen)

    assert shown("G1") == (["G1"], [3, 1, 7])
    assert shown("G3") == ([], [])
    size = len(open_cells([both["train/count/G1"]]))
    assert shown("all") == (["G1", "G2"], [3, 1, 7, size + 5])


def test_a_memory_of_other_cells_is_refused(world: Path, tmp_path: Path) -> None:
    rows = [{"cell": "train/count/G1", "question_id": "no such question", "number": 2}]
    path = tmp_path / "memory.parquet"
    write_table(path, pa.Table.from_pylist(rows, schema=MEMORY), MEMORY)
    with pytest.raises(UserError, match="is not number 2 of train/count/G1"):
        read_memory(path, cells(world, "count"))
    with pytest.raises(UserError, match="needs cell train/count/G1"):
        read_memory(path, {})
