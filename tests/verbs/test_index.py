"""`continual-vqa index` from official files to a table, a report and fingerprints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from continual_vqa.cli import main
from continual_vqa.config.data import DataConfig
from continual_vqa.config.study import Study
from continual_vqa.data.tables import read_questions
from continual_vqa.files.parquet import read_note
from continual_vqa.plan.study_plan import Plan
from data.official_files import (
    annotation,
    gqa_record,
    question,
    write_image,
    write_instances,
    write_vqa,
)


class World:
    """Two subsets, six questions, three images with a cat, a dog and nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        numbers = [(11, 1), (12, 1), (21, 2), (31, 3)]
        self.questions = [question(n, i) for n, i in numbers]
        self.annotations = [annotation(n, i) for n, i in numbers]
        self.annotations[1]["question_type"] = "how many"
        for image in (1, 2, 3):
            write_image(self.images / "val2014", image)
        write_image(self.images / "train2014", 4, subset="train2014")
        self.instances = write_instances(
            folder / "instances.json", [1, 2, 3, 4], [(1, 17, 9.0), (2, 18, 4.0), (4, 17, 1.0)]
        )
        self.train = write_vqa(folder, [question(41, 4)], [annotation(41, 4)], "train2014")

    def arguments(self, *more: str) -> list[str]:
        q, a = write_vqa(self.folder, self.questions, self.annotations)
        return [
            "index",
            *("--dataset", "vqav2", "--questions", self.train[0], q),
            *("--annotations", self.train[1], a),
            *("--instances", self.instances, "--images", str(self.images)),
            *("--taxonomy", "vqacl-contiguous", "--out", str(self.folder / "q.parquet")),
            *("--report", str(self.folder / "report.json")),
            *("--cells", str(self.folder / "cells.json"), *more),
        ]

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_table_report_and_cells(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.arguments()) == 0
    table = read_questions(world.folder / "q.parquet")
    keys = ("split", "question_id", "image_path", "skill", "concept", "group")
    dog = "G4"  # index 16
    cat = "G1"  # index 15
    assert [tuple(row[key] for key in keys) for row in table.to_pylist()] == [
        ("test", "11", "val2014/COCO_val2014_000000000001.jpg", "color", "cat", cat),
        ("test", "12", "val2014/COCO_val2014_000000000001.jpg", "count", "cat", cat),
        ("test", "21", "val2014/COCO_val2014_000000000002.jpg", "color", "dog", dog),
        ("test", "31", "val2014/COCO_val2014_000000000003.jpg", "color", "", ""),
        ("train", "41", "train2014/COCO_train2014_000000000004.jpg", "color", "cat", cat),
    ]
    assert read_note(world.folder / "q.parquet")["taxonomy"] == "vqacl-contiguous"
    report = world.json("report.json")
    assert report["per_split"] == {"train": 1, "test": 4}
    assert report["per_skill"]["color"] == 4
    assert report["in_no_group"]["questions"] == 1
    assert not any(kind["count"] for kind in report["problems"].values())
    assert sorted(world.json("cells.json")) == [
        "answers", "test/color/G1", "test/color/G4", "test/count/G1", "train/color/G1",
        "vocabulary",
    ]  # fmt: skip
    output = capsys.readouterr().out
    assert "5 questions about 4 images" in output
    assert "1 questions (1 images) are in no concept group" in output
    assert "nothing was left out" in output


def test_the_order_of_files_changes_no_byte(world: World) -> None:
    main(world.arguments())
    files = ("q.parquet", "cells.json")
    before = [(world.folder / name).read_bytes() for name in files]
    world.questions.reverse()
    main(world.arguments())
    assert [(world.folder / name).read_bytes() for name in files] == before


def test_one_annotation_changes_one_cell(world: World) -> None:
    main(world.arguments())
    before = world.json("cells.json")
    world.annotations[2]["answers"][0]["answer"] = "another"
    main(world.arguments())
    after = world.json("cells.json")
    assert {name for name in before if before[name] != after[name]} == {"test/color/G4"}


def test_one_image_changes_its_cells(world: World) -> None:
    main(world.arguments())
    before = world.json("cells.json")
    write_image(world.images / "val2014", 1, (world.images / "val2014" / WHOLE).read_bytes())
    main(world.arguments())
    after = world.json("cells.json")
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"test/color/G1", "test/count/G1"}


WHOLE = "COCO_val2014_000000000003.jpg"


def _duplicate(world: World) -> None:
    world.questions.append(question(21, 2))


def _missing_annotation(world: World) -> None:
    del world.annotations[2]


def _orphan(world: World) -> None:
    world.annotations.append(annotation(99, 1))


def _unknown_image(world: World) -> None:
    world.questions[2]["image_id"] = world.annotations[2]["image_id"] = 999


def _broken(world: World) -> None:
    path = world.images / "val2014" / "COCO_val2014_000000000002.jpg"
    path.write_bytes(path.read_bytes()[:-9])


def _foreign(world: World) -> None:
    (world.images / "val2014" / "COCO_val2014_000000000002.jpg").write_bytes(b"\x89PNG....")


def _unknown_type(world: World) -> None:
    world.annotations[2]["question_type"] = "what colour is the"


def _malformed(world: World) -> None:
    del world.questions[2]["question"]


DAMAGE = [
    (_duplicate, "1 duplicate question id (21)", 5),
    (_missing_annotation, "1 question without an annotation (21)", 4),
    (_orphan, "1 annotation without a question (99)", 5),
    (_unknown_image, "1 missing image (COCO_val2014_000000000999)", 4),
    (_broken, "1 broken image (COCO_val2014_000000000002 (truncated after", 4),
    (_foreign, "no JPEG: it begins with 89504e47", 4),
    (_unknown_type, "21 ('what colour is the', nearest: what color is the)", 4),
    (_malformed, "record 3 (question_id 21): has no 'question'", 4),
]


