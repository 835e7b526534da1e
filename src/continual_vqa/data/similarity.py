"""How alike tasks are: by the words of their questions and by their answers.

Choice of this project. For each of the two kinds of terms (question words; whole majority answers)
a task t is the vector with an entry for every term w,

    v_t[w] = n_t[w] / n_t * ln(1 + T / T_w)

where n_t[w] counts the term in the task, n_t all terms of the task, T the tasks and T_w the tasks
that have the term: as in TF-IDF, what only few tasks say counts most, yet nothing counts 0. The
similarity of two tasks is the mean over both kinds of the cosine of their vectors: from 0 (no word
and no answer in common) to 1 (the same shares of all).
"""

from __future__ import annotations

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.tasks import CELL_MARK, TaskKind
from continual_vqa.data.tables import flat
from continual_vqa.data.words import words_of
from continual_vqa.errors import UserError


@dataclass(frozen=True, eq=False)
class TaskSimilarity:
    """The similarity of tasks.

    Attributes
    ----------
    names : the tasks that have questions, sorted
    questions : int64 [tasks]
    similarity : float64 [tasks, tasks], symmetric, from 0 to 1, with ones on the diagonal
    """

    names: tuple[str, ...]
    questions: np.ndarray
    similarity: np.ndarray


def task_similarity(questions: pa.Table, split: str, kind: TaskKind) -> TaskSimilarity:
    """The similarity of all tasks with questions in `split`.

    Parameters
    ----------
    questions : columns split, skill, group, question and answer of schema `QUESTIONS`; questions in
        no group are in no task

    Raises
    ------
    UserError : no question is in the split
    """
    kept = pc.and_(pc.equal(questions["split"], split), pc.not_equal(questions["group"], ""))
    chosen = questions.filter(kept)
    if not chosen.num_rows:
        splits = sorted(questions["split"].unique().to_pylist())
        raise UserError(
            f"no question is in split {split!r}", expected=f"one of {', '.join(splits)}"
        )
    tasks = chosen["skill"]
    if kind == "cells":
        tasks = pc.binary_join_element_wise(tasks, chosen["group"], CELL_MARK)
    encoded = flat(pc.dictionary_encode(tasks))
    order = np.argsort(encoded.dictionary.to_pylist(), kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    codes = ranks[np.asarray(encoded.indices)]
    words = words_of(chosen["question"])
    owners = np.asarray(pc.list_parent_indices(words))
    spoken = _counts(codes[owners], pc.list_flatten(words), len(order))
    answered = _counts(codes, pc.utf8_lower(flat(chosen["answer"])), len(order))
    similarity = (cosines(weighted(spoken)) + cosines(weighted(answered))) / 2
    names = tuple(encoded.dictionary.to_pylist()[place] for place in order)
    return TaskSimilarity(names, np.bincount(codes, minlength=len(order)), similarity)


def weighted(counts: np.ndarray) -> np.ndarray:
    """Counts (int [tasks, terms]) as the vectors of the formula above, float64 of that shape."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    return shares * np.log1p(len(counts) / np.maximum((counts > 0).sum(axis=0), 1))


def cosines(vectors: np.ndarray) -> np.ndarray:
    """float64 [tasks, tasks]; 0 beside a vector of zeros, but always 1 with itself."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    found = np.clip(units @ units.T, 0, 1)
    np.fill_diagonal(found, 1)
    return (found + found.T) / 2


def _counts(tasks: np.ndarray, terms: pa.Array, count: int) -> np.ndarray:
    """int64 [count, terms]: how often each task has each term; empty terms are none."""
    encoded = flat(pc.dictionary_encode(terms))
    empty = np.asarray(pc.equal(encoded.dictionary, "").fill_null(False), bool)
    codes = np.asarray(encoded.indices)
    size = len(encoded.dictionary)
    found = np.bincount(tasks * size + codes, minlength=count * size).reshape(count, size)
    return found[:, ~empty]
