"""Real material to damage: a tiny world, its table, two cells, a base model and a checkpoint."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from continual_vqa.cli import main

from .record import FILE, Table
from .study import Study, make, run_undisturbed

# Set by `make test-faults`: then the long tests run too.
WANTED = os.environ.get("FAULT_TESTS") == "all"
long = pytest.mark.skipif(not WANTED, reason="long: run by `make test-faults`")
TABLE = Table()

BACKBONE = {
    "folder": "",
    "d_model": 16, "d_kv": 4, "heads": 4, "d_ff": 32, "encoder_layers": 1, "decoder_layers": 1,
}  # fmt: skip
CELL, TESTED = "train/color/G1", "test/color/G1"


@dataclass(frozen=True)
class Material:
    """Paths below a folder that one test may damage."""

    root: Path

    @property
    def world(self) -> Path:
        return self.root / "world" / "vqav2"

    @property
    def questions(self) -> Path:
        return self.world / "v2_OpenEnded_mscoco_val2014_questions.json"

    @property
    def annotations(self) -> Path:
        return self.world / "v2_mscoco_val2014_annotations.json"

    @property
    def instances(self) -> Path:
        return self.world / "annotations" / "instances_val2014.json"

    @property
    def images(self) -> Path:
        return self.world / "images"

    @property
    def image(self) -> Path:
        """An image that questions of both splits' files are about."""
        asked = json.loads(self.questions.read_text())["questions"][0]["image_id"]
        return next(self.images.rglob(f"*{asked:012d}.jpg"))

    @property
    def table(self) -> Path:
        return self.root / "questions.parquet"

    @property
    def cell(self) -> Path:
        return self.root / "cells" / CELL

    @property
    def cell_index(self) -> Path:
        return self.cell / "index.parquet"

    @property
    def all_questions(self) -> Path:
        return self.root / "all.parquet"

    @property
    def weights(self) -> Path:
        return self.base / "model.safetensors"

    @property
    def shard(self) -> Path:
        return next(self.cell.glob("*.tar"))

    @property
    def tested(self) -> Path:
        return self.root / "cells" / TESTED

    @property
    def base(self) -> Path:
        return self.root / "base"

    @property
    def model(self) -> Path:
        return self.root / "model.safetensors"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions.parquet"

    @property
    def scores(self) -> Path:
        return self.root / "scores.parquet"

    def index(self) -> list[str]:
        return [
            "index", "--dataset", "vqav2", "--questions", str(self.questions),
            "--annotations", str(self.annotations), "--instances", str(self.instances),
            "--images", str(self.images), "--taxonomy", "vqacl-contiguous",
            "--out", str(self.table),
        ]  # fmt: skip

    def shard_cell(self) -> list[str]:
        return [
            "shard", "--questions", str(self.root / "all.parquet"), "--cell", CELL,
            "--images", str(self.images), "--out", str(self.cell),
        ]  # fmt: skip

    def train(self, start: str = "base") -> list[str]:
        settings = {"stage": {"task": "color"}, "training": {"epochs": 1, "batch_size": 10}}
        return [
            "train", "--base", str(self.base), "--start", start, "--cells", f"{CELL}={self.cell}",
            "--settings", json.dumps(settings), "--scratch", str(self.root / "scratch"),
            "--out", str(self.model), "--curve", str(self.root / "curve.parquet"),
        ]  # fmt: skip

    def predict(self) -> list[str]:
        return [
            "predict", "--base", str(self.base), "--model", str(self.model),
            "--cells", f"{TESTED}={self.tested}", "--settings", '{"stage": {"task": "color"}}',
            "--out", str(self.predictions),
        ]  # fmt: skip

    def score(self) -> list[str]:
        return [
            "score", "--predictions", str(self.predictions),
            "--cells", f"{TESTED}={self.tested}", "--out", str(self.scores),
        ]  # fmt: skip


def build(root: Path) -> Material:
    made = Material(root)

    def run(*arguments: str) -> None:
        assert main(list(arguments)) == 0, arguments

    run("miniature", "--size", "tiny", "--out", str(root / "world"))
    run(*made.index())
    both = [made.questions, made.world / "v2_OpenEnded_mscoco_train2014_questions.json"]
    answers = [made.annotations, made.world / "v2_mscoco_train2014_annotations.json"]
    objects = [made.instances, made.world / "annotations" / "instances_train2014.json"]
    run(
        "index", "--dataset", "vqav2", "--questions", *map(str, both),
        "--annotations", *map(str, answers), "--instances", *map(str, objects),
        "--images", str(made.images), "--taxonomy", "vqacl-contiguous",
        "--out", str(root / "all.parquet"),
    )  # fmt: skip
    run(*made.shard_cell())
    run(
        "shard", "--questions", str(root / "all.parquet"), "--cell", TESTED,
        "--images", str(made.images), "--out", str(made.tested),
    )  # fmt: skip
    pretraining = {"backbone": BACKBONE, "pretraining": {"steps": 0}}
    run(
        "pretrain", "--texts", str(root / "all.parquet"), "--settings", json.dumps(pretraining),
        "--scratch", str(root / "base.scratch"), "--out", str(made.base),
    )  # fmt: skip
    run(*made.train())
    run(*made.predict())
    run(*made.score())
    return made


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The undamaged material."""
    return build(tmp_path_factory.mktemp("material"))


@pytest.fixture
def material(whole: Material, tmp_path: Path) -> Material:
    """A copy that a test may damage."""
    root = tmp_path / "material"
    shutil.copytree(whole.root, root)
    return Material(root)


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """Where a test notes what it injected; written and shown at the end by `make test-faults`."""
    yield TABLE
    TABLE.write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FILE and TABLE.rows:
        terminalreporter.write_line(TABLE.write())


@pytest.fixture(scope="session")
def undisturbed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study with every kind of artefact, run once without a fault. Not to be changed."""
    if kept := os.environ.get("FAULT_STUDY"):
        return Study(Path(kept))
    return run_undisturbed(repository, tmp_path_factory.mktemp("undisturbed") / "study")


@pytest.fixture
def fresh(repository: Path, tmp_path: Path) -> Study:
    """The study before its first run."""
    return make(repository, tmp_path / "study")


@pytest.fixture
def finished(undisturbed: Study, tmp_path: Path) -> Study:
    """A copy of the finished study that one test may damage."""
    return undisturbed.copy(tmp_path.resolve() / "study")
