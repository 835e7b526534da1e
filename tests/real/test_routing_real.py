"""How well the task of a real VQA v2 question is told from its words; `-s` prints the figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from continual_vqa.consolidation.words import count_words
from continual_vqa.data import words
from continual_vqa.data.index import IndexRequest, index
from continual_vqa.evaluation.task_inference import infer

SUBSETS = ("train2014", "val2014")


def files(root: Path, kind: str) -> tuple[str, ...]:
    return tuple(
        str(path) for s in SUBSETS for path in sorted((root / "vqav2" / s).glob(f"*{kind}.json*"))
    )


@pytest.fixture(scope="module")
def questions(real_data: Path) -> pa.Table:
    """All questions that are in a group."""
    request = IndexRequest(
        dataset="vqav2",
        questions=files(real_data, "questions"),
        annotations=files(real_data, "annotations"),
        taxonomy="vqacl-published",
        concept_map=str(real_data / "vqacl" / "ImgId_cate_map.json"),
    )
    table = index(request).questions
    return table.filter(pc.field("group") != "")


def accuracies(questions: pa.Table, kind: str) -> dict[str, float]:
    """Task -> share of its test questions (percent) with their own task inferred; "" for all."""
    skills, groups = questions["skill"].to_pylist(), questions["group"].to_pylist()
    names = [s if kind == "skills" else f"{s}.{g}" for s, g in zip(skills, groups, strict=True)]
    tasks, split = np.array(names), np.array(questions["split"].to_pylist())
    asked = questions["question"]
    seen = [
        count_words(str(task), asked.filter(pa.array((tasks == task) & (split == "train"))))
        for task in np.unique(tasks)
    ]
    tested = split == "test"
    found = infer(asked.filter(pa.array(tested)), seen)
    right = np.array(found.tasks)[found.best] == tasks[tested]
    each = {str(t): 100 * float(right[tasks[tested] == t].mean()) for t in np.unique(tasks[tested])}
    return {**each, "": 100 * float(right.mean())}


def test_skills_are_told_from_the_openings_of_questions(
    questions: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = accuracies(questions, "skills")
    monkeypatch.setattr(words, "OPENINGS", ())
    alone = accuracies(questions, "skills")
    for task in found:
        print(f"{task or 'all tasks':12} {found[task]:.1f} % (words alone {alone[task]:.1f} %)")
    assert found[""] > 92 and 83 < alone[""] < 86


def test_cells_of_a_skill_ask_alike_and_are_not_told_apart(questions: pa.Table) -> None:
    found = accuracies(questions, "cells")
    print(f"{len(found) - 1} single cells: {found['']:.1f} %")
    assert len(found) == 51 and 30 < found[""] < 50
