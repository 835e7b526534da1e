"""Several sources as one table of questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.cli import main
from continual_vqa.config.source import SourceConfig, SourceFiles
from continual_vqa.data.mix import index_mix, limited
from continual_vqa.data.part import Indexed
from continual_vqa.data.problems import BadRecords
from continual_vqa.data.tables import QUESTIONS, read_questions
from continual_vqa.errors import UserError

from .official_files import annotation, jpeg, question, write_image, write_vqa
from .task_files import entailment, goal, pair, write_lines

IDS = st.sets(st.text("abc0123-", min_size=1, max_size=6), max_size=30)


@given(IDS, st.integers(1, 35), st.integers(1, 35), st.randoms())
def test_a_limit_keeps_as_many_and_more_of_a_higher_one(ids, first, second, rng) -> None:
    low, high = sorted((first, second))
    shuffled = list(ids)
    rng.shuffle(shuffled)
    chosen = limited(sorted(ids), low, "seed")
    assert chosen == limited(shuffled, low, "seed")
    assert chosen <= ids and len(chosen) == min(low, len(ids))
    assert chosen <= limited(shuffled, high, "seed")


def test_another_seed_chooses_others() -> None:
    ids = [str(number) for number in range(100)]
    assert limited(ids, 10, "a") != limited(ids, 10, "b")


def snli(folder: Path, subset: str = "train", images: tuple[str, ...] = ("1", "2")) -> SourceConfig:
    records = [entailment(image, label) for image in images for label in ("neutral", "entailment")]
    write_lines(folder / f"snli_ve_{subset}.jsonl", records)
    (folder / "flickr30k_images").mkdir(exist_ok=True)
    for image in images:
        (folder / f"flickr30k_images/{image}.jpg").write_bytes(jpeg(int(image)))
    return SourceConfig(format="snli_ve", questions=(f"snli_ve_{subset}.jsonl",))


def piqa(folder: Path) -> SourceConfig:
    write_lines(folder / "train.jsonl", [goal(), goal(goal="Eat")])
    write_lines(folder / "train-labels.lst", ["0", "1"])
    found = {"questions": ("train.jsonl",), "annotations": ("train-labels.lst",)}
    return SourceConfig.model_validate({"format": "piqa", **found})


def indexed(*sources: SourceFiles, skip: bool = False) -> Indexed:
    on_bad = "skip" if skip else "fail"
    return index_mix(sources, on_bad_record=on_bad, check_images="decode")


@pytest.fixture
def sources(tmp_path: Path) -> tuple[SourceFiles, ...]:
    """Entailment about images 1 and 2, two goals, and VQA v2 about an image 1 of its own."""
    folders = {name: tmp_path / name for name in ("entails", "goals", "vqa")}
    for folder in folders.values():
        folder.mkdir()
    write_vqa(folders["vqa"], [question(11)], [annotation(11)], "train2014")
    write_image(folders["vqa"] / "images", 1, subset="train2014")
    vqa = SourceConfig(
        format="vqav2",
        questions=("v2_OpenEnded_mscoco_train2014_questions.json",),
        annotations=("v2_mscoco_train2014_annotations.json",),
    )
    made = {"entails": snli(folders["entails"]), "goals": piqa(folders["goals"]), "vqa": vqa}
    return tuple(source.at(name, str(folders[name])) for name, source in made.items())


def test_each_source_is_a_task(sources: tuple[SourceFiles, ...]) -> None:
    found = indexed(*sources)
    assert found.questions.schema == QUESTIONS
    rows = found.questions.to_pylist()
    assert {(row["dataset"], row["skill"], row["group"], row["split"]) for row in rows} == {
        ("snli_ve", "entails", "all", "train"),
        ("piqa", "goals", "all", "train"),
        ("vqav2", "vqa", "all", "train"),
    }
    assert found.report["random"] == {"entails": 0.5, "goals": 0.5, "vqa": 0.0}
    assert set(found.content) == {
        "vocabulary",
        "answers",
        *(f"train/{name}/all" for name in ("entails", "goals", "vqa")),
    }
    ids = {row["question_id"]: row["image_id"] for row in rows}
    assert len(ids) == len(rows)
    assert (ids["vqa-11"], ids["goals-train-1"]) == ("vqa-1", "")
    assert ids["entails-1.jpg#2r1n"] == "entails-1"
    paths = {row["image_path"] for row in rows}
    assert paths == {"", "1.jpg", "2.jpg", "COCO_train2014_000000000001.jpg"}


def test_skills_of_a_taxonomy_can_be_tasks(sources: tuple[SourceFiles, ...]) -> None:
    vqa = sources[2].model_copy(update={"taxonomy": "vqacl-contiguous"})
    rows = indexed(sources[1], vqa).questions.to_pylist()
    assert {(row["skill"], row["group"]) for row in rows} == {("goals", "all"), ("color", "all")}
    named = sources[1].model_copy(update={"name": "color"})
    with pytest.raises(UserError, match="two sources give the task color"):
        indexed(named, vqa)


def test_a_change_of_one_source_changes_its_cell_alone(
    sources: tuple[SourceFiles, ...],
) -> None:
    before = indexed(*sources).content
    Path(sources[0].images, "1.jpg").write_bytes(jpeg(99))
    after = indexed(*sources).content
    assert {name for name in before if before[name] != after[name]} == {"train/entails/all"}
    write_lines(Path(sources[1].questions[0]), [goal(sol2="Drink it"), goal(goal="Eat")])
    last = indexed(*sources).content
    assert {name for name in after if last[name] != after[name]} == {
        "train/goals/all",
        "vocabulary",
    }


def test_images_beyond_the_limit_are_not_looked_at(tmp_path: Path) -> None:
    source = snli(tmp_path).model_copy(update={"limit": {"train": 1}})
    (kept,) = indexed(source.at("s", str(tmp_path))).questions.to_pylist()
    other = {"1": "2", "2": "1"}[kept["image_id"].removeprefix("s-")]
    (tmp_path / f"flickr30k_images/{other}.jpg").unlink()
    assert indexed(source.at("s", str(tmp_path))).questions.to_pylist() == [kept]
    (tmp_path / f"flickr30k_images/{kept['image_path']}").unlink()
    with pytest.raises(BadRecords, match="1 missing image"):
        indexed(source.at("s", str(tmp_path)))


def test_a_pair_needs_both_images(tmp_path: Path) -> None:
    write_lines(tmp_path / "data/train.json", [pair("train-1-0-0"), pair("train-2-0-0")])
    (tmp_path / "images").mkdir()
    for name in ("train-1-0-img0", "train-1-0-img1", "train-2-0-img1"):
        (tmp_path / f"images/{name}.png").write_bytes(jpeg())
    source = SourceConfig(format="nlvr2", questions=("data/train.json",))
    files = source.at("n", str(tmp_path))
    with pytest.raises(BadRecords, match=r"1 missing image \(train-2-0-img0\.png\)"):
        indexed(files)
    (row,) = indexed(files, skip=True).questions.to_pylist()
    assert (row["image_path"], row["second_image_path"]) == (
        "train-1-0-img0.png",
        "train-1-0-img1.png",
    )


def test_the_verb_takes_several_sources(
    sources: tuple[SourceFiles, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "q.parquet"), "--report", str(tmp_path / "r.json")]
    given = [option for each in sources for option in ("--source", each.model_dump_json())]
    assert main(["index", *given, *out]) == 0
    assert read_questions(tmp_path / "q.parquet").num_rows == 7
    assert json.loads((tmp_path / "r.json").read_text())["random"]["goals"] == 0.5
    capsys.readouterr()
    for arguments, message in (
        ([*given, "--dataset", "vqav2"], "--source and --dataset are both given"),
        (["--dataset", "vqav2"], "no --questions and no --taxonomy"),
        (["--source", "{"], "--source: the JSON: Invalid JSON"),
        (["--source", '{"name":"../x","format":"piqa","questions":["a"]}'], "--source: name: "),
        ([*given, *given[:2]], "two sources have one name"),
    ):
        assert main(["index", *arguments, *out]) == 2
        assert message in capsys.readouterr().err
