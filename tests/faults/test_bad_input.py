"""The table of bad inputs: each gives one clear line, an exit code, and leaves earlier results."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from continual_vqa.cli import main

from .conftest import BACKBONE, Material

Damage = Callable[[Material], list[str]]
CASES: dict[str, tuple[Damage, str]] = {}


def case(words: str) -> Callable[[Damage], Damage]:
    """Register a damage: it returns the command that must refuse it with `words`."""

    def register(damage: Damage) -> Damage:
        CASES[damage.__name__] = (damage, words)
        return damage

    return register


def cut(path: Path, share: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x40
    path.write_bytes(content)


def edit_json(path: Path, change: Callable[[dict], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


# JSON


@case("truncated JSON")
def truncated_questions(m: Material) -> list[str]:
    cut(m.questions)
    return m.index()


@case("truncated JSON")
def truncated_annotations(m: Material) -> list[str]:
    cut(m.annotations, 0.9)
    return m.index()


@case("truncated JSON")
def empty_questions(m: Material) -> list[str]:
    m.questions.write_bytes(b"")
    return m.index()


@case("is not UTF-8")
def questions_are_a_picture(m: Material) -> list[str]:
    m.questions.write_bytes(m.image.read_bytes())
    return m.index()


@case("questions")
def annotations_in_place_of_questions(m: Material) -> list[str]:
    m.questions.write_bytes(m.annotations.read_bytes())
    return m.index()


@case("image_id")
def question_without_image_id(m: Material) -> list[str]:
    edit_json(m.questions, lambda d: d["questions"][3].pop("image_id"))
    return m.index()


@case("duplicate question")
def duplicate_question(m: Material) -> list[str]:
    edit_json(m.questions, lambda d: d["questions"].append(d["questions"][0]))
    return m.index()


@case("annotation")
def missing_annotation(m: Material) -> list[str]:
    edit_json(m.annotations, lambda d: d["annotations"].pop(5))
    return m.index()


@case("what color is")
def unknown_question_type(m: Material) -> list[str]:
    edit_json(m.annotations, lambda d: d["annotations"][0].update(question_type="what colr is"))
    return m.index()


@case("damaged gzip")
def damaged_gzip(m: Material) -> list[str]:
    packed = m.questions.with_name("questions.json.gz")
    packed.write_bytes(gzip.compress(m.questions.read_bytes())[:-9])
    command = m.index()
    command[command.index(str(m.questions))] = str(packed)
    return command


@case("has no member")
def zip_without_the_member(m: Material) -> list[str]:
    archive = m.questions.with_name("questions.zip")
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("other.json", "{}")
    command = m.index()
    command[command.index(str(m.questions))] = f"{archive}!/questions.json"
    return command


@case("No such file")
def missing_questions(m: Material) -> list[str]:
    m.questions.unlink()
    return m.index()


@case("unknown taxonomy")
def unknown_taxonomy(m: Material) -> list[str]:
    return [w if w != "vqacl-contiguous" else "vqacl-contigous" for w in m.index()]


@case("is not YAML")
def malformed_taxonomy(m: Material) -> list[str]:
    path = m.root / "mine.yaml"
    path.write_text("skills: [a, b\nrules: }")
    return [w if w != "vqacl-contiguous" else str(path) for w in m.index()]


# Images


@case("image")
def missing_image(m: Material) -> list[str]:
    m.image.unlink()
    return m.index()


@case("broken")
def truncated_jpeg(m: Material) -> list[str]:
    cut(m.image)
    return m.index()


@case("broken")
def text_in_place_of_jpeg(m: Material) -> list[str]:
    m.image.write_text("no picture")
    return m.index()


@case("no such folder or .zip")
def missing_image_folder(m: Material) -> list[str]:
    return [w if w != str(m.images) else str(m.root / "nowhere") for w in m.index()]


@case("pixels")
def decompression_bomb(m: Material) -> list[str]:
    for image in m.images.rglob("*.jpg"):
        Image.new("L", (9000, 9000)).save(image, quality=1)
        break
    huge = image.read_bytes()
    for image in m.images.rglob("*.jpg"):
        image.write_bytes(huge)
    assert main(m.shard_cell()) == 0
    return m.train()


# Shards


@case("train-color-G1-00000.tar: image 2 (question 2000) is damaged")
def flipped_byte_in_a_shard(m: Material) -> list[str]:
    index = pq.read_table(m.cell / "index.parquet")
    flip(m.shard, index["payload_offset"][0].as_py() + index["payload_bytes"][0].as_py() // 2)
    return m.train()


@case("truncated shard")
def truncated_shard(m: Material) -> list[str]:
    cut(m.shard)
    return m.train()


@case("the shard is missing")
def missing_shard(m: Material) -> list[str]:
    m.shard.unlink()
    return m.train()


@case("damaged Parquet")
def damaged_cell_index(m: Material) -> list[str]:
    cut(m.cell / "index.parquet", 0.7)
    return m.train()


@case("is not the index of a cell")
def cell_index_of_another_kind(m: Material) -> list[str]:
    (m.cell / "index.parquet").write_bytes(m.table.read_bytes())
    return m.train()


@case("is no cell")
def malformed_cell_name(m: Material) -> list[str]:
    return [w.replace("train/color/G1=", "color=") for w in m.train()]


@case("damaged Parquet")
def damaged_questions_table(m: Material) -> list[str]:
    cut(m.root / "all.parquet")
    return m.shard_cell()


# Checkpoints


@case("damaged safetensors")
def truncated_checkpoint(m: Material) -> list[str]:
    cut(m.model, 0.8)
    return m.predict()


@case("model.safetensors")
def checkpoint_with_a_broken_header(m: Material) -> list[str]:
    flip(m.model, 9)
    return m.predict()


@case("base")
def checkpoint_of_another_base(m: Material) -> list[str]:
    other = {"backbone": BACKBONE, "pretraining": {"steps": 0}}
    command = ["pretrain", "--texts", str(m.root / "all.parquet"), "--seed", "9"]
    command += ["--settings", json.dumps(other), "--scratch", str(m.root / "s")]
    assert main([*command, "--out", str(m.base)]) == 0
    return m.predict()


@case("No such file")
def missing_checkpoint(m: Material) -> list[str]:
    m.model.unlink()
    return m.predict()


@case("tokenizer.json")
def base_without_tokenizer(m: Material) -> list[str]:
    (m.base / "tokenizer.json").unlink()
    return m.train()


@case("config.json")
def base_with_a_damaged_config(m: Material) -> list[str]:
    cut(m.base / "config.json")
    return m.train()


@case("does not know the words")
def cells_of_another_language(m: Material) -> list[str]:
    train = m.world / "v2_mscoco_train2014_annotations.json"
    document = json.loads(train.read_text())
    for number, annotation in enumerate(document["annotations"]):
        for answer in annotation["answers"]:
            answer["answer"] = f"wort{number}"
    train.write_text(json.dumps(document))
    command = m.index()
    command[command.index(str(m.questions))] = str(
        m.world / "v2_OpenEnded_mscoco_train2014_questions.json"
    )
    command[command.index(str(m.annotations))] = str(train)
    command[command.index(str(m.instances))] = str(
        m.world / "annotations" / "instances_train2014.json"
    )
    command[-1] = str(m.root / "all.parquet")
    assert main(command) == 0
    assert main(m.shard_cell()) == 0
    return m.train()


@case("training.lr")
def settings_with_a_wrong_value(m: Material) -> list[str]:
    return [w.replace('"epochs": 1', '"lr": -1') for w in m.train()]


# Results


@case("damaged Parquet")
def damaged_predictions(m: Material) -> list[str]:
    cut(m.predictions)
    return m.score()


@case("question")
def predictions_of_another_cell(m: Material) -> list[str]:
    return [w.replace(f"test/color/G1={m.tested}", f"train/color/G1={m.cell}") for w in m.score()]


def official_score(m: Material, results: object) -> list[str]:
    path = m.root / "results.json"
    path.write_text(json.dumps(results))
    return [
        "score", "--dataset", "vqav2", "--questions", str(m.questions),
        "--annotations", str(m.annotations), "--results", str(path), "--out", str(m.scores),
        "--taxonomy", "vqacl-contiguous",
    ]  # fmt: skip


@case("question")
def results_about_an_unknown_question(m: Material) -> list[str]:
    return official_score(m, [{"question_id": 1, "answer": "red"}])


@case("list")
def results_that_are_no_list(m: Material) -> list[str]:
    return official_score(m, {"question_id": 1})


@case("more than once")
def results_with_a_question_twice(m: Material) -> list[str]:
    asked = json.loads(m.questions.read_text())["questions"][0]["question_id"]
    return official_score(m, [{"question_id": asked, "answer": a} for a in ("red", "blue")])


@case("matrix.csv")
def matrix_with_a_word(m: Material) -> list[str]:
    path = m.root / "matrix.csv"
    path.write_text("50,\n40,sixty\n")
    return ["metrics", "--matrix", str(path)]


@case("matrix.csv")
def empty_matrix(m: Material) -> list[str]:
    path = m.root / "matrix.csv"
    path.write_text("")
    return ["metrics", "--matrix", str(path)]


@case("cannot write")
def a_file_where_a_folder_should_be(m: Material) -> list[str]:
    (m.root / "blocked").write_text("x")
    return [w if w != str(m.table) else str(m.root / "blocked" / "q.parquet") for w in m.index()]


def contents(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_one_line(
    name: str, material: Material, capfd: pytest.CaptureFixture[str]
) -> None:
    damage, words = CASES[name]
    command = damage(material)
    before = contents(material.root)
    capfd.readouterr()
    code = main(command)
    error = capfd.readouterr().err
    assert code == 2, error
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    assert words in lines[0]
    after = contents(material.root)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed == set(), "earlier results must stay as they were"


def test_the_undamaged_material_is_accepted(material: Material) -> None:
    for command in (material.index(), material.shard_cell(), material.train(), material.predict()):
        assert main(command) == 0
    assert main(material.score()) == 0
