import io
import json
import sys

from analysis.studies import write_study
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.cli import main
from continual_vqa.files.parquet import read_table


def options(tmp_path, runs):
    outputs = ["--out", str(tmp_path / "m.parquet"), "--summary", str(tmp_path / "s.parquet")]
    return ["aggregate", "--runs", runs, *outputs]


def test_file_and_standard_input_give_the_same(tmp_path, capsys, monkeypatch):
    content = json.dumps(write_study(tmp_path, seeds=(0, 1), questions=4))
    (tmp_path / "runs.json").write_text(content)
    assert main([*options(tmp_path, str(tmp_path / "runs.json")), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["runs"] == 12
    first = (tmp_path / "m.parquet").read_bytes()
    assert summary["accuracies"] == len(read_table(tmp_path / "m.parquet", METRICS))
    assert summary["metrics"] == len(read_table(tmp_path / "s.parquet", SUMMARY))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert main(options(tmp_path, "-")) == 0
    assert (tmp_path / "m.parquet").read_bytes() == first


def test_a_malformed_list_is_one_line(tmp_path, capsys):
    (tmp_path / "runs.json").write_text("[]")
    assert main(options(tmp_path, str(tmp_path / "runs.json"))) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "m.parquet").exists()
