"""VQA accuracy exactly as the official evaluation gives it, over whole tables at once.

For one question with M annotators (ten): the mean over annotators of min(1, n/3), n = how many of
the *other* annotators gave the predicted answer. Source: the official VQA v2 evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.errors import UserError
from continual_vqa.evaluation.normalise import clean, normalise


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The annotators' answers of Q questions, treated once and ready for any number of predictions.

    A question whose cleaned answers are all equal is compared by cleaned answers, any other one by
    normalised answers; `codes` are positions in `cleaned` or in `normalised` accordingly.

    Attributes
    ----------
    question_ids : string [Q], distinct
    unanimous : bool [Q], the question's cleaned answers are all equal
    codes : int32 [sum of M], the treated answer of each annotator
    starts : int64 [Q + 1], the annotators of question q are codes[starts[q]:starts[q + 1]]
    cleaned, normalised : string, distinct treated answers
    """

    question_ids: pa.Array
    unanimous: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    cleaned: pa.Array
    normalised: pa.Array

    @classmethod
    def prepare(cls, question_ids: pa.Array, answers: pa.Array) -> GroundTruth:
        """Treat the raw `answers` (list<string> [Q], one list a question).

        Raises
        ------
        UserError : a question without answers, or twice the same question
        """
        lengths = np.asarray(pc.fill_null(pc.list_value_length(answers), 0), np.int64)
        if len(lengths) and lengths.min() == 0:
            question = question_ids[int(lengths.argmin())].as_py()
            raise UserError(
                f"question {question} has no answers",
                expected="the annotators' answers of every question",
                do="score a split that has annotations",
            )
        if pc.count_distinct(question_ids).as_py() != len(question_ids):
            raise UserError(f"{repeated(question_ids)} is annotated more than once")
        starts = np.concatenate([[0], np.cumsum(lengths)])
        raw = pc.list_flatten(answers).dictionary_encode()
        cleaned_of, cleaned = _renumber([clean(text) for text in raw.dictionary.to_pylist()])
        codes = cleaned_of[np.asarray(raw.indices)]
        unanimous = _all_equal(codes, starts)
        normalised_of, normalised = _renumber([normalise(text) for text in cleaned])
        codes = np.where(np.repeat(unanimous, lengths), codes, normalised_of[codes])
        return cls(
            question_ids,
            unanimous,
            codes,
            starts,
            pa.array(cleaned, pa.string()),
            pa.array(normalised, pa.string()),
        )

    def accuracy(self, question_ids: pa.Array, predictions: pa.Array) -> np.ndarray:
        """Accuracy in [0, 1], float64 [N], of raw `predictions` (string [N]) on `question_ids`.

        Raises
        ------
        UserError : a prediction for a question that is not in the ground truth
        """
        found = pc.index_in(question_ids, value_set=self.question_ids)
        if found.null_count:
            unknown = question_ids.filter(found.is_null())[0].as_py()
            raise UserError(f"question {unknown} is answered but not annotated")
        rows = np.asarray(found, np.int64)
        predicted = self._encode(predictions, self.unanimous[rows])
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        ends = np.cumsum(counts)
        if not len(rows):
            return np.zeros(0)
        # Position of every annotator of every predicted question, in the order of the predictions.
        annotators = np.arange(ends[-1]) + np.repeat(first - (ends - counts), counts)
        equal = self.codes[annotators] == np.repeat(predicted, counts)
        matches = np.add.reduceat(equal, ends - counts, dtype=np.int64)
        return leave_one_out(matches, counts)

    def _encode(self, predictions: pa.Array, unanimous: np.ndarray) -> np.ndarray:
        """int32 [N]: the code of each prediction in its question's kind, -1 where there is none."""
        raw = predictions.dictionary_encode()
        positions = np.asarray(raw.indices)
        cleaned = [clean(text) for text in raw.dictionary.to_pylist()]
        as_cleaned = _positions(cleaned, self.cleaned)
        as_normalised = _positions([normalise(text) for text in cleaned], self.normalised)
        return np.where(unanimous, as_cleaned[positions], as_normalised[positions])


def leave_one_out(matches: np.ndarray, annotators: np.ndarray) -> np.ndarray:
    """Accuracy in [0, 1] of an answer that `matches` of `annotators` gave (integers, any shape).

    Each of the matching annotators sees one match less when left out.
    """
    thirds = matches * np.minimum(3, matches - 1) + (annotators - matches) * np.minimum(3, matches)
    return thirds / (3 * annotators)


def repeated(question_ids: pa.Array) -> str:
    """ "question X" for the first value that occurs twice, to be named in an error."""
    counts = pc.value_counts(question_ids)
    twice = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
    return f"question {twice[0]['values'].as_py()}"


def _renumber(texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """int32 numbers such that equal texts have equal numbers, and the distinct texts by number."""
    number_of: dict[str, int] = {}
    numbers = [number_of.setdefault(text, len(number_of)) for text in texts]
    return np.array(numbers, np.int32), list(number_of)


def _all_equal(codes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    if len(starts) == 1:
        return np.zeros(0, bool)
    return np.maximum.reduceat(codes, starts[:-1]) == np.minimum.reduceat(codes, starts[:-1])


def _positions(texts: Sequence[str], vocabulary: pa.Array) -> np.ndarray:
    found = pc.index_in(pa.array(texts, pa.string()), value_set=vocabulary)
    return np.asarray(pc.fill_null(found, -1), np.int32)