@pytest.mark.parametrize(("damage", "message", "left"), DAMAGE)
def test_bad_records_stop_or_are_skipped(
    world: World, capsys: pytest.CaptureFixture[str], damage, message: str, left: int
) -> None:
    assert main(world.arguments()) == 0
    earlier = {path.name: path.read_bytes() for path in world.folder.glob("*.*")}
    damage(world)
    capsys.readouterr()
    assert main(world.arguments()) == 2
    error = capsys.readouterr().err
    (line,) = [line for line in error.splitlines() if line.startswith("error:")]
    assert message in line
    assert str(world.folder) in line
    assert "--on-bad-record skip" in line
    for name in ("q.parquet", "report.json", "cells.json"):
        assert (world.folder / name).read_bytes() == earlier[name]
    rejected = world.json("report.rejected.json")["problems"]
    assert sum(kind["count"] for kind in rejected.values()) >= 1

    assert main(world.arguments("--on-bad-record", "skip")) == 0
    assert read_questions(world.folder / "q.parquet").num_rows == left
    skipped = world.json("report.json")["problems"]
    assert skipped == rejected


def test_an_image_id_that_no_file_knows(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    _unknown_image(world)
    arguments = world.arguments()
    at = arguments.index("--images")
    del arguments[at : at + 2]
    assert main(arguments) == 2
    assert f"{world.instances}: 1 unknown image id (999)" in capsys.readouterr().err
    assert main([*arguments, "--on-bad-record", "skip"]) == 0
    table = read_questions(world.folder / "q.parquet")
    assert table.num_rows == 4
    assert set(table["image_path"].to_pylist()) == {""}


def test_pixels_are_decoded_on_request(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    path = world.images / "val2014" / "COCO_val2014_000000000002.jpg"
    content = path.read_bytes()
    table = content.index(b"\xff\xc4") + 4
    path.write_bytes(content[:table] + b"\xfe" * 20 + content[table + 20 :])
    assert main(world.arguments()) == 0
    assert main(world.arguments("--check-images", "decode")) == 2
    assert "broken image" in capsys.readouterr().err


def test_karpathy_splits(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    path = world.folder / "dataset_coco.json"
    splits = {1: "restval", 2: "val", 3: "test"}
    path.write_text(json.dumps({"images": [{"cocoid": i, "split": s} for i, s in splits.items()]}))
    arguments = world.arguments("--splits", "karpathy", "--karpathy", str(path))
    assert main(arguments) == 2
    assert f"{path}: 1 unknown image id (4)" in capsys.readouterr().err
    assert main([*arguments, "--on-bad-record", "skip"]) == 0
    table = read_questions(world.folder / "q.parquet")
    found = dict(zip(table["question_id"].to_pylist(), table["split"].to_pylist(), strict=True))
    assert found == {"11": "train", "12": "train", "21": "val", "31": "test"}
    assert main(world.arguments("--splits", "karpathy")) == 2
    assert "no file of Karpathy splits" in capsys.readouterr().err


def test_gqa(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = {
        "width": 9, "height": 9,
        "objects": {"5": {"name": "kitten", "x": 0, "y": 0, "w": 1, "h": 1}},
    }  # fmt: skip
    (tmp_path / "val_sceneGraphs.json").write_text(json.dumps({"7": graph}))
    questions = tmp_path / "val_balanced_questions.json"
    questions.write_text(json.dumps({"1": gqa_record("7"), "2": gqa_record("8")}))
    out = tmp_path / "q.parquet"
    arguments = ["index", "--dataset", "gqa", "--questions", str(questions), "--taxonomy", "gqa"]
    arguments += ["--out", str(out)]
    assert main(arguments) == 0
    assert read_questions(out)["concept"].to_pylist() == ["cat", "cat"]
    arguments += ["--scene-graphs", str(tmp_path / "val_sceneGraphs.json")]
    assert main(arguments) == 2
    assert "1 unknown image id (8)" in capsys.readouterr().err
    assert main([*arguments, "--on-bad-record", "skip"]) == 0
    (row,) = read_questions(out).to_pylist()
    assert (row["split"], row["skill"], row["concept"]) == ("test", "object", "kitten")
    assert row["group"] in {"G1", "G2", "G3", "G4", "G5"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--taxonomy": "vqacl-contigous"}, "did you mean vqacl-contiguous?"),
        ({"--taxonomy": "gqa"}, "taxonomy gqa is for gqa, not vqav2"),
        ({"--questions": "absent.json"}, "absent.json: cannot read: No such file"),
        ({"--images": "absent"}, "absent: no such folder or .zip"),
        ({"--features": "x.tsv"}, "--images and --features are both given"),
    ],
)
def test_wrong_arguments(
    world: World, capsys: pytest.CaptureFixture[str], changes: dict, message: str
) -> None:
    arguments = world.arguments()
    for option, value in changes.items():
        arguments += [option, value]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_plan_asks_in_the_verbs_own_words(world: World) -> None:
    """The options that a study's plan makes from its config are understood."""
    main(world.arguments())
    by_options = read_questions(world.folder / "q.parquet")
    data = DataConfig(
        dataset="vqav2",
        root=str(world.folder),
        instances=("instances.json",),
    )
    arguments = Plan(Study(data=data)).index_arguments
    out = world.folder / "other.parquet"
    assert main(["index", *arguments, "--out", str(out)]) == 0
    assert read_questions(out).equals(by_options)


def test_json_summary(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.arguments("--json")) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == 5


def test_indexing_never_imports_torch() -> None:
    code = "import sys, continual_vqa.verbs.index; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
