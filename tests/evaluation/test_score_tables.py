import math

import numpy as np
import pyarrow as pa

from continual_vqa.evaluation.score_tables import SCORES, mean_percent, score_table, totals


def test_totals_are_means_in_percent_by_name():
    columns = {
        "question_id": ["1", "2", "3"],
        "task": ["count", "color", "count"],
        "group": ["", "G1", ""],
        "answer_type": ["number", "other", "number"],
        "question_type": ["how many", "what color", "how many"],
    }
    scores = score_table(columns, np.array([1.0, 0.3, 0.0]), 2)
    assert scores.schema.equals(SCORES)
    assert scores["step"].to_pylist() == [2, 2, 2]
    assert totals(scores, "task") == {
        "color": {"accuracy": 30.0, "questions": 1},
        "count": {"accuracy": 50.0, "questions": 2},
    }
    assert math.isnan(mean_percent(scores["consistency"]))


def test_mean_percent_leaves_out_what_is_not_defined():
    assert mean_percent(pa.array([1.0, math.nan, 0.5])) == 75.0
