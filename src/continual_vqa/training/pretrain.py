"""The base model: built or read from a folder, then trained on scene graphs."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.classes import most_frequent
from continual_vqa.backbones.families import family
from continual_vqa.backbones.folder import TOKENIZER, is_base, read_base, write_base
from continual_vqa.backbones.tokens import Words, read_words, train_words
from continual_vqa.config.backbone import BackboneConfig, PretrainingConfig
from continual_vqa.config.block import Block
from continual_vqa.data.images import ImageRoot
from continual_vqa.data.regions import RegionFeatures
from continual_vqa.data.scene_graphs import SceneGraph, read_scene_graphs
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_bytes, sha256_file
from continual_vqa.methods.parameters import trained_parameters
from continual_vqa.training.inflight import InFlight, Request
from continual_vqa.training.loop import Loop, Pace, Segment
from continual_vqa.training.optimiser import AdamW
from continual_vqa.training.scene_pairs import ScenePairs, graph_answers, graph_texts
from continual_vqa.training.vocabulary import read_answers, read_kinds, read_texts

SOURCES: dict[str, type[ImageRoot] | type[RegionFeatures]] = {
    "patches": ImageRoot,
    "regions": RegionFeatures,
}


class PretrainSettings(Block):
    """The settings of the `pretrain` job."""

    backbone: BackboneConfig = BackboneConfig()
    pretraining: PretrainingConfig = PretrainingConfig()


@dataclass(frozen=True, slots=True)
class PretrainFiles:
    """Inputs and outputs; what is not needed is None or empty.

    `images` is a folder or archive of pictures named <image id>.jpg, or a region-feature file.
    `texts` give the words of a word-level tokenizer and the answers to choose from; `tokenizer` is
    one that exists already.
    """

    scene_graphs: Path | None
    images: Path | None
    texts: tuple[Path, ...]
    tokenizer: Path | None
    scratch: Path
    out: Path


def pretrain(
    files: PretrainFiles,
    settings: PretrainSettings,
    seed: int,
    device: torch.device,
    *,
    request: Request | None = None,
    workers: int = 0,
    stop_after: int = 0,
) -> dict[str, object]:
    """Write the base folder; returns a summary.

    Raises
    ------
    Interrupted : stopped; the same call continues
    UserError : an input is missing or wrong
    """
    begun = time.perf_counter()
    graphs = read_scene_graphs(files.scene_graphs) if files.scene_graphs else {}
    model = _build(files, settings.backbone, graphs, seed).to(device)
    summary: dict[str, object] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": model.words.size,
        **({} if model.classes is None else {"answers": len(model.classes)}),
        **({"choices": model.classes.places} if model.classes and model.classes.places else {}),
        **({"sees_pairs": True} if model.sees_pairs else {}),
    }
    if settings.pretraining.steps:
        inflight = InFlight(
            files.scratch,
            _key(files, settings, seed, model),
            settings.pretraining.save_every_minutes,
            request or Request(),
            stop_after,
        )
        summary |= _train(files, settings.pretraining, model, graphs, seed, inflight, workers)
    else:
        inflight = None
    model.adapt(settings.backbone, seed)
    summary["base_sha256"] = write_base(files.out, model)
    if inflight:
        inflight.clear()
    return {
        **summary,
        "seconds": round(time.perf_counter() - begun, 1),
        "base": str(files.out),
    }


def _build(
    files: PretrainFiles, config: BackboneConfig, graphs: dict[str, SceneGraph], seed: int
) -> Backbone:
    module = family(config.family)
    if config.folder:
        folder = Path(config.folder)
        if is_base(folder):
            return _of_family(config.family, read_base(folder)[0], folder)
        words = read_words(files.tokenizer or folder / TOKENIZER)
        return module.from_folder(folder, config, words, seed, **_answering(files, config, graphs))
    words = _words(files, graphs)
    return module.build(config, words, seed, **_answering(files, config, graphs))


def _of_family(name: str, model: Backbone, folder: Path) -> Backbone:
    if model.family != name:
        raise UserError(
            f"holds a model of family {model.family}",
            where=folder,
            expected=f"backbone.family, which is {name}",
            do="set backbone.folder to a base of that family, or leave it empty",
        )
    return model


def _words(files: PretrainFiles, graphs: dict[str, SceneGraph]) -> Words:
    if files.tokenizer:
        return read_words(files.tokenizer)
    if not files.texts and not graphs:
        raise UserError(
            "nothing tells the words of the tokenizer",
            where="--texts",
            expected="question files, scene graphs or --tokenizer",
        )
    texts = [text for path in files.texts for text in read_texts(path)]
    return train_words([*texts, *graph_texts(graphs.values())])


def _answering(
    files: PretrainFiles, config: BackboneConfig, graphs: dict[str, SceneGraph]
) -> dict[str, Any]:
    """How a model is to answer that chooses, as the builders of such families take it.

    The answers of its list are the most frequent of the study's open questions, then those of the
    scene graphs' that are not there.
    """
    if not config.chooses:
        return {}
    asked = sum((read_answers(path) for path in files.texts), Counter[str]())
    least, most = config.vilt.answer_count, config.vilt.answers
    ranked = [most_frequent(c, least, most) for c in (asked, graph_answers(graphs.values()))]
    found = [read_kinds(path) for path in files.texts]
    return {
        "answers": list(dict.fromkeys(itertools.chain(*ranked))),
        "choices": max((kinds.choices for kinds in found), default=0),
        "pairs": any(kinds.pairs for kinds in found),
    }


def _train(
    files: PretrainFiles,
    config: PretrainingConfig,
    model: Backbone,
    graphs: dict[str, SceneGraph],
    seed: int,
    inflight: InFlight,
    workers: int,
) -> dict[str, object]:
    if files.images is None or not graphs:
        raise UserError(
            "pretraining needs scene graphs and their images",
            where="--scene-graphs, --images",
            do="give both, or set pretraining.steps to 0",
        )
    with SOURCES[model.vision.kind](files.images) as images:
        pairs = ScenePairs(
            graphs,
            images,
            model,
            config.steps * config.batch_size,
            seed,
            where=str(files.images),
            memory_mb=config.memory_mb,
            workers=workers,
        )
        adamw = AdamW(
            config.lr, beta2=config.beta2, weight_decay=config.weight_decay, clip=config.clip
        )
        pace = Pace(1, config.batch_size, config.warmup, adamw, precision=config.precision)
        parameters = trained_parameters(model, "full")
        loop = Loop(model, parameters, pace, (), inflight, "pretrain")
        begun = time.perf_counter()
        curve = loop.run([Segment("scene graphs", pairs, seed)])
    last = curve[-50:]
    rate = len(curve) * config.batch_size / (time.perf_counter() - begun)
    return {
        "scene_graphs": len(graphs),
        "pairs": len(pairs),
        "loss": round(sum(row.loss for row in last) / len(last), 4),
        "pairs_per_second": round(rate, 1),
    }


def _key(files: PretrainFiles, settings: PretrainSettings, seed: int, model: Backbone) -> str:
    graphs = sha256_file(files.scene_graphs) if files.scene_graphs else ""
    work = [settings.model_dump(mode="json"), seed, graphs, model.words.content, model.describe()]
    return sha256_bytes(json.dumps(work, sort_keys=True).encode())
