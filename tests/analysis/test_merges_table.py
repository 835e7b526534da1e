"""Reports and logs become rows that say what the files say."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from continual_vqa.analysis.merges import MergedStep, MergeList, merges
from continual_vqa.analysis.runs import parse
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.cli import main
from continual_vqa.config.merge import AverageMerge, TiesMerge
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.training.alignment import ALIGNMENT

RUN = {"stream": "published", "recipe": "pam", "seed": 0}
PARTS = {
    "vision": {"entries": 100, "sign_conflicts": 25, "share": 0.25, "norms": [1.0, 2.0]},
    "language": {"entries": 300, "sign_conflicts": 30, "share": 0.1, "norms": [3.0, 4.0]},
}


def report(config=None, errors=(None, None), **changes) -> dict:
    """A report as `merge` writes it."""
    config = config or AverageMerge()
    tensors = [
        {"name": f"{part}.weight", "part": part, "entries": 1, "rule": "merged", "norms": [1.0]}
        | ({} if error is None else {"refactor_error": error})
        for part, error in zip(PARTS, errors, strict=True)
    ]
    return {
        "kind": config.kind,
        "config": config.model_dump(mode="json"),
        "tasks": 2,
        "inputs": [{"path": "a", "stage": "s", "sha256": "0"}] * 2,
        "seconds": 1.5,
        "peak_bytes": 90_000_000,
        "bytes_read": 1200,
        "bytes_written": 400,
        "parts": PARTS,
        "tensors": tensors,
        **changes,
    }


@pytest.fixture
def listing(tmp_path: Path) -> list[dict]:
    """Two stages of one run: the first only aligned, the second also merged."""
    (tmp_path / "report.json").write_text(json.dumps(report()))
    columns = [[10, 20], ["vision", "vision"], [50, 0], [5, 0], [7, 1], [True, True]]
    write_table(
        tmp_path / "a.parquet",
        pa.Table.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, ALIGNMENT, strict=True)], schema=ALIGNMENT
        ),
        ALIGNMENT,
    )
    log = str(tmp_path / "a.parquet")
    return [
        {**RUN, "step": 1, "task": "count", "alignment": log},
        {**RUN, "step": 2, "task": "color", "alignment": log}
        | {"report": str(tmp_path / "report.json")},
    ]


def tables(rows: list[dict]) -> dict[str, pa.Table]:
    return merges(parse(MergeList, {"runs": rows}, "runs.json").runs)


def test_a_merge_is_told_whole_and_part_by_part(listing: list[dict]) -> None:
    found = tables(listing)["merges"]
    assert found.schema.equals(FURTHER["merges"])
    whole, language, vision = found.to_pylist()
    assert whole == {
        **RUN,
        "step": 2,
        "task": "color",
        "kind": "average",
        "of": "pair",
        "space": "tensors",
        "inputs": 2,
        "part": "",
        "entries": 400,
        "conflicts": 55,
        "seconds": 1.5,
        "peak_mb": 90.0,
        "bytes_read": 1200,
        "bytes_written": 400,
        "refactor_error": None,
    }
    assert (vision["part"], vision["entries"], vision["conflicts"]) == ("vision", 100, 25)
    assert (language["part"], language["entries"], language["conflicts"]) == ("language", 300, 30)
    assert vision["seconds"] is language["bytes_read"] is None


def test_the_error_of_refactoring_is_the_largest(tmp_path: Path) -> None:
    config = TiesMerge(of="all", space="updates")
    path = tmp_path / "r.json"
    path.write_text(json.dumps(report(config, (0.2, 0.3))))
    rows = tables([{**RUN, "step": 2, "task": "color", "report": str(path)}])["merges"].to_pylist()
    errors = {row["part"]: row["refactor_error"] for row in rows}
    assert errors == {"": 0.3, "vision": 0.2, "language": 0.3}
    assert {(row["kind"], row["of"], row["space"]) for row in rows} == {("ties", "all", "updates")}


def test_a_brief_report_counts_no_conflicts(tmp_path: Path) -> None:
    path = tmp_path / "brief.json"
    brief = {part: {"entries": row["entries"], "tensors": 1} for part, row in PARTS.items()}
    path.write_text(json.dumps(report(level="brief", parts=brief, modules=[])))
    rows = tables([{**RUN, "step": 2, "task": "color", "report": str(path)}])["merges"].to_pylist()
    assert {row["part"]: (row["entries"], row["conflicts"]) for row in rows} == {
        "": (400, None),
        "vision": (100, None),
        "language": (300, None),
    }


def test_an_alignment_is_told_of_every_run_that_shares_it(listing: list[dict]) -> None:
    found = tables([*listing, {**listing[0], "seed": 1}])["alignment"]
    assert found.schema.equals(FURTHER["alignment"])
    rows = found.to_pylist()
    assert [(r["seed"], r["step"], r["update"]) for r in rows] == [
        (0, 1, 10),
        (0, 1, 20),
        (0, 2, 10),
        (0, 2, 20),
        (1, 1, 10),
        (1, 1, 20),
    ]
    assert (rows[0]["share"], rows[0]["conflicts_all"], rows[0]["reset"]) == (0.1, 7, True)
    assert rows[1]["share"] != rows[1]["share"]  # none compared: not defined


def test_another_file_is_named(tmp_path: Path, listing: list[dict]) -> None:
    path = tmp_path / "other.json"
    content = report()
    del content["seconds"]
    path.write_text(json.dumps(content))
    step = MergedStep.model_validate({**listing[1], "report": str(path)})
    with pytest.raises(UserError, match=r"other\.json: seconds: .*report of a merge"):
        merges([step])
    with pytest.raises(UserError, match=r"nowhere\.json"):
        merges([step.model_copy(update={"report": "nowhere.json"})])
    wrong = {"report": "", "alignment": str(tmp_path / "report.json")}
    with pytest.raises(UserError, match=r"report\.json"):
        merges([step.model_copy(update=wrong)])


def test_the_verb_writes_both_tables(
    tmp_path: Path, listing: list[dict], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.json"
    runs.write_text(json.dumps({"identity": {}, "runs": listing}))
    options = [f"--{n}={tmp_path}/{n}.parquet" for n in ("merges", "alignment")]
    assert main(["merges", "--runs", str(runs), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"merges_rows": 3, "alignment_rows": 4}
    for name in ("merges", "alignment"):
        assert read_table(tmp_path / f"{name}.parquet", FURTHER[name]).num_rows
    runs.write_text(json.dumps({"runs": [{**RUN, "step": 0, "task": "count"}]}))
    assert main(["merges", "--runs", str(runs), *options]) == 2
    assert "runs.0.step" in capsys.readouterr().err
