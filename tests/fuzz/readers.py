"""How each reader is called by the fuzzer, and what it is given beside the file itself."""

from __future__ import annotations

import base64
import io
import json
import random
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from data import official_files as vqa

CATEGORIES = {17: "cat", 18: "dog"}
SCENE_GRAPHS = {
    "7": {
        "width": 10,
        "height": 20,
        "location": "park",
        "objects": {
            "1": {
                "name": "cat", "x": 1, "y": 2, "w": 3, "h": 4.5, "attributes": ["red"],
                "relations": [{"name": "left of", "object": "1"}],
            }
        },
    }
}  # fmt: skip


def document(path: Path) -> object:
    from continual_vqa.files.jsons import read_json

    return read_json(path)


def vqav2_questions(path: Path) -> object:
    annotations = path.with_name("a_val2014.json")
    annotations.write_text(json.dumps({"annotations": [vqa.annotation(1), vqa.annotation(2)]}))
    return _both("vqav2", [path], [annotations])


def vqav2_annotations(path: Path) -> object:
    questions = path.with_name("q_val2014.json")
    questions.write_text(json.dumps({"questions": [vqa.question(1), vqa.question(2)]}))
    return _both("vqav2", [questions], [path])


def gqa(path: Path) -> object:
    return _both("gqa", [path], [])


def task(name: str) -> Callable[[Path], object]:
    """The reader of a format without further files."""
    return lambda path: _both(name, [path], [])


def piqa(path: Path) -> object:
    labels = path.with_name("train-labels.lst")
    labels.write_text("0\n1\n")
    return _both("piqa", [path], [labels])


def places365(path: Path) -> object:
    classes = path.with_name("categories_places365.txt")
    classes.write_text("/a/airfield 0\n/a/bar/inside 1\n")
    return _both("places365", [path], [classes])


def _both(name: str, questions: Sequence[Path], annotations: Sequence[Path]) -> None:
    """Read a format with bad records left out, then strictly."""
    from continual_vqa.data.formats import FORMATS
    from continual_vqa.data.problems import Problems

    for skip in (True, False):
        problems = Problems(skip=skip)
        table = FORMATS[name].read(questions, annotations, problems)
        table.validate(full=True)
        FORMATS[name].chance(table)
        json.dumps(problems.as_json()).encode()
        problems.check()


def instances(path: Path) -> object:
    from continual_vqa.data.coco import read_instances
    from continual_vqa.data.problems import Problems

    return read_instances([path], CATEGORIES, Problems(skip=True))


def concept_map(path: Path) -> object:
    from continual_vqa.data.coco import read_concept_map

    return read_concept_map(path, CATEGORIES)


def karpathy(path: Path) -> object:
    from continual_vqa.data.splits import read_karpathy

    return read_karpathy(path)


def scene_graphs(path: Path) -> object:
    from continual_vqa.data.scene_graphs import grounding_pairs, read_scene_graphs

    graphs = read_scene_graphs(path)
    return [grounding_pairs(graph, random.Random(0), 20) for graph in graphs.values()]


def texts(path: Path) -> object:
    from continual_vqa.training.vocabulary import read_answers, read_texts

    return read_answers(path), list(read_texts(path))


def results(path: Path) -> object:
    from continual_vqa.evaluation.results import read_results

    return read_results(path, "question_id", "answer")


def regions(path: Path) -> object:
    from continual_vqa.data.regions import RegionFeatures

    features = RegionFeatures(path)
    found = features.find("COCO_val2014_1.jpg")
    return features.read(found) if found else None


def region_seeds() -> list[bytes]:
    boxes, features = (base64.b64encode(bytes(4 * 36 * width)) for width in (4, 2048))
    line = [b"COCO_val2014_1", b"20", b"30", *[b""] * 4, b"36", boxes, features]
    return [b"\t".join(line) + b"\n"]


def image(path: Path) -> object:
    from continual_vqa.data.images import ImageRoot
    from continual_vqa.shards.decode import pixel_decoder

    with ImageRoot(path.parent) as root:
        content = root.read(root.find(path.name) or path.name)
        found = [root.examine(content, how) for how in ("markers", "decode")]
    pixel_decoder(16, max_megapixels=1.0)(_sample(content))
    return found


