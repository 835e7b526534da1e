"""Writing one cell: tar shards of original image bytes and a Parquet index, whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from continual_vqa.files.atomic import atomic_folder
from continual_vqa.files.parquet import write_table
from continual_vqa.files.progress import Progress
from continual_vqa.shards import arrow, tar
from continual_vqa.shards.payloads import ImageSource, Payloads, payloads_of
from continual_vqa.shards.samples import Grouped, group_by_image, json_members
from continual_vqa.shards.streams import ShardStream
from continual_vqa.shards.tables import CHOICES, INDEX_FILE, SECOND, TEXT, VERSIONS, cell_note


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
    images: ImageSource | None,
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
    questions : rows with the schema of questions.parquet, of this cell; all with no image, all
        with one or all with two
    images : read by the rows' image paths; called from this thread only. None: there are none
    cell : the cell's name, SPLIT/SKILL/GROUP
    max_bytes : upper size of a shard; a single larger sample gets a shard of its own
    checksums : store the SHA-256 of every member (0.6 s per GB; hashing in a second thread was
        measured slower, as the bytes leave the cache meanwhile)

    Raises
    ------
    UserError : a question that occurs twice, a row without an image or with another one, an empty
        image, an id too long for a tar header, no space left; an earlier `folder` is then left as
        it was
    """
    # Everything that can be refused is refused before anything is written.
    tar.shard_name(cell, 0)
    version = "2" if _is_wide(questions) else "1"
    if version == "1":
        questions = questions.drop_columns([CHOICES])
    grouped = group_by_image(questions, cell)
    payloads = payloads_of(grouped, images, cell)
    with atomic_folder(folder) as part:
        with ShardStream(part, cell, max_bytes) as stream:
            keys = [tar.key_of(name) for name in grouped.ids]
            placed = _write_samples(grouped, keys, payloads, stream, checksums)
        index = _index(grouped, keys, placed, VERSIONS[version])
        note = cell_note(
            cell,
            payloads.extension,
            checksums=checksums,
            images=grouped.images,
            shards=stream.shards,
            version=version,
            pairs=payloads.pairs,
        )
        write_table(part / INDEX_FILE, index, VERSIONS[version], note=note)
    return CellSummary(
        cell=cell,
        questions=grouped.questions.num_rows,
        images=grouped.images,
        shards=len(stream.shards),
        bytes=sum(shard.bytes for shard in stream.shards),
        payload_bytes=sum(place.payload_bytes + place.second_bytes for place in placed),
    )


def _is_wide(questions: pa.Table) -> bool:
    seconds = questions["second_image_path"].unique().to_pylist()
    return any(seconds) or any(questions[CHOICES].combine_chunks().value_lengths().to_pylist())


class _Place(NamedTuple):
    """Where a sample's members lie: the index's columns; the narrower index has not the last."""

    shard: int
    payload_offset: int
    payload_bytes: int
    json_offset: int
    json_bytes: int
    payload_sha256: bytes | None
    json_sha256: bytes | None
    second_offset: int = 0
    second_bytes: int = 0
    second_sha256: bytes | None = None


def _write_samples(
    grouped: Grouped, keys: list[str], payloads: Payloads, stream: ShardStream, checksums: bool
) -> list[_Place]:
    placed: list[_Place] = []
    extensions = (payloads.extension, f"{SECOND}.{payloads.extension}")

    def digest(content: bytes | memoryview) -> bytes | None:
        return hashlib.sha256(content).digest() if checksums else None

    progress = Progress(grouped.images, "images")
    for first, texts in json_members(grouped):
        for image, text in enumerate(texts, first):
            contents = payloads.read(image)
            members = [*zip(extensions, contents, strict=False), (TEXT, text)]
            shard, (*offsets, json_at) = stream.add(keys[image], members)
            # What is not there has the length 0; a text's place is that of its JSON.
            payload, second = (*contents, b"", b"")[:2]
            placed.append(
                _Place(
                    shard,
                    offsets[0] if offsets else json_at,
                    len(payload),
                    json_at,
                    len(text),
                    digest(payload),
                    digest(text),
                    offsets[1] if len(offsets) > 1 else 0,
                    len(second),
                    digest(second),
                )
            )
        progress.advance(len(texts))
    progress.close()
    return placed


def _index(grouped: Grouped, keys: list[str], placed: list[_Place], schema: pa.Schema) -> pa.Table:
    rows = arrow.numbers(np.repeat(np.arange(grouped.images), np.diff(grouped.starts)))
    places = dict(zip(_Place._fields, zip(*placed, strict=True), strict=True)) if placed else {}
    columns = []
    for name in schema.names:
        if name in grouped.questions.column_names:
            columns.append(grouped.questions[name])
        elif name == "key":
            columns.append(arrow.strings(keys).take(rows))
        elif name.endswith("sha256"):
            size = hashlib.sha256().digest_size
            columns.append(arrow.fixed(places.get(name, ()), size).take(rows))
        else:
            columns.append(arrow.numbers(np.array(places.get(name, ()), np.int64)).take(rows))
    return pa.table(columns, names=schema.names).cast(schema)
