"""Which task a question is of, told from its words: multinomial naive Bayes.

Choices of this project. The score of task t for a question is

    ln(n_t + 1) + Σ_w ln((c_t[w] + 1) / (c_t + V))

over the question's terms w (`data.words.terms_of`, as often as they occur): n_t questions of the
task, c_t[w] occurrences of the term in them, c_t of all terms, V different terms of all tasks seen.
Terms that no task has seen say nothing. Between equal scores the name that sorts first is taken.
"""

from __future__ import annotations

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.tasks import CELL_MARK, TaskKind
from continual_vqa.consolidation.words import TaskWords
from continual_vqa.data.words import terms_of
from continual_vqa.errors import UserError
from continual_vqa.evaluation.routes import QUESTION, ROUTES
from continual_vqa.shards import arrow
from continual_vqa.shards.reader import Cells


@dataclass(frozen=True, eq=False)
class Inferred:
    """What was told of some questions.

    Attributes
    ----------
    tasks : the tasks seen, sorted by name
    best : int64 [questions], number of the most probable task in `tasks`
    margin : float64 [questions], natural log of how many times more probable it is than the second;
        infinite with a single task
    """

    tasks: tuple[str, ...]
    best: np.ndarray
    margin: np.ndarray


def infer(questions: pa.Array | pa.ChunkedArray, seen: Sequence[TaskWords]) -> Inferred:
    """The most probable of the tasks `seen` for every question; their order does not matter.

    Raises
    ------
    UserError : no task, or one twice
    """
    seen = sorted(seen, key=lambda words: words.task)
    names = tuple(words.task for words in seen)
    if not names or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), "")
        raise UserError(
            f"the words of {twice!r} are given twice" if twice else "no task was given",
            where="--words",
            expected="each task once, at least one",
        )
    owners, terms = terms_of(questions)
    vocabulary = pc.unique(pa.concat_arrays([words.terms for words in seen]))
    codes = pc.index_in(terms, value_set=vocabulary)
    known = np.asarray(pc.is_valid(codes), bool)
    owners, codes = owners[known], np.asarray(codes.drop_null(), np.int64)
    scores = np.empty((len(seen), len(questions)))
    for score, words in zip(scores, seen, strict=True):
        chances = _log_chances(words, vocabulary)
        score[:] = np.bincount(owners, weights=chances[codes], minlength=len(questions))
        score += np.log(words.questions + 1)
    return Inferred(names, scores.argmax(axis=0), _margins(scores))


def routes_of(cells: Cells, inferred: Inferred, kind: TaskKind) -> pa.Table:
    """The routes (schema ROUTES) of all questions of `cells`, for which tasks were `inferred`."""
    table = cells.table(QUESTION)
    task = table["skill"]
    if kind == "cells":
        task = pc.binary_join_element_wise(task, table["group"], CELL_MARK)
    names = arrow.strings(inferred.tasks).take(arrow.numbers(inferred.best))
    columns = [*table.columns, task, names, arrow.numbers(inferred.margin)]
    return pa.Table.from_arrays(columns, schema=ROUTES)


def _log_chances(words: TaskWords, vocabulary: pa.Array) -> np.ndarray:
    """float64 [V]: the natural log of each term's chance in the task."""
    counts = np.ones(len(vocabulary))
    places = np.asarray(pc.index_in(words.terms, value_set=vocabulary), np.int64)
    counts[places] += words.occurrences
    # The ones add up to V.
    return np.log(counts / counts.sum())


def _margins(scores: np.ndarray) -> np.ndarray:
    if len(scores) == 1:
        return np.full(scores.shape[1], np.inf)
    second, first = np.partition(scores, -2, axis=0)[-2:]
    return first - second
