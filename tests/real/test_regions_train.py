"""The t5_vision family trains a step on bottom-up region features, through shards."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import tiny_model
from continual_vqa.backbones.folder import write_base
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.config.backbone import VisionConfig
from continual_vqa.data.regions import RegionFeatures
from continual_vqa.data.tables import QUESTIONS
from continual_vqa.shards.writer import write_cell
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

REGIONS = VisionConfig(kind="regions")


def synthetic(path: Path) -> Path:
    """A TSV in LXMERT's form, of two images."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(2):
        corners = np.sort(rng.random((36, 2, 2)), 1).reshape(36, 4)[:, [0, 1, 2, 3]]
        boxes = (corners * 400).astype("<f4")
        features = rng.random((36, 2048)).astype("<f4")
        numbers = [base64.b64encode(np.zeros(36, t).tobytes()).decode() for t in ("<i8", "<f4") * 2]
        arrays = [base64.b64encode(a.tobytes()).decode() for a in (boxes, features)]
        lines.append("\t".join([f"COCO_{number}", "480", "640", *numbers, "36", *arrays]))
    path.write_text("\n".join(lines) + "\n")
    return path


def train_a_step(features: Path, names: list[str], out: Path) -> None:
    with RegionFeatures(features) as source:
        template = tiny_model.rows(1, skill="color", group="G1", seed=0).to_pylist()[0]
        rows = []
        for number, name in enumerate(names):
            path = source.find(f"{name}.jpg")
            assert path is not None
            own = {"question_id": str(number), "image_id": name, "image_path": path}
            rows.append({**template, **own})
        table = pa.Table.from_pylist(rows, schema=QUESTIONS)
        cell = "train/color/G1"
        write_cell(table, source, out / "cell", cell=cell, max_bytes=1_000_000)
    model = tiny_model.tiny(REGIONS)
    write_base(out / "base", model)
    place = StageFiles(
        out / "base", None, {cell: out / "cell"}, out / "s", out / "m.safetensors", out / "c"
    )
    settings = TrainSettings.model_validate(
        {"stage": {"task": "color"}, "training": {"epochs": 1, "batch_size": 80}}
    )
    assert train_stage(place, settings, torch.device("cpu"))["steps"] == 1
    before = dict(model.named_parameters())
    header, after = read_tensors(out / "m.safetensors")
    moved = [name for name, t in after.items() if not torch.equal(t, before[name])]
    assert moved == sorted(before), "every tensor takes part in a step"
    assert '"visual.feature.0.weight": "vision"' in header["parts"]


def test_a_step_on_synthetic_features(tmp_path: Path) -> None:
    train_a_step(synthetic(tmp_path / "f.tsv"), ["COCO_0", "COCO_1"], tmp_path)


def test_a_step_on_the_real_features(real_data: Path, tmp_path: Path) -> None:
    features = real_data / "features" / "train2014_obj36.tsv"
    if not features.exists():
        pytest.skip(f"no {features}")
    with features.open() as handle:
        names = [line.split("\t", 1)[0] for line in handle]
    assert len(names) == 10
    train_a_step(features, names, tmp_path)
