from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

import tiny_model
import tiny_vilt
from continual_vqa.backbones.folder import read_base
from continual_vqa.data.tables import QUESTIONS, write_questions
from continual_vqa.errors import UserError
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.pretrain import PretrainFiles, PretrainSettings, pretrain

CPU = torch.device("cpu")
COLORS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scene graphs of one colored square per image, and the images."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "images").mkdir()
    graphs = {}
    for number in range(6):
        color = list(COLORS)[number % 3]
        x = 2 if number < 3 else 8
        pixels = np.full((16, 16, 3), 240, np.uint8)
        pixels[4:10, x : x + 6] = COLORS[color]
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        (folder / "images" / f"{number}.jpg").write_bytes(stream.getvalue())
        thing = {"name": "cat", "x": x, "y": 4, "w": 6, "h": 6, "attributes": [color]}
        graphs[str(number)] = {
            "width": 16,
            "height": 16,
            "objects": {"1": thing | {"relations": []}},
        }
    (folder / "graphs.json").write_text(json.dumps(graphs))
    (folder / "questions.json").write_text(
        json.dumps({"questions": [{"question": "What color is the cat?", "question_id": 1}]})
    )
    return folder


def settings(**pretraining: object) -> PretrainSettings:
    backbone = {**tiny_model.SMALL, "folder": "", "vision": tiny_model.PATCHES.model_dump()}
    chosen = {"steps": 8, "batch_size": 4, "lr": 3e-3, **pretraining}
    return PretrainSettings.model_validate({"backbone": backbone, "pretraining": chosen})


def files(world: Path, out: Path, **changes: object) -> PretrainFiles:
    values: dict = {
        "scene_graphs": world / "graphs.json",
        "images": world / "images",
        "texts": (world / "questions.json",),
        "tokenizer": None,
        "scratch": out / "scratch",
        "out": out / "base",
    }
    return PretrainFiles(**(values | changes))


def test_it_learns_and_knows_the_words_of_texts_and_graphs(world: Path, tmp_path: Path) -> None:
    summary = pretrain(files(world, tmp_path), settings(steps=150, lr=1e-2), 0, CPU)
    model, digest = read_base(tmp_path / "base")
    assert digest == summary["base_sha256"]
    assert not any(2 in ids for ids in model.question_tokens(["What color is the cat?"]))
    assert not any(2 in ids for ids in model.words.encode(["ground: what at left", "nothing"]))
    loss = summary["loss"]
    assert isinstance(loss, float) and loss < 1.2


def test_stopped_and_resumed_is_bit_equal(world: Path, tmp_path: Path) -> None:
    pretrain(files(world, tmp_path / "a"), settings(), 1, CPU)
    with pytest.raises(Interrupted):
        pretrain(files(world, tmp_path / "b"), settings(), 1, CPU, stop_after=3)
    assert not (tmp_path / "b" / "base").exists()
    pretrain(files(world, tmp_path / "b"), settings(), 1, CPU)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        one, two = (tmp_path / run / "base" / name for run in "ab")
        assert one.read_bytes() == two.read_bytes()
    assert not (tmp_path / "b" / "scratch").exists()


