import json

import pytest

from analysis.studies import TASKS, write_study
from continual_vqa.analysis.damage import DamageList, damage
from continual_vqa.analysis.runs import parse
from continual_vqa.analysis.schemas import DAMAGE
from continual_vqa.cli import main
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table


@pytest.fixture
def listing(tmp_path):
    """The last scores of one run, as if a part had been restored for every earlier task."""
    runs = write_study(tmp_path, (0,), 10)["runs"]
    last = next(r for r in runs if r["recipe"] == "ewc" and r["step"] == len(TASKS))
    common = {"stream": "published", "recipe": "ewc", "seed": 0, "path": last["path"]}
    return [{**common, "task": t, "restored": r} for t in TASKS[:-1] for r in ("none", "vision")]


def test_accuracies_are_the_tasks_own(listing):
    table = damage(parse(DamageList, {"runs": listing}, "runs.json").runs)
    assert table.schema.equals(DAMAGE)
    scores = read_table(listing[0]["path"], SCORES).to_pylist()
    for row in table.to_pylist():
        own = [s["accuracy"] for s in scores if s["task"] == row["task"]]
        assert row["accuracy"] == pytest.approx(100 * sum(own) / len(own))


def test_a_task_may_be_a_single_cell(listing):
    cells = [{**row, "task": f"{row['task']}.G2"} for row in listing]
    table = damage(parse(DamageList, {"runs": cells}, "runs.json").runs)
    scores = read_table(listing[0]["path"], SCORES).to_pylist()
    for row in table.to_pylist():
        own = [s["accuracy"] for s in scores if f"{s['task']}.{s['group']}" == row["task"]]
        assert row["accuracy"] == pytest.approx(100 * sum(own) / len(own))


def test_a_task_that_was_not_answered_is_named(listing):
    listing[0]["task"] = "judge"
    with pytest.raises(UserError, match="no questions of task 'judge'"):
        damage(parse(DamageList, {"runs": listing}, "runs.json").runs)


def test_the_verb_writes_the_table(listing, tmp_path, capsys):
    runs, out = tmp_path / "runs.json", tmp_path / "damage.parquet"
    runs.write_text(json.dumps({"identity": {}, "runs": listing}))
    assert main(["damage", "--runs", str(runs), "--out", str(out)]) == 0
    assert read_table(out, DAMAGE).num_rows == len(listing)
    runs.write_text('{"runs": []}')
    assert main(["damage", "--runs", str(runs), "--out", str(out)]) == 2
    assert "runs.json" in capsys.readouterr().err