def image_seeds() -> list[bytes]:
    seeds = []
    for mode, kind, options in (
        ("RGB", "JPEG", {}), ("L", "JPEG", {"progressive": True}), ("CMYK", "JPEG", {}),
        ("RGBA", "PNG", {}), ("P", "PNG", {}), ("I;16", "PNG", {}), ("1", "PNG", {}),
    ):  # fmt: skip
        out = io.BytesIO()
        Image.new(mode, (16, 12)).save(out, kind, **options)
        seeds.append(out.getvalue())
    return seeds


def features(path: Path) -> object:
    from continual_vqa.shards.decode import region_decoder

    return region_decoder(2, 3)(_sample(path.read_bytes()))


def feature_seeds() -> list[bytes]:
    out = io.BytesIO()
    np.save(out, np.zeros((2, 3), np.float32))
    return [out.getvalue()]


def _sample(payload: bytes) -> Any:
    return SimpleNamespace(payload=payload, key="1", question_id="1", shard="x.tar")


def images_zip(path: Path) -> object:
    from continual_vqa.data.images import ImageRoot

    with ImageRoot(path) as root:
        found = root.find("x.jpg")
        return root.read(found) if found else None


def shard(path: Path) -> object:
    from continual_vqa.shards.contents import shard_contents

    return shard_contents(path, 3)


