from __future__ import annotations

from pathlib import Path

import pytest

import tiny_model
from continual_vqa.evaluation.predict import PredictSettings, predict
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.shards.reader import open_cells


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_model.cells(tmp_path_factory.mktemp("cells"), 11, groups=("G3", "G1"))


def settings(sees: str = "image_and_question", **evaluation: object) -> PredictSettings:
    stage = {"task": "color", "step": 4, "recipe": {"sees": sees}}
    return PredictSettings.model_validate({"stage": stage, "evaluation": evaluation})


def test_one_row_per_question_in_the_order_of_the_cells(cells: dict[str, Path]) -> None:
    model = tiny_model.tiny()
    table, summary = predict(model, cells, settings(batch_size=4))
    assert table.schema.equals(PREDICTIONS)
    assert table["question_id"].to_pylist() == open_cells(list(cells.values())).question_ids
    assert table["group"].to_pylist() == ["G3"] * 11 + ["G1"] * 11
    assert set(table["task"].to_pylist()) == {"color"}
    assert set(table["step"].to_pylist()) == {4}
    assert all(score < 0 for score in table["score"].to_pylist())
    assert summary["questions"] == 22


def test_batches_and_threads_change_nothing(cells: dict[str, Path]) -> None:
    model = tiny_model.tiny()
    one, _ = predict(model, cells, settings(batch_size=1))
    many, _ = predict(model, cells, settings(batch_size=200), workers=2)
    assert one["answer"].to_pylist() == many["answer"].to_pylist()
    assert one["score"].to_pylist() == pytest.approx(many["score"].to_pylist(), abs=1e-4)


def test_question_only_answers_are_blind(cells: dict[str, Path]) -> None:
    model = tiny_model.tiny()
    blind, _ = predict(model, cells, settings(sees="question"))
    questions = open_cells(list(cells.values())).table(["question"])["question"].to_pylist()
    pairs = set(zip(questions, blind["score"].to_pylist(), strict=True))
    assert len({round(score, 4) for _, score in pairs}) == len(set(questions))
    seeing, _ = predict(model, cells, settings())
    assert len(set(seeing["score"].to_pylist())) > len(set(questions))


def test_no_question_gives_an_empty_table(tmp_path: Path) -> None:
    name, folder = tiny_model.cell(tmp_path, 0)
    table, summary = predict(tiny_model.tiny(), {name: folder}, settings())
    assert table.num_rows == 0 and table.schema.equals(PREDICTIONS)
    assert summary["questions"] == 0
