"""The verbs importance and importance-merge as a person calls them, and what they promise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_model
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.cli import main
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance_file import Share
from continual_vqa.errors import UserError
from continual_vqa.training import importance as job
from continual_vqa.training.checkpoint import write_checkpoint
from continual_vqa.training.inflight import FILE, Interrupted
from continual_vqa.training.loop import Loop
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

CPU = torch.device("cpu")
STAGE = {"task": "color", "step": 2, "seed": 3, "id": "seed-3/02-color"}
QUESTIONS = 48  # of both cells


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base", dropout=0.1)
    tiny_model.cells(folder / "cells")
    return folder


def settings(stage: dict | None = None, **importance: object) -> job.ImportanceSettings:
    importance = {"samples": 0, "batch_size": 7, **importance}
    content = {"stage": {**STAGE, **(stage or {})}, "importance": importance}
    return job.ImportanceSettings.model_validate(content)


def files(world: Path, out: Path) -> job.ImportanceFiles:
    cells = {f"train/color/{g}": world / "cells" / "train" / "color" / g for g in ("G2", "G1")}
    return job.ImportanceFiles(
        world / "base", None, cells, out / "scratch", out / "importance.safetensors"
    )


def measure(world: Path, out: Path, stage: dict | None = None, **importance: object):
    place = files(world, out)
    summary = job.measure_importance(place, settings(stage, **importance), CPU)
    return summary, *read_tensors(place.out)


def command(world: Path, out: Path, **changes: str) -> list[str]:
    values = {
        "--base": str(world / "base"),
        "--model": "base",
        "--settings": settings().model_dump_json(),
        "--scratch": str(out / "scratch"),
        "--out": str(out / "importance.safetensors"),
        **changes,
    }
    cells = [f"train/color/{g}={world}/cells/train/color/{g}" for g in ("G2", "G1")]
    return ["importance", "--cells", *cells, *(word for pair in values.items() for word in pair)]


def assert_close(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor], relative: float):
    assert one.keys() == two.keys()
    for name, tensor in two.items():
        most = relative * float(tensor.abs().max())
        torch.testing.assert_close(one[name], tensor, rtol=0, atol=most, msg=name)


def test_the_file(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(world, tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == QUESTIONS
    header, tensors = read_tensors(tmp_path / "importance.safetensors")
    model = tiny_model.tiny()
    names = [name for name, _ in model.named_parameters()]
    assert sorted(tensors) == sorted(names)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert json.loads(header["parts"]) == {name: model.part_of(name) for name in names}
    assert ImportanceConfig.model_validate_json(header["settings"]) == settings().importance
    known = {key: header[key] for key in ("format", "stage", "task", "step", "count")}
    assert known == {
        "format": "continual-vqa importance 1",
        "stage": "seed-3/02-color",
        "task": "color",
        "step": "2",
        "count": "48",
    }
    assert "rank" not in header
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(
    "importance", [{}, {"labels": "model"}, {"gradients": "batch"}, {"direction": True}]
)
def test_ranks_add_up(world: Path, tmp_path: Path, importance: dict) -> None:
    _, header, whole = measure(world, tmp_path, **importance)
    parts = []
    for rank in (1, 0):
        parts.append(str(tmp_path / f"{rank}.safetensors"))
        text = settings(**importance).model_dump_json()
        changes = {"--settings": text, "--out": parts[-1], "--rank": str(rank), "--world": "2"}
        assert main(command(world, tmp_path, **changes)) == 0
    out = tmp_path / "merged.safetensors"
    assert main(["importance-merge", "--files", *parts, "--out", str(out)]) == 0
    merged_header, merged = read_tensors(out)
    assert merged_header == header
    assert_close(merged, whole, 1e-5)


@pytest.mark.parametrize("importance", [{}, {"kind": "mas", "labels": "model"}])
def test_the_chunk_does_not_matter(world: Path, tmp_path: Path, importance: dict) -> None:
    _, _, one = measure(world, tmp_path / "1", batch_size=5, **importance)
    _, _, two = measure(world, tmp_path / "2", batch_size=48, **importance)
    assert_close(one, two, 1e-4)


@pytest.mark.parametrize(
    "importance", [{}, {"labels": "model", "direction": True}, {"gradients": "batch"}]
)
def test_interrupted_and_resumed_gives_the_same_bytes(
    world: Path, tmp_path: Path, importance: dict
) -> None:
    measure(world, tmp_path / "whole", **importance)
    place = files(world, tmp_path)
    for stop in (1, 2, 5):
        with pytest.raises(Interrupted, match=f"after {stop} steps"):
            job.measure_importance(place, settings(**importance), CPU, stop_after=stop)
    job.measure_importance(place, settings(**importance), CPU)
    assert place.out.read_bytes() == files(world, tmp_path / "whole").out.read_bytes()
    assert not (place.scratch / FILE).exists()


def test_a_state_of_other_work_is_not_used(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = files(world, tmp_path)
    with pytest.raises(Interrupted):
        job.measure_importance(place, settings(), CPU, stop_after=1)
    measure(world, tmp_path, kind="mas")
    assert "belongs to other work" in capsys.readouterr().err


def test_a_signal_ends_with_the_code_to_try_again(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = job.ImportanceSums.add

    def signalled(self: job.ImportanceSums, batch) -> None:
        add(self, batch)
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(job.ImportanceSums, "add", signalled)
    with pytest.raises(SystemExit) as ended:
        main(command(world, tmp_path))
    assert ended.value.code == 75
    assert (tmp_path / "scratch" / FILE).exists()
    monkeypatch.undo()
    assert main(command(world, tmp_path)) == 0


def test_the_answers_are_those_of_the_first_epoch_of_training(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: dict[bytes, list[int]] = {}
    step = Loop._step

    def spy(self, share, *rest):
        batch = share.batch
        for image, question, answer in zip(
            batch.visual, batch.questions, batch.answers, strict=True
        ):
            key = image.numpy().tobytes() + question.numpy().tobytes()
            trained.setdefault(key, []).append(answer[answer > 0].tolist())
        return step(self, share, *rest)

    monkeypatch.setattr(Loop, "_step", spy)
    place = files(world, tmp_path)
    content = {"stage": STAGE, "training": {"epochs": 1}}
    train_stage(
        StageFiles(
            place.base,
            None,
            place.cells,
            place.scratch,
            tmp_path / "m.safetensors",
            tmp_path / "curve",
        ),
        TrainSettings.model_validate(content),
        CPU,
    )
    measured: dict[bytes, list[int]] = {}
    add = job.ImportanceSums.add

    def spy_add(self, batch) -> None:
        for image, question, answer in zip(
            batch.visual, batch.questions, batch.answers, strict=True
        ):
            key = image.numpy().tobytes() + question.numpy().tobytes()
            measured.setdefault(key, []).append(answer[answer > 0].tolist())
        add(self, batch)

    monkeypatch.setattr(job.ImportanceSums, "add", spy_add)
    measure(world, tmp_path / "measured")
    assert {k: sorted(v) for k, v in trained.items()} == {k: sorted(v) for k, v in measured.items()}


def test_the_samples_are_a_choice_of_the_seed(world: Path) -> None:
    chosen = {
        (seed, count): job.chosen_questions(48, settings({"seed": seed}, samples=count)).tolist()
        for seed in (0, 1)
        for count in (0, 5, 20)
    }
    assert chosen[0, 5] == chosen[0, 20][:5] and chosen[0, 20] == chosen[0, 0][:20]
    assert sorted(chosen[0, 0]) == list(range(48))
    assert chosen[0, 5] != chosen[1, 5]


@pytest.mark.parametrize("gradients", ["per_sample", "batch"])
@pytest.mark.parametrize("world_size", [1, 3, 60])
def test_every_sample_belongs_to_one_rank(gradients: str, world_size: int) -> None:
    config = settings(gradients=gradients).importance
    numbers = np.arange(QUESTIONS)
    shares = [
        job.shared_out(numbers, config, Share(rank, world_size)) for rank in range(world_size)
    ]
    assert sorted(int(n) for share in shares for batch in share for n in batch) == [*range(48)]


def test_more_samples_than_there_are(world: Path, tmp_path: Path) -> None:
    summary, header, _ = measure(world, tmp_path, samples=1000)
    assert (summary["questions"], summary["available"], summary["asked_for"]) == (48, 48, 1000)
    assert header["count"] == "48"


def test_a_rank_without_samples(world: Path, tmp_path: Path) -> None:
    place = files(world, tmp_path)
    job.measure_importance(place, settings(samples=2), CPU, share=Share(2, 3))
    header, tensors = read_tensors(place.out)
    assert header["count"] == "0" and not any(tensor.any() for tensor in tensors.values())


def test_a_model_that_sees_no_image_is_measured_without(world: Path, tmp_path: Path) -> None:
    _, _, sums = measure(world, tmp_path, {"recipe": {"sees": "question"}})
    # A blank is mid-grey, the same in all three channels of a pixel.
    pixels = sums["visual.pixels.weight"]
    assert torch.equal(pixels, pixels[:, :1].expand_as(pixels))


def test_cells_without_questions(world: Path, tmp_path: Path) -> None:
    name, folder = tiny_model.cell(tmp_path / "cells", 0)
    place = files(world, tmp_path)
    place = job.ImportanceFiles(place.base, None, {name: folder}, place.scratch, place.out)
    with pytest.raises(UserError, match="no question"):
        job.measure_importance(place, settings(), CPU)


def foreign(folder: Path) -> str:
    model = tiny_model.tiny()
    path = folder / "foreign.safetensors"
    write_checkpoint(
        path,
        dict(model.named_parameters()),
        model,
        base_sha256="f" * 64,
        recipe={},
        stage="",
        task="color",
        step=1,
    )
    return str(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--model": "nowhere.safetensors"}, ["nowhere.safetensors"]),
        ({"--model": "foreign"}, ["trained from base ffffffffffff"]),
        ({"--rank": "2", "--world": "2"}, ["rank 2 of 2", "--rank"]),
        ({"--settings": '{"stage": {"task": "count"}}'}, ["do not belong to task 'count'"]),
        (
            {"--settings": '{"stage": {"task": "color"}, "importance": {"sample": 3}}'},
            ["importance.sample"],
        ),
        (
            {"--settings": '{"stage": {"task": "color", "recipe": {"tune": "lora"}}}'},
            ["no low-rank factors"],
        ),
    ],
)
def test_mistakes_are_one_line(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    words: list[str],
) -> None:
    if changes.get("--model") == "foreign":
        changes = {"--model": foreign(tmp_path)}
    assert main(command(world, tmp_path, **changes)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert all(word in error for word in words)
    assert not (tmp_path / "importance.safetensors").exists()


def test_a_model_of_nan_is_named(world: Path, tmp_path: Path) -> None:
    model = tiny_model.tiny()
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    base = tiny_model.base_folder(tmp_path / "base")
    path = tmp_path / "nan.safetensors"
    write_checkpoint(
        path,
        dict(model.named_parameters()),
        model,
        base_sha256=base,
        recipe={},
        stage="",
        task="color",
        step=1,
    )
    place = files(world, tmp_path)
    place = job.ImportanceFiles(tmp_path / "base", path, place.cells, place.scratch, place.out)
    with pytest.raises(UserError, match=r"nan\.safetensors.*not finite"):
        job.measure_importance(place, settings(), CPU)
    assert not place.out.exists()


def test_what_the_verbs_import(world: Path, tmp_path: Path) -> None:
    """Start-up is paid by every job."""
    script = (
        "import sys, json; from continual_vqa.cli import main;"
        "code = main(json.loads(sys.argv[1]));"
        "heavy = {'transformers', 'peft', 'torch._dynamo', 'torch._inductor', 'sympy', 'pandas',"
        "'matplotlib', 'snakemake', 'webdataset'};"
        "print(sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    argv = json.dumps(command(world, tmp_path))
    done = subprocess.run([sys.executable, "-c", script, argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    script = (
        "import sys; import continual_vqa.verbs.importance, continual_vqa.verbs.importance_merge;"
        "import continual_vqa.consolidation.importance_file; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
