import json

import pyarrow as pa
import pytest

from continual_vqa.cli import main
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.shards.tables import INDEX

ANSWERS = {1: ["yes"] * 10, 2: ["two"] * 5 + ["2"] * 3 + ["3", "4"], 3: ["red"] * 10}
ASKED = {
    1: ("is this a", "yes/no", "Is this a dog?"),
    2: ("how many", "number", "How many dogs?"),
    3: ("what color is the", "other", "What color is the dog?"),
}


@pytest.fixture
def official(tmp_path):
    """The options for official VQA v2 files with three questions."""
    questions = [{"question_id": q, "image_id": 9, "question": ASKED[q][2]} for q in ASKED]
    annotations = [
        {
            "question_id": q,
            "image_id": 9,
            "question_type": ASKED[q][0],
            "answer_type": ASKED[q][1],
            "multiple_choice_answer": ANSWERS[q][0],
            "answers": [
                {"answer": a, "answer_confidence": "yes", "answer_id": n + 1}
                for n, a in enumerate(ANSWERS[q])
            ],
        }
        for q in ASKED
    ]
    common = {"data_subtype": "val2014"}
    files = {
        "questions": {**common, "questions": questions},
        "annotations": {**common, "annotations": annotations},
    }
    options = ["score", "--dataset", "vqav2", "--out", str(tmp_path / "scores.parquet")]
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        options += [f"--{name}", str(tmp_path / f"{name}.json")]
    return options


