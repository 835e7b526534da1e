"""Routes belong to the cells that they were made of, and lead to the models of their tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import tiny_model
from continual_vqa.config.tasks import TaskKind
from continual_vqa.consolidation.words import count_words
from continual_vqa.errors import UserError
from continual_vqa.evaluation.among import chosen_models
from continual_vqa.evaluation.predict import PredictSettings, predict, predict_among
from continual_vqa.evaluation.routes import ROUTES, read_routes
from continual_vqa.evaluation.task_inference import infer, routes_of
from continual_vqa.files.parquet import write_table
from continual_vqa.shards.reader import Cells, open_cells
from continual_vqa.training.checkpoint import write_checkpoint

LEFT, RIGHT = (tiny_model.QUESTION.format(place=place) for place in tiny_model.PLACES)
CPU = torch.device("cpu")
SETTINGS = PredictSettings.model_validate({"stage": {"task": "size", "step": 2}})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_model.cells(tmp_path_factory.mktemp("cells"), 7, groups=("G3", "G1"))


def routed(cells: Cells, kind: TaskKind = "skills") -> pa.Table:
    """Questions about the left side are told to be of task "color", the others of "size"."""
    seen = [count_words("color", pa.array([LEFT] * 3)), count_words("size", pa.array([RIGHT] * 3))]
    return routes_of(cells, infer(cells.table(["question"])["question"], seen), kind)


def test_a_route_names_the_task_of_a_question_and_the_inferred_one(folders) -> None:
    cells = open_cells(list(folders.values()))
    table = routed(cells)
    assert table.schema.equals(ROUTES)
    assert table["question_id"].to_pylist() == cells.question_ids
    assert set(table["task"].to_pylist()) == {"color"}
    asked = cells.table(["question"])["question"].to_pylist()
    assert table["inferred"].to_pylist() == ["color" if q == LEFT else "size" for q in asked]
    assert routed(cells, "cells")["task"].to_pylist() == ["color.G3"] * 7 + ["color.G1"] * 7


def test_routes_are_read_as_the_numbers_of_each_tasks_questions(folders, tmp_path: Path) -> None:
    cells = open_cells(list(folders.values()))
    table = routed(cells)
    write_table(tmp_path / "routes.parquet", table, ROUTES)
    found = read_routes(tmp_path / "routes.parquet", cells)
    assert list(found) == ["color", "size"]
    inferred = table["inferred"].to_pylist()
    assert {n: t for t, some in found.items() for n in some} == dict(enumerate(inferred))


def test_routes_of_other_questions_are_refused(folders, tmp_path: Path) -> None:
    cells = open_cells(list(folders.values()))
    path = tmp_path / "routes.parquet"
    for table in (routed(cells).slice(1), routed(open_cells(list(folders.values())[::-1]))):
        write_table(path, table, ROUTES)
        with pytest.raises(UserError, match=r"routes\.parquet: routes .* not the 14 of the cells"):
            read_routes(path, cells)
    nobody = routed(cells).set_column(4, "inferred", pa.nulls(14, pa.string()))
    write_table(path, nobody.cast(ROUTES), ROUTES)
    with pytest.raises(UserError, match=r"routes\.parquet: has empty entries"):
        read_routes(path, cells)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """ "base": its folder; and a checkpoint of each of two tasks, of other weights."""
    root = tmp_path_factory.mktemp("models")
    base_sha256 = tiny_model.base_folder(root / "base")
    found = {"base": root / "base"}
    for seed, task in enumerate(("color", "size"), start=1):
        model = tiny_model.tiny(seed=seed)
        found[task] = root / f"{task}.safetensors"
        write_checkpoint(
            found[task],
            dict(model.named_parameters()),
            model,
            base_sha256=base_sha256,
            recipe={},
            stage=task,
            task=task,
            step=seed,
        )
    return found


def test_each_question_is_answered_by_the_model_of_its_task(folders, models) -> None:
    cells = open_cells(list(folders.values()))
    inferred = np.array(routed(cells)["inferred"].to_pylist())
    routes = {task: np.flatnonzero(inferred == task) for task in ("color", "size")}
    assert all(len(numbers) for numbers in routes.values())
    among = {task: models[task] for task in ("color", "size")}
    chosen = chosen_models(models["base"], among, [], routes, CPU)
    table, summary = predict_among(chosen, cells, SETTINGS)
    assert table["question_id"].to_pylist() == cells.question_ids
    assert summary["questions"] == 14
    for seed, task in enumerate(among, start=1):
        alone, _ = predict(tiny_model.tiny(seed=seed), folders, SETTINGS)
        for number in routes[task]:
            assert table["answer"][number] == alone["answer"][number]
            score = alone["score"][number].as_py()
            assert table["score"][number].as_py() == pytest.approx(score, abs=1e-4)


def test_only_models_that_are_needed_are_read(folders, models) -> None:
    among = {"color": models["color"], "size": Path("nowhere.safetensors")}
    routes = {"color": np.arange(14)}
    ((_, numbers),) = chosen_models(models["base"], among, [], routes, CPU)
    assert numbers.tolist() == list(range(14))
    with pytest.raises(UserError, match=r"nowhere\.safetensors"):
        chosen_models(models["base"], among, [], {"size": np.arange(14)}, CPU)


def test_a_task_without_its_own_model_is_refused_before_anything_is_loaded(models) -> None:
    routes = {"color": np.arange(7), "size": np.arange(7, 14)}
    with pytest.raises(UserError, match="--among: the routes lead to task 'size'"):
        chosen_models(models["base"], {"color": models["color"]}, [], routes, CPU)
    swapped = {"color": models["size"], "size": models["color"]}
    with pytest.raises(UserError, match=r"size\.safetensors: learned task 'size'.*'color'"):
        chosen_models(models["base"], swapped, [], routes, CPU)
