from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_model
import tiny_vilt
from continual_vqa.backbones.classes import NONE, Classes
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.training.examples import Examples
from continual_vqa.training.supervision import Drawn, Scored, supervision
from continual_vqa.training.targets import candidates, scores

HERE = Path("cells")
ANSWERS = ["red"] * 6 + ["Green"] * 3 + ["odd"]
raw_answers = st.lists(st.sampled_from(["red", "Red ", "green", "odd"]), min_size=1, max_size=10)


@given(raw_answers, st.sampled_from(["by_score", "by_count", "majority"]))
def test_labels_are_scores(answers: list[str], target: str) -> None:
    row = candidates(answers)
    found = scores(row, target)
    assert list(found) == list(row.texts[: len(found)])
    assert all(0 < value <= 1 for value in found.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)
    if target == "by_count":
        assert sum(found.values()) == pytest.approx(1)
    if target == "majority":
        assert list(found.values()) == [1.0]


def test_all_candidates_are_labels_and_nothing_is_drawn() -> None:
    scored = Scored([candidates(ANSWERS)], "by_score", Classes(["green", "blue", "red"]), HERE)
    assert scored.without == 0
    for uniform in (0.0, 0.99):
        answers, labels, weights = scored.of([0], np.array([uniform]))
        assert [row.tolist() for row in answers] == [[2]] and weights == [1.0]
        np.testing.assert_allclose(labels, [[0.9, 0.0, 1.0]])


def test_questions_without_a_label_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [candidates(ANSWERS), candidates(["odd"] * 10), candidates(ANSWERS)]
    scored = Scored(rows, "by_score", Classes(["red"]), HERE)
    assert scored.without == 1
    assert "1 of 3 questions have no label" in capsys.readouterr().err
    answers, labels, weights = scored.of([1, 0], np.zeros(3))
    assert [row.tolist() for row in answers] == [[NONE], [0]]
    assert labels is not None and labels.tolist() == [[0.0], [1.0]] and weights == [1.0, 1.0]


def test_a_question_with_choices_has_its_answer_alone(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [candidates(["Red"]), candidates(["odd"]), candidates(["red"])]
    choices = [["odd", "red"], ["red", "odd"], []]
    scored = Scored(rows, "by_score", Classes(["red"], places=2), HERE, choices)
    answers, labels, weights = scored.of([0, 1, 2], np.zeros(3))
    assert [row.tolist() for row in answers] == [[2], [2], [0]] and weights == [1.0] * 3
    assert labels is not None and labels.tolist() == [[0.0], [0.0], [1.0]]
    # Without places the list is all there is to answer from.
    listed = Scored(rows, "by_score", Classes(["red"]), HERE, choices)
    assert (scored.without, listed.without) == (0, 1)
    assert [row.tolist() for row in listed.of([0, 1, 2], np.zeros(3)).answers] == [[0], [NONE], [0]]
    assert "1 of 3 questions have no label" in capsys.readouterr().err


def test_a_cell_of_unknown_answers_is_refused() -> None:
    rows = [candidates(ANSWERS), candidates(["odd"]), candidates(["odd"])]
    with pytest.raises(UserError, match=r"cells: 2 of 3 questions have no answer among the 1"):
        Scored(rows, "by_score", Classes(["red"]), HERE)


def test_the_model_says_which_targets_it_takes() -> None:
    rows = [candidates(["red"] * 10)]
    assert isinstance(supervision(rows, "by_score", tiny_model.tiny(), HERE), Drawn)
    assert isinstance(supervision(rows, "by_score", tiny_vilt.tiny(), HERE), Scored)


def test_a_batch_of_a_cell_carries_all_scores(tmp_path: Path) -> None:
    model = tiny_vilt.tiny()
    _, folder = tiny_model.cell(tmp_path)
    source = Examples(
        [folder], model, TrainingConfig(), ShardsConfig(), sees="image_and_question", workers=0
    )
    batch, weights = next(source.stream([np.array([3, 0])], np.zeros(len(source))))
    assert batch.labels is not None and batch.answers is not None
    assert weights.tolist() == [1.0, 1.0]
    for row, answer in zip(batch.labels, batch.answers, strict=True):
        shown = dict(zip(tiny_vilt.LIST, row.tolist(), strict=True))
        right = tiny_vilt.LIST[int(answer)]
        expected = {"light blue": 0.3, "white": 0.3, **{right: 1.0}}
        assert {text: score for text, score in shown.items() if score} == pytest.approx(expected)
