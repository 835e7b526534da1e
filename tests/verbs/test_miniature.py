from __future__ import annotations

import json
from pathlib import Path

import pytest

from continual_vqa.cli import main


def test_the_verb_writes_a_world_and_says_what_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["miniature", "--size", "tiny", "--out", str(tmp_path / "w"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["vqav2_train2014_questions"] == 1000
    assert (tmp_path / "w/base/base_sceneGraphs.json").is_file()
    assert (tmp_path / "w/vqav2/annotations/instances_val2014.json").is_file()
    assert (tmp_path / "w/gqa/val_sceneGraphs.json").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seed", "-1"], "--seed: is -1; expected 0 or more"),
        (["--disagreement", "2"], "--disagreement: is 2.0; expected 0 to 1"),
    ],
)
def test_impossible_options_are_refused(
    tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["miniature", *options, "--out", str(tmp_path / "w")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_an_output_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["miniature", "--size", "tiny", "--out", str(tmp_path / "file" / "w")]) == 2
    assert "cannot write" in capsys.readouterr().err
