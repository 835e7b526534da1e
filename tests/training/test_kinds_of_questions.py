"""A ViLT is trained on, and asked, questions of all kinds: open, with choices, about two images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from continual_vqa.backbones.folder import write_base
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.data.asking import all_asked
from continual_vqa.errors import UserError
from continual_vqa.evaluation.predict import PredictSettings, predict
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.examples import Examples
from continual_vqa.training.importance import (
    ImportanceFiles,
    ImportanceSettings,
    measure_importance,
)
from continual_vqa.training.loading import load_model
from continual_vqa.training.settings import JOINT, TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage
from training import kinds_world as world

CPU = torch.device("cpu")
TRAINING = {"epochs": 12, "batch_size": 8, "lr": 1e-2}
BANK = {"kind": "adapter_bank", "width": 4, "heads": 2}
TASKS = ("piqa", "nlvr2", "commonsenseqa")
V = len(world.LISTED)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return world.all_cells(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "base"
    write_base(folder, world.model())
    return folder


def examples(cells: dict[str, Path], **options: object) -> Examples:
    sees = "image_and_question"
    folders, model = list(cells.values()), options.pop("model", None) or world.model()
    return Examples(folders, model, TrainingConfig(), ShardsConfig(), sees=sees, workers=0)  # pyright: ignore


def predictions(model, cells: dict[str, Path]) -> tuple[list[str], list[str]]:
    """What is answered, and what is right."""
    stage = {"task": "piqa", "step": 1, "recipe": {}}
    settings = PredictSettings.model_validate({"stage": stage, "evaluation": {"batch_size": 7}})
    right = open_cells(list(cells.values())).table(["answer"])["answer"].to_pylist()
    return predict(model, cells, settings)[0]["answer"].to_pylist(), right


def test_a_batch_says_which_kind_each_question_is(cells: dict[str, Path]) -> None:
    source = examples(cells)
    numbers = [0, world.COUNT, 2 * world.COUNT + 1, 3 * world.COUNT]
    batch, weights = next(source.stream([np.array(numbers)], np.zeros(len(source))))
    assert batch.choices is not None and batch.choices.tolist() == [2, 0, 5, 0]
    assert batch.pairs is not None and batch.pairs.tolist() == [False, True, False, False]
    assert batch.mask.any(2).sum(1).tolist() == [2, 1, 5, 1] and weights.tolist() == [1.0] * 4
    assert batch.answers is not None and batch.labels is not None
    # The beach stands last; "true"; the market begins a list that is turned by one: third; red.
    assert batch.answers[:, 0].tolist() == [V + 1, 0, V + 2, 2]
    assert batch.labels.tolist() == [[0] * V, [1, 0, 0, 0], [0] * V, [0, 0, 1, 0]]


def test_questions_of_one_kind_are_batched_as_ever(cells: dict[str, Path]) -> None:
    only = {name: path for name, path in cells.items() if "vqav2" in name}
    source = examples(only)
    batch, _ = next(source.stream([np.arange(4)], np.zeros(len(source))))
    assert batch.choices is None and batch.pairs is None and batch.plain is None
    assert batch.questions.dim() == 2 and batch.visual.shape == (4, 16, 16, 3)


def test_an_answer_that_is_no_choice_has_no_label(tmp_path: Path) -> None:
    given = world._row("piqa", 1, "to swim", "sea", "", choices=["beach", "market"])
    cell = world._cell(tmp_path, "piqa", [given], None)
    with pytest.raises(UserError, match="1 of 1 questions have no answer"):
        examples(cell)


def test_without_places_the_choices_stand_behind_the_question(cells: dict[str, Path]) -> None:
    only = {name: path for name, path in cells.items() if "piqa" in name}
    model = world.model(places=0)
    table = open_cells(list(only.values())).table(["question", "choices"])
    asked = all_asked(*(column.to_pylist() for column in table))
    with pytest.raises(UserError, match="16 of 16 questions have no answer among the 4"):
        examples(only, model=model)
    given, _ = predictions(model, only)
    tokens = model.question_tokens(asked)
    visual = np.full((len(asked), 16, 16, 3), 127, np.uint8)
    ids, _ = model.generate(model.batch(visual, tokens), beams=1, length=1)
    assert given == model.answer_texts(ids.tolist())


def test_predictions_are_texts_of_choices(cells: dict[str, Path]) -> None:
    given, _ = predictions(world.model(), cells)
    choices = open_cells(list(cells.values())).table(["choices"])["choices"].to_pylist()
    for answer, own in zip(given, choices, strict=True):
        assert answer in (own or world.LISTED)


def joint(base: Path, cells: dict[str, Path], out: Path) -> Path:
    stage = {"task": JOINT, "step": 1, "seed": 0, "recipe": {}}
    settings = TrainSettings.model_validate({"stage": stage, "training": TRAINING})
    model = out / "model.safetensors"
    train_stage(StageFiles(base, None, cells, out / "scratch", model, out / "curve"), settings, CPU)
    return model


@pytest.fixture(scope="module")
def learned_together(
    base: Path, cells: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return joint(base, cells, tmp_path_factory.mktemp("joint"))


def test_tasks_of_all_kinds_are_learned_together(
    base: Path, cells: dict[str, Path], learned_together: Path
) -> None:
    model, _, _ = load_model(base, learned_together, CPU)
    for name in cells:
        given, right = predictions(model, {name: cells[name]})
        hits = sum(one == other for one, other in zip(given, right, strict=True))
        assert hits >= (12 if "nlvr2" in name else world.COUNT), name


@pytest.mark.parametrize("kind", ["fisher", "mas"])
@pytest.mark.parametrize("labels", ["data", "model"])
def test_importance_is_measured_on_questions_of_all_kinds(
    base: Path,
    cells: dict[str, Path],
    learned_together: Path,
    tmp_path: Path,
    kind: str,
    labels: str,
) -> None:
    config = ImportanceConfig.model_validate({"kind": kind, "labels": labels, "samples": 24})
    stage = {"task": JOINT, "step": 1, "seed": 0, "recipe": {}}
    settings = ImportanceSettings.model_validate(
        {"stage": stage, "training": TRAINING, "importance": config.model_dump()}
    )
    out = tmp_path / "importance.safetensors"
    files = ImportanceFiles(base, learned_together, cells, tmp_path / "scratch", out)
    assert measure_importance(files, settings, CPU)["questions"] == 24 and out.exists()


def learn(base: Path, cells: dict[str, Path], out: Path) -> list[Path]:
    """The checkpoints of a bank of adapters that grows over the tasks."""
    learned: list[Path] = []
    for step, task in enumerate(TASKS, start=1):
        start = None
        for phase in ("experience", "expansion")[step == 1 :]:
            recipe = {"tune": BANK, "start": "stacked", "deploy": "own"}
            stage = {"task": task, "step": step, "seed": 1, "phase": phase, "recipe": recipe}
            settings = TrainSettings.model_validate({"stage": stage, "training": TRAINING})
            model = out / f"{step}-{phase}.safetensors"
            own = {name: path for name, path in cells.items() if f"/{task}/" in name}
            files = StageFiles(
                base,
                start,
                own,
                out / "scratch",
                model,
                out / "curve",
                GuardFiles(stack=tuple(learned)),
            )
            train_stage(files, settings, CPU)
            start = model
        learned.append(model)
    return learned


def test_a_bank_learns_choices_and_pairs_one_after_the_other(
    base: Path, cells: dict[str, Path], tmp_path: Path
) -> None:
    learned = learn(base, cells, tmp_path)
    for number, task in enumerate(TASKS):
        model, _, _ = load_model(base, learned[number], CPU, stack=learned[:number])
        given, right = predictions(model, {f"train/{task}/all": cells[f"train/{task}/all"]})
        hits = sum(one == other for one, other in zip(given, right, strict=True))
        assert hits >= (11 if task == "nlvr2" else world.COUNT), task
