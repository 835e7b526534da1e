"""Finds and calls the code of a figure: the rows of `plan.reporting.FIGURES`, one file each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError
from continual_vqa.plan.reporting import FIGURES

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
    recipes = results.recipes(stream)
    continual = [r for r in recipes if not results.is_joint(stream, r)]
    recipe = recipe or next(iter([*continual, *recipes]))
    _check(recipe, recipes, "recipe")
    # Only the figure at hand is imported: an edit in one file redraws one figure.
    drawn: Draw = importlib.import_module(f"{__package__}.{name}").draw
    with style.applied():
        return drawn(results, style, stream, recipe)


def _streams(results: Results, name: str) -> list[str]:
    """The streams that the figure can show, the likeliest first."""
    if not FIGURES[name].novel:
        return sorted(results.held_out, key=lambda stream: stream != results.main_stream())
    suited = results.streams(novel=True)
    if not suited:
        raise UserError(
            f"figure {name!r} needs a stream with a held-out concept group, and there is none",
            do="add a group to stream.held_out",
        )
    return suited


def _check(name: str, known: Sequence[str], kind: str) -> None:
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}", expected=f"one of {', '.join(known)}")
