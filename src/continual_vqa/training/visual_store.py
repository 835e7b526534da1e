"""Visual inputs of examples: decoded once and kept when they fit, else decoded as they are used.

A question about no image is shown the blank. Where a cell has pairs of images, every visual input
is a pair (2, ...): that of a question about one image ends with the blank (choice of this project);
`VisualStore.paired` tells it from a pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from continual_vqa.backbones import pixels
from continual_vqa.config.backbone import VisionConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.errors import UserError
from continual_vqa.shards.arrow import to_numpy
from continual_vqa.shards.decode import Decoder
from continual_vqa.shards.loader import load
from continual_vqa.shards.reader import Cells
from continual_vqa.shards.sample import Sample
from continual_vqa.shards.subset import Subset
from continual_vqa.shards.tables import TEXT

# Images decoded at a time when all are kept.
BLOCK = 64


class VisualStore:
    """Visual inputs of numbered examples.

    Parameters
    ----------
    samples : the examples with their images
    images : (len(samples),) which image each example shows; equal numbers are decoded once
    vision, shards : decide what an image becomes
    sees : "image_and_question"; or "question": every image is replaced by the same blank
    pairs : (len(samples),) bool, which examples show two images; where none does, inputs are single
        images
    memory_mb : decoded images are kept up to this size
    workers : threads that decode; 0: the calling one

    Raises
    ------
    UserError : a damaged image
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        images: np.ndarray,
        vision: VisionConfig,
        shards: ShardsConfig,
        sees: str,
        *,
        memory_mb: int,
        workers: int,
        pairs: np.ndarray | None = None,
    ) -> None:
        self._samples, self._images, self._workers = samples, images, workers
        self._pairs = pairs if pairs is not None and pairs.any() else None
        blank, images_each = pixels.blank(vision), 1 if self._pairs is None else 2
        self._decode = _shown(pixels.decoder(vision, shards), blank, images_each)
        self._blank = _stacked([blank] * images_each) if sees == "question" else None
        self._kept: np.ndarray | None = None
        if self._blank is not None or not len(images):
            return
        shape, dtype = pixels.input_shape(vision)
        shape = shape if self._pairs is None else (2, *shape)
        count = int(images.max()) + 1
        if count * int(np.prod(shape)) * dtype.itemsize <= memory_mb * 1_000_000:
            self._kept = self._decode_all(count, shape, dtype)

    def paired(self, numbers: np.ndarray) -> np.ndarray | None:
        """(len(numbers),) bool, which examples show two images; None where none of them does."""
        found = None if self._pairs is None else self._pairs[numbers]
        return None if found is None or not found.any() else found

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(example numbers, their visual inputs) for each batch of numbers, in order."""
        if self._blank is not None:
            for numbers in batches:
                yield numbers, np.repeat(self._blank[None], len(numbers), 0)
        elif self._kept is not None:
            for numbers in batches:
                yield numbers, self._kept[self._images[numbers]]
        else:
            for batch in load(self._samples, batches, self._workers, self._decode):
                yield batch.indices, batch.arrays

    def _decode_all(self, count: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        kept = np.zeros((count, *shape), dtype)
        _, first = np.unique(self._images, return_index=True)
        blocks = (first[begin : begin + BLOCK] for begin in range(0, len(first), BLOCK))
        for batch in load(self._samples, blocks, self._workers, self._decode):
            kept[self._images[batch.indices]] = batch.arrays
        return kept


def _shown(decode: Decoder, blank: np.ndarray, images_each: int) -> Decoder:
    """A decoder of the images of a sample, filled up with blanks."""

    def look(sample: Sample) -> np.ndarray:
        seen = [] if sample.extension == TEXT else [decode(sample)]
        if sample.second:
            seen.append(decode(sample._replace(payload=sample.second)))
        return _stacked([*seen, *[blank] * (images_each - len(seen))])

    return look


def _stacked(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(images) if len(images) > 1 else images[0]


def store_of_cells(
    cells: Cells | Subset,
    vision: VisionConfig,
    shards: ShardsConfig,
    sees: str,
    *,
    memory_mb: int,
    workers: int,
    sees_pairs: bool,
) -> VisualStore:
    """The store of the questions of `cells`; see `VisualStore`.

    Parameters
    ----------
    sees_pairs : whether the model can be shown two images

    Raises
    ------
    UserError : the cells hold the other kind of images, pairs for a model that sees one image, or a
        damaged image
    """
    wanted = pixels.EXTENSIONS[vision.kind]
    for index in cells.indexes:
        if index.table.num_rows and index.note.extension not in (*wanted, TEXT):
            raise UserError(
                f"holds .{index.note.extension} members",
                where=index.folder,
                expected=f".{wanted[0]}, which a model with vision {vision.kind} sees",
                do="shard images for patches, a feature file for regions",
            )
        if index.note.pairs and not sees_pairs:
            raise UserError(
                "holds pairs of images",
                where=index.folder,
                expected="one image a question, as this model sees it",
                do="leave the task out, or take a family that sees pairs (vilt, with a base model "
                "made for a study that has some)",
            )
    encoded = cells.table(["image_id"])["image_id"].combine_chunks().dictionary_encode()
    images = to_numpy(encoded.indices).astype(np.int64)
    return VisualStore(
        cells,
        images,
        vision,
        shards,
        sees,
        memory_mb=memory_mb,
        workers=workers,
        pairs=cells.pairs,
    )
