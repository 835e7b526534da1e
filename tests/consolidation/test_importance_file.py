"""Adding up the importance files of several ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance_file import Share, header, merge
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import ArrayFile, write_arrays

NAMES = ("text.a", "visual.b")


def write(path: Path, rank: int = 0, world: int = 2, **changes: object) -> Path:
    """A file of ones times the rank + 1, over 3 samples."""
    values = {
        "base_sha256": "a" * 64,
        "stage": "seed-0/01-color",
        "task": "color",
        "step": 1,
        "parts": dict.fromkeys(NAMES, "language"),
        "settings": ImportanceConfig(),
        "count": 3,
        **changes,
    }
    sizes = (4, 2) if "parts" not in changes else (4, 3)
    arrays = {
        name: np.full((size, 2), rank + 1, np.float32)
        for name, size in zip(NAMES, sizes, strict=True)
    }
    write_arrays(path, arrays, header(share=Share(rank, world), **values))  # type: ignore[arg-type]
    return path


@given(st.permutations(range(4)))
def test_the_sum_does_not_depend_on_the_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("ranks")
    paths = [write(folder / f"{rank}.safetensors", rank, 4) for rank in range(4)]
    out = folder / "out.safetensors"
    merge([paths[rank] for rank in order], out)
    whole = ArrayFile(out)
    assert whole.metadata["count"] == "12"
    assert not {"rank", "world"} & whole.metadata.keys()
    assert {name: float(np.unique(whole[name]).item()) for name in whole} == dict.fromkeys(
        NAMES, 10
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank": 0}, r"ranks 0, 0 of 2.*each of the ranks 0 to 1 once"),
        ({"base_sha256": "b" * 64}, "base_sha256 is bbbb"),
        ({"stage": "seed-0/02-count"}, "stage is seed-0/02-count"),
        ({"step": 2}, "step is 2"),
        ({"settings": ImportanceConfig(kind="mas")}, "settings is"),
        ({"parts": {"text.a": "vision"}}, "parts is"),
        ({"world": 3}, "world is 3"),
        ({"rank": 0, "world": 1}, "already the importance over all samples"),
    ],
)
def test_files_that_do_not_belong_together(tmp_path: Path, change: dict, words: str) -> None:
    one = write(tmp_path / "0.safetensors")
    two = write(tmp_path / "1.safetensors", **{"rank": 1, **change})
    with pytest.raises(UserError, match=words):
        merge([one, two], tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_missing_rank(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ranks 0 of 2"):
        merge([write(tmp_path / "0.safetensors")], tmp_path / "out.safetensors")


def test_other_shapes(tmp_path: Path) -> None:
    one = write(tmp_path / "0.safetensors")
    arrays = {name: np.ones((4, 2), np.float32) for name in NAMES}
    write_arrays(tmp_path / "1.safetensors", arrays, {**ArrayFile(one).metadata, "rank": "1"})
    with pytest.raises(UserError, match=r"names or shapes differ.*visual\.b"):
        merge([one, tmp_path / "1.safetensors"], tmp_path / "out.safetensors")


def test_no_importance_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_arrays(path, {}, {"format": "something"})
    with pytest.raises(UserError, match=r"x.safetensors.*has format 'something'"):
        merge([path], tmp_path / "out.safetensors")
    write_arrays(path, {}, {**ArrayFile(write(tmp_path / "0")).metadata, "count": "many"})
    with pytest.raises(UserError, match="incomplete or unreadable"):
        merge([path], tmp_path / "out.safetensors")


@pytest.mark.parametrize(("rank", "world"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_that_does_not_exist(rank: int, world: int) -> None:
    with pytest.raises(UserError, match="a rank from 0 to world - 1"):
        Share(rank, world)
