"""Verbs that several processes share, on one node or more, give what one process gives."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.cli import main
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_table
from continual_vqa.training.inflight import FILE
from continual_vqa.verbs.together import MEETING, srun_options, torchrun_options

GROUPS = ("G2", "G1")
# One at a time: the second of two ranks has a batch less than the first.
SAMPLES = 61
# Stands for Slurm's: what follows the options is started once on each of two nodes.
SRUN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift; done
"$@" & first=$!
"$@"; second=$?
wait $first && exit $second
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base and two cells of 24 and 301 questions."""
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base")
    for number, (group, count) in enumerate(zip(GROUPS, (24, 301), strict=True)):
        tiny_model.cell(folder / "cells", count, group=group, seed=number)
    return folder


def command(world: Path, verb: str, settings: dict, *more: str) -> list[str]:
    cells = [f"train/color/{g}={world}/cells/train/color/{g}" for g in GROUPS]
    settings = {"stage": {"task": "color", "step": 2, "seed": 3}, **settings}
    return [
        *(sys.executable, "-m", "continual_vqa", verb, "--base", str(world / "base")),
        *("--cells", *cells, "--settings", json.dumps(settings)),
        *("--device", "cpu", "--json", *more),
    ]


def do(command: list[str], code: int = 0, **environment: str) -> str:
    """Run it; what it says on the stream that tells."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done.stderr if code else done.stdout


def measuring(world: Path, out: Path, *more: str, save_every_minutes: float = 10) -> list[str]:
    importance = {"samples": SAMPLES, "batch_size": 1, "labels": "model"}
    return command(
        world,
        "importance",
        {"importance": importance, "training": {"save_every_minutes": save_every_minutes}},
        *("--model", "base", "--scratch", str(out / "scratch")),
        *("--out", str(out / "importance.safetensors"), *more),
    )


def test_importance_is_that_of_one_process_also_when_interrupted(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(measuring(world, one)[3:]) == 0
    capsys.readouterr()
    run = measuring(world, two, "--processes", "2", save_every_minutes=1e-6)
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (two / "scratch" / FILE).exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 75 and "resume me" in errors, errors
    states = [read_tensors(path)[0] for path in sorted((two / "scratch").iterdir())]
    assert len(states) == 2 and len({state["cursor"] for state in states}) == 1
    said = json.loads(do(run))
    assert (said["questions"], said["processes"]) == (SAMPLES, 2)
    assert not (two / "scratch").exists()
    (header, sums), (shared_header, shared) = (
        read_tensors(folder / "importance.safetensors") for folder in (one, two)
    )
    assert shared_header == header and sums.keys() == shared.keys()
    for name, tensor in sums.items():
        # Not to the bit: the same squares are added up in another order.
        largest = float(tensor.abs().max())
        torch.testing.assert_close(shared[name], tensor, rtol=0, atol=1e-5 * largest)


def test_predictions_are_those_of_one_process(world: Path, tmp_path: Path) -> None:
    evaluation = {"evaluation": {"batch_size": 50}}
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    one, two = (command(world, "predict", evaluation, "--out", str(file)) for file in files)
    assert main(one[3:]) == 0
    do([*two, "--processes", "2"])
    tables = [read_table(file, PREDICTIONS) for file in files]
    assert len(tables[0]) == 325 and tables[0].equals(tables[1])


def training(world: Path, out: Path, *more: str) -> list[str]:
    return command(
        world,
        "train",
        {"training": {"epochs": 1, "batch_size": 60, "lr": 3e-3}},
        *("--scratch", str(out / "scratch"), "--out", str(out / "model.safetensors")),
        *("--curve", str(out / "curve"), *more),
    )


def test_two_nodes_learn_what_one_process_learns(world: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "srun").write_text(SRUN)
    (tmp_path / "bin" / "srun").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    assert main(training(world, tmp_path / "one")[3:]) == 0
    do(training(world, tmp_path / "two", "--nodes", "2"), PATH=path, SLURM_JOB_ID="17")
    one, two = (read_tensors(tmp_path / n / "model.safetensors")[1] for n in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-5)


def test_a_mistake_that_the_processes_find_ends_with_its_code(world: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.safetensors")
    said = do(training(world, tmp_path, "--processes", "2", "--start", missing), code=2)
    assert "missing.safetensors: cannot read" in said and "Traceback" not in said


def test_nodes_outside_of_slurm_are_refused(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert main(training(world, tmp_path, "--nodes", "2")[3:]) == 2
    assert "--nodes: 2 nodes outside of a Slurm job" in capsys.readouterr().err


def test_what_torchrun_and_srun_are_told() -> None:
    args = argparse.Namespace(nodes=1, processes=4, threads=8)
    assert torchrun_options(args, {})[:3] == ["--standalone", "--nproc-per-node", "4"]
    args.nodes = 2
    options = torchrun_options(args, {MEETING: "node7:4711", "SLURM_JOB_ID": "17"})
    assert " ".join(options).startswith(
        "--nnodes 2 --rdzv-backend c10d --rdzv-endpoint node7:4711 --rdzv-id 17 --nproc-per-node 4"
    )
    assert srun_options(args)[:4] == [
        *("--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=8"),
    ]
