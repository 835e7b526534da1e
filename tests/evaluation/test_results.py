import json

import pytest

from continual_vqa.errors import UserError
from continual_vqa.evaluation.results import read_results


def read(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_results(path, "question_id", "answer")


def test_reads_numbers_and_text_as_ids(tmp_path):
    table = read(
        tmp_path, [{"question_id": 7, "answer": "é"}, {"question_id": "8", "answer": "", "x": 1}]
    )
    assert table.to_pydict() == {"question_id": ["7", "8"], "answer": ["é", ""]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"question_id": 7}, "holds a JSON dict"),
        ([7], "entry 0 is 7"),
        ([{"question_id": 7, "answer": "a"}, {"question_id": 8}], "entry 1 is"),
        ([{"question_id": True, "answer": "a"}], "entry 0 is"),
        ([{"question_id": 7, "answer": None}], "entry 0 is"),
        (
            [{"question_id": 7, "answer": "a"}] * 2,
            "1 questions are answered more than once, first 7",
        ),
        ("[{", "truncated JSON"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, content)
