"""One stage: determinism, resuming, accumulation, learning."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table
from continual_vqa.training.curve import CURVE
from continual_vqa.training.inflight import FILE, Interrupted
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

CPU = torch.device("cpu")
# 24 questions, batches of 10: 3 steps an epoch, 6 a group, 12 in all.
TRAINING = {"epochs": 2, "batch_size": 10, "lr": 3e-3}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base", dropout=0.1)
    tiny_model.cells(folder / "cells")
    return folder


def settings(task: str = "color", **training: object) -> TrainSettings:
    stage = {"task": task, "step": 2, "seed": 3, "id": "seed-3/02-color"}
    return TrainSettings.model_validate({"stage": stage, "training": {**TRAINING, **training}})


def files(world: Path, out: Path, start: Path | None = None) -> StageFiles:
    cells = {f"train/color/{g}": world / "cells" / "train" / "color" / g for g in ("G2", "G1")}
    return StageFiles(
        world / "base", start, cells, out / "scratch", out / "model.safetensors", out / "curve"
    )


def train(world: Path, out: Path, stop_after: int = 0, **training: object) -> bytes:
    place = files(world, out)
    train_stage(place, settings(**training), CPU, stop_after=stop_after)
    return place.out.read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(world: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return train(world, tmp_path_factory.mktemp("whole"))


def test_the_same_seed_gives_the_same_bytes(world: Path, tmp_path: Path, uninterrupted) -> None:
    assert train(world, tmp_path) == uninterrupted
    assert not (tmp_path / "scratch").exists()


def test_streamed_images_give_the_same_bytes(world: Path, tmp_path: Path, uninterrupted) -> None:
    other = settings(memory_mb=0)
    train_stage(files(world, tmp_path), other, CPU, workers=2)
    assert (tmp_path / "model.safetensors").read_bytes() == uninterrupted


@pytest.mark.parametrize("stop_after", [1, 3, 5, 6, 7, 11, 12])
def test_stopped_and_resumed_is_bit_equal(
    world: Path, tmp_path: Path, uninterrupted: bytes, stop_after: int
) -> None:
    with pytest.raises(Interrupted, match="resume me"):
        train(world, tmp_path, stop_after=stop_after)
    assert not (tmp_path / "model.safetensors").exists()
    assert train(world, tmp_path) == uninterrupted
    curve = read_table(tmp_path / "curve", CURVE)
    assert curve["step"].to_pylist() == list(range(1, 13))
    assert curve["group"].to_pylist() == ["G2"] * 6 + ["G1"] * 6
    assert not (tmp_path / "scratch").exists()


def test_state_of_other_work_is_not_used(
    world: Path, tmp_path: Path, uninterrupted: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Interrupted):
        train(world, tmp_path, stop_after=4, lr=1e-4)
    assert train(world, tmp_path) == uninterrupted
    assert "other work" in capsys.readouterr().err


def test_what_the_same_code_trained_before_is_put_back(
    world: Path, tmp_path: Path, uninterrupted: bytes
) -> None:
    place = files(world, tmp_path)
    assert "steps" in train_stage(place, settings(), CPU, code="one")
    for path in place.outputs.values():
        path.unlink()
    assert train_stage(place, settings(), CPU, code="one")["trained"] == "before, by the same code"
    assert place.out.read_bytes() == uninterrupted
    assert read_table(place.curve, CURVE).num_rows == 12
    # Other settings, other code and unknown code are other work.
    assert "steps" in train_stage(place, settings(lr=1e-4), CPU, code="one")
    assert "steps" in train_stage(place, settings(lr=1e-4), CPU, code="other")
    assert "steps" in train_stage(place, settings(lr=1e-4), CPU)


def test_a_state_that_other_code_saved_is_not_used(
    world: Path, tmp_path: Path, uninterrupted: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    place = files(world, tmp_path)
    with pytest.raises(Interrupted):
        train_stage(place, settings(), CPU, code="one", stop_after=4)
    train_stage(place, settings(), CPU, code="other")
    assert "other work" in capsys.readouterr().err
    assert place.out.read_bytes() == uninterrupted


def test_a_damaged_state_is_not_used(
    world: Path, tmp_path: Path, uninterrupted: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Interrupted):
        train(world, tmp_path, stop_after=4)
    state = tmp_path / "scratch" / FILE
    state.write_bytes(state.read_bytes()[:-3])
    assert train(world, tmp_path) == uninterrupted
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_the_next_call_continues(
    world: Path, tmp_path: Path, number: signal.Signals
) -> None:
    # A state is saved every 50 ms; its file tells that training is under way.
    changes = {"epochs": 30, "save_every_minutes": 0.05 / 60}
    place = files(world, tmp_path)
    command = [sys.executable, "-m", "continual_vqa", "train", "--base", str(place.base)]
    command += ["--cells", *(f"{name}={folder}" for name, folder in place.cells.items())]
    command += ["--settings", settings(**changes).model_dump_json(), "--json", "--threads", "1"]
    command += ["--scratch", str(place.scratch), "--out", str(place.out)]
    command += ["--curve", str(place.curve)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (place.scratch / FILE).exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 75, error
    assert f"resume me: {number.name}" in error
    assert not place.out.exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["steps"] == 180
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert train(world, tmp_path / "whole", **changes) == place.out.read_bytes()
    torch.set_num_threads(threads)


def test_accumulation_gives_the_gradient_of_the_whole_batch(tmp_path: Path, world: Path) -> None:
    # Without dropout: its mask belongs to a forward pass.
    tiny_model.base_folder(tmp_path / "base")
    results = []
    for pieces in (1, 3):
        place = files(world, tmp_path / str(pieces))
        place = StageFiles(
            tmp_path / "base", None, place.cells, place.scratch, place.out, place.curve
        )
        train_stage(place, settings(accumulation=pieces, epochs=1), CPU)
        results.append(read_tensors(place.out)[1])
    for name, tensor in results[0].items():
        torch.testing.assert_close(results[1][name], tensor, rtol=1e-3, atol=2e-5, msg=name)


def test_a_stage_starts_from_a_checkpoint(world: Path, tmp_path: Path) -> None:
    train(world, tmp_path / "first")
    start = tmp_path / "first" / "model.safetensors"
    place = files(world, tmp_path / "second", start)
    train_stage(place, settings(lr=1e-12), CPU)
    header, tensors = read_tensors(place.out)
    _, before = read_tensors(start)
    assert header["base_sha256"] == read_base(world / "base")[1]
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-7)


def test_joint_shuffles_all_cells_together(world: Path, tmp_path: Path) -> None:
    place = files(world, tmp_path)
    summary = train_stage(place, settings(task="joint"), CPU)
    assert summary["questions"] == 48
    curve = read_table(place.curve, CURVE)
    assert curve["group"].unique().to_pylist() == ["all"]
    assert curve.num_rows == 2 * 5


def test_eight_samples_are_learned_by_heart(tmp_path: Path) -> None:
    tiny_model.base_folder(tmp_path / "base")
    name, folder = tiny_model.cell(tmp_path / "cells", 8)
    out = tmp_path / "model.safetensors"
    place = StageFiles(tmp_path / "base", None, {name: folder}, tmp_path / "s", out, tmp_path / "c")
    chosen = settings(epochs=80, batch_size=8, lr=1e-2, target="majority")
    train_stage(place, chosen, CPU)

    from continual_vqa.evaluation.predict import PredictSettings, predict
    from continual_vqa.shards.reader import open_cells
    from continual_vqa.training.loading import load_model

    model, _, _ = load_model(place.base, out, CPU)
    table, _ = predict(
        model, {name: folder}, PredictSettings.model_validate({"stage": {"task": "color"}})
    )
    truth = open_cells([folder]).table(["answer"])["answer"].to_pylist()
    right = [a == b for a, b in zip(table["answer"].to_pylist(), truth, strict=True)]
    assert sum(right) / len(right) > 0.9


@pytest.mark.parametrize(
    ("cells", "words"),
    [({}, "no cell"), ({"train/count/G1": Path("x")}, "do not belong to task 'color'")],
)
def test_wrong_cells_are_refused(world: Path, tmp_path: Path, cells, words: str) -> None:
    place = files(world, tmp_path)
    place = StageFiles(place.base, None, cells, place.scratch, place.out, place.curve)
    with pytest.raises(UserError, match=words):
        train_stage(place, settings(), CPU)


def test_a_loss_that_is_not_finite_is_named(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not finite.*training\.lr"):
        train(world, tmp_path, lr=1e30, warmup=0.0, clip=0.0)
