"""Writing one cell: tar shards of original image bytes and a Parquet index, whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from continual_vqa.errors import UserError
from continual_vqa.files.atomic import atomic_folder
from continual_vqa.files.parquet import write_table
from continual_vqa.files.progress import Progress
from continual_vqa.shards import arrow, tar
from continual_vqa.shards.samples import Grouped, group_by_image, json_members
from continual_vqa.shards.streams import ShardStream
from continual_vqa.shards.tables import INDEX, INDEX_FILE, QUESTION_COLUMNS, cell_note


class ImageSource(Protocol):
    """Where payloads come from: images or region features."""

    @property
    def extension(self) -> str:
        """Of the payload in a shard: `jpg` or `npy`."""
        ...

    def read(self, image_path: str, /) -> bytes:
        """The original bytes of one image."""
        ...


@dataclass(frozen=True, slots=True)
class CellSummary:
    """What was written. `bytes` is the size of all shards, `payload_bytes` that of the images."""

    cell: str
    questions: int
    images: int
    shards: int
    bytes: int
    payload_bytes: int


def write_cell(
    questions: pa.Table,
    images: ImageSource,
    folder: Path,
    *,
    cell: str,
    max_bytes: int,
    checksums: bool = True,
) -> CellSummary:
    """Write the rows of one cell as `folder/index.parquet` and `folder/<cell>-NNNNN.tar`.

    The result depends only on the set of rows and the images' bytes: not on the rows' order, the
    time, the user or the place of the images. Without rows there is an index and no shard.

    Parameters
    ----------
    questions : rows with the schema of questions.parquet, of this cell
    images : read by the rows' image_path; called from this thread only
    cell : the cell's name, SPLIT/SKILL/GROUP
    max_bytes : upper size of a shard; a single larger sample gets a shard of its own
    checksums : store the SHA-256 of every member (0.6 s per GB; hashing in a second thread was
        measured slower, as the bytes leave the cache meanwhile)

    Raises
    ------
    UserError : a question that occurs twice, a row without an image or with two, an empty image,
        an id too long for a tar header, no space left; an earlier `folder` is then left as it was
    """
    # Everything that can be refused is refused before anything is written.
    tar.shard_name(cell, 0)
    grouped = group_by_image(questions, cell)
    paths = _image_paths(grouped, cell)
    with atomic_folder(folder) as part:
        with ShardStream(part, cell, max_bytes) as stream:
            keys = [tar.key_of(image_id) for image_id in _image_ids(grouped)]
            placed = _write_samples(grouped, keys, paths, images, stream, checksums)
        index = _index(grouped, keys, placed)
        note = cell_note(
            cell,
            images.extension,
            checksums=checksums,
            images=grouped.images,
            shards=stream.shards,
        )
        write_table(part / INDEX_FILE, index, INDEX, note=note)
    return CellSummary(
        cell=cell,
        questions=grouped.questions.num_rows,
        images=grouped.images,
        shards=len(stream.shards),
        bytes=sum(shard.bytes for shard in stream.shards),
        payload_bytes=sum(place.payload_bytes for place in placed),
    )


class _Place(NamedTuple):
    """Where a sample's members lie: the index's columns, in their order."""

    shard: int
    payload_offset: int
    payload_bytes: int
    json_offset: int
    json_bytes: int
    payload_sha256: bytes | None
    json_sha256: bytes | None


def _write_samples(
    grouped: Grouped,
    keys: list[str],
    paths: list[str],
    images: ImageSource,
    stream: ShardStream,
    checksums: bool,
) -> list[_Place]:
    placed: list[_Place] = []
    sha256 = hashlib.sha256
    extension = images.extension
    progress = Progress(grouped.images, "images")
    for first, texts in json_members(grouped):
        for image, text in enumerate(texts, first):
            payload = images.read(paths[image])
            if not payload:
                raise UserError("is empty", where=paths[image], expected="an image")
            shard, payload_at, json_at = stream.add(keys[image], extension, payload, text)
            sums = (sha256(payload).digest(), sha256(text).digest()) if checksums else (None, None)
            placed.append(_Place(shard, payload_at, len(payload), json_at, len(text), *sums))
        progress.advance(len(texts))
    progress.close()
    return placed


def _image_ids(grouped: Grouped) -> list[str]:
    return grouped.questions["image_id"].take(arrow.numbers(grouped.starts[:-1])).to_pylist()


def _image_paths(grouped: Grouped, cell: str) -> list[str]:
    paths = grouped.questions["image_path"].to_pylist()
    starts = grouped.starts.tolist()
    for start, end in pairwise(starts):
        if not paths[start] or any(path != paths[start] for path in paths[start + 1 : end]):
            row = grouped.questions.slice(start, 1).to_pylist()[0]
            found = sorted(set(paths[start:end]))
            raise UserError(
                f"image {row['image_id']} (question {row['question_id']}) has "
                + ("no image path" if "" in found else f"the paths {', '.join(found)}"),
                where=cell,
                expected="one image path per image",
                do="index the questions again, with --images",
            )
    return [paths[start] for start in starts[:-1]]


def _index(grouped: Grouped, keys: list[str], placed: list[_Place]) -> pa.Table:
    rows = arrow.numbers(np.repeat(np.arange(grouped.images), np.diff(grouped.starts)))
    columns = [grouped.questions[name] for name in QUESTION_COLUMNS]
    columns.append(arrow.strings(keys).take(rows))
    places = zip(*placed, strict=True) if placed else ([] for _ in _Place._fields)
    for name, values in zip(_Place._fields, places, strict=True):
        if name.endswith("sha256"):
            column = arrow.fixed(values, hashlib.sha256().digest_size)
        else:
            column = arrow.numbers(np.array(values, np.int64))
        columns.append(column.take(rows))
    return pa.table(columns, names=INDEX.names).cast(INDEX)
