"""The readers that are fuzzed, one row each: what a valid file looks like, and how it is read.

A reader returns, or raises `UserError`; anything else is a finding.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data import official_files as vqa
from data import task_files as tasks
from fuzz import readers

Seeds = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Target:
    """A reader of files of others.

    Attributes
    ----------
    file : the name under which a file is given to it, in an empty folder
    read : reads it
    seeds : valid files, from which fuzzing begins
    """

    file: str
    read: Callable[[Path], object]
    seeds: Seeds

    def take(self, content: bytes, folder: Path) -> None:
        """Let the reader read `content`; returns also where it refuses it."""
        from continual_vqa.errors import UserError

        path = folder / self.file
        path.write_bytes(content)
        try:
            self.read(path)
        except UserError as error:
            # One line for people: made here, as what is odd in a file is shown in it.
            assert str(error)


def _json(*documents: object) -> Seeds:
    return lambda: [json.dumps(document).encode() for document in documents]


def _lines(*documents: object) -> Seeds:
    return lambda: ["\n".join(map(json.dumps, documents)).encode()]


def _texts(*texts: str) -> Seeds:
    return lambda: [text.encode() for text in texts]


def _packed() -> list[bytes]:
    document = json.dumps(_QUESTIONS).encode()
    return [document, gzip.compress(document)]


def _zip(name: str, content: bytes) -> Seeds:
    def made() -> list[bytes]:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        return [out.getvalue()]

    return made


def _written(write: Callable[[Path], None], *names: str) -> Seeds:
    """The files of these names that `write` writes into a folder."""

    def made() -> list[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            return [(Path(folder) / name).read_bytes() for name in names]

    return made


_QUESTIONS = {**vqa.HEADER, "data_subtype": "val2014", "questions": [vqa.question(1)]}
_ANNOTATIONS = {**vqa.HEADER, "data_subtype": "val2014", "annotations": [vqa.annotation(1)]}
_INSTANCES = {
    "images": [{"id": 1}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 17, "area": 2.5}],
    "categories": [{"id": 17, "name": "cat"}],
}

# Small, as every byte of YAML costs time.
_STUDY = """name: a
recipes: [sequential, joint]
stream: {orders: [published]}
training: {lr: 1.0e-3, epochs: 2}
custom_recipes:
  mine: {start: base, guards: [{kind: penalty, strength: 2}]}
"""
_TAXONOMY = """name: a
dataset: vqav2
source: here
skills: [x, y]
rules:
- {skill: x, when: {question_type: [what is]}}
- {skill: y, when: {answer_type: [number]}, matches: {question: "^how"}}
concepts: {key: coco_id, prefer: instances}
groups: {G1: [17]}
categories: {17: cat}
"""
_PUBLISHED = """title: a
paper: b
table: c
methods: {er: {title: ER, recipe: er, setting: {replay.size: [5000]}, from_notes: true}}
settings:
  s:
    title: S
    metrics: {ACC: AP, BWT: BWT}
    setting: {data.dataset: [vqav2], training.lr: [1.0e-4]}
    also: [other weights]
    rows: {er: {ACC: {mean: 46.59, spread: 9.98}, BWT: -1}}
