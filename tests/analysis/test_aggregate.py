import json
import math

import numpy as np
import pytest

from analysis.studies import COMPOSITION, GROUPS, TASKS, write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table, write_table


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), seeds=(0, 1), questions=20)


@pytest.fixture(scope="module")
def tables(content):
    return aggregate(parse_runs(content, "runs.json"))


def rows(table, **wanted):
    return [r for r in table.to_pylist() if all(r[key] == value for key, value in wanted.items())]


def test_every_run_step_task_and_group_is_there_once(tables):
    metrics, _ = tables
    assert metrics.schema.equals(METRICS)
    run = {"stream": "published", "recipe": "sequential", "seed": 1}
    found = rows(metrics, **run)
    assert len(found) == sum(range(1, len(TASKS) + 1)) * (len(GROUPS) + 1)
    assert len(rows(metrics, **(run | {"recipe": "joint"}))) == len(TASKS) * (len(GROUPS) + 1)
    assert {r["step"] for r in rows(metrics, **(run | {"recipe": "joint"}))} == {len(TASKS)}


def test_accuracies_are_the_means_of_the_scores(content, tables):
    step = next(s for s in content["runs"] if s["recipe"] == "ewc" and s["step"] == 3)
    scores = read_table(step["path"], SCORES).to_pylist()
    for row in rows(tables[0], recipe="ewc", step=3, stream=step["stream"], seed=step["seed"]):
        chosen = [
            100 * s["accuracy"]
            for s in scores
            if s["task"] == row["task"] and row["group"] in ("", s["group"])
        ]
        assert row["n"] == len(chosen)
        assert row["accuracy"] == pytest.approx(sum(chosen) / len(chosen))


def test_novel_marks_the_held_out_group_after_the_first_task(tables):
    novel = rows(tables[0], novel=True)
    assert {(r["group"], r["held_out"]) for r in novel} == {("G3", "G3")}
    assert {r["task"] for r in novel} == set(TASKS[1:])


def test_summary_has_every_metric_and_leaves_undefined_ones_nan(tables):
    _, summary = tables
    assert summary.schema.equals(SUMMARY)
    joint = rows(summary, recipe="joint", stream="published", seed=0, task="")
    assert {r["metric"] for r in joint} == {"AP", "AF", "BWT", "learning_accuracy"}
    assert [math.isnan(r["value"]) for r in joint] == [False, True, True, True]
    novel = rows(
        summary, recipe="ewc", stream="published-novel-G3", seed=0, metric="novel_accuracy"
    )
    assert [r["task"] for r in novel] == list(COMPOSITION)
    (gap,) = rows(
        summary, recipe="ewc", stream="published-novel-G3", seed=0, metric="composition_gap"
    )
    assert gap["value"] > 0
    assert all(math.isnan(r["low"]) for r in summary.to_pylist())


def test_a_single_seed_gets_intervals_over_questions(tmp_path):
    runs = parse_runs(write_study(tmp_path, seeds=(0,), questions=20), "runs.json")
    _, summary = aggregate(runs)
    again = aggregate(runs)[1]
    assert summary.equals(again) or str(summary.to_pylist()) == str(again.to_pylist())
    for row in rows(summary, stream="published", recipe="ewc", task=""):
        assert row["low"] < row["value"] < row["high"], row


def test_shared_stages_need_one_file(content):
    runs = json.loads(json.dumps(content))
    first = next(s for s in runs["runs"] if s["recipe"] == "sequential" and s["step"] == 1)
    for step in runs["runs"]:
        same = all(step[key] == first[key] for key in ("stream", "seed", "step"))
        if step["recipe"] == "ewc" and same:
            step["path"] = first["path"]
    metrics, _ = aggregate(parse_runs(runs, "runs.json"))
    values = {
        r["recipe"]: r["accuracy"]
        for r in rows(metrics, stream=first["stream"], seed=first["seed"], step=1, group="")
    }
    assert values["sequential"] == values["ewc"]


def broken(content, change):
    runs = json.loads(json.dumps(content))
    change(runs)
    return runs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("identity"), "identity: Field required"),
        (lambda r: r["runs"].clear(), "runs"),
        (lambda r: r["runs"][0].pop("seed"), "runs.0.seed"),
        (lambda r: r["runs"][0].update(extra=1), "runs.0.extra"),
        (lambda r: r["runs"][0].update(stream="other"), "stream 'other' has no tasks"),
    ],
)
def test_a_malformed_list_is_refused(content, change, message):
    with pytest.raises(UserError, match=message):
        parse_runs(broken(content, change), "runs.json")


def test_a_run_with_a_missing_step_is_refused(content):
    runs = broken(content, lambda r: r["runs"].pop(1))
    with pytest.raises(UserError, match=r"has the steps \[1, 3, 4, 5\]"):
        aggregate(parse_runs(runs, "runs.json"))


def test_steps_that_score_other_questions_are_refused(content, tmp_path):
    runs = broken(content, lambda r: None)
    table = read_table(runs["runs"][1]["path"], SCORES)
    write_table(tmp_path / "short.parquet", table.slice(1), SCORES)
    runs["runs"][1]["path"] = str(tmp_path / "short.parquet")
    with pytest.raises(UserError, match=r"cell recognition/G1: row 2 .* other questions"):
        aggregate(parse_runs(runs, "runs.json"))


def test_a_missing_score_file_is_named(content):
    runs = broken(content, lambda r: r["runs"][0].update(path="nowhere/scores.parquet"))
    with pytest.raises(UserError, match=r"nowhere/scores\.parquet"):
        aggregate(parse_runs(runs, "runs.json"))


def test_cells_of_different_size_are_weighted_by_their_questions():
    from continual_vqa.analysis.cube import Cube

    accuracy = np.array([[[100.0, 0.0, np.nan]]])
    cube = Cube(("a",), ("G1", "G2", "G3"), accuracy, np.array([[3, 1, 0]]))
    assert cube.matrix().tolist() == [[75.0]]
    assert cube.matrix(["G2"]).tolist() == [[0.0]]
    assert np.isnan(cube.matrix(["G3"])).all()
