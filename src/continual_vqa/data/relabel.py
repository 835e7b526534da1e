"""Copies of all questions whose answers are exchanged for one another: more tasks of the same kind.

Choice of this project. A relabelling permutes the answers of each skill: the distinct majority
answers of its training questions stand in a circle, in an order that the skill's name and the
relabelling's number decide, and each is replaced by the next one, wherever it is given. Other
answers stay. So every copy has the images, the questions, the answer set and the agreement of the
original, no majority answer of its training questions stays what it was (unless there is but one),
and no word is new.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.tasks import COPY_MARK, relabelled
from continual_vqa.data.tables import flat


def with_relabelings(questions: pa.Table, count: int) -> pa.Table:
    """`questions` and `count` relabelled copies of them.

    Parameters
    ----------
    questions : columns split, skill, question_id, answer, answers, choices and entailed, and any
        others. In copy r the skill and all question ids end in "~r", the answers and choices are
        others, and every other column is as it was

    Returns
    -------
    The table with (count + 1) times the rows; the first are `questions`
    """
    skills = sorted(questions["skill"].unique().to_pylist()) if count else []
    tables = [questions]
    for number in range(1, count + 1):
        for skill in skills:
            own = questions.filter(pc.equal(questions["skill"], skill)).combine_chunks()
            train = own.filter(pc.equal(own["split"], "train"))
            turned = permutation(skill, number, set(train["answer"].to_pylist()))
            tables.append(_copied(own, number, turned))
    return pa.concat_tables(tables).combine_chunks() if count else questions


def permutation(skill: str, number: int, answers: set[str]) -> dict[str, str]:
    """Answer -> the answer that stands for it in relabelling `number` of the skill: one circle."""
    circle = sorted(answers)
    # random.Random(str) hashes the string with SHA-512: the same on every machine and version.
    random.Random(f"relabelling {number} of {skill}").shuffle(circle)
    return dict(zip(circle, [*circle[1:], *circle[:1]], strict=True))


def _copied(own: pa.Table, number: int, turned: Mapping[str, str]) -> pa.Table:
    mark = f"{COPY_MARK}{number}"
    changed = {
        "skill": _each(flat(own["skill"]), lambda name: relabelled(name, number)),
        "question_id": pc.binary_join_element_wise(flat(own["question_id"]), mark, ""),
        "answer": _each(flat(own["answer"]), lambda answer: turned.get(answer, answer)),
        "answers": _inside(own["answers"], lambda answer: turned.get(answer, answer)),
        "choices": _inside(own["choices"], lambda answer: turned.get(answer, answer)),
        "entailed": _inside(own["entailed"], lambda other: f"{other}{mark}"),
    }
    columns = {name: changed.get(name, own[name]) for name in own.column_names}
    return pa.table(columns).cast(own.schema)


def _each(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    encoded = texts.dictionary_encode()
    new = pa.array([change(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return new.take(encoded.indices)


def _inside(lists: pa.ChunkedArray, change: Callable[[str], str]) -> pa.Array:
    column = flat(lists)
    lengths = np.asarray(pc.list_value_length(column))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _each(column.flatten(), change))
