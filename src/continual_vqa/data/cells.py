"""Cells: the rows of one split, skill and concept group; and fingerprints of what they hold."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.asking import all_asked
from continual_vqa.data.kinds import kinds, open_questions
from continual_vqa.data.tables import QUESTIONS, flat

# Content only where a cell has some: a column that says nothing makes no cell another one.
OPTIONAL = ("choices",)
# An image's place on the disk is no content of a cell; its bytes are.
_PLACES = ("image_path", "second_image_path")
CONTENT = tuple(name for name in QUESTIONS.names if name not in (*_PLACES, *OPTIONAL))
_PUNCTUATION = "[?!,.:;]+$"


def cell_name(split: str, skill: str, group: str) -> str:
    """SPLIT/SKILL/GROUP, e.g. "train/count/G1"."""
    return f"{split}/{skill}/{group}"


def cell_rows(questions: pa.Table) -> dict[str, np.ndarray]:
    """Cell name -> its rows (int64, ascending). Questions in no group are in no cell."""
    names = pc.binary_join_element_wise(
        questions["split"], questions["skill"], questions["group"], "/"
    )
    encoded = flat(pc.dictionary_encode(names))
    codes = np.asarray(encoded.indices)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(encoded.dictionary)), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    cells = zip(encoded.dictionary.to_pylist(), starts, ends, strict=True)
    return {name: order[a:b] for name, a, b in sorted(cells) if not name.endswith("/")}


def fingerprint_cells(questions: pa.Table, image_sha256: pa.Array | None) -> dict[str, str]:
    """Cell name -> SHA-256 of its rows and images.

    A change of one row, or of one image's bytes, changes the fingerprints of exactly the cells that
    hold it; the order of files and rows, and the place of the images, change none.

    Parameters
    ----------
    questions : with schema `QUESTIONS`, in the order of `tables.row_order`
    image_sha256 : string, of each row's image; None without images
    """
    content = questions.select((*CONTENT, *OPTIONAL))
    if image_sha256 is not None:
        content = content.append_column("image_sha256", image_sha256)
    return {
        name: _digest(_without_empty(content.take(pa.array(rows)).combine_chunks()))
        for name, rows in cell_rows(questions).items()
    }


def fingerprint_words(questions: pa.Table) -> str:
    """SHA-256 of the set of words in the training questions and their answers.

    Words are what a word-level tokenizer tells apart: NFKC, lower case, split at white space, final
    punctuation on its own.
    """
    train = questions.filter(pc.equal(questions["split"], "train"))
    texts = pa.concat_arrays(
        [
            pa.array(_asked(train), pa.string()).unique(),
            flat(train["answers"]).flatten().unique(),
        ]
    )
    normal = pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))
    pieces = pc.utf8_split_whitespace(normal).flatten().unique()
    stems = pc.replace_substring_regex(pieces, _PUNCTUATION, "")
    tails = pc.extract_regex(pieces, f"(?P<tail>{_PUNCTUATION})").drop_null().field("tail")
    words = pa.concat_arrays([stems, tails]).unique()
    return _digest(pa.table({"word": words.filter(pc.not_equal(words, "")).sort()}))


def _asked(questions: pa.Table) -> list[str]:
    """The distinct texts that are handed to a model."""
    columns = questions.select(["question", "choices"])
    open_ended = pc.equal(pc.list_value_length(columns["choices"]), 0)
    closed = columns.filter(pc.invert(open_ended))
    texts = all_asked(closed["question"].to_pylist(), closed["choices"].to_pylist())
    return [*columns["question"].filter(open_ended).unique().to_pylist(), *texts]


def _without_empty(table: pa.Table) -> pa.Table:
    empty = [name for name in OPTIONAL if not len(flat(table[name]).flatten())]
    return table.drop_columns(empty)


def fingerprint_answers(questions: pa.Table) -> str:
    """SHA-256 of how the training questions are answered.

    How many open ones have which answer as their most frequent one; and the kinds of the others.
    """
    train = questions.filter(pc.equal(questions["split"], "train"))
    listed = open_questions(train)
    counts = listed.group_by("answer").aggregate([([], "count_all")]).sort_by("answer")
    text = pc.cast(counts["count_all"], pa.string())
    most, pairs = kinds(train)
    digest = _digest(pa.table({"answer": counts["answer"], "count": text}))
    if not most and not pairs:
        return digest
    return hashlib.sha256(f"{digest} {most} {pairs}".encode()).hexdigest()


def _digest(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for name in table.column_names:
        digest.update(name.encode() + b"\0")
        _add(digest, flat(table[name]))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, array: pa.Array) -> None:
    # Lengths beside the joined texts: "ab", "c" differs from "a", "bc".
    if pa.types.is_list(array.type):
        digest.update(_lengths(pc.list_value_length(array)))
        _add(digest, array.flatten())
        return
    digest.update(_lengths(pc.binary_length(array)))
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    if len(offsets) and array.buffers()[2] is not None:
        digest.update(memoryview(array.buffers()[2])[offsets[0] : offsets[-1]])


def _lengths(lengths: pa.Array) -> bytes:
    return np.asarray(lengths).astype("<i4").tobytes()
