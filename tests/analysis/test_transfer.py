"""Downstream tasks: the table of both ways to learn them, and CLiMB's formulas."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.analysis.climb import read_chances, relative_forgetting, relative_transfer
from continual_vqa.analysis.transfer import Learned, transfer
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES, score_table
from continual_vqa.files.parquet import write_table

accuracy = st.floats(0, 100)


def scores(path: Path, values: list[float], task: str = "color") -> str:
    rows = len(values)
    columns = {
        "question_id": [str(n) for n in range(rows)],
        "task": [task] * rows,
        **{name: [""] * rows for name in ("group", "answer_type", "question_type")},
    }
    write_table(path, score_table(columns, np.array(values), 4), SCORES)
    return str(path)


def test_both_accuracies_of_a_run_stand_in_one_row(tmp_path: Path) -> None:
    after = scores(tmp_path / "after.parquet", [1.0, 0.5, 0.0, 0.9])
    single = scores(tmp_path / "single.parquet", [0.0, 0.5, 0.0, 0.3])
    run = {"stream": "published", "recipe": "atlas", "title": "ATLAS", "seed": 3, "task": "color"}
    (row,) = transfer([Learned(**run, after=after, single=single)], {"color": 0.1}).to_pylist()
    shown = {"after": 60, "single": 20, "chance": 10, "relative": 400}
    assert row == {**run, **{name: pytest.approx(value) for name, value in shown.items()}}


def test_a_score_file_of_another_task_is_named(tmp_path: Path) -> None:
    path = scores(tmp_path / "count.parquet", [1.0], "count")
    run = {"stream": "", "recipe": "", "title": "", "seed": 0, "task": "color"}
    with pytest.raises(UserError, match="no questions of task 'color'") as caught:
        transfer([Learned(**run, after=path, single=path)], {})
    assert "count.parquet" in str(caught.value)


def test_what_guessing_gives_is_read_from_the_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"random": {"piqa": 0.5, "color": 0}}))
    assert read_chances(path) == {"piqa": 0.5, "color": 0}
    for content in ([], {}, {"random": {"piqa": 2}}, {"random": {"piqa": "half"}}):
        path.write_text(json.dumps(content))
        with pytest.raises(UserError, match="no accuracy of guessing"):
            read_chances(path)


def test_the_formulas_of_climb() -> None:
    assert relative_transfer(60, 50, 25) == pytest.approx(40)
    assert relative_forgetting(75, 50, 25) == pytest.approx(50)
    assert math.isnan(relative_transfer(60, 25, 25)) and math.isnan(relative_forgetting(1, 2, 1))


@given(single=accuracy, chance=accuracy)
def test_nothing_gained_or_lost_is_zero(single: float, chance: float) -> None:
    if single != chance:
        assert relative_transfer(single, single, chance) == 0
        assert relative_forgetting(single, single, chance) == 0
        assert relative_forgetting(single, chance, chance) == pytest.approx(100)
