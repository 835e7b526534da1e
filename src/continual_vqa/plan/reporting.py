"""Which figures and tables a study has: one row each; the drawing code is found by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One kind of figure; `analysis/figures/<its name>.py` draws it.

    Attributes
    ----------
    category : heading in the report
    novel : whether it is drawn for streams with a held-out group, or for the standard ones
    per_recipe : whether there is one for every continual recipe
    """

    category: str
    novel: bool = False
    per_recipe: bool = False


FIGURES: dict[str, FigureRow] = {
    "matrix": FigureRow("Accuracy", per_recipe=True),
    "ap_over_steps": FigureRow("Accuracy"),
    "forgetting": FigureRow("Forgetting"),
    "composition": FigureRow("Novel compositions", novel=True),
}

# Table -> its category in the report.
TABLES: dict[str, str] = {
    "main": "Accuracy",
    "skills": "Forgetting",
    "novel": "Novel compositions",
}
