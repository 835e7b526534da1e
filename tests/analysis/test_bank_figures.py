"""What the figures of a study of banks show, and that ten tasks stay legible."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from matplotlib.figure import Figure

from analysis.banked_studies import ADAPTER, BASE, RECIPES, banked_study, own_entries
from continual_vqa.analysis.figures.bank_growth import UNITS
from continual_vqa.analysis.figures.bank_redundancy import pairs
from continual_vqa.analysis.figures.bank_weights import MOST_PANELS, in_blocks, limits_of, weights
from continual_vqa.analysis.figures.registry import draw
from continual_vqa.analysis.figures.stage_cost import (
    answering_milliseconds,
    training_peak,
    training_seconds,
)
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.errors import UserError

STYLE = Style(FiguresConfig())
NAMES = ("bank_weights", "bank_redundancy", "bank_growth", "stage_cost")
CONTINUAL = [recipe.title for recipe in RECIPES.values() if recipe.schedule == "continual"]


@pytest.fixture(scope="module")
def results() -> Results:
    return banked_study(3)


@pytest.fixture(scope="module")
def ten() -> Results:
    return banked_study(10)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def numbers(axes) -> list[int]:
    return [int(text.get_text().replace("−", "-")) for text in axes.texts]


def test_weights_are_means_over_branches_then_seeds(results: Results) -> None:
    rows = [r for r in results.rows("adapters", "published") if r["recipe"] == "atlas"]
    own = [r for r in rows if r["other"] is None]
    matrix = weights(own, 3)
    assert np.isnan(matrix[np.triu_indices(3, 1)]).all()
    some = [r["weight"] for r in own if (r["step"], r["adapter"]) == (3, 2)]
    assert matrix[2, 1] == pytest.approx(100 * np.mean(some))
    large, *small = draw("bank_weights", results, STYLE, recipe="atlas").axes[:-1]
    assert numbers(large) == [round(v) for v in matrix[np.tril_indices(3)]]
    assert [axes.get_title() for axes in small] == [
        *(f"encoder {layer}" for layer in (1, 2, 3)),
        *(f"decoder {layer}" for layer in (1, 2, 3)),
    ]
    first = weights([r for r in own if (r["stack"], r["layer"]) == ("encoder", 1)], 3)
    assert numbers(small[0]) == [round(v) for v in first[np.tril_indices(3)]]
    assert [label.get_text() for label in large.get_yticklabels()] == results.tasks("published")


def test_an_uneven_number_of_branches_does_not_weigh_a_seed() -> None:
    rows = [
        {"step": 2, "adapter": 1, "seed": seed, "weight": weight}
        for seed, weight in ((0, 0.2), (0, 0.4), (1, 0.9))
    ]
    assert weights(rows, 2)[1, 0] == pytest.approx(60)


@pytest.mark.parametrize(
    ("stacks", "most"), [((("decoder", 32),), 8), ((("encoder", 12), ("decoder", 12)), 4)]
)
def test_many_layers_share_panels(stacks: tuple[tuple[str, int], ...], most: int) -> None:
    layers = [(stack, n + 1) for stack, count in stacks for n in range(count)]
    blocks = in_blocks(layers)
    assert len(blocks) == MOST_PANELS
    assert sorted(itertools.chain(*blocks.values())) == sorted(layers)
    names = [name.split()[0] for name in blocks]
    assert names == [stack for stack, _ in stacks for _ in range(most)]


def test_layers_without_a_name_have_a_panel() -> None:
    assert in_blocks({("", 0)}) == {"layer 0": {("", 0)}}


def test_colours_run_over_what_occurs() -> None:
    assert limits_of([np.array([[41.0, np.nan], [52.0, 63.0]])]) == (40, 65)
    assert limits_of([np.array([[50.0]])]) == (50, 55)


def test_redundancy_is_that_of_the_last_task(results: Results) -> None:
    rows = [r for r in results.rows("adapters", "published") if r["recipe"] == "atlas"]
    cka, cosine = draw("bank_redundancy", results, STYLE, recipe="atlas").axes[:2]
    assert numbers(cka) == [80, 40, 80]
    own = [r for r in rows if r["step"] == 3 and (r["adapter"], r["other"]) == (1, 3)]
    assert numbers(cosine)[1] == round(100 * np.mean([r["cosine"] for r in own]))
    assert [t.get_text() for t in cka.get_xticklabels()] == results.tasks("published")[:-1]
    assert [t.get_text() for t in cka.get_yticklabels()] == results.tasks("published")[1:]


def test_branches_where_likeness_is_not_defined_are_left_out() -> None:
    nan = float("nan")
    rows = [
        {"adapter": 1, "other": 2, "seed": 0, "cka": cka, "cosine": nan} for cka in (0.5, nan, 0.7)
    ]
    assert pairs(rows, "cka", 2)[0, 0] == pytest.approx(60)
    assert np.isnan(pairs(rows, "cosine", 2)).all()


@pytest.mark.parametrize("tasks", [3, 10])
def test_growth_is_exact(tasks: int, results: Results, ten: Results) -> None:
    figure = draw("bank_growth", results if tasks == 3 else ten, STYLE)
    left, right = figure.axes
    steps = range(1, tasks + 1)
    word = "thousand" if tasks == 3 else "million"
    assert left.get_ylabel() == f"parameters ({word})"
    shown = next(unit for unit, name in UNITS.items() if name == word)
    bank = list(itertools.accumulate(own_entries("atlas", step) for step in steps))
    single = [ADAPTER * step for step in steps]
    assert [list(line.get_ydata()) for line in left.lines] == [
        [entries / shown for entries in bank],
        [entries / shown for entries in single],
    ]
    assert [list(line.get_ydata()) for line in right.lines] == [
        [BASE] * tasks,
        single,
        bank,
        single,
        [BASE * step for step in steps],
    ]
    assert right.get_yscale() == "log"
    assert legend(figure) == [
        "Sequential",
        "Adapter per task",
        "ATLAS / ATLAS, uniform",
        "one adapter each",
        "a full copy each",
    ]


def test_costs_add_up_the_phases_of_a_task() -> None:
    run = {"work": "train", "step": 2, "peak_mb": None, "questions": None}
    rows = [
        {**run, "seed": 0, "phase": "experience", "seconds": 2.0, "peak_mb": 100.0},
        {**run, "seed": 0, "phase": "expansion", "seconds": 3.0, "peak_mb": 90.0},
        {**run, "seed": 1, "phase": "expansion", "seconds": 7.0},
        {**run, "seed": 0, "work": "predict", "seconds": 4.0, "questions": 80},
        {**run, "seed": 1, "work": "predict", "seconds": 4.0, "questions": 0},
    ]
    seconds, peak, each = training_seconds(rows), training_peak(rows), answering_milliseconds(rows)
    assert (seconds[2].mean, seconds[2].count) == (6.0, 2)
    assert (peak[2].mean, peak[2].count) == (100.0, 1)
    assert (each[2].mean, each[2].count) == (50.0, 1)


def test_every_continual_recipe_has_its_costs(results: Results) -> None:
    figure = draw("stage_cost", results, STYLE)
    assert legend(figure) == CONTINUAL
    assert [axes.get_title() for axes in figure.axes] == [
        "training (s)",
        "training, peak memory (MB)",
        "answering (ms a question)",
    ]
    assert all(len(axes.lines) == len(CONTINUAL) for axes in figure.axes)


@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("name", NAMES)
def test_three_and_ten_tasks_stay_legible(
    results: Results, ten: Results, name: str, width: str
) -> None:
    style = Style(FiguresConfig.model_validate({"width": width}))
    for study in (results, ten):
        figure = draw(name, study, style)
        figure.draw_without_rendering()
        assert figure.get_figheight() < 9  # inches of a page
        for axes in figure.axes:
            assert all(text.get_fontsize() >= 3.5 for text in axes.texts)
            slanted = [t for t in axes.get_xticklabels() if t.get_rotation() == 45]
            places = sorted(axes.transData.transform((x, 0))[0] for x in axes.get_xticks())
            if len(slanted) > 1:
                apart = np.diff(places).min() / figure.dpi * 72 * np.sin(np.pi / 4)
                assert apart > slanted[0].get_fontsize(), "labels slanted by 45 degrees touch"


def test_figures_of_banks_need_a_bank(results: Results) -> None:
    def plain(table: pa.Table) -> pa.Table:
        return table.filter(pc.field("recipe") == "sequential")

    study = Results(plain(results.metrics), plain(results.summary), results.further)
    with pytest.raises(UserError, match="is about recipes"):
        draw("bank_growth", study, STYLE)
