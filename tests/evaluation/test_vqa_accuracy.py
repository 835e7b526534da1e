import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.evaluation.vqa_accuracy import GroundTruth, leave_one_out
from oracles import official_vqa

ANSWER = st.sampled_from(
    ["yes", "Yes", "yes ", "the yes", "no", "2", "two", "a-b", "a b", "", "dont"]
)
QUESTION = st.tuples(st.lists(ANSWER, min_size=1, max_size=12), ANSWER)


def ground_truth(answers):
    ids = pa.array([f"q{number}" for number in range(len(answers))], pa.string())
    return GroundTruth.prepare(ids, pa.array(answers, pa.list_(pa.string())))


@given(st.lists(QUESTION, max_size=8), st.randoms(use_true_random=False))
def test_equals_the_straight_rule_in_any_order(questions, random):
    truth = ground_truth([answers for answers, _ in questions])
    rows = list(range(len(questions)))
    random.shuffle(rows)
    ids = pa.array([f"q{row}" for row in rows], pa.string())
    predictions = pa.array([questions[row][1] for row in rows], pa.string())
    expected = [
        official_vqa.accuracy(questions[row][1], official_vqa.as_records(questions[row][0]))
        for row in rows
    ]
    np.testing.assert_allclose(truth.accuracy(ids, predictions), expected, rtol=0, atol=1e-12)


def test_normalises_only_where_the_answers_differ():
    truth = ground_truth([["the dog"] * 10, ["the dog"] * 9 + ["cat"]])
    dog = pa.array(["dog", "dog"])
    np.testing.assert_allclose(truth.accuracy(pa.array(["q0", "q1"]), dog), [0.0, 1.0])


def test_leave_one_out_values():
    values = leave_one_out(np.arange(11), np.full(11, 10))
    np.testing.assert_array_equal(values, [0, 0.3, 0.6, 0.9, *[1.0] * 7])


def test_a_slice_of_a_table_is_not_its_whole():
    answers = pa.array([["a b"] * 10, ["red"] * 10, ["blue"] * 10])
    truth = GroundTruth.prepare(pa.array(["0", "1", "2"]).slice(1), answers.slice(1))
    assert truth.accuracy(pa.array(["2"]), pa.array(["blue"])).tolist() == [1.0]


@pytest.mark.parametrize(
    ("ids", "answers", "message"),
    [
        (["q0", "q1"], [["a"], []], "question q1 has no answers"),
        (["q0", "q0"], [["a"], ["a"]], "question q0 is annotated more than once"),
    ],
)
def test_unusable_ground_truth_is_refused(ids, answers, message):
    with pytest.raises(UserError, match=message):
        GroundTruth.prepare(pa.array(ids), pa.array(answers, pa.list_(pa.string())))


def test_a_question_without_annotation_is_refused():
    with pytest.raises(UserError, match="question q7 is answered but not annotated"):
        ground_truth([["a"]]).accuracy(pa.array(["q0", "q7"]), pa.array(["a", "a"]))
