"""Which code and machine a study was run with."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.preflight.provenance import hardware, note_start, read_starts, start


def answering(**answers: str | None):
    """Programs that print what is said here."""

    def asking(command: Sequence[str]) -> str | None:
        word = command[0] if command[0] != "git" else command[3].replace("-", "_")
        return answers.get(word.replace("-", "_"))

    return asking


def test_a_start_names_the_commit_and_whether_files_were_changed(tmp_path: Path) -> None:
    clean = start(tmp_path, "local", 2, answering(rev_parse="abc\n", status=""))
    assert clean.commit == "abc" and clean.cores == 2
    changed = start(tmp_path, "local", 2, answering(rev_parse="abc\n", status=" M Snakefile\n"))
    assert changed.commit == "abc+"
    assert start(tmp_path, "local", 2, answering()).commit == "unknown"


def test_the_commit_is_that_of_a_repository(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    git("init", "--quiet")
    (tmp_path / "Snakefile").write_text("")
    git("add", "Snakefile")
    git("commit", "--quiet", "--message", "Begin")
    head = git("rev-parse", "HEAD").strip()
    assert start(tmp_path, "local", 1).commit == head
    (tmp_path / "new").write_text("not known to git")
    assert start(tmp_path, "local", 1).commit == head
    (tmp_path / "Snakefile").write_text("changed")
    assert start(tmp_path, "local", 1).commit == head + "+"


def test_gpus_are_told_by_name(tmp_path: Path) -> None:
    found = start(tmp_path, "slurm", 8, answering(nvidia_smi="NVIDIA H100\nNVIDIA H100\n"))
    assert found.gpus == ("NVIDIA H100", "NVIDIA H100")
    (words,) = hardware([found])
    assert words.endswith("8 cores, NVIDIA H100, jobs sent by slurm")
    (words,) = hardware([start(tmp_path, "local", 2, answering())])
    assert words.endswith("2 cores, no GPU")


def test_starts_are_kept_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "logs/starts.jsonl"
    found = [start(tmp_path, "local", cores) for cores in (1, 2, 2)]
    for each in found:
        note_start(file, each)
    assert read_starts(file) == found and len(hardware(read_starts(file))) == 2


@pytest.mark.parametrize("line", ["{", "[]", '{"started": "now"}', "1e999"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "starts.jsonl"
    note_start(file, start(tmp_path, "local", 1))
    with file.open("a") as handle:
        handle.write(line + "\n")
    with pytest.raises(UserError, match="line 2 is not the start of a study"):
        read_starts(file)
    file.write_text("")
    with pytest.raises(UserError, match="notes no start"):
        read_starts(file)
    with pytest.raises(UserError, match="no-such"):
        read_starts(tmp_path / "no-such.jsonl")