def test_a_hugging_face_folder_becomes_a_base(world: Path, tmp_path: Path) -> None:
    from continual_vqa.backbones.t5_layers import T5Shape

    words = tiny_model.words()
    tiny_model.reference(T5Shape(words.size, 24, 6, 2, 30, 2, 2)).save_pretrained(tmp_path / "t5")
    (tmp_path / "t5" / "tokenizer.json").write_text(words.content)
    backbone = {"folder": str(tmp_path / "t5"), "vision": tiny_model.PATCHES.model_dump()}
    chosen = PretrainSettings.model_validate({"backbone": backbone, "pretraining": {"steps": 0}})
    nothing = files(world, tmp_path, scene_graphs=None, images=None, texts=())
    pretrain(nothing, chosen, 0, CPU)
    model, _ = read_base(tmp_path / "base")
    assert model.describe()["shape"]["d_model"] == 24  # pyright: ignore


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": None}, "needs scene graphs"),
        ({"scene_graphs": None, "texts": ()}, "words of the tokenizer"),
        ({"images": Path("missing")}, "missing"),
    ],
)
def test_missing_inputs_are_refused(world: Path, tmp_path: Path, changes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        pretrain(files(world, tmp_path, **changes), settings(), 0, CPU)


def test_scene_graphs_without_image_are_listed(world: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="no image for 6 scene graphs: 0, 1, 2"):
        pretrain(files(world, tmp_path, images=tmp_path / "images"), settings(), 0, CPU)


def vilt_settings(**pretraining: object) -> PretrainSettings:
    backbone = tiny_vilt.config().model_dump() | {"folder": ""}
    chosen = {"steps": 8, "batch_size": 4, "lr": 3e-3, **pretraining}
    return PretrainSettings.model_validate({"backbone": backbone, "pretraining": chosen})


def test_a_list_of_answers_is_that_of_the_questions_and_the_graphs(
    world: Path, tmp_path: Path
) -> None:
    rows = tiny_model.rows(12, skill="color", group="G1", seed=0)
    asked = rows["answer"].to_pylist()
    write_questions(tmp_path / "q.parquet", rows)
    made = files(world, tmp_path, texts=(tmp_path / "q.parquet",))
    summary = pretrain(made, vilt_settings(steps=150, lr=1e-2), 0, CPU)
    model, _ = read_base(tmp_path / "base")
    assert model.classes is not None and len(model.classes) == summary["answers"]
    often = {text for text in asked if asked.count(text) > 1}
    assert often and set(model.classes.texts[: len(often)]) == often
    # Said of two images or more; a caption is said of one.
    assert {"red", "cat", "left", "1", "nothing"} <= set(model.classes.texts)
    assert all(len(text.split()) < 4 for text in model.classes.texts)
    loss = summary["loss"]
    # Cross-entropy summed over the answers: ln 2 for each of them before training.
    assert isinstance(loss, float) and loss < 0.3 * math.log(2) * len(model.classes)


def test_a_list_is_pretrained_in_pieces_as_at_once(world: Path, tmp_path: Path) -> None:
    pretrain(files(world, tmp_path / "a"), vilt_settings(), 1, CPU)
    with pytest.raises(Interrupted):
        pretrain(files(world, tmp_path / "b"), vilt_settings(), 1, CPU, stop_after=3)
    pretrain(files(world, tmp_path / "b"), vilt_settings(), 1, CPU)
    one, two = (tmp_path / run / "base" / "model.safetensors" for run in "ab")
    assert one.read_bytes() == two.read_bytes()


def test_a_hugging_face_vilt_becomes_a_base(world: Path, tmp_path: Path) -> None:
    tiny_vilt.saved(tmp_path / "vilt")
    config = tiny_vilt.config({"rank": 2}).model_copy(update={"folder": str(tmp_path / "vilt")})
    chosen = PretrainSettings.model_validate({"backbone": config.model_dump()})
    nothing = files(world, tmp_path, scene_graphs=None, images=None, texts=())
    pretrain(nothing, chosen, 0, CPU)
    model, _ = read_base(tmp_path / "base")
    assert model.classes is not None and model.classes.texts == tiny_vilt.LIST
    assert model.low_rank()


def test_a_base_chooses_and_sees_pairs_as_the_training_questions_ask(
    world: Path, tmp_path: Path
) -> None:
    content = tiny_model.rows(6, skill="color", group="G1", seed=0).to_pylist()
    content[0] |= {"choices": ["red", "a choice", "a choice"], "answer": "a choice"}
    content[1] |= {"choices": ["red", "a choice"], "answer": "a choice"}
    content[2] |= {"second_image_path": "b.png"}
    write_questions(tmp_path / "q.parquet", pa.Table.from_pylist(content, schema=QUESTIONS))
    made = files(world, tmp_path, texts=(tmp_path / "q.parquet", world / "questions.json"))
    summary = pretrain(made, vilt_settings(), 0, CPU)
    model, _ = read_base(tmp_path / "base")
    assert model.classes is not None and "a choice" not in model.classes
    assert (model.classes.places, model.sees_pairs) == (3, True)
    assert (summary["choices"], summary["sees_pairs"]) == (3, True)
    assert not any(model.words.unknown in ids for ids in model.prompt_tokens(["a choice"]))
