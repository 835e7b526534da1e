"""What the figures of the merging studies show, and that many tasks stay legible."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.merged_studies import ORDERS, RECIPES, merged_study, sweep
from continual_vqa.analysis.figures.alignment_sweep import labels_of
from continual_vqa.analysis.figures.forgetting import in_blocks
from continual_vqa.analysis.figures.merge_cost import cost
from continual_vqa.analysis.figures.orders import draw as draw_orders
from continual_vqa.analysis.figures.registry import draw
from continual_vqa.analysis.figures.sign_conflicts import shares
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.errors import UserError
from continual_vqa.plan.comparisons import alignment_sweeps
from continual_vqa.plan.reporting import ALL_ORDERS

STYLE = Style(FiguresConfig())
MANY = {name: RECIPES[name] for name in ("sequential_lora", "average", "pam", "joint_lora")}


@pytest.fixture(scope="module")
def results() -> Results:
    return merged_study()


@pytest.fixture(scope="module")
def many() -> Results:
    """Fifty tasks; every fifth step was evaluated on all of its tasks."""
    return merged_study(MANY, ("published",), tasks=50, evaluated=5)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def head(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def shown(values: list) -> list[str]:
    return [text for label in values if (text := label.get_text())]


def test_orders_show_every_seed_of_every_order(results: Results) -> None:
    figure = draw("orders", results, STYLE)
    accuracy, transfer = figure.axes
    assert shown(accuracy.get_yticklabels()) == [r.title for r in RECIPES.values()]
    marks = [line for line in accuracy.lines if line.get_linestyle() == "None"]
    assert len(marks) == len(ORDERS) * len(RECIPES)
    points = sorted(x for line in marks for x in line.get_xdata())
    values = [results.by_seed(o, r, "AP").values() for o in ORDERS for r in RECIPES]
    assert points == pytest.approx(sorted(v for each in values for v in each))
    # The joint recipe has nothing to forget.
    assert len(accuracy.patches) == len(RECIPES) == len(transfer.patches) + 1
    assert legend(figure) == list(ORDERS)
    assert "3 orders, each with 2 seeds" in head(figure)


def test_orders_beyond_the_marks_have_no_legend() -> None:
    names = ("published", *(f"permutation-{n}" for n in range(1, 8)))
    study = merged_study({"pam": RECIPES["pam"]}, names, seeds=(0,))
    assert not draw_orders(study, STYLE, ALL_ORDERS, "").legends


def test_conflicts_are_told_with_and_without_reset(results: Results) -> None:
    figure = draw("sign_conflicts", results, STYLE)
    assert [axes.get_title() for axes in figure.axes] == ["vision", "language"]
    assert legend(figure) == ["Average (no reset)", "PAM"]
    counting, aligned = figure.axes[1].lines[:2]
    assert (counting.get_linestyle(), aligned.get_linestyle()) == ("--", "-")
    assert np.nanmax(counting.get_ydata()) > 2 * np.nanmax(aligned.get_ydata())
    x = np.array(counting.get_xdata())
    # A stage ends at its step, and the line breaks there.
    assert x.max() == len(results.tasks("published"))
    assert list(x[np.isnan(counting.get_ydata())]) == [1, 2, 3, 4]


def test_shares_are_means_over_a_seeds_comparisons() -> None:
    found = [(0, 10, 0.1), (1, 10, 0.3), (0, 20, 0.3), (1, 20, float("nan"))]
    rows = [{"seed": s, "step": 2, "update": u, "share": v} for s, u, v in found]
    by_update = shares(rows)
    assert {place: e.mean for place, e in by_update.items()} == pytest.approx(
        {(2, 10): 20.0, (2, 20): 30.0}
    )
    assert [e.count for e in by_update.values()] == [2, 1]
    # Seed 0: mean of 10 and 30; seed 1: 30 alone.
    assert shares(rows, by_stage=True)[2, 0].mean == pytest.approx(25)


def test_a_sweep_is_a_line_over_the_aligned_share() -> None:
    study = merged_study(sweep(), ("published",))
    curve, course = draw("alignment_sweep", study, STYLE).axes
    lines = alignment_sweeps(study.slots)
    assert [text.get_text() for text in curve.texts] == ["0", "0.1", "0.25", "0.5", "0.75", "1"] * 2
    assert labels_of([study.slots[next(iter(line))] for line in lines]) == [
        "reset zero",
        "reset start",
    ]
    for line, drawn in zip(lines, curve.lines, strict=False):
        learned = [study.estimate("published", n, "learning_accuracy").mean for n in line]
        assert list(drawn.get_xdata()) == pytest.approx(learned)
    low, high = curve.get_xlim()
    assert all(low < x < high for drawn in curve.lines[:2] for x in drawn.get_xdata())
    assert course.get_ylabel() == "AP (%)"


def test_one_sweep_needs_no_names() -> None:
    study = merged_study(sweep(("zero",)), ("published",))
    assert not draw("alignment_sweep", study, STYLE).legends


def test_costs_are_told_by_way_of_merging(results: Results) -> None:
    figure = draw("merge_cost", results, STYLE)
    assert legend(figure) == ["average, pair", "ties, all tasks", "magmax, all tasks, updates"]
    assert [axes.get_title() for axes in figure.axes] == [
        "time (s)",
        "peak memory (MB)",
        "read and written (MB)",
    ]
    pair, every = figure.axes[2].lines[:2]
    assert len(set(pair.get_ydata())) == 1
    assert list(every.get_ydata()) == sorted(set(every.get_ydata()))


def test_costs_are_means_over_recipes_then_seeds() -> None:
    made = {"kind": "ties", "of": "all", "space": "tensors", "step": 3}
    rows = [{**made, "seed": seed} for seed in (0, 0, 1)] + [{**made, "of": "pair", "seed": 0}]
    found = cost(rows, [1.0, 3.0, 5.0, 100.0], ("ties", "all", "tensors"))
    assert (found[3].mean, found[3].count) == (3.5, 2)


def test_many_tasks_leave_out_what_was_not_evaluated(many: Results) -> None:
    (axes,) = draw("many_tasks", many, STYLE).axes
    steps = [1, *range(5, 51, 5)]
    assert list(axes.lines[0].get_xdata()) == steps
    last = many.estimate("published", "sequential_lora", "AP").mean
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(last)
    assert axes.lines[-1].get_linestyle() == "--"  # joint: a level


def test_many_tasks_need_many_tasks(results: Results) -> None:
    with pytest.raises(UserError, match="20 tasks or more"):
        draw("many_tasks", results, STYLE)


@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("name", ["ap_over_steps", "matrix", "sign_conflicts", "forgetting"])
def test_fifty_tasks_stay_legible(many: Results, name: str, width: str) -> None:
    style = Style(FiguresConfig(width=width))
    figure = draw(name, many, style)
    figure.draw_without_rendering()
    assert figure.get_figheight() < 9  # inches of a page
    for axes in figure.axes:
        turned = [label for label in axes.get_xticklabels() if label.get_rotation() == 45]
        places = sorted(axes.transData.transform((x, 0))[0] for x in axes.get_xticks())
        if turned and any(label.get_text() for label in turned):
            apart = np.diff(places) / figure.dpi * 72 * np.sin(np.pi / 4)
            assert apart.min() > turned[0].get_fontsize(), "labels slanted by 45 degrees touch"
        heights = sorted(axes.transData.transform((0, y))[1] for y in axes.get_yticks())
        if len(heights) > 1:
            assert np.diff(heights).min() / figure.dpi * 72 > style.config.font_size - 1
        assert all(text.get_fontsize() >= 3.5 for text in axes.texts)


def test_fifty_tasks_are_forgotten_in_blocks() -> None:
    tasks = [f"t{n}" for n in range(49)]
    blocks = in_blocks(tasks)
    assert [name for name, _ in blocks][:2] == ["1–5", "6–10"]
    assert blocks[-1] == ("46–49", tasks[45:])
    assert [task for _, block in blocks for task in block] == tasks
    assert in_blocks(tasks[:3]) == [("t0", ["t0"]), ("t1", ["t1"]), ("t2", ["t2"])]


def test_a_block_is_the_mean_of_its_tasks(many: Results) -> None:
    figure = draw("forgetting", many, STYLE)
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    tasks = many.tasks("published")[:5]
    values = [many.estimate("published", "sequential_lora", "forgetting", t).mean for t in tasks]
    assert lines[0].get_xdata()[0] == pytest.approx(np.mean(values))
    assert re.search("a row is the mean of several", head(figure))
