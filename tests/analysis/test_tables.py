import csv
import io
import math

import pytest

from analysis.masked_studies import masked_results
from analysis.studies import RECIPES, TASKS, write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.significance import effect_size, sign_flip_p
from continual_vqa.analysis.statistics import QUESTIONS, SEEDS, Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_formats import as_csv, as_latex, as_markdown, as_text, escape
from continual_vqa.analysis.table_parts import cell_text
from continual_vqa.analysis.tables import TABLES
from continual_vqa.plan.reporting import TABLES as PLANNED


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    content = write_study(tmp_path_factory.mktemp("study"), seeds=(0, 1, 2), questions=10)
    return Results(*aggregate(parse_runs(content, "runs.json")))


def test_every_planned_table_can_be_made():
    assert set(TABLES) == set(PLANNED)


def test_main_table_has_the_recipes_in_order(results):
    table = TABLES["main"](results)
    assert [labels for labels, _ in table.rows] == [
        ("published", title, "not needed", "3") for title, *_ in RECIPES.values()
    ]
    sequential = dict(zip([c.heading for c in table.columns], table.rows[0][1], strict=True))
    assert sequential["AP (%)"].interval == SEEDS
    assert SEEDS in table.note and "3 seeds" in table.note


def test_novel_table_is_about_the_held_out_stream(results):
    rows = TABLES["novel"](results).rows
    assert {labels[0] for labels, _ in rows} == {"published-novel-G3"}
    assert all(estimates[-1].mean > 0 for _, estimates in rows)


def test_skill_table_has_a_row_per_recipe_and_skill(results):
    assert len(TABLES["skills"](results).rows) == len(RECIPES) * len(TASKS)


def test_cell_text():
    assert cell_text(Estimate(-1.234, -2.0, -0.5, 3, SEEDS), 2) == "−1.23 ± 0.75"
    assert cell_text(Estimate(1.0, math.nan, math.nan, 1, ""), 1) == "1.0"
    assert cell_text(Estimate(math.nan, math.nan, math.nan, 0, ""), 1) == "–"


def test_csv_reads_back(results):
    table = TABLES["main"](results)
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["recipe"] for row in rows] == [title for title, *_ in RECIPES.values()]
    assert float(rows[0]["AP (%) mean"]) == pytest.approx(table.rows[0][1][0].mean, abs=1e-5)
    assert rows[2]["AF (points) mean"] == ""


def test_latex_is_escaped_and_has_as_many_cells_as_columns(results):
    text = as_latex(TABLES["main"](results))
    assert r"EWC \& friends\_1" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(RECIPES) + 1
    assert {line.replace(r"\&", "").count("&") for line in rows} == {7}
    assert escape("50 % of {a}_b~^\\") == (
        r"50 \% of \{a\}\_b\textasciitilde{}\textasciicircum{}\textbackslash{}"
    )


def test_markdown_and_text_hold_every_recipe(results):
    for text in (as_markdown(TABLES["main"](results)), as_text(TABLES["main"](results))):
        assert all(title in text for title, *_ in RECIPES.values())
        assert SEEDS in text


def test_interval_phrase_says_seeds_and_kinds():
    one = Estimate(1, 0, 2, 1, QUESTIONS)
    three = Estimate(1, 0, 2, 3, SEEDS)
    assert interval_phrase([one]) == f"1 seed; {QUESTIONS}"
    assert interval_phrase([one, three]) == f"1–3 seeds; {QUESTIONS} / {SEEDS}"
    assert interval_phrase([]) == "0 seeds; no interval"


def test_paired_difference_of_two_recipes(results):
    difference = results.difference("published", "joint", "sequential", "AP")
    means = [results.estimate("published", r, "AP").mean for r in ("joint", "sequential")]
    assert difference.mean == pytest.approx(means[0] - means[1])
    assert difference.count == 3


def test_pairs_are_of_like_replay_and_over_seeds_and_skills(tmp_path):
    names = ("sequential", "ewc", "aim", "aim_global", "er", "aim_er")
    study = masked_results(tmp_path, names, (0, 1, 2))
    table = TABLES["paired"](study)
    standard = [labels[1:] for labels, _ in table.rows if labels[0] == "published"]
    assert standard == [
        ("AIM", "Sequential"),
        ("AIM", "EWC"),
        ("AIM", "AIM, global quantile"),
        ("AIM + ER", "ER"),
    ]
    _, (pairs, seeds, *_, novel, effect, p) = table.rows[0]
    assert (pairs.count, seeds.count) == (3 * len(TASKS), 3)
    difference = study.difference("published", "aim", "sequential", "AP")
    assert pairs.mean == pytest.approx(difference.mean)
    assert (seeds.mean, seeds.low) == pytest.approx((difference.mean, difference.low))
    assert novel.count == 0
    assert all(e[-3].count == 3 for label, e in table.rows if label[0] != "published")
    differences = [
        first - second
        for task in study.tasks("published")
        for seed in range(3)
        for first, second in [
            (
                study.by_seed("published", name, "final_accuracy", task)[seed]
                for name in ("aim", "sequential")
            )
        ]
    ]
    assert (effect.count, p.count) == (3 * len(TASKS), 3 * len(TASKS))
    assert effect.mean == pytest.approx(effect_size(differences))
    # Of three comparisons with AIM and one with AIM + ER.
    alone = sign_flip_p(differences)
    assert alone <= p.mean <= min(1, 4 * alone)
