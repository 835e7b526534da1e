"""The miniature world's tasks beyond questions about an image, from files to samples."""

from __future__ import annotations

import gc
import io
import json
from collections import Counter
from pathlib import Path

import pytest
import webdataset
from PIL import Image

from continual_vqa.config.miniature import SIZES, MiniatureConfig
from continual_vqa.config.mix_checks import WORLD
from continual_vqa.config.source import SourceConfig
from continual_vqa.data.images import open_images
from continual_vqa.data.miniature.generate import TASKS
from continual_vqa.data.miniature.official_nlvr2 import SENTENCES
from continual_vqa.data.miniature.official_piqa import write_piqa
from continual_vqa.data.miniature.official_snli_ve import LABELS, statements, unsettled
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.writing import stream
from continual_vqa.data.mix import index_mix
from continual_vqa.data.part import Indexed
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.selection import select_cell
from continual_vqa.shards.writer import write_cell

SIZE = SIZES["tiny"]


@pytest.fixture(scope="module")
def found(world: Path) -> Indexed:
    sources = [SourceConfig(format=name).at(name, str(world / name)) for name in TASKS]
    return index_mix(sources, on_bad_record="fail", check_images="decode")


def test_nothing_is_wrong_with_the_official_files(found: Indexed) -> None:
    assert not found.problems.found
    counts = Counter((row["split"], row["skill"]) for row in found.questions.to_pylist())
    for name in TASKS:
        assert counts["train", name] == SIZE.task_train
        assert counts["test", name] == SIZE.task_test
    assert set(WORLD) == {*TASKS, "vqav2", "gqa"}


def test_guessing_is_as_good_as_documented(found: Indexed) -> None:
    assert found.report["random"] == pytest.approx(
        {
            "snli_ve": 1 / 3,
            "piqa": 1 / 2,
            "commonsenseqa": 1 / 5,
            "nlvr2": 1 / 2,
            "inaturalist": 1 / 20,
            "places365": 1 / 8,
        }
    )


def test_no_question_trains_and_tests(found: Indexed) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for row in found.questions.to_pylist():
        asked = (row["skill"], row["image_id"], row["question"], tuple(row["choices"]))
        assert seen.setdefault(asked, row["split"]) == row["split"]


def test_answers_are_among_the_choices_at_every_place(found: Indexed) -> None:
    for name, number in (("piqa", 2), ("commonsenseqa", 5)):
        rows = [row for row in found.questions.to_pylist() if row["skill"] == name]
        places = Counter(row["choices"].index(row["answer"]) for row in rows)
        assert set(places) == set(range(number))
        assert all(len(set(row["choices"])) == number for row in rows)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_becomes_shards(name: str, found: Indexed, world: Path, tmp_path: Path) -> None:
    cell = f"test/{name}/all"
    rows = select_cell(found.questions, cell)
    root = SourceConfig(format=name).at(name, str(world / name)).images
    images = open_images(Path(root)) if root else None
    write_cell(rows, images, tmp_path / "cell", cell=cell, max_bytes=10**6)
    cells = open_cells([tmp_path / "cell"], verify="open")
    assert sorted(cells.question_ids) == sorted(rows["question_id"].to_pylist())
    answers = dict(zip(*(rows[c].to_pylist() for c in ("question_id", "answer")), strict=True))
    shards = sorted(map(str, (tmp_path / "cell").glob("*.tar")))
    kind = {"piqa": set(), "commonsenseqa": set(), "nlvr2": {"png", "second.png"}}
    asked = 0
    for sample in webdataset.WebDataset(shards, shardshuffle=False):
        members = {key for key in sample if not key.startswith("__")} - {"json"}
        assert members == kind.get(name, {"jpg"})
        for member in members:
            with Image.open(io.BytesIO(sample[member])) as image:
                assert image.size == (48, 48)
        for question in json.loads(sample["json"])["questions"]:
            assert answers[question["question_id"]] == question["answer"]
            asked += 1
    gc.collect()
    assert asked == rows.num_rows


def test_entailment_follows_from_the_scene() -> None:
    rng = stream(MiniatureConfig(), "test")
    for _ in range(200):
        scene = random_scene(rng)
        true, false = (set(statements(scene, truth, rng)) for truth in (True, False))
        assert not true & false
        assert not (true | false) & set(unsettled(scene, rng))
    assert len(LABELS) == 3


def test_sentences_about_pairs_are_as_often_true_as_false() -> None:
    rng = stream(MiniatureConfig(), "test")
    pairs = [(random_scene(rng), random_scene(rng)) for _ in range(400)]
    for sentence, holds in SENTENCES.items():
        assert {holds(*pair) for pair in pairs} == {True, False}, sentence


def test_more_goals_than_the_sizes_ask_for(tmp_path: Path) -> None:
    full = SIZES["full"]
    sizes = {"train": full.task_train, "test": full.task_test}
    counts = write_piqa(MiniatureConfig(), tmp_path, sizes)
    assert counts == {
        "piqa_train_questions": full.task_train,
        "piqa_valid_questions": full.task_test,
    }
