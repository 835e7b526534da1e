"""Pretraining examples: question-answer pairs drawn from scene graphs, with the graphs' images."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.data.scene_graphs import SceneGraph, grounding_pairs
from continual_vqa.errors import UserError
from continual_vqa.shards.sample import Sample
from continual_vqa.training.seeds import derived
from continual_vqa.training.visual_store import VisualStore

# Pairs drawn from each graph to find the words of a tokenizer, and the answers of a list.
VOCABULARY_PAIRS = 40
# Pairs drawn for one example until the answer is one that the model can give; captions are none
# that a list holds.
DRAWS = 20


class Images(Protocol):
    """An opened source of images (data/images.py) or of region features (data/regions.py)."""

    extension: str

    def find(self, file_name: str, /) -> str | None:
        """The path of an image by its file name."""
        ...

    def read(self, image_path: str, /) -> bytes:
        """Its bytes."""
        ...


class GraphImages(Sequence[Sample]):
    """Example number -> the image of its graph; examples take the graphs in turn."""

    def __init__(
        self, graphs: Sequence[SceneGraph], images: Images, length: int, where: str
    ) -> None:
        self._images, self._length, self._where = images, length, where
        self._paths: list[str] = []
        self._ids = [graph.image_id for graph in graphs]
        missing = []
        for image_id in self._ids:
            path = images.find(f"{image_id}.{images.extension}")
            if path is None:
                missing.append(image_id)
            self._paths.append(path or "")
        if missing:
            raise UserError(
                f"has no image for {len(missing)} scene graphs: {', '.join(missing[:6])}",
                where=where,
                expected=f"a file <image id>.{images.extension} for each scene graph",
            )

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> Sample:  # type: ignore[override]
        """A sample that holds the image only."""
        index = number % len(self._ids)
        image_id = self._ids[index]
        payload = self._images.read(self._paths[index])
        return Sample(
            *("", "base", "", image_id, "", (), "", "", "", "", "", "", ()),
            image_id,
            self._where,
            self._images.extension,
            payload,
        )


class ScenePairs:
    """`count` examples: the pair of number n is drawn from graph n mod the number of graphs."""

    def __init__(
        self,
        graphs: Mapping[str, SceneGraph],
        images: Images,
        model: Backbone,
        count: int,
        seed: int,
        *,
        where: str,
        memory_mb: int,
        workers: int,
    ) -> None:
        # A graph that has nothing to ask about would leave holes in the batches.
        useful = [g for g in graphs.values() if grounding_pairs(g, random.Random(0), 1)]
        if not useful:
            raise UserError("no scene graph has objects", where=where)
        self._graphs, self._model, self._count, self._seed = useful, model, count, seed
        samples = GraphImages(useful, images, count, where)
        self._visual = VisualStore(
            samples,
            np.arange(count) % len(useful),
            model.vision,
            ShardsConfig(),
            "image_and_question",
            memory_mb=memory_mb,
            workers=workers,
        )

    def __len__(self) -> int:
        return self._count

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """See `examples.Source.stream`; every pair weighs 1."""
        model = self._model
        for numbers, visual in self._visual.stream(batches):
            pairs = [self._pair(number) for number in numbers.tolist()]
            questions = model.prompt_tokens([prompt for prompt, _ in pairs])
            answers = model.answer_tokens([answer for _, answer in pairs])
            right = [{answer: 1.0} for _, answer in pairs]
            labels = None if model.classes is None else model.classes.labels(right)
            batch = model.batch(visual, questions, answers, labels)
            yield batch, torch.ones(len(pairs), device=batch.questions.device)

    def _pair(self, number: int) -> tuple[str, str]:
        rng = random.Random(derived(self._seed, "pair", number))
        graph, classes = self._graphs[number % len(self._graphs)], self._model.classes
        if classes is None:
            return grounding_pairs(graph, rng, 1)[0]
        pairs = grounding_pairs(graph, rng, DRAWS)
        return next((pair for pair in pairs if pair[1] in classes), pairs[0])


def graph_texts(graphs: Iterable[SceneGraph]) -> Iterator[str]:
    """Texts that hold the words of the pairs that the graphs can give."""
    draw: Callable[[SceneGraph, random.Random, int], list[tuple[str, str]]] = grounding_pairs
    for number, graph in enumerate(graphs):
        for thing in graph.objects:
            yield thing.name
            yield from thing.attributes
        for prompt, answer in draw(graph, random.Random(number), VOCABULARY_PAIRS):
            yield prompt
            yield answer


def graph_answers(graphs: Iterable[SceneGraph]) -> Counter[str]:
    """Answer -> in how many graphs the pairs have it, of those that `graph_texts` draws."""
    counts: Counter[str] = Counter()
    for number, graph in enumerate(graphs):
        pairs = grounding_pairs(graph, random.Random(number), VOCABULARY_PAIRS)
        counts.update({answer for _, answer in pairs})
    return counts
