"""The figure of downstream tasks shows both accuracies and their paired difference."""

from __future__ import annotations

import pytest

from analysis.merged_studies import RECIPES, merged_study
from analysis.transferred import transferred
from continual_vqa.analysis.figures.registry import draw
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.errors import UserError

STYLE = Style(FiguresConfig())


@pytest.fixture(scope="module")
def results() -> Results:
    return transferred(merged_study(orders=("published",)))


def points(axes, hollow: bool) -> list[float]:
    marks = [
        line for line in axes.lines if line.get_linestyle() == "None" and len(line.get_xdata())
    ]
    return [
        line.get_xdata()[0] for line in marks if (line.get_markerfacecolor() == "white") == hollow
    ]


def test_both_accuracies_and_their_difference(results: Results) -> None:
    figure = draw("transfer", results, STYLE)
    accuracy, gain = figure.axes
    count = len(RECIPES)
    assert points(accuracy, True) == pytest.approx([38.0] * count)
    assert points(accuracy, False) == pytest.approx([42.5 + place for place in range(count)])
    assert points(gain, False) == pytest.approx([4.5 + place for place in range(count)])
    assert "color, type" in " ".join(text.get_text() for text in figure.texts)


def test_without_the_table_it_is_asked_for(results: Results) -> None:
    with pytest.raises(UserError, match="needs further tables") as caught:
        draw("transfer", merged_study(orders=("published",)), STYLE)
    assert "--transfer" in str(caught.value)
