"""What kinds of questions a table holds: open ones, ones with choices, ones about two images."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc


class Kinds(NamedTuple):
    """`choices`: the most that a question has, 0 where all are open; `pairs`: two images in one."""

    choices: int
    pairs: bool


def kinds(questions: pa.Table) -> Kinds:
    """The kinds in a table with the columns choices and second_image_path."""
    most = pc.max(pc.list_value_length(questions["choices"])).as_py()
    pairs = pc.any(pc.not_equal(questions["second_image_path"], "")).as_py()
    return Kinds(most or 0, bool(pairs))


def open_questions(questions: pa.Table) -> pa.Table:
    """The rows of a table with the column choices whose question has none."""
    return questions.filter(pc.equal(pc.list_value_length(questions["choices"]), 0))
