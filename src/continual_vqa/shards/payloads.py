"""The images of a cell's samples: none, one or two each, and all of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from continual_vqa.errors import UserError
from continual_vqa.shards.samples import Grouped
from continual_vqa.shards.tables import TEXT

PNG = "png"
_AGAIN = "index the questions again, with --images"


class ImageSource(Protocol):
    """Where payloads come from: images or region features."""

    @property
    def extension(self) -> str:
        """Of the payload in a shard: `jpg` (PNG files are `png` there) or `npy`."""
        ...

    def read(self, image_path: str, /) -> bytes:
        """The original bytes of one image."""
        ...


@dataclass(frozen=True, slots=True)
class Payloads:
    """The images of the samples of a cell.

    Attributes
    ----------
    paths : of each sample its image paths: all have none, all one or all two
    extension : of every payload; "json" where there is none
    """

    paths: Sequence[tuple[str, ...]]
    extension: str
    source: ImageSource | None

    @property
    def pairs(self) -> bool:
        """Whether samples have two images."""
        return bool(self.paths) and len(self.paths[0]) > 1

    def read(self, sample: int) -> list[bytes]:
        """The original bytes of a sample's images.

        Raises
        ------
        UserError : missing, damaged or empty
        """
        found = []
        for path in self.paths[sample]:
            assert self.source is not None
            content = self.source.read(path)
            if not content:
                raise UserError("is empty", where=path, expected="an image")
            found.append(content)
        return found


def payloads_of(grouped: Grouped, source: ImageSource | None, cell: str) -> Payloads:
    """The images of each sample of a cell.

    Raises
    ------
    UserError : questions about one image that name several or no path, samples with different
        numbers of images, images of several kinds
    """
    paths = _paths(grouped, cell)
    numbers = sorted({len(each) for each in paths})
    if len(numbers) > 1:
        raise UserError(
            f"holds questions about {numbers[0]} and about {numbers[-1]} images",
            where=cell,
            expected="as many images for each question",
            do="put questions of different kinds in tasks of their own",
        )
    if source is None:
        if numbers not in ([], [0]):
            raise UserError("no images are given", where=cell, expected="a path after --images")
        return Payloads(paths, TEXT, None)
    return Payloads(paths, _extension(paths, source, cell), source)


def _paths(grouped: Grouped, cell: str) -> list[tuple[str, ...]]:
    names = ("image_id", "image_path", "second_image_path")
    ids, firsts, seconds = (grouped.questions[name].to_pylist() for name in names)
    named = list(zip(firsts, seconds, strict=True))
    found: list[tuple[str, ...]] = []
    for start, end in pairwise(grouped.starts.tolist()):
        same = set(named[start:end])
        if len(same) > 1 or bool(ids[start]) != bool(firsts[start]):
            question = grouped.questions["question_id"][start].as_py()
            shown = sorted({path for pair in same for path in pair if path})
            without = any(not first for first, _ in same)
            raise UserError(
                f"image {ids[start]} (question {question}) has "
                + ("no image path" if without else f"the paths {', '.join(shown)}"),
                where=cell,
                expected="one image path per image",
                do=_AGAIN,
            )
        found.append(tuple(path for path in named[start] if path))
    return found


def _extension(paths: Sequence[tuple[str, ...]], source: ImageSource, cell: str) -> str:
    if paths and not paths[0]:
        return TEXT
    pngs = [path.lower().endswith(f".{PNG}") for sample in paths for path in sample]
    if any(pngs) and not all(pngs):
        raise UserError(
            f"{sum(pngs):,} of {len(pngs):,} images are PNG files",
            where=cell,
            expected="images of one kind",
            do="convert the others",
        )
    return PNG if any(pngs) else source.extension
