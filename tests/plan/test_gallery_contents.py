"""What the gallery of a study shows: all its figures and tables, with the report's captions."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.analysis.captions import plain_caption
from continual_vqa.config.load import load_study
from continual_vqa.errors import UserError
from continual_vqa.plan.gallery import gallery_contents
from continual_vqa.plan.reporting import FIGURES, TABLES
from continual_vqa.plan.study_plan import Plan

NAMES = [*FIGURES, *(f"table_{name}" for name in TABLES)]


@pytest.fixture
def captions(repository: Path) -> Path:
    return repository / "workflow" / "report"


def test_every_figure_and_table_of_the_study_is_shown(captions: Path) -> None:
    plan = Plan(load_study({"name": "shown", "recipes": ["sequential", "ewc", "joint"]}))
    contents = gallery_contents(plan, captions)
    drawings = [drawing for kind in contents["figures"] for drawing in kind["drawings"]]
    assert len(drawings) == sum(len(plan.drawn(row)) for row in FIGURES.values())
    paths = [drawing["png"] for drawing in drawings]
    assert "results/shown/figures/published/matrix-ewc.png" in paths
    assert "results/shown/figures/published/forgetting.png" in paths
    assert [t["csv"] for t in contents["tables"]] == [
        f"results/shown/tables/{name}.csv" for name in plan.tables
    ]


def test_a_missing_caption_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"matrix\.rst"):
        gallery_contents(Plan(load_study({})), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_caption_has_a_heading_and_no_markup_that_would_show(name: str, captions: Path) -> None:
    heading, text = plain_caption((captions / f"{name}.rst").read_text())
    assert heading and not heading.endswith(".")
    assert text.endswith(".")
    assert not set("`*{}<>|") & set(heading + text)


def test_every_caption_belongs_to_a_figure_or_a_table(captions: Path) -> None:
    assert {path.stem for path in captions.iterdir()} == set(NAMES)
