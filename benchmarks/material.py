"""Synthetic images and questions of real size, for the benchmarks of shards."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from continual_vqa.data.tables import QUESTIONS
from continual_vqa.files.parquet import read_table, write_table

CELL = "train/count/G1"
QUESTIONS_FILE = "questions.parquet"


class Folder:
    """Images in a folder, read with nothing but the system calls."""

    extension = "jpg"

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"

    def read(self, image_path: str, /) -> bytes:
        """The bytes of one file."""
        with open(self._prefix + image_path, "rb", buffering=0) as handle:
            return handle.read()


def make(folder: Path, samples: int, size: int, *, pictures: bool) -> None:
    """`samples` images of about `size` bytes, one question each, and questions.parquet.

    `pictures`: real JPEGs (640 x 480, made of a few dozen different ones); otherwise random bytes.
    """
    rng = np.random.default_rng(0)
    names = [f"{number % 100:02d}/{number}.jpg" for number in range(samples)]
    for part in sorted({name[:2] for name in names}):
        (folder / part).mkdir(parents=True, exist_ok=True)
    originals = [picture(rng, size) if pictures else rng.bytes(size) for _ in range(48)]
    for number, name in enumerate(names):
        content = originals[number % len(originals)]
        # Bytes after a JPEG's end marker are ignored: every file differs, as real ones do.
        (folder / name).write_bytes(content + number.to_bytes(4, "big"))
    write_table(folder / QUESTIONS_FILE, questions(names), QUESTIONS)


def picture(rng: np.random.Generator, size: int) -> bytes:
    """A 640 x 480 JPEG of about `size` bytes: smooth shapes, with noise to fill it."""
    coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC))
    low, high = 0.0, 80.0
    content = b""
    for _ in range(8):
        middle = (low + high) / 2
        noisy = smooth + rng.normal(0, middle, (480, 640, 1))
        stream = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=75)
        content = stream.getvalue()
        low, high = (low, middle) if len(content) > size else (middle, high)
    return content


def questions(names: list[str]) -> pa.Table:
    """One question with ten answers for each image file."""
    count = len(names)
    answers = [f"answer {number % 300}" for number in range(count)]
    values = {
        "dataset": ["vqav2"] * count,
        "split": ["train"] * count,
        "question_id": [str(1000 * number) for number in range(count)],
        "image_id": [str(number) for number in range(count)],
        "image_path": names,
        "question": [f"How many of number {number} are there?" for number in range(count)],
        "answers": [[answer] * 7 + ["2", "3", "many"] for answer in answers],
        "answer": answers,
        "question_type": ["how many"] * count,
        "answer_type": ["number"] * count,
        "skill": ["count"] * count,
        "concept": ["dog"] * count,
        "group": ["G1"] * count,
        "entailed": [[]] * count,
        "choices": [[]] * count,
        "second_image_path": [""] * count,
    }
    return pa.table({name: values[name] for name in QUESTIONS.names}).cast(QUESTIONS)


def rows(folder: Path) -> pa.Table:
    """The questions that `make` wrote."""
    return read_table(folder / QUESTIONS_FILE, QUESTIONS)
