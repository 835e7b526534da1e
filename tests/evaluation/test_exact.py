from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.evaluation.exact import normal, normal_match
from continual_vqa.evaluation.scorers import SCORERS, official_of


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        ("Pour it onto a plate", "pour it onto a plate ."),
        ("entailment", " Entailment\n"),
        ("don't, ever", "don ' t , ever"),
        ("ﬁre_hydrant", "fire hydrant"),
    ],
)
def test_what_counts_as_the_same(answer: str, given: str) -> None:
    assert normal_match(pa.array([answer]), pa.array([given])).tolist() == [1.0]


@pytest.mark.parametrize(("answer", "given"), [("a dog", "dog"), ("", "no"), ("?", "!")])
def test_what_counts_as_different(answer: str, given: str) -> None:
    assert normal_match(pa.array([answer]), pa.array([given])).tolist() == [0.0]


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_only_some_datasets_have_official_result_files() -> None:
    assert {name for name, each in SCORERS.items() if each.official} == {"vqav2", "gqa"}
    with pytest.raises(UserError, match="no official result files of piqa"):
        official_of("piqa")
