"""The table of figures. A new figure is a file with `draw` and a row here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError

# (results, style, stream, recipe) -> the figure; a figure of all recipes ignores `recipe`.
Draw = Callable[[Results, Style, str, str], Figure]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure.

    Attributes
    ----------
    module : file in this folder, whose function `draw` makes the figure
    novel : whether it is about a stream with a held-out composition
    per_recipe : whether there is one for every recipe
    """

    module: str
    novel: bool = False
    per_recipe: bool = False


FIGURES: dict[str, FigureRow] = {
    "matrix": FigureRow("matrix", per_recipe=True),
    "ap_over_steps": FigureRow("ap_over_steps"),
    "forgetting": FigureRow("forgetting"),
    "composition": FigureRow("composition", novel=True),
}


def draw(name: str, results: Results, style: Style, stream: str = "", recipe: str = "") -> Figure:
    """The figure `name`; an empty stream or recipe means the first one that suits it.

    Raises
    ------
    UserError : the study has no such stream or recipe
    """
    row = FIGURES[name]
    suited = results.streams(novel=True) if row.novel else list(results.held_out)
    if not suited:
        raise UserError(
            f"figure {name!r} needs a stream with a held-out concept group, and there is none",
            do="add a group to stream.held_out",
        )
    stream = stream or (suited[0] if row.novel else results.main_stream())
    _check(stream, suited, "stream")
    recipes = results.recipes(stream)
    continual = [r for r in recipes if not results.is_joint(stream, r)]
    recipe = recipe or next(iter([*continual, *recipes]))
    _check(recipe, recipes, "recipe")
    module = importlib.import_module(f"{__package__}.{row.module}")
    drawn: Draw = module.draw
    with style.applied():
        return drawn(results, style, stream, recipe)


def _check(name: str, known: list[str], kind: str) -> None:
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}", expected=f"one of {', '.join(known)}")
