"""The schemas of a cell's index and of the manifest, and the note that an index carries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from continual_vqa.data.tables import QUESTIONS

INDEX_FILE = "index.parquet"
FORMAT = "continual-vqa cell"

CHOICES = "choices"
# An image's place on the disk of whoever wrote the shards is no content of the cell.
_PLACES = ("image_path", "second_image_path")
QUESTION_COLUMNS = tuple(n for n in QUESTIONS.names if n not in (*_PLACES, CHOICES))

_PLACE = (
    pa.field("key", pa.string()),  # of the sample that holds the image and the question
    pa.field("shard", pa.int32()),  # position in the note's list of shards
    pa.field("payload_offset", pa.int64()),  # bytes from the start of the shard
    pa.field("payload_bytes", pa.int64()),
    pa.field("json_offset", pa.int64()),
    pa.field("json_bytes", pa.int64()),
    pa.field("payload_sha256", pa.binary(32)),  # null when written without checksums
    pa.field("json_sha256", pa.binary(32)),
)
# Where the second image of a pair lies; zeros and the checksum of nothing where there is none.
_SECOND = (
    pa.field("second_offset", pa.int64()),
    pa.field("second_bytes", pa.int64()),
    pa.field("second_sha256", pa.binary(32)),
)

# One row per question, in the order of the shards: by image id, then by question id.
INDEX = pa.schema([*(QUESTIONS.field(name) for name in QUESTION_COLUMNS), *_PLACE])
# The index of a cell whose questions have choices or two images.
WIDE = pa.schema([*(QUESTIONS.field(n) for n in (*QUESTION_COLUMNS, CHOICES)), *_PLACE, *_SECOND])
# Version -> columns. A cell has the first version that can hold it.
VERSIONS = {"1": INDEX, "2": WIDE}
PLACES = tuple(field.name for field in (*_PLACE, *_SECOND))

# Members of a tar after their key: an ordinary image is `jpg` (or `png`, or features as `npy`), the
# second image of a pair `second.jpg`, the questions `json`. A sample without an image has only
# these, and its cell's extension says so.
TEXT = "json"
SECOND = "second"

# One row per cell. sha256 is that of the index file: it covers the shards through their checksums.
MANIFEST = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("split", pa.string()),
        pa.field("skill", pa.string()),
        pa.field("group", pa.string()),
        pa.field("questions", pa.int64()),
        pa.field("images", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("shards", pa.int64()),
        pa.field("sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """One shard of a cell: its file name and its size in bytes."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class CellNote:
    """What the note of an index says of its cell.

    `extension` is that of its images, or "json" where questions have none; `images` counts samples;
    `pairs` says whether every sample has two images.
    """

    cell: str
    extension: str
    checksums: bool
    images: int
    shards: tuple[ShardInfo, ...]
    version: str = "1"
    pairs: bool = False


def cell_note(
    cell: str,
    extension: str,
    *,
    checksums: bool,
    images: int,
    shards: Sequence[ShardInfo],
    version: str = "1",
    pairs: bool = False,
) -> dict[str, str]:
    """The note of an index, as strings."""
    return {
        "format": FORMAT,
        "version": version,
        "cell": cell,
        "extension": extension,
        "checksums": "sha256" if checksums else "none",
        "images": str(images),
        "shards": json.dumps([asdict(shard) for shard in shards]),
        **({"pairs": "yes"} if pairs else {}),
    }
