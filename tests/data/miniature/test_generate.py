from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from PIL import Image

from continual_vqa.config.miniature import SIZES, MiniatureConfig
from continual_vqa.data.index import Indexed, IndexRequest, index
from continual_vqa.data.miniature.generate import generate
from continual_vqa.data.miniature.skills import SKILLS
from continual_vqa.data.scene_graphs import read_scene_graphs

SIZE = SIZES["tiny"]
SUBTYPES = ("train2014", "val2014")


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()


def indexed_vqav2(world: Path) -> Indexed:
    root = world / "vqav2"
    return index(
        IndexRequest(
            "vqav2",
            tuple(str(root / f"v2_OpenEnded_mscoco_{s}_questions.json") for s in SUBTYPES),
            "vqacl-contiguous",
            tuple(str(root / f"v2_mscoco_{s}_annotations.json") for s in SUBTYPES),
            tuple(str(root / "annotations" / f"instances_{s}.json") for s in SUBTYPES),
            payload={"kind": "images", "path": str(root / "images")},
        )
    )


def test_another_process_writes_the_same_bytes(world: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "continual_vqa", "miniature", "--size", "tiny"]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([*command, "--out", tmp_path / "w"], check=True, env=environment)
    assert digest(tmp_path / "w") == digest(world)


def test_another_seed_gives_another_world(world: Path, tmp_path: Path) -> None:
    generate(MiniatureConfig(size="tiny", seed=1), tmp_path / "w")
    names = [{p.relative_to(f) for p in f.rglob("*")} for f in (world, tmp_path / "w")]
    assert names[0] == names[1]
    files = {path for path in world.rglob("*") if path.is_file()}
    # Which image is of which class is the same in every world; what it shows is not.
    listings = {*(world / "places365").glob("*.txt"), *(world / "inaturalist").glob("*.json")}
    for path in sorted(files - listings):
        assert path.read_bytes() != (tmp_path / "w" / path.relative_to(world)).read_bytes()


def test_every_cell_has_its_questions(world: Path) -> None:
    questions = indexed_vqav2(world).questions.to_pylist()
    counts = Counter((each["split"], each["skill"], each["group"]) for each in questions)
    assert counts == {
        (split, skill, group): number
        for split, number in (("train", SIZE.train), ("test", SIZE.test))
        for skill in SKILLS
        for group in ("G1", "G2", "G3", "G4", "G5")
    }


def test_ingestion_finds_nothing_wrong(world: Path) -> None:
    indexed = indexed_vqav2(world)
    assert not indexed.problems.found
    assert all(each["image_path"] for each in indexed.questions.to_pylist())
    types = {each["answer_type"] for each in indexed.questions.to_pylist()}
    assert types == {"yes/no", "number", "other"}


def test_no_image_is_in_two_splits_and_every_jpeg_opens(world: Path) -> None:
    contents: dict[bytes, Path] = {}
    for path in sorted(world.rglob("*.jpg")):
        content = path.read_bytes()
        assert content not in contents, (path, contents.get(content))
        contents[content] = path
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert (image.size, image.mode, image.format) == ((48, 48), "RGB", "JPEG")
    numbers = [path.stem.rpartition("_")[2].lstrip("0") for path in contents.values()]
    assert len(set(numbers)) == len(numbers)
    assert len(numbers) == 5 * (SIZE.train_images + SIZE.test_images) + SIZE.base_images + (
        2 * SIZE.gqa_images
    ) + (SIZE.task_train + 2 * SIZE.task_test) // 3 + 2 * (SIZE.task_train + SIZE.task_test)


def test_official_vqav2_fields(world: Path) -> None:
    for subtype in SUBTYPES:
        root = world / "vqav2"
        questions = json.loads((root / f"v2_OpenEnded_mscoco_{subtype}_questions.json").read_text())
        annotations = json.loads((root / f"v2_mscoco_{subtype}_annotations.json").read_text())
        head = {"info", "license", "data_type", "data_subtype"}
        assert set(questions) == head | {"task_type", "questions"}
        assert set(annotations) == head | {"annotations"}
        assert questions["data_subtype"] == annotations["data_subtype"] == subtype
        for question, annotation in zip(
            questions["questions"], annotations["annotations"], strict=True
        ):
            assert set(question) == {"image_id", "question", "question_id"}
            assert set(annotation) == {
                *("question_type", "multiple_choice_answer", "answers", "image_id"),
                *("answer_type", "question_id"),
            }
            assert question["question_id"] == annotation["question_id"]
            assert question["question_id"] // 1000 == question["image_id"]
            votes = Counter(each["answer"] for each in annotation["answers"])
            assert len(annotation["answers"]) == 10
            assert votes[annotation["multiple_choice_answer"]] == max(votes.values())


def test_official_coco_fields(world: Path) -> None:
    document = json.loads((world / "vqav2/annotations/instances_val2014.json").read_text())
    assert set(document) == {"info", "licenses", "images", "annotations", "categories"}
    names = {each["file_name"] for each in document["images"]}
    assert names == {path.name for path in (world / "vqav2/images/val2014").iterdir()}
    ids = {each["id"] for each in document["categories"]}
    assert (len(ids), min(ids), max(ids)) == (80, 1, 90)
    assert len({each["id"] for each in document["annotations"]}) == len(document["annotations"])
    for each in document["annotations"]:
        assert set(each) == {
            *("segmentation", "area", "iscrowd", "image_id", "bbox", "category_id", "id"),
        }
        assert each["category_id"] in ids
        assert each["iscrowd"] == 0
        assert 0 < each["area"] <= each["bbox"][2] * each["bbox"][3]


def test_base_graphs_are_about_images_of_their_own(world: Path) -> None:
    graphs = read_scene_graphs(world / "base/base_sceneGraphs.json")
    assert {path.stem for path in (world / "base/images").iterdir()} == set(graphs)
    others = {path.stem for path in (world / "gqa/images").iterdir()}
    assert not others & set(graphs)


def test_a_failed_write_leaves_the_earlier_world(world: Path, monkeypatch) -> None:
    before = digest(world)

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("continual_vqa.data.miniature.generate._write_base", broken)
    with contextlib.suppress(KeyboardInterrupt):
        generate(MiniatureConfig(size="tiny", seed=9), world)
    assert digest(world) == before
