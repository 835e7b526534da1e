"""`continual-vqa warm -- COMMAND`: jobs are forked, and it ends as the command does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny_model
from continual_vqa.cli import TORCH, VERBS
from continual_vqa.warm.request import VARIABLE

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="processes are forked warm on Linux alone"
)


def warm(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "continual_vqa", "warm", "--", *command]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, input=given)


def test_the_command_keeps_its_options_output_and_exit_code() -> None:
    done = warm("sh", "-c", "echo $0 $1 -- >&2; cat; exit 7", "-x", "--json", given="in")
    assert (done.returncode, done.stderr) == (7, "-x --json --\n")
    assert done.stdout == "in0 jobs were started warm\n"


def test_a_command_that_is_none_is_named() -> None:
    done = warm("no-such-command")
    assert done.returncode == 2
    assert "no-such-command: cannot be run" in done.stderr


def test_a_temporary_folder_too_deep_for_a_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    done = warm("true")
    assert done.returncode == 2
    assert "TMPDIR" in done.stderr and "Traceback" not in done.stderr


def test_a_command_that_is_killed_ends_it_as_in_a_shell() -> None:
    assert warm("sh", "-c", "kill -9 $$").returncode == 137


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_a_verb_gives_the_same_bytes_warm_and_cold(tmp_path: Path, verb: str) -> None:
    tiny_model.base_folder(tmp_path / "base")
    name, cell = tiny_model.cell(tmp_path / "cells", 3)
    stage = {"task": "color", "step": 1, "seed": 0, "id": "seed-0/01-color"}
    settings: dict[str, object] = {"stage": stage}
    folders = [tmp_path / "cold", tmp_path / "warm"]
    written = []
    for folder, started in zip(folders, ("0 jobs", "1 jobs"), strict=True):
        folder.mkdir()
        job = [sys.executable, "-m", "continual_vqa", verb, "--base", str(tmp_path / "base")]
        job += ["--cells", f"{name}={cell}", "--out", str(folder / "out")]
        if verb == "train":
            settings["training"] = {"epochs": 2, "batch_size": 4}
            job += ["--scratch", str(folder / "scratch"), "--curve", str(folder / "curve")]
        job += ["--settings", json.dumps(settings)]
        # `env` takes the warm process from the sight of a job that is to start cold.
        hidden = ["env", "-u", VARIABLE] if started == "0 jobs" else []
        done = warm(*hidden, *job)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"{started} were started warm\n")
        written.append((folder / "out").read_bytes())
    assert written[0] == written[1]


def test_sigterm_is_passed_on_to_the_command(tmp_path: Path) -> None:
    script = f"trap 'exit 9' TERM; touch {tmp_path / 'up'}; while :; do sleep 0.1; done"
    words = [sys.executable, "-m", "continual_vqa", "warm", "--", "sh", "-c", script]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while not (tmp_path / "up").exists():
            time.sleep(0.05)
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 9


def test_what_is_started_warm_are_verbs() -> None:
    assert set(VERBS) >= TORCH
