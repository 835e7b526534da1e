import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.studies import write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.differences import bootstrap, differences
from continual_vqa.analysis.run_metrics import novel_accuracy, run_metrics
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.schemas import DIFFERENCES
from continual_vqa.analysis.scored_runs import scored_runs
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES
from continual_vqa.cli import main
from continual_vqa.files.parquet import read_table

# recipe -> title, schedule, accuracy right after learning, loss per later step
RECIPES = {
    "joint": ("Joint", "joint", 0.9, 0.0),
    "sequential": ("Sequential", "continual", 0.8, 0.15),
    "er": ("ER", "continual", 0.8, 0.05),
    "der": ("DER", "continual", 0.8, 0.05),
    "ewc": ("EWC", "continual", 0.8, 0.10),
    "aim": ("AIM", "continual", 0.8, 0.10),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return parse_runs(write_study(folder, (0, 1, 2), 30, RECIPES), "runs.json")


@pytest.fixture(scope="module")
def table(study):
    return differences(study, 400)


def rows(table, **fixed):
    return [r for r in table.to_pylist() if all(r[name] == v for name, v in fixed.items())]


def test_methods_are_compared_within_a_replay_and_replays_within_a_method(table):
    pairs = {(r["differ_in"], r["reference"], r["other"]) for r in table.to_pylist()}
    assert pairs == {
        ("method", "aim", "sequential"),
        ("method", "aim", "ewc"),
        ("replay", "er", "sequential"),
        ("replay", "er", "der"),
    }


def test_a_difference_is_that_of_the_summaries(study, table):
    results = Results(*aggregate(study))
    assert len(table) == 4 * 2 * 3
    for row in table.to_pylist():
        expected = results.difference(row["stream"], row["reference"], row["other"], row["metric"])
        if row["metric"] == "novel_AP" and row["stream"] == "published":
            assert math.isnan(row["difference"]) and math.isnan(row["p"])
        else:
            assert row["difference"] == pytest.approx(expected.mean)
            assert row["low"] <= row["difference"] <= row["high"]


def test_the_same_answers_differ_by_nothing(tmp_path):
    same = {name: (name, "continual", 0.8, 0.1) for name in ("sequential", "er")}
    found = differences(parse_runs(write_study(tmp_path, (0, 1), 10, same), "runs"), 50)
    for row in rows(found, stream="published-novel-G3"):
        assert (row["difference"], row["low"], row["high"], row["p"]) == (0, 0, 0, 1)


def test_a_clear_difference_is_found_and_corrected_for_its_number(table):
    ap = rows(table, stream="published", metric="AP")
    clear = next(r for r in ap if r["other"] == "sequential" and r["reference"] == "er")
    assert clear["low"] > 0 and clear["p"] == pytest.approx(2 / 401)
    assert all(r["p"] <= r["p_holm"] <= min(1, len(ap) * r["p"] + 1e-12) for r in ap)


def test_a_study_of_one_seed_says_so(tmp_path):
    content = write_study(tmp_path, (0,), 10, {n: RECIPES[n] for n in ("sequential", "er")})
    study = parse_runs(content, "runs")
    found = differences(study, 50)
    results = Results(*aggregate(study), {"differences": found})
    estimate = TABLES["differences"](results).rows[0][1][0]
    assert estimate.count == 1 and estimate.interval == "95 % bootstrap interval over questions"


def test_recipes_of_one_title_keep_their_rows(tmp_path):
    made = dict.fromkeys(("sequential", "er", "der"), ("The same", "continual", 0.8, 0.1))
    study = parse_runs(write_study(tmp_path, (0, 1), 5, made), "runs")
    results = Results(*aggregate(study), {"differences": differences(study, 20)})
    assert len(TABLES["differences"](results).rows) == 2 * 2


@given(
    arrays(np.float64, (3, 40), elements=st.floats(0, 100)),
    arrays(np.float64, (3, 40), elements=st.floats(0, 100)),
)
def test_bounds_are_ordered_within_the_differences_and_turn_with_the_pair(a, b):
    low, high, p = bootstrap(a, b)
    assert (a - b).min() - 1e-9 <= low <= high <= (a - b).max() + 1e-9 and 0 < p <= 1
    assert bootstrap(b, a) == pytest.approx((-high, -low, p))


def test_novel_accuracy_alone_is_that_of_all_metrics(study):
    for run in scored_runs(study):
        if run.held:
            cube = run.questions.cube()
            whole = run_metrics(cube, run.held)
            assert novel_accuracy(cube, run.held) == whole["novel_AP", ""]


def test_the_verb_writes_the_table(tmp_path):
    content = write_study(tmp_path, (0,), 5, {n: RECIPES[n] for n in ("sequential", "er")})
    runs, out = tmp_path / "runs.json", tmp_path / "differences.parquet"
    runs.write_text(json.dumps(content))
    assert main(["differences", "--runs", str(runs), "--out", str(out)]) == 0
    assert len(read_table(out, DIFFERENCES)) == 2 * 3
    runs.write_text(json.dumps({**content, "runs": []}))
    assert main(["differences", "--runs", str(runs), "--out", str(out)]) == 2
