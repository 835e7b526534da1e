"""The style file that figures and notebooks share."""

from __future__ import annotations

import tomllib
from pathlib import Path

import matplotlib as mpl
import matplotlib.style

from continual_vqa.analysis.figures.style import FAINT, Style
from continual_vqa.config.figures import FiguresConfig

FOLDER = "continual_vqa.analysis.figures"


def test_notebooks_get_the_look_of_the_figures_by_name():
    style = Style(FiguresConfig(font_size=7))
    with style.applied():
        drawn = dict(mpl.rcParams)
    with mpl.rc_context():
        mpl.style.use(f"{FOLDER}.paper")
        named = dict(mpl.rcParams)
    differing = {name for name, value in named.items() if drawn[name] != value}
    assert differing and all(name.endswith("size") for name in differing)
    assert named["grid.color"] == FAINT


def test_nothing_of_it_stays_after_a_figure():
    before = dict(mpl.rcParams)
    with Style(FiguresConfig()).applied():
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert dict(mpl.rcParams) == before


def test_every_file_beside_the_code_is_installed_with_it(repository: Path):
    source = repository / "src" / "continual_vqa"
    others = [p for p in source.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    packaged = project["tool"]["setuptools"]["package-data"]
    assert others
    for path in others:
        folder = ".".join(path.parent.relative_to(repository / "src").parts)
        assert any(path.match(pattern) for pattern in packaged[folder])
