"""The readers of the tasks beyond VQA, on records as they were published, sound and damaged."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from continual_vqa.config.layouts import LAYOUTS
from continual_vqa.config.mix_checks import WITH_VAL
from continual_vqa.data.formats import FORMATS
from continual_vqa.data.problems import Problems
from continual_vqa.data.tables import RAW
from continual_vqa.errors import UserError
from continual_vqa.evaluation.scorers import SCORERS

from .official_files import jpeg
from .task_files import chosen, entailment, goal, pair, species, write_json, write_lines

Rows = list[dict[str, Any]]


def read(
    name: str, questions: Sequence[str], annotations: Sequence[str] = ()
) -> tuple[Rows, Problems]:
    problems = Problems(skip=True)
    table = FORMATS[name].read(questions, annotations, problems)
    assert table.schema == RAW
    return table.to_pylist(), problems


def some(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says, without what is empty or only its place."""
    return {name: value for name, value in row.items() if value and name != "source"}


def test_snli_ve(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "snli_ve_dev.jsonl", [entailment()])
    (row,), problems = read("snli_ve", [path])
    assert not problems.found
    assert some(row) == {
        "subset": "dev",
        "question_id": "4705552913.jpg#2r1n",
        "image_id": "4705552913",
        "image_name": "4705552913",
        "question": "The sisters are hugging goodbye.",
        "answers": ["neutral"],
        "answer": "neutral",
    }


def test_piqa(tmp_path: Path) -> None:
    # Published with Unix and with Windows line ends, and with blank lines at the end.
    path = write_lines(tmp_path / "train.jsonl", [goal(), goal(sol2="Throw it away")])
    labels = tmp_path / "train-labels.lst"
    labels.write_bytes(b"1\r\n0\r\n\r\n")
    (first, second), problems = read("piqa", [path], [str(labels)])
    assert not problems.found
    assert some(first) == {
        "subset": "train",
        "question_id": "train-1",
        "question": "When boiling butter, when it's ready, you can",
        "answers": ["Pour it into a jar"],
        "answer": "Pour it into a jar",
        "choices": ["Pour it onto a plate", "Pour it into a jar"],
    }
    assert (second["answer"], second["question_id"]) == ("Pour it onto a plate", "train-2")


def test_commonsenseqa(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "dev_rand_split.jsonl", [chosen("D")])
    (row,), problems = read("commonsenseqa", [path])
    assert not problems.found
    assert (row["answer"], row["concept"]) == ("yell at", "punishing")
    assert row["choices"] == ["ignore", "enforce", "authoritarian", "yell at", "avoid"]
    assert row["image_id"] == row["image_name"] == ""


def test_nlvr2(tmp_path: Path) -> None:
    records = [pair(), pair("train-10171-0-1", "False")]
    path = write_lines(tmp_path / "data/train.json", records)
    rows, problems = read("nlvr2", [path])
    assert not problems.found
    assert [row["answer"] for row in rows] == ["true", "false"]
    for row in rows:
        assert row["image_id"] == "train-10171-0"
        assert row["image_name"] == "train-10171-0-img0.png"
        assert row["second_image_name"] == "train-10171-0-img1.png"


def test_inaturalist_with_the_names_that_were_published_later(tmp_path: Path) -> None:
    path = write_json(tmp_path / "train2019.json", species())
    rows, problems = read("inaturalist", [path])
    assert not problems.found
    assert [row["answer"] for row in rows] == ["400", "3"]
    assert rows[0]["image_name"] == "train_val2019/Plants/400/d14.jpg"
    assert {row["question"] for row in rows} == {"This is an image."}
    names = [{"id": 400, "name": "Rosa canina", "genus": "Rosa"}]
    rows, _ = read("inaturalist", [path], [write_json(tmp_path / "categories.json", names)])
    assert [row["answer"] for row in rows] == ["Rosa canina", "3"]


def test_places365(tmp_path: Path) -> None:
    classes = ["/a/airfield 0", "/a/apartment_building/outdoor 8"]
    known = write_lines(tmp_path / "categories_places365.txt", classes)
    train = write_lines(
        tmp_path / "places365_train_standard.txt", ["/a/apartment_building/outdoor/00000001.jpg 8"]
    )
    val = write_lines(tmp_path / "places365_val.txt", ["Places365_val_00000001.jpg 0"])
    rows, problems = read("places365", [train, val], [known])
    assert not problems.found
    assert [(row["answer"], row["image_name"]) for row in rows] == [
        ("apartment building outdoor", "data_256/a/apartment_building/outdoor/00000001.jpg"),
        ("airfield", "val_256/Places365_val_00000001.jpg"),
    ]
    with pytest.raises(UserError, match="no list of the classes"):
        read("places365", [val])


