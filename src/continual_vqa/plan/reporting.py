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
    per_recipe : whether there is one for every continual recipe that has what it needs
    needs : what a recipe must have (a row of `plan.comparisons.NEEDS`, or "probe") for the figure
        to be drawn at all
    reads : the study's tables that it shows beside metrics and summary
    """

    category: str
    novel: bool = False
    per_recipe: bool = False
    needs: str = ""
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRow:
    """One table: its category in the report, and what a recipe must have (as of a figure)."""

    category: str
    needs: str = ""


# The tables that `survey` writes.
SURVEYED = ("masks", "overlap", "importance")

FIGURES: dict[str, FigureRow] = {
    "matrix": FigureRow("Accuracy", per_recipe=True),
    "ap_over_steps": FigureRow("Accuracy"),
    "baselines": FigureRow("Accuracy", needs="rival"),
    "forgetting": FigureRow("Forgetting"),
    "damage": FigureRow("Forgetting", needs="probe", reads=("damage",)),
    "composition": FigureRow("Novel compositions", novel=True),
    "importance": FigureRow("Masks", needs="importance", reads=("importance", "masks")),
    "mask_shares": FigureRow("Masks", needs="mask", reads=("masks",)),
    "mask_overlap": FigureRow("Masks", per_recipe=True, needs="part_mask", reads=("overlap",)),
    "ablation": FigureRow("Settings", needs="variants"),
}

TABLES: dict[str, TableRow] = {
    "main": TableRow("Accuracy"),
    "skills": TableRow("Forgetting"),
    "novel": TableRow("Novel compositions"),
    "paired": TableRow("Accuracy", needs="comparison"),
}
