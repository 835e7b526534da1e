"""What a study reads, and the estimate of what it will write."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from continual_vqa.config.load import load_study
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight import space

MADE = {"stream": {"skills": ["color", "count"]}, "recipes": ["sequential", "ewc"]}


class Usage(NamedTuple):
    free: int


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch):
    def set_free(count: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(count))

    return set_free


def test_the_estimate_counts_every_file_of_weights(tmp_path: Path, free) -> None:
    plan = Plan(load_study({**MADE, "results": str(tmp_path)}))
    base = Path("config/bases/miniature/model.safetensors").stat().st_size
    assert space.base_bytes(plan) == base
    # Two streams (standard, novel G5) of two tasks and two recipes; EWC measures importances.
    files = len(plan.stages) + len(plan.importances)
    assert len(plan.merges) == 0 and files > 4
    free(3 * base * files)
    (found,) = space.check_space(plan)
    assert found.level == "good" and f"{files} files of weights" in found.what
    free(int(1.5 * base * files))
    assert next(space.check_space(plan)).level == "note"
    free(base * files - 1)
    (found,) = space.check_space(plan)
    assert found.level == "bad" and "larger disk" in found.do


def test_a_base_that_is_not_made_yet_has_no_size(tmp_path: Path, free) -> None:
    free(10**12)
    plan = Plan(load_study({**MADE, "results": str(tmp_path), "backbone": {"folder": ""}}))
    assert space.base_bytes(plan) is None and space.weights_of(plan) == 0
    (found,) = space.check_space(plan)
    assert found.level == "note" and "not made yet" in found.what
    made = Path(plan.paths.base_model)
    made.parent.mkdir(parents=True)
    made.write_bytes(bytes(4000))
    assert space.weights_of(plan) == 1000


def official(root: Path) -> dict[str, object]:
    """A root with empty official files and three images."""
    for year in ("train2014", "val2014"):
        part = year.removesuffix("2014").capitalize()
        (root / f"v2_OpenEnded_mscoco_{part.lower()}2014_questions.json").write_text("{}")
    (root / "images").mkdir()
    for number in range(3):
        (root / "images" / f"{number}.jpg").write_bytes(bytes(1000))
    names = sorted(path.name for path in root.glob("*.json"))
    data = {"dataset": "vqav2", "root": str(root), "questions": names}
    return {**data, "annotations": names, "instances": []}


def test_official_files_and_images_are_counted(tmp_path: Path, free) -> None:
    free(10**12)
    root = tmp_path / "data"
    root.mkdir()
    plan = Plan(load_study({**MADE, "data": official(root), "results": str(tmp_path / "r")}))
    (found,) = space.check_data(plan)
    assert found.level == "good" and "3 images, 3 kB" in found.what
    (found,) = space.check_space(plan)
    assert "shards 10 kB" in found.what
    next(root.glob("*.json")).unlink()
    (found,) = space.check_data(plan)
    assert found.level == "bad" and "missing: " in found.what


def test_the_miniature_world_is_made(tmp_path: Path) -> None:
    (found,) = space.check_data(Plan(load_study({**MADE, "results": str(tmp_path)})))
    assert found.level == "good" and "made by the first job" in found.what
