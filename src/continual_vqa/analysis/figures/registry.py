"""Finds and calls the code of a figure: the rows of `plan.reporting.FIGURES`, one file each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError
from continual_vqa.plan.comparisons import suited
from continual_vqa.plan.reporting import ACROSS, ALL_ORDERS, ALL_STREAMS, FIGURES

# (results, style, stream, recipe) -> the figure; a figure of all recipes ignores `recipe`.
Draw = Callable[[Results, Style, str, str], Figure]


def draw(name: str, results: Results, style: Style, stream: str = "", recipe: str = "") -> Figure:
    """The figure `name`; an empty stream or recipe means the first one that suits it.

    Raises
    ------
    UserError : no such figure, or the study has no such stream or recipe
    """
    _check(name, list(FIGURES), "figure")
    suited = _streams(results, name)
    stream = stream or suited[0]
    _check(stream, suited, "stream")
    recipes = results.recipes(results.main_stream() if stream in ACROSS else stream)
    needed = _with_what_is_needed(results, name, recipes)
    continual = [r for r in needed if not results.is_joint(stream, r)]
    recipe = recipe or next(iter([*continual, *recipes]))
    _check(recipe, recipes, "recipe")
    # Only the figure at hand is imported: an edit in one file redraws one figure.
    drawn: Draw = importlib.import_module(f"{__package__}.{name}").draw
    with style.applied():
        return drawn(results, style, stream, recipe)


def _with_what_is_needed(results: Results, name: str, recipes: Sequence[str]) -> list[str]:
    """The recipes that the figure can be about.

    Raises
    ------
    UserError : a table is missing, or no recipe has what the figure shows
    """
    row = FIGURES[name]
    missing = [table for table in row.reads if table not in results.further]
    if missing:
        options = ", ".join(f"--{table}" for table in missing)
        raise UserError(f"figure {name!r} needs further tables of the study", do=f"give {options}")
    damaged = results.further.get("damage")
    probed = set() if damaged is None else set(damaged["recipe"].to_pylist())
    found = suited(row.needs, {r: results.slots[r] for r in recipes}, probed)
    if row.needs and not found:
        raise UserError(
            f"figure {name!r} is about recipes that the study does not have",
            expected=f"a recipe with {row.needs}",
        )
    return found


def _streams(results: Results, name: str) -> list[str]:
    """The streams that the figure can show, the likeliest first."""
    row = FIGURES[name]
    if row.over_orders:
        return [ALL_ORDERS]
    if row.published:
        return [ALL_STREAMS]
    if not row.novel:
        suited = sorted(results.held_out, key=lambda stream: stream != results.main_stream())
        return _long_enough(results, name, suited)
    suited = results.streams(novel=True)
    if not suited:
        raise UserError(
            f"figure {name!r} needs a stream with a held-out concept group, and there is none",
            do="add a group to stream.held_out",
        )
    return suited


def _long_enough(results: Results, name: str, streams: Sequence[str]) -> list[str]:
    fewest = FIGURES[name].fewest_tasks
    found = [stream for stream in streams if len(results.tasks(stream)) >= fewest]
    if not found:
        raise UserError(
            f"figure {name!r} needs a longer stream",
            expected=f"{fewest} tasks or more",
        )
    return found


def _check(name: str, known: Sequence[str], kind: str) -> None:
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}", expected=f"one of {', '.join(known)}")
