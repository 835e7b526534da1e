"""One stage, killed at random moments and resumed each time: the same weights, bit for bit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Material, long
from .record import Row, Table
from .study import Study, forget, remains, replace_argument

pytestmark = pytest.mark.timeout(3600)
SAVED = "inflight.safetensors"


@dataclass(frozen=True)
class Lengths:
    """Seconds until a stage saves its first state, and from there to its end."""

    starting: float
    training: float


@dataclass
class Stage:
    """A training command run as a process, its outputs below a folder of its own."""

    command: list[str]
    where: Path
    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    def start(self) -> subprocess.Popen[str]:
        command = self.command
        for option, name in (
            ("--out", "model.safetensors"),
            ("--curve", "curve.parquet"),
            ("--alignment", "alignment.parquet"),
            ("--scratch", "scratch"),
        ):
            if option in command:
                command = replace_argument(command, option, str(self.folder / name))
        return subprocess.Popen(
            [sys.executable, "-m", "continual_vqa", *command],
            cwd=self.where,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )

    def saves(self) -> set[int]:
        """The time of the state that is saved, if one is."""
        found = set()
        # Unlike a glob, a walk passes by what vanishes while it looks.
        for folder, _, names in os.walk(self.folder):
            if SAVED in names:
                with contextlib.suppress(FileNotFoundError):
                    found.add(Path(folder, SAVED).stat().st_mtime_ns)
        return found

    def wait_save(self, process: subprocess.Popen[str]) -> None:
        """Until a state is saved that was not there before, or the process has ended."""
        before = self.saves()
        while process.poll() is None and self.saves() <= before:
            time.sleep(0.005)

    def finish(self) -> Lengths:
        """Run to the end."""
        begun = time.monotonic()
        process = self.start()
        self.wait_save(process)
        saved = time.monotonic()
        _, said = process.communicate()
        assert process.returncode == 0, said
        return Lengths(saved - begun, time.monotonic() - saved)


def kill_and_resume(stage: Stage, lengths: Lengths, expected: bytes, kills: int, row: Row) -> None:
    """Kill the stage so often, and let it end.

    Every third moment is drawn over the time until it trains, the others over that of training.
    """
    draw = random.Random(kills)
    while kills:
        process, training = stage.start(), kills % 3 > 0
        if training:
            stage.wait_save(process)
        try:
            length = lengths.training if training else lengths.starting
            process.communicate(timeout=draw.uniform(0, 1) * length)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills -= 1
            row.injected += 1
            row.count("with a saved state", bool(stage.saves()))
        else:
            # It came to its end before its moment: all over again.
            assert process.returncode == 0
            row.check(lost=[] if stage.model.read_bytes() == expected else [str(stage.model)])
            forget(stage.folder)
    stage.finish()
    row.check(lost=[] if stage.model.read_bytes() == expected else [str(stage.model)])
    assert remains(stage.folder) == []
    assert not stage.saves()
    row.survived = row.injected


def longer(command: Sequence[str]) -> list[str]:
    """A training command with more steps, which saves all the time."""
    settings = json.loads(command[command.index("--settings") + 1])
    settings["training"] |= {"epochs": 40, "save_every_minutes": 0.0005}
    return replace_argument(list(command), "--settings", json.dumps(settings))


def test_a_stage_killed_a_few_times(material: Material, tmp_path: Path, table: Table) -> None:
    command = longer(material.train())
    undisturbed = Stage(command, tmp_path, tmp_path / "undisturbed")
    lengths = undisturbed.finish()
    stage = Stage(command, tmp_path, tmp_path / "killed")
    row = table.row("kill -9 of one small stage, resumed")
    kill_and_resume(stage, lengths, undisturbed.model.read_bytes(), 3, row)


@long
@pytest.mark.parametrize("guard", ["--masks", "--memory", '"align"'])
def test_a_stage_killed_at_twenty_moments(
    undisturbed: Study, tmp_path: Path, table: Table, guard: str
) -> None:
    command = undisturbed.command("train", guard, "02-color")
    expected = (undisturbed.root / command[command.index("--out") + 1]).read_bytes()
    lengths = Stage(command, undisturbed.root, tmp_path / "first").finish()
    stage = Stage(command, undisturbed.root, tmp_path / "killed")
    row = table.row("kill -9 of one training stage, resumed each time")
    kill_and_resume(stage, lengths, expected, 20, row)
