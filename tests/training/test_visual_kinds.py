"""What a model is shown of a question about no image, one or two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny_model
from continual_vqa.backbones import pixels
from continual_vqa.config.backbone import VisionConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.errors import UserError
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.training.visual_store import VisualStore, store_of_cells
from shards.world import Images, jpeg, row, rows, write

VISION = VisionConfig(kind="patches", image_size=16, patch_size=8)
BLANK = pixels.blank(VISION)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    paths = {"image_path": "a.png", "second_image_path": "b.png"}
    write(
        tmp_path / "pair",
        [row("p", 1, **paths)],
        images=Images({"a.png": jpeg(1), "b.png": jpeg(9)}),
    )
    texts = [row("", number, image_path="", choices=["x", "y"]) for number in (2, 3)]
    write(tmp_path / "text", texts, images=None, cell="train/piqa/all")
    write(tmp_path / "image", rows(2))
    return {name: tmp_path / name for name in ("pair", "text", "image")}


def store(*folders: Path, memory_mb: int = 100, sees: str = "image_and_question") -> VisualStore:
    options = {"memory_mb": memory_mb, "workers": 0, "sees_pairs": True}
    return store_of_cells(open_cells(folders), VISION, ShardsConfig(), sees, **options)


def shown(made: VisualStore, count: int) -> np.ndarray:
    ((_, visual),) = made.stream([np.arange(count)])
    return visual


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_question_without_an_image_is_shown_the_blank(
    folders: dict[str, Path], memory_mb: int
) -> None:
    visual = shown(store(folders["image"], folders["text"], memory_mb=memory_mb), 5)
    assert visual.shape == (5, 16, 16, 3)
    assert [np.array_equal(each, BLANK) for each in visual] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_pairs_make_every_input_a_pair(folders: dict[str, Path], memory_mb: int) -> None:
    visual = shown(store(*folders.values(), memory_mb=memory_mb), 6)
    assert visual.shape == (6, 2, 16, 16, 3)
    filled = [[not np.array_equal(each, BLANK) for each in pair] for pair in visual]
    assert filled == [[True, True], [False, False], [False, False], *[[True, False]] * 3]
    assert not np.array_equal(visual[0, 0], visual[0, 1])
    alone = shown(store(folders["image"], memory_mb=memory_mb), 3)
    assert alone.shape == (3, 16, 16, 3)
    assert np.array_equal(visual[3:, 0], alone)


def test_a_blinded_model_is_shown_blank_pairs(folders: dict[str, Path]) -> None:
    visual = shown(store(folders["pair"], sees="question"), 1)
    assert np.array_equal(visual, np.stack([BLANK, BLANK])[None])


def test_a_family_that_sees_one_image_refuses_pairs(folders: dict[str, Path]) -> None:
    assert not tiny_model.tiny().sees_pairs
    options = {"memory_mb": 0, "workers": 0, "sees_pairs": False}
    cells = open_cells([folders["pair"]])
    with pytest.raises(UserError, match="holds pairs of images; expected one image a question"):
        store_of_cells(cells, VISION, ShardsConfig(), "image_and_question", **options)


def test_the_store_tells_pairs_from_what_ends_with_the_blank(folders: dict[str, Path]) -> None:
    made = store(*folders.values())
    found = made.paired(np.array([3, 0, 1]))
    assert found is not None and found.tolist() == [False, True, False]
    assert made.paired(np.array([1, 2])) is None
    assert store(folders["image"]).paired(np.arange(3)) is None
    cells = open_cells(list(folders.values()))
    assert cells.pairs.tolist() == [True] + [False] * 5
    assert Subset(cells, [2, 0]).pairs.tolist() == [False, True]
    # Without a pair among them, questions of the same cells are shown single images.
    options = {"memory_mb": 0, "workers": 0, "sees_pairs": True}
    alone = store_of_cells(Subset(cells, [4]), VISION, ShardsConfig(), "question", **options)
    assert shown(alone, 1).shape == (1, 16, 16, 3)
