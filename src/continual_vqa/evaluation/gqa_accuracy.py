"""GQA accuracy (exact match) and consistency over entailed questions.

Source: the official GQA evaluation (Hudson and Manning, CVPR 2019). Validity and plausibility need
the official `choices` files, and are not computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def exact_match(answers: pa.Array, predictions: pa.Array) -> np.ndarray:
    """float64 [N] of 0 and 1: whether each prediction is the answer, character by character."""
    return np.asarray(pc.equal(answers, predictions)).astype(np.float64)


def consistency(
    question_ids: Sequence[str],
    entailed: Sequence[Sequence[str]],
    accuracy: Mapping[str, float],
) -> np.ndarray:
    """Consistency of every correctly answered question that entails others; NaN for all others.

    Parameters
    ----------
    question_ids : the N questions that are counted
    entailed : for each, the ids of the questions whose answers follow from its own; the official
        files list some questions as entailed by themselves, which does not count
    accuracy : question id -> 0 or 1, for every answered question, counted or not

    Returns
    -------
    float64 [N] in [0, 1]: mean accuracy over the question's answered entailed questions. The
    official figure is the mean of these. Entailed questions that were not answered are left out
    (the official evaluation asks for answers to all questions, not only the balanced ones).
    """
    values = np.full(len(question_ids), np.nan)
    for row, (question, others) in enumerate(zip(question_ids, entailed, strict=True)):
        if not accuracy[question]:
            continue
        implied = [accuracy[other] for other in others if other != question and other in accuracy]
        if implied:
            values[row] = sum(implied) / len(implied)
    return values
