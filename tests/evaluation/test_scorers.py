import pyarrow as pa

from continual_vqa.evaluation.scorers import SCORERS


def test_each_dataset_has_its_own_rule():
    questions = pa.table(
        {
            "question_id": ["1", "2"],
            "answers": [["Dogs"] * 5 + ["dogs"] * 5, ["red"] * 10],
            "answer": ["dogs", "red"],
            "entailed": [["2"], ["1"]],
        }
    )
    answers = pa.array(["dogs", "Red"])
    vqa = SCORERS["vqav2"].rule(questions, answers)
    assert {name: values.tolist() for name, values in vqa.items()} == {"accuracy": [1.0, 0.0]}
    gqa = SCORERS["gqa"].rule(questions, answers)
    assert gqa["accuracy"].tolist() == [1.0, 0.0]
    assert gqa["consistency"].tolist()[0] == 0.0