"""

TARGETS: Mapping[str, Target] = {
    "json": Target("x.json", readers.document, _packed),
    "json_zip": Target("x.zip", readers.document, _zip("x.json", b'{"a": [1.5, "b"]}')),
    "vqav2_questions": Target("q_val2014.json", readers.vqav2_questions, _json(_QUESTIONS)),
    "vqav2_annotations": Target("a_val2014.json", readers.vqav2_annotations, _json(_ANNOTATIONS)),
    "gqa": Target("val_questions.json", readers.gqa, _json({"1": vqa.gqa_record()})),
    "instances": Target("instances.json", readers.instances, _json(_INSTANCES)),
    "concept_map": Target("map.json", readers.concept_map, _json({"COCO_val2014_1": 17})),
    "karpathy": Target(
        "coco.json", readers.karpathy, _json({"images": [{"cocoid": 1, "split": "restval"}]})
    ),
    "scene_graphs": Target("graphs.json", readers.scene_graphs, _json(readers.SCENE_GRAPHS)),
    "snli_ve": Target("snli_ve_train.jsonl", readers.task("snli_ve"), _lines(tasks.entailment())),
    "nlvr2": Target("train.json", readers.task("nlvr2"), _lines(tasks.pair())),
    "commonsenseqa": Target(
        "train_rand_split.jsonl", readers.task("commonsenseqa"), _lines(tasks.chosen())
    ),
    "piqa": Target("train.jsonl", readers.piqa, _lines(tasks.goal(), tasks.goal())),
    "inaturalist": Target("train2019.json", readers.task("inaturalist"), _json(tasks.species())),
    "places365": Target("places365_val.txt", readers.places365, _texts("/a/b.jpg 0\nc.jpg 1\n")),
    "texts": Target("texts.json", readers.texts, _json(_ANNOTATIONS, {"1": vqa.gqa_record()})),
    "results": Target(
        "results.json", readers.results, _json([{"question_id": 1, "answer": "red"}])
    ),
    "regions": Target("regions.tsv", readers.regions, readers.region_seeds),
    "image": Target("x.jpg", readers.image, readers.image_seeds),
    "features": Target("x.npy", readers.features, readers.feature_seeds),
    "images_zip": Target("x.zip", readers.images_zip, _zip("a/x.jpg", vqa.jpeg())),
    "shard": Target("x.tar", readers.shard, readers.shard_seeds),
    "cell": Target("index.parquet", readers.cell, readers.cell_seeds),
    "questions": Target(
        "x.parquet", readers.questions, _written(readers.write_questions, "x.parquet")
    ),
    "words": Target("words.parquet", readers.words, _written(readers.write_words, "words.parquet")),
    "tensors": Target(
        "x.safetensors", readers.tensors, _written(readers.write_tensors, "x.safetensors")
    ),
    "mask": Target("mask.safetensors", readers.mask, _written(readers.write_mask, "x")),
    "importance": Target(
        "x.safetensors", readers.importance, _written(readers.write_importance, "x")
    ),
    "logits": Target("x.safetensors", readers.logits, _written(readers.write_logits, "x")),
    "in_flight": Target(
        "inflight.safetensors", readers.in_flight, _written(readers.write_in_flight, "x")
    ),
    "base_config": Target("config.json", readers.base_config, readers.base_config_seeds),
    "t5_config": Target("config.json", readers.t5_config, readers.t5_config_seeds),
    "weight_index": Target(
        "model.safetensors.index.json",
        readers.weight_index,
        _json({"weight_map": {"a": "model-00001-of-00001.safetensors"}}),
    ),
    "tokenizer": Target("tokenizer.json", readers.tokenizer, readers.tokenizer_seeds),
    "adapter_config": Target(
        "adapter_config.json",
        readers.adapter_config,
        _json({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "modules_to_save": None}),
    ),
    "study": Target("config.yaml", readers.study, _texts(_STUDY)),
    "site": Target("site.yaml", readers.site, _texts("account: a\nrequests: {train: {mem_mb: 9}}")),
    "taxonomy": Target("mine.yaml", readers.taxonomy, _texts(_TAXONOMY)),
    "published": Target("mine.yaml", readers.published, _texts(_PUBLISHED)),
    "sources": Target(
        "sources.yaml", readers.sources, _texts("d:\n- {file: f, url: 'https://a/f', size: 1}\n")
    ),
    "ledger": Target(
        "downloads.json", readers.ledger, _json({"f": {"file": "f", "url": "http://a", "size": 1}})
    ),
    "settings": Target(
        "settings.json", readers.settings, _json({"stage": {"task": "count", "step": 1}})
    ),
    "similarity": Target(
        "similarity.json",
        readers.similarity,
        _json(
            {
                "split": "train",
                "tasks": "skills",
                "names": ["a", "b"],
                "questions": [1, 2],
                "similarity": [[1.0, 0.5], [0.5, 1.0]],
            }
        ),
    ),
    "matrix": Target("matrix.csv", readers.matrix, _texts("a,b\n50.5,\n40,60\n")),
    "cost": Target("cost.tsv", readers.cost, _texts("s\th:m:s\tmax_rss\n1.5\t0:00:01\t100.1\n")),
}
