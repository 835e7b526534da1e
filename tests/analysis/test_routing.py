"""How often the task of a question was inferred: counted from routes, shown as a table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from analysis.merged_studies import merged_study
from continual_vqa.analysis.routing import RoutedStep, routing
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.analysis.statistics import SEEDS
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES, TASK_ID
from continual_vqa.cli import main
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError
from continual_vqa.evaluation.routes import ROUTES
from continual_vqa.files.parquet import read_table, write_table

RECIPES = {
    "independent": Recipe(title="Given", start="base", deploy="own"),
    "independent_inferred": Recipe(title="Inferred", start="base", deploy="inferred"),
    "sequential_lora": Recipe(title="Plain"),
}


def routes(path: Path, *pairs: tuple[str, str]) -> str:
    rows = [
        dict(zip(ROUTES.names, (str(n), task, "G1", task, inferred, 1.0), strict=True))
        for n, (task, inferred) in enumerate(pairs)
    ]
    write_table(path, pa.Table.from_pylist(rows, ROUTES), ROUTES)
    return str(path)


def test_questions_and_hits_are_counted_for_every_task_and_run(tmp_path: Path) -> None:
    one = routes(tmp_path / "1.parquet", ("color", "color"), ("color", "color"))
    two = routes(tmp_path / "2.parquet", ("color", "count"), ("color", "color"), ("count", "color"))
    steps = [
        RoutedStep(stream="s", recipe=recipe, seed=0, step=step, path=path)
        for recipe in ("a", "b")
        for step, path in ((1, one), (2, two))
    ]
    table = routing(steps)
    assert table.schema.equals(FURTHER["routing"])
    found = [tuple(row.values()) for row in table.to_pylist()]
    assert found[:3] == [
        ("s", "a", 0, 1, "color", 2, 2),
        ("s", "a", 0, 2, "color", 2, 1),
        ("s", "a", 0, 2, "count", 1, 0),
    ]
    assert [("s", "b", *row[2:]) for row in found[:3]] == found[3:]
    missing = steps[0].model_copy(update={"path": str(tmp_path / "nowhere.parquet")})
    with pytest.raises(UserError, match=r"nowhere\.parquet"):
        routing([missing])


def test_the_verb_writes_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = routes(tmp_path / "routes.parquet", ("color", "color"), ("count", "color"))
    run = {"stream": "s", "recipe": "r", "seed": 0, "step": 2, "path": path}
    listing, out = tmp_path / "runs.json", tmp_path / "routing.parquet"
    listing.write_text(json.dumps({"identity": {}, "runs": [run]}))
    command = ["routing", "--runs", str(listing), "--out", str(out)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2
    assert [row["correct"] for row in read_table(out, FURTHER["routing"]).to_pylist()] == [1, 0]
    listing.write_text(json.dumps({"runs": [{**run, "step": 0}]}))
    assert main(command) == 2
    assert "runs.0.step" in capsys.readouterr().err


@pytest.fixture(scope="module")
def results() -> Results:
    study = merged_study(RECIPES, orders=("published", "reversed"), seeds=(0, 1), tasks=3)
    rows = []
    for stream in ("published", "reversed"):
        first, second, third = study.tasks(stream)
        for seed in (0, 1):
            for step, task, n, correct in (
                (1, first, 50, 50),
                (3, first, 50, 40),
                (3, second, 10, 10),
                (3, third, 40, 20 + 10 * seed),
            ):
                run = {
                    "stream": stream,
                    "recipe": "independent_inferred",
                    "seed": seed,
                    "step": step,
                }
                rows.append({**run, "task": task, "n": n, "correct": correct})
    table = pa.Table.from_pylist(rows, FURTHER["routing"])
    return Results(study.metrics, study.summary, {"routing": table})


def test_the_table_shows_the_last_step_over_all_tasks_and_for_each(results: Results) -> None:
    table = TABLES["routing"](results)
    tasks = results.tasks("published")
    shown = {labels: estimate for labels, (estimate,) in table.rows}
    means = [shown["published", "Inferred", task].mean for task in ("all tasks", *tasks)]
    assert means == pytest.approx([75, 80, 100, 62.5])
    assert shown["reversed", "Inferred", "all tasks"].interval == SEEDS
    assert len(table.rows) == 2 * (1 + len(tasks))
    assert "after the last step" in table.note and SEEDS in table.note


def test_a_task_without_questions_is_not_defined(results: Results) -> None:
    table = results.further["routing"]
    first = results.tasks("published")[0]
    kept = [row for row in table.to_pylist() if row["task"] != first or row["step"] == 1]
    fewer = Results(
        results.metrics, results.summary, {"routing": pa.Table.from_pylist(kept, table.schema)}
    )
    shown = {labels: estimate for labels, (estimate,) in TABLES["routing"](fewer).rows}
    assert math.isnan(shown["published", "Inferred", first].mean)
    assert shown["published", "Inferred", "all tasks"].mean == pytest.approx(70)


def test_the_main_table_says_where_the_task_is_known_from(results: Results) -> None:
    table = TABLES["main"](results)
    known = {labels[1]: labels[table.labels.index(TASK_ID)] for labels, _ in table.rows}
    assert known == {"Given": "given", "Inferred": "inferred", "Plain": "not needed"}


def test_without_routes_there_is_no_table(results: Results) -> None:
    with pytest.raises(UserError, match="give --routing"):
        TABLES["routing"](Results(results.metrics, results.summary))
