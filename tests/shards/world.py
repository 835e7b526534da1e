"""A small world for the tests of shards: questions, JPEGs in memory, and a cell made of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from PIL import Image

from continual_vqa.data.tables import QUESTIONS
from continual_vqa.shards.writer import CellSummary, write_cell

CELL = "train/count/G1"


class Images:
    """Payloads in memory."""

    def __init__(self, payloads: Mapping[str, bytes], extension: str = "jpg") -> None:
        self.extension = extension
        self._payloads = payloads

    def read(self, image_path: str, /) -> bytes:
        return self._payloads[image_path]


def jpeg(number: int, width: int = 32, height: int = 24) -> bytes:
    image = Image.new("RGB", (width, height), (number % 256, 7 * number % 256, 40))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return stream.getvalue()


def row(image: int | str, question: int | str, /, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "dataset": "vqav2",
        "split": "train",
        "question_id": str(question),
        "image_id": str(image),
        "image_path": f"{image}.jpg",
        "question": f'How many "öl" are in {question}?',
        "answers": [str(question)] * 7 + ["2", "two\n", ""],
        "answer": str(question),
        "question_type": "how many",
        "answer_type": "number",
        "skill": "count",
        "concept": "dog",
        "group": "G1",
        "entailed": [],
        "choices": [],
        "second_image_path": "",
    }
    return values | changes


def rows(images: int = 6, each: int = 3) -> list[dict[str, object]]:
    return [row(i, 1000 * i + q) for i in range(images) for q in range(1 + i % each)]


def table(content: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(content, schema=QUESTIONS)


def source(content: list[dict[str, object]]) -> Images:
    paths = {str(entry["image_path"]) for entry in content}
    return Images({path: jpeg(number) for number, path in enumerate(sorted(paths))})


def write(
    folder: Path,
    content: list[dict[str, object]] | None = None,
    *,
    max_bytes: int = 8000,
    checksums: bool = True,
    cell: str = CELL,
    images: Images | None = None,
) -> CellSummary:
    content = rows() if content is None else content
    return write_cell(
        table(content),
        source(content) if images is None else images,
        folder,
        cell=cell,
        max_bytes=max_bytes,
        checksums=checksums,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip(path: Path, position: int, mask: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)