def results(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    return ["--results", str(path)]


def answers(**given):
    return [{"question_id": int(key[1:]), "answer": value} for key, value in given.items()]


def test_official_files(official, tmp_path, capsys):
    given = results(tmp_path, answers(q3="blue", q1="yes", q2="The 2"))
    assert main([*official, *given, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["accuracy"], summary["questions"], summary["unanswered"]) == (66.67, 3, 0)
    assert summary["per_answer_type"]["number"] == {"accuracy": 100.0, "questions": 1}
    assert summary["per_question_type"]["what color is the"]["accuracy"] == 0.0
    assert summary["per_skill"] == {
        "color": {"accuracy": 0.0, "questions": 1},
        "count": {"accuracy": 100.0, "questions": 1},
        "judge": {"accuracy": 100.0, "questions": 1},
    }
    scores = read_table(tmp_path / "scores.parquet", SCORES).to_pydict()
    assert scores["question_id"] == ["3", "1", "2"]
    assert scores["accuracy"] == [0.0, 1.0, 1.0]


def test_unanswered_questions_are_said_and_can_be_refused(official, tmp_path, capsys):
    given = results(tmp_path, answers(q1="yes"))
    assert main([*official, *given]) == 0
    text = capsys.readouterr().out
    assert "accuracy 100.00 % over 1 questions" in text
    assert "2 questions have no answer and are left out" in text
    assert main([*official, *given, "--complete"]) == 2
    assert "2 questions have no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (answers(q1="yes", q7="no"), "1 answers to unknown questions, first 7"),
        (answers(q1="yes") * 2, "1 questions are answered more than once, first 1"),
        ([{"question_id": 1}], "entry 0 is"),
        ({}, "holds a JSON dict"),
    ],
)
def test_wrong_results_are_refused_and_write_nothing(official, tmp_path, capsys, content, message):
    assert main([*official, *results(tmp_path, content)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "scores.parquet").exists()


def test_wrong_options_are_refused(official, tmp_path, capsys):
    given = results(tmp_path, answers(q1="yes"))
    for options, message in (
        (official, "not enough to score"),
        ([*official, *given, "--dataset", "clevr"], "unknown dataset 'clevr'"),
        ([*official, "--predictions", "p.parquet"], "both --predictions and official files"),
        ([*official, *given, "--taxonomy", "nothing"], "nothing"),
        (["score", "--predictions", "p", "--cells", "a", "--out", "o"], "expected NAME=FOLDER"),
    ):
        assert main(options) == 2
        assert message in capsys.readouterr().err


def test_gqa(tmp_path, capsys):
    def record(answer, entailed, structural):
        types = {"structural": structural, "semantic": "attr", "detailed": "chooseAttr"}
        return {
            "question": "Is it?",
            "imageId": "n1",
            "answer": answer,
            "entailed": entailed,
            "types": types,
            "semantic": [],
            "isBalanced": True,
        }

    questions = {"1": record("yes", ["1", "2"], "verify"), "2": record("red", [], "query")}
    path = tmp_path / "val_balanced_questions.json"
    path.write_text(json.dumps(questions))
    given = [{"questionId": "1", "prediction": "yes"}, {"questionId": "2", "prediction": "blue"}]
    options = ["score", "--dataset", "gqa", "--questions", str(path), *results(tmp_path, given)]
    assert main([*options, "--out", str(tmp_path / "s.parquet"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["accuracy"], summary["consistency"]) == (50.0, 0.0)
    assert set(summary["per_question_type"]) == {"verify", "query"}


def cell(folder, ids, group):
    rows = len(ids)
    values = {field.name: [None] * rows for field in INDEX}
    values |= {name: [""] * rows for name in ("image_id", "question", "answer", "concept", "skill")}
    values |= {
        "dataset": ["vqav2"] * rows,
        "split": ["test"] * rows,
        "question_id": [str(q) for q in ids],
        "answers": [ANSWERS[q] for q in ids],
        "question_type": [ASKED[q][0] for q in ids],
        "answer_type": [ASKED[q][1] for q in ids],
        "group": [group] * rows,
        "entailed": [[]] * rows,
    }
    table = pa.table([pa.array(values[f.name], f.type) for f in INDEX], schema=INDEX)
    write_table(folder / "index.parquet", table, INDEX)
    return f"test/{folder.name}/{group}={folder}"


def predictions(path, given):
    columns = {
        "question_id": [str(q) for q in given],
        "task": ["count"] * len(given),
        "group": ["G1"] * len(given),
        "answer": list(given.values()),
        "score": [0.0] * len(given),
        "step": [4] * len(given),
    }
    table = pa.table([pa.array(columns[f.name], f.type) for f in PREDICTIONS], schema=PREDICTIONS)
    write_table(path, table, PREDICTIONS)
    return ["score", "--predictions", str(path), "--out", str(path.parent / "s.parquet"), "--cells"]


def test_predictions_on_cells(tmp_path, capsys):
    cells = [cell(tmp_path / "a", [1, 2], "G1"), cell(tmp_path / "b", [3], "G2")]
    cells.append(cell(tmp_path / "empty", [], "G3"))
    options = predictions(tmp_path / "p.parquet", {3: "red", 1: "no", 2: "3"})
    assert main([*options, *cells]) == 0
    assert "accuracy 43.33 % over 3 questions" in capsys.readouterr().out
    scores = read_table(tmp_path / "s.parquet", SCORES).to_pydict()
    assert scores["accuracy"] == [1.0, 0.0, 0.3]
    assert scores["task"] == ["count"] * 3 and scores["step"] == [4] * 3


def test_no_questions_are_no_mistake(tmp_path, capsys):
    options = predictions(tmp_path / "p.parquet", {})
    assert main([*options, cell(tmp_path / "empty", [], "G3")]) == 0
    assert capsys.readouterr().out.startswith("no questions")
    assert len(read_table(tmp_path / "s.parquet", SCORES)) == 0


def test_predictions_that_do_not_fit_the_cells_are_refused(tmp_path, capsys):
    one = cell(tmp_path / "a", [1, 2], "G1")
    for given, message in (
        ({1: "yes"}, "1 questions of the cells have no prediction, first 2"),
        ({1: "yes", 2: "2", 3: "red"}, "1 answers to unknown questions, first 3"),
    ):
        assert main([*predictions(tmp_path / "p.parquet", given), one]) == 2
        assert message in capsys.readouterr().err


def test_each_question_by_the_rule_of_its_dataset(tmp_path, capsys):
    cells = [cell(tmp_path / "a", [1, 2], "G1"), cell(tmp_path / "b", [3], "G2")]
    index = tmp_path / "b" / "index.parquet"
    table = read_table(index, INDEX)
    for name, value in (("dataset", ["piqa"]), ("answer", ["Pour it out."])):
        place = table.column_names.index(name)
        table = table.set_column(place, INDEX.field(name), pa.array(value))
    write_table(index, table, INDEX)
    options = predictions(tmp_path / "p.parquet", {3: "pour it out", 1: "no", 2: "3"})
    assert main([*options, *cells]) == 0
    scores = read_table(tmp_path / "s.parquet", SCORES).to_pydict()
    assert scores["accuracy"] == [1.0, 0.0, 0.3]
    capsys.readouterr()
    assert main([*options, *cells, "--dataset", "imagenet"]) == 2
    assert "unknown dataset 'imagenet'" in capsys.readouterr().err
