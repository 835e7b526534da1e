from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_model
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.training.examples import Examples


def examples(folders, model, *, sees="image_and_question", **training: object) -> Examples:
    config = TrainingConfig.model_validate(training)
    return Examples(folders, model, config, ShardsConfig(), sees=sees, workers=0)


def first_batch(source: Examples, numbers: list[int], uniform: float = 0.0):
    draws = np.full(len(source), uniform)
    return next(source.stream([np.array(numbers)], draws))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.cell(tmp_path_factory.mktemp("cells"))[1]


def test_kept_and_streamed_images_are_the_same(folder: Path) -> None:
    model = tiny_model.tiny()
    kept, _ = first_batch(examples([folder], model), [5, 0, 7])
    streamed, _ = first_batch(examples([folder], model, memory_mb=0), [5, 0, 7])
    assert kept.visual.dtype == torch.uint8 and kept.visual.shape == (3, 16, 16, 3)
    assert torch.equal(kept.visual, streamed.visual)
    assert torch.equal(kept.questions, streamed.questions)


def test_answers_and_weights_follow_the_draw(folder: Path) -> None:
    model = tiny_model.tiny()
    source = examples([folder], model)
    batch, weights = first_batch(source, [1, 2])
    assert weights.tolist() == [1.0, 1.0]
    batch, weights = first_batch(source, [1, 2], uniform=0.999)
    assert batch.answers is not None
    texts = model.words.decode(batch.answers.tolist())
    assert set(texts) <= {"white", "light blue"}
    assert weights.tolist() == pytest.approx([0.3, 0.3])


def test_a_blank_replaces_the_image(folder: Path) -> None:
    source = examples([folder], tiny_model.tiny(), sees="question")
    batch, _ = first_batch(source, [0, 3, 4])
    assert batch.visual.unique().tolist() == [127]


def test_images_for_a_region_model_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"\.jpg members.*\.npy"):
        examples([folder], tiny_model.tiny(tiny_model.REGIONS))