def test_image_folder(tmp_path: Path) -> None:
    for name in ("train/polar_bear/b.JPG", "train/polar_bear/a.png", "train/cat/c.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg())
    (tmp_path / "train/cat/.hidden").write_text("")
    (tmp_path / "train/cat/notes.txt").write_text("")
    (tmp_path / "train/list.txt").write_text("")
    rows, problems = read("image_folder", [str(tmp_path / "train")])
    assert [(row["answer"], row["image_name"]) for row in rows] == [
        ("cat", "train/cat/c.jpeg"),
        ("polar bear", "train/polar_bear/a.png"),
        ("polar bear", "train/polar_bear/b.JPG"),
    ]
    assert problems.count("malformed_records") == 2
    (tmp_path / "val").mkdir()
    with pytest.raises(UserError, match="a folder of images for each class"):
        read("image_folder", [str(tmp_path / "val")])


def no_stem() -> dict[str, Any]:
    record = chosen()
    del record["question"]["stem"]
    return record


DAMAGED: list[tuple[str, str, object, str, str]] = [
    ("snli_ve", "snli_ve_test.jsonl", entailment("../../etc/passwd"), "malformed", "names no file"),
    ("snli_ve", "snli_ve_test.jsonl", entailment("a.b"), "malformed", "names no file"),
    ("snli_ve", "snli_ve_test.jsonl", entailment(kind="-"), "malformed", "is none of"),
    ("snli_ve", "snli_ve_test.jsonl", entailment(sentence2=7), "malformed", "is no text"),
    ("snli_ve", "snli_ve_test.jsonl", entailment(sentence2="\ud800"), "malformed", "Unicode"),
    ("snli_ve", "snli_ve_test.jsonl", '{"pairID": "x"', "malformed", "truncated JSON"),
    ("snli_ve", "snli_ve_test.jsonl", '{"pairID": NaN}', "malformed", "holds NaN"),
    ("snli_ve", "snli_ve_test.jsonl", "[" * 100_000, "malformed", "nested too deeply"),
    ("snli_ve", "snli_ve_test.jsonl", [1], "malformed", "is not an object"),
    ("commonsenseqa", "dev_rand_split.jsonl", chosen("F"), "malformed", "is none of A, B"),
    ("commonsenseqa", "dev_rand_split.jsonl", chosen(""), "missing_annotations", "no 'answerKey'"),
    ("commonsenseqa", "dev_rand_split.jsonl", no_stem(), "malformed", "has no 'stem'"),
    ("nlvr2", "dev.json", pair("dev-../1-0-0"), "malformed", "not of the form"),
    ("nlvr2", "dev.json", pair("/etc-1-0-0"), "malformed", "not of the form"),
    ("nlvr2", "dev.json", pair(label="Maybe"), "malformed", "neither True nor False"),
]


@pytest.mark.parametrize(("name", "file", "record", "kind", "reason"), DAMAGED)
def test_a_damaged_record_is_named_and_left_out(
    tmp_path: Path, name: str, file: str, record: object, kind: str, reason: str
) -> None:
    good = {"snli_ve": entailment(), "commonsenseqa": chosen(), "nlvr2": pair("dev-1-0-0")}[name]
    path = write_lines(tmp_path / file, [good, record, good])
    rows, problems = read(name, [path])
    assert len(rows) == 1
    kind = "malformed_records" if kind == "malformed" else kind
    count, (said,) = problems.found[kind][path]
    assert count == 1
    assert said.startswith("line 2: ")
    assert reason in said
    assert problems.count("duplicate_questions") == 1


def test_bytes_that_are_no_text_cost_their_line_alone(tmp_path: Path) -> None:
    path = Path(write_lines(tmp_path / "snli_ve_train.jsonl", [entailment()]))
    path.write_bytes(b"\xff\xfe\n" + path.read_bytes())
    rows, problems = read("snli_ve", [str(path)])
    assert len(rows) == 1
    assert problems.found["malformed_records"][str(path)][1] == ["line 1: byte 0 is not UTF-8"]
    packed = tmp_path / "snli_ve_dev.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-9])
    with pytest.raises(UserError, match="damaged gzip"):
        read("snli_ve", [str(packed)])


def test_labels_that_do_not_fit_their_questions(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "valid.jsonl", [goal(), goal(), goal(sol1=None)])
    few = write_lines(tmp_path / "valid-labels.lst", ["0"])
    rows, problems = read("piqa", [path], [few])
    assert len(rows) == 1
    assert problems.count("missing_annotations") == 2
    many = write_lines(tmp_path / "valid-labels.lst", ["0", "2", "1", "1", "0"])
    rows, problems = read("piqa", [path], [many])
    assert len(rows) == 1
    assert problems.count("malformed_records") == 2
    assert problems.found["orphan_annotations"][many][0] == 2
    with pytest.raises(UserError, match=r"expected a file valid-labels\.lst"):
        read("piqa", [path], [])


def test_damaged_lists_of_images(tmp_path: Path) -> None:
    document = species()
    document["images"] += [{"id": 9, "file_name": "../../x.jpg"}, {"id": 10, "file_name": "y.jpg"}]
    document["images"] += [{"id": 11, "file_name": "z.jpg"}]
    document["annotations"] += [
        {"image_id": 9, "category_id": 3},
        {"image_id": 11, "category_id": 5},
        {"image_id": 99, "category_id": 3},
    ]
    path = write_json(tmp_path / "val2019.json", document)
    rows, problems = read("inaturalist", [path])
    assert len(rows) == 2
    said = problems.found["malformed_records"][path][1]
    assert said == [
        "image 9: image path '../../x.jpg' leaves the folder of images",
        "image 11: is of category 5, which is not listed",
    ]
    assert problems.found["missing_annotations"][path][1] == ["image 10: has no annotation"]
    assert problems.found["orphan_annotations"][path] == (1, ["99"])


def test_damaged_listings_of_places(tmp_path: Path) -> None:
    known = write_lines(tmp_path / "categories_places365.txt", ["/a/airfield 0", "nothing"])
    lines = ["/../../etc/passwd 0", "/a/airfield/1.jpg 7", "/a/airfield/1.jpg", "", "a.jpg 0"]
    path = write_lines(tmp_path / "places365_val.txt", lines)
    rows, problems = read("places365", [path], [known])
    assert [row["image_name"] for row in rows] == ["val_256/a.jpg"]
    assert problems.found["malformed_records"][known][0] == 1
    assert problems.found["malformed_records"][path][1] == [
        "line 1: image path '../../etc/passwd' leaves the folder of images",
        "line 2: class 7 is not listed",
        "line 3: is not an image and the number of its class",
    ]


@pytest.mark.parametrize("name", ["snli_ve", "commonsenseqa", "nlvr2", "piqa", "places365"])
def test_a_file_must_name_its_subset(tmp_path: Path, name: str) -> None:
    path = write_lines(tmp_path / "questions.jsonl", [])
    with pytest.raises(UserError, match="does not say which subset"):
        read(name, [path], [path] if name in ("piqa", "places365") else [])


@pytest.mark.parametrize("name", ["snli_ve", "commonsenseqa", "nlvr2", "image_folder"])
def test_annotations_are_refused_where_there_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="has no annotation files"):
        read(name, [], ["x.json"])


def test_every_format_has_a_row_in_every_table() -> None:
    assert FORMATS.keys() == SCORERS.keys() == LAYOUTS.keys()
    assert {name for name, each in FORMATS.items() if "val" in each.splits.values()} == set(
        WITH_VAL
    )


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_official_name_has_a_split(name: str) -> None:
    subsets: dict[str, Callable[[str], str]] = {
        "vqav2": lambda file: file.split("_")[3],
        "gqa": lambda file: file.split("_")[0],
        "snli_ve": lambda file: file.split("_")[2].split(".")[0],
        "places365": lambda file: file.split("_")[1].split(".")[0],
    }
    subset = subsets.get(name, lambda file: Path(file).stem.split("_")[0])
    found = {FORMATS[name].split_of(subset(file)) for file in LAYOUTS[name].questions}
    assert {"train", "test"} <= found
    with pytest.raises(UserError, match="no published answers"):
        FORMATS[name].split_of("challenge")