def shard_seeds() -> list[bytes]:
    seeds = []
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, content in (("1.jpg", b"x"), ("1.json", b'{"questions": []}')):
                member = tarfile.TarInfo(name if form == tarfile.USTAR_FORMAT else "a" * 120 + name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        seeds.append(out.getvalue()[:8192])
    return seeds


def cell(path: Path) -> object:
    from continual_vqa.shards.reader import open_cells

    for name, content in _cell().items():
        if name != path.name:
            path.with_name(name).write_bytes(content)
    cells = open_cells([path.parent], verify="never")
    cells.question_ids  # noqa: B018
    return [cells[number] for number in range(min(3, len(cells)))]


def cell_seeds() -> list[bytes]:
    return [_cell()["index.parquet"]]


@cache
def _cell() -> dict[str, bytes]:
    from shards import world

    with tempfile.TemporaryDirectory() as folder:
        world.write(Path(folder) / "cell", world.rows(2))
        return {path.name: path.read_bytes() for path in (Path(folder) / "cell").iterdir()}


def questions(path: Path) -> object:
    from continual_vqa.data.tables import read_questions
    from continual_vqa.verbs.show import describe, run

    describe(run(SimpleNamespace(file=path, head=3)))  # pyright: ignore[reportArgumentType]
    return read_questions(path).to_pylist()


def write_questions(folder: Path) -> None:
    from continual_vqa.data.tables import write_questions
    from shards import world

    write_questions(folder / "x.parquet", world.table(world.rows(2)), note={"a": "b"})


def words(path: Path) -> object:
    from continual_vqa.consolidation.words import read_words

    return read_words(path)


def write_words(folder: Path) -> None:
    from continual_vqa.consolidation.words import WORDS
    from continual_vqa.files.parquet import write_table

    columns = {"term": ["a", "b"], "occurrences": [1, 2], "questions": [1, 2]}
    table = pa.table([pa.array(columns[f.name], f.type) for f in WORDS], schema=WORDS)
    note = {"task": "count", "questions": "3"}
    write_table(folder / "words.parquet", table, WORDS, note=note)


def tensors(path: Path) -> object:
    from continual_vqa.backbones.tensor_file import read_tensors
    from continual_vqa.files.tensors import ArrayFile
    from continual_vqa.verbs.show import describe
    from continual_vqa.verbs.tensor_contents import tensor_contents

    describe(tensor_contents(path))
    file = ArrayFile(path)
    for name in file:
        if file.infos[name].dtype != "BF16":
            file[name].sum()
    return read_tensors(path)


def write_tensors(folder: Path) -> None:
    from continual_vqa.files.tensors import write_arrays

    arrays = {"a": np.ones((2, 3), np.float32), "b": np.zeros(0, np.int64)}
    write_arrays(folder / "x.safetensors", arrays, {"parts": '{"a": "language", "b": "vision"}'})


def mask(path: Path) -> object:
    from continual_vqa.consolidation.mask_file import read_mask

    return read_mask(path)


def write_mask(folder: Path) -> None:
    from continual_vqa.consolidation.mask_file import pack, write_mask

    bits = {"a": pack(np.array([[True, False, True]]))}
    content = {
        "shapes": {"a": [1, 3]},
        "parts": {"a": "language"},
        "summary": {"language": {"protected": 2}},
    }
    write_mask(folder / "x", bits, {key: json.dumps(value) for key, value in content.items()})


def importance(path: Path) -> object:
    from continual_vqa.consolidation.importance_file import merge
    from continual_vqa.consolidation.task_importance import TaskImportance
    from continual_vqa.errors import UserError

    try:
        merge([path], path.with_name("out"))
    except UserError:
        found = TaskImportance(path)
        return [found.array(name).sum() for name in found.parts]


def logits(path: Path) -> object:
    from continual_vqa.training.stored_logits import StoredLogits

    stored = StoredLogits([path], {}, "0" * 64)
    return stored.of([("train/color/G1", 7), ("train/color/G1", 3)], path)


def write_logits(folder: Path) -> None:
    """By the stock writer: without checksums, which would refuse nearly every mutation."""
    import torch
    from safetensors.torch import save_file

    from continual_vqa.training.stored_logits import FORMAT

    tensors = {
        "cells": torch.tensor([0, 0], dtype=torch.int32),
        "numbers": torch.tensor([7, 3]),
        "tokens": torch.tensor([1, 2], dtype=torch.int32),
        "logits": torch.linspace(-1, 1, 12).reshape(3, 4),
        "ids": torch.arange(12, dtype=torch.int32).reshape(3, 4),
    }
    content = {
        "format": FORMAT,
        "base_sha256": "0" * 64,
        "cells": json.dumps({"train/color/G1": "1" * 64}),
    }
    save_file(tensors, folder / "x", content)


def write_importance(folder: Path) -> None:
    from continual_vqa.config.importance import ImportanceConfig
    from continual_vqa.consolidation.importance_file import Share, header
    from continual_vqa.files.tensors import write_arrays

    metadata = header(
        base_sha256="0" * 64, stage="s", task="count", step=1, parts={"a": "language"},
        settings=ImportanceConfig(), count=3, share=Share(),
    )  # fmt: skip
    write_arrays(folder / "x", {"a": np.ones((2, 2), np.float32)}, metadata)


def in_flight(path: Path) -> object:
    from continual_vqa.training.inflight import InFlight, Request

    return InFlight(path.parent, "key", 1.0, Request()).find()


def write_in_flight(folder: Path) -> None:
    from continual_vqa.files.tensors import write_arrays

    header = {"format": "continual-vqa in-flight 1", "key": "key", "cursor": '{"step": 3}'}
    write_arrays(folder / "x", {"a": np.ones(2, np.float32)}, header)


def base_config(path: Path) -> object:
    """The config of a base folder whose other files are whole, and whose checksums are right."""
    from continual_vqa.backbones.folder import read_base
    from continual_vqa.backbones.tensor_file import write_tensors
    from continual_vqa.files.hashing import sha256_bytes

    tokenizer, metadata, weights, _ = _base()
    path.with_name("tokenizer.json").write_bytes(tokenizer)
    metadata = {**metadata, "config_sha256": sha256_bytes(path.read_bytes())}
    write_tensors(path.with_name("model.safetensors"), weights, metadata)
    return read_base(path.parent)


def base_config_seeds() -> list[bytes]:
    return [_base()[3]]


@cache
def _base() -> tuple[bytes, dict[str, str], dict[str, Any], bytes]:
    """Tokenizer, metadata, tensors and config of a base folder."""
    import tiny_model
    from continual_vqa.backbones.tensor_file import read_tensors

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "base"
        tiny_model.base_folder(folder)
        metadata, weights = read_tensors(folder / "model.safetensors")
        tokenizer, config = (
            (folder / name).read_bytes() for name in ("tokenizer.json", "config.json")
        )
    return tokenizer, metadata, weights, config


def t5_config(path: Path) -> object:
    """The config of a Hugging Face folder that holds a T5."""
    import tiny_model
    from continual_vqa.backbones.t5_vision import from_folder
    from continual_vqa.backbones.tensor_file import write_tensors
    from continual_vqa.config.backbone import BackboneConfig

    weights = {n.removeprefix("text."): t for n, t in _base()[2].items() if n.startswith("text.")}
    write_tensors(path.with_name("model.safetensors"), weights, {"format": "pt"})
    config = BackboneConfig.model_validate({**tiny_model.SMALL, "vision": tiny_model.PATCHES})
    return from_folder(path.parent, config, tiny_model.words(), 0)


def t5_config_seeds() -> list[bytes]:
    shape = json.loads(base_config_seeds()[0])["shape"]
    names = {
        "vocab_size": "vocabulary", "d_model": "d_model", "d_kv": "d_kv", "num_heads": "heads",
        "d_ff": "d_ff", "num_layers": "encoder_layers", "num_decoder_layers": "decoder_layers",
    }  # fmt: skip
    config = {theirs: shape[ours] for theirs, ours in names.items()}
    return [json.dumps({"model_type": "t5", **config}).encode()]


def weight_index(path: Path) -> object:
    from continual_vqa.backbones.decoder_folder import canonical, tensor_places
    from continual_vqa.files.tensors import write_arrays

    shard = path.with_name("model-00001-of-00001.safetensors")
    write_arrays(shard, {"a": np.ones(2, np.float32)}, {})
    return tensor_places(path.parent, canonical)


def tokenizer(path: Path) -> object:
    from continual_vqa.backbones.tokens import read_words

    return read_words(path).encode(["what color is the left side?"])


def tokenizer_seeds() -> list[bytes]:
    import tiny_model

    return [tiny_model.words().content.encode()]


def adapter_config(path: Path) -> object:
    import torch

    from continual_vqa.backbones import decoder_adapter
    from continual_vqa.files.tensors import write_arrays

    factor = {"base_model.model.x.lora_A.weight": np.ones((1, 2), np.float32)}
    write_arrays(path.with_name("adapter_model.safetensors"), factor, {})
    model: Any = SimpleNamespace(factors=None, net=torch.nn.Module())
    return decoder_adapter.load(path.parent, model, 0.0)


def study(path: Path) -> object:
    from continual_vqa.config.files import load_files

    return load_files([path])


def site(path: Path) -> object:
    from continual_vqa.config.site import load_site

    found = load_site(path)
    return found.default_resources(), found.set_resources()


def taxonomy(path: Path) -> object:
    from continual_vqa.data.taxonomy import load_taxonomy

    found = load_taxonomy(str(path))
    rows = [
        {"question": "what is it", "question_type": "what is", "answer_type": "other",
         "detailed_type": "obj"}
    ]  # fmt: skip
    return found.assign(pa.Table.from_pylist(rows)), found.group(pa.array(["cat"]))


def published(path: Path) -> object:
    from continual_vqa.config.published import read_published
    from continual_vqa.config.published_checks import misfits

    return list(misfits(read_published(str(path))))


def sources(path: Path) -> object:
    from continual_vqa.data.sources import read_sources

    return read_sources(path)


def ledger(path: Path) -> object:
    from continual_vqa.data.sources import Ledger, Source

    return Ledger(path.parent).expected(Source(file="f", url="http://a"))


def settings(path: Path) -> object:
    from continual_vqa.training.settings import TrainSettings, read_settings

    return read_settings(str(path), TrainSettings)


def similarity(path: Path) -> object:
    from continual_vqa.config.orders import CHAINS, ordered, read_similarity

    found = read_similarity(path)
    return [ordered(name, found.names, found) for name in CHAINS]


def matrix(path: Path) -> object:
    from continual_vqa.analysis.matrix_csv import read_matrix

    return read_matrix(path)


def cost(path: Path) -> object:
    from continual_vqa.analysis.banks import cost_of

    return cost_of(str(path))
