import math

import numpy as np
import pyarrow as pa

from continual_vqa.evaluation.gqa_accuracy import consistency, exact_match


def test_exact_match_is_literal():
    answers, predictions = pa.array(["yes", "red", "dog"]), pa.array(["yes", "Red", "dog "])
    assert exact_match(answers, predictions).tolist() == [1.0, 0.0, 0.0]


def test_consistency_counts_correct_questions_with_answered_entailed_ones():
    entailed = [["a", "b", "c"], ["a"], ["b"], [], ["missing"]]
    accuracy = {"a": 1.0, "b": 0.0, "c": 1.0, "d": 1.0, "e": 1.0}
    values = consistency(["a", "b", "c", "d", "e"], entailed, accuracy)
    # a: over b and c (itself does not count); b: wrong; c: over b; d and e: nothing to check.
    np.testing.assert_array_equal(values, [0.5, math.nan, 0.0, math.nan, math.nan])
