import math

import numpy as np
import pytest

from analysis.studies import TASKS, write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.ranks import ranks
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES
from continual_vqa.config.recipes import RECIPES as KNOWN
from continual_vqa.errors import UserError

RECIPES = {
    "joint": ("Joint", "joint", 0.9, 0.0),
    "sequential": ("Sequential", "continual", 0.8, 0.2),
    "er": ("ER", "continual", 0.9, 0.0),
    "der": ("DER", "continual", 0.9, 0.0),
    "independent_head": ("Head per task", "continual", 0.95, 0.0),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    content = write_study(tmp_path_factory.mktemp("study"), (0, 1), 40, RECIPES, KNOWN)
    return Results(*aggregate(parse_runs(content, "runs.json")))


def test_only_recipes_without_the_task_that_learn_task_by_task_are_ranked(results):
    assert ranks(results, "published").recipes == ("sequential", "er", "der")


def test_ranks_share_out_all_places_and_equals_share_theirs(results):
    found = ranks(results, "published")
    assert found.values.shape == (3, 2, len(TASKS))
    assert np.array_equal(found.values.sum(axis=0), np.full((2, len(TASKS)), 6.0))
    er, der = found.values[1], found.values[2]
    assert np.array_equal(er, der), "the same answers have the same rank"
    last = TASKS.index("subcategory")
    assert (found.values[0, :, :last] == 3).all() and (er[:, :last] == 1.5).all()


def test_the_mean_lies_within_its_interval(results):
    for estimate in ranks(results, "published").mean():
        assert 1 <= estimate.low <= estimate.mean <= estimate.high <= 3


def test_the_table_has_every_skill_and_stream(results):
    table = TABLES["ranks"](results)
    assert [c.heading for c in table.columns] == ["mean rank", *TASKS]
    assert len(table.rows) == 2 * 3
    for _, (mean, *skills) in table.rows:
        assert mean.mean == pytest.approx(math.fsum(s.mean for s in skills) / len(skills))


def test_recipes_without_a_common_seed_are_refused(tmp_path):
    content = write_study(tmp_path, (0, 1), 5, {n: RECIPES[n] for n in ("sequential", "er")})
    content["runs"] = [r for r in content["runs"] if (r["recipe"] == "er") == (r["seed"] == 1)]
    results = Results(*aggregate(parse_runs(content, "runs.json")))
    with pytest.raises(UserError, match="no seed that all of sequential, er were run with"):
        ranks(results, "published")


def test_a_study_with_nothing_to_rank_is_refused(tmp_path):
    content = write_study(tmp_path, (0,), 5, {n: RECIPES[n] for n in ("joint", "sequential")})
    results = Results(*aggregate(parse_runs(content, "runs.json")))
    with pytest.raises(UserError, match="'published' has nothing to rank"):
        TABLES["ranks"](results)
