from __future__ import annotations

import json
from pathlib import Path

import pytest

from continual_vqa.backbones.folder import read_base
from continual_vqa.cli import main

SETTINGS = {
    "backbone": {
        "folder": "",
        "d_model": 16,
        "d_ff": 16,
        "d_kv": 4,
        "heads": 2,
        "encoder_layers": 1,
    },
    "pretraining": {"steps": 0},
}


def test_an_untrained_base_from_question_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"questions": [{"question": "Is it a cat?", "question_id": 1}]}
    (tmp_path / "q.json").write_text(json.dumps(texts))
    command = ["pretrain", "--texts", str(tmp_path / "q.json"), "--settings", json.dumps(SETTINGS)]
    assert main([*command, "--out", str(tmp_path / "base"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    model, digest = read_base(tmp_path / "base")
    assert digest == summary["base_sha256"]
    assert model.words.size == summary["vocabulary"] == 3 + 7
    assert main([*command, "--out", str(tmp_path / "same"), "--seed", "0"]) == 0
    assert read_base(tmp_path / "same")[1] == digest


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backbone": {"vision": {"kind": "pixels"}}}, ["backbone.vision.kind"]),
        ({"backbone": {"folder": "", "vision": {"patch_size": 7}}}, ["image_size"]),
        ({"backbone": {"folder": "nowhere"}}, ["nowhere"]),
        ({"backbone": {"folder": ""}}, ["--texts"]),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict, words: list[str]
) -> None:
    texts = [] if "--texts" in words else ["--texts", str(tmp_path / "q.json")]
    (tmp_path / "q.json").write_text('{"questions": [{"question": "Is it?"}]}')
    out = ["--out", str(tmp_path / "base")]
    assert main(["pretrain", *texts, "--settings", json.dumps(settings), *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert all(word in error for word in words)
    assert not (tmp_path / "base").exists()
