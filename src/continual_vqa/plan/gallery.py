"""What a study's gallery shows: a row for each kind of figure and each table, with its files."""

from __future__ import annotations

from pathlib import Path

from continual_vqa.files.jsons import utf8
from continual_vqa.files.reading import read_file
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.reporting import FIGURES
from continual_vqa.plan.study_plan import Plan

FIGURE_KINDS = ("png", "pdf")
TABLE_KINDS = ("csv", "md", "tex")
# A caption is a paragraph.
MAX_CAPTION = 1 << 16

Rows = list[dict[str, object]]


def figure_stem(paths: Paths, name: str) -> str:
    """Path of a figure without its suffix: a pattern of {stream} and, if it is of one, {recipe}."""
    return f"{paths.figures}/{{stream}}/{name}" + "-{recipe}" * FIGURES[name].per_recipe


def gallery_contents(plan: Plan, captions: Path) -> dict[str, Rows]:
    """What `gallery` reads: the figures and the tables that the study has.

    Parameters
    ----------
    captions : folder of the report's captions

    Raises
    ------
    UserError : a figure or table has no caption
    """
    return {"figures": _figures(plan, captions), "tables": _tables(plan, captions)}


def _figures(plan: Plan, captions: Path) -> Rows:
    return [
        {
            "category": row.category,
            "caption": _caption(captions / f"{name}.rst"),
            "drawings": [
                {"stream": stream, "recipe": recipe}
                | _files(
                    figure_stem(plan.paths, name).format(stream=stream, recipe=recipe),
                    FIGURE_KINDS,
                )
                for stream, recipe in drawn
            ],
        }
        for name, row in FIGURES.items()
        if (drawn := plan.drawn(row))
    ]


def _tables(plan: Plan, captions: Path) -> Rows:
    return [
        {
            "category": row.category,
            "caption": _caption(captions / f"table_{name}.rst"),
            **_files(f"{plan.paths.tables}/{name}", TABLE_KINDS),
        }
        for name, row in plan.tables.items()
    ]


def _files(stem: str, kinds: tuple[str, ...]) -> dict[str, str]:
    return {kind: f"{stem}.{kind}" for kind in kinds}


def _caption(path: Path) -> str:
    return utf8(read_file(path, MAX_CAPTION), path)
