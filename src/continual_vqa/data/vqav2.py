"""Official VQA v2 questions and annotations (visualqa.org), joined as whole columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.arrays import Arrays, read_arrays
from continual_vqa.data.problems import LISTED, Problems
from continual_vqa.data.tables import RAW
from continual_vqa.errors import UserError

QUESTION = pa.struct(
    [("question_id", pa.int64()), ("image_id", pa.int64()), ("question", pa.string())]
)
ANNOTATION = pa.struct(
    [
        ("question_id", pa.int64()),
        ("image_id", pa.int64()),
        ("question_type", pa.string()),
        ("answer_type", pa.string()),
        ("multiple_choice_answer", pa.string()),
        ("answers", pa.list_(pa.struct([("answer", pa.string())]))),
    ]
)
_SUBSET = re.compile(r"(train|val|test)(-dev)?\d{4}")


def read_vqav2(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """The questions that have an annotation, as a table with schema `RAW`, in file order.

    Parameters
    ----------
    questions, annotations : official files (plain, .gz or in a .zip) of any number of subsets
    problems : duplicates, missing and orphan annotations, differing image ids and malformed
        records are added to it, and left out

    Raises
    ------
    UserError : a file is missing, damaged or not of this format
    """
    asked = [_read(path, "questions", QUESTION, problems) for path in questions]
    answered = [_read(path, "annotations", ANNOTATION, problems) for path in annotations]
    question_of, annotation_of = _Rows(asked, QUESTION), _Rows(answered, ANNOTATION)
    rows = question_of.without_duplicates("duplicate_questions", problems)
    partners = annotation_of.without_duplicates("duplicate_annotations", problems)
    rows, partners = _join(question_of, rows, annotation_of, partners, problems)
    return _table(question_of, rows, annotation_of, partners)


class _Rows:
    """The records of several files of one kind, as one chunked table with the file of each row."""

    def __init__(self, files: Sequence[tuple[str, Arrays]], record: pa.StructType) -> None:
        (key,) = {key for _, arrays in files for key in arrays.records} or {""}
        columns = [field.name for field in record]
        self.paths = [path for path, _ in files]
        self.subsets = [_subset(path, arrays.subset) for path, arrays in files]
        tables = [
            pa.Table.from_arrays(arrays.records[key].flatten(), names=columns)
            for _, arrays in files
        ]
        self.table = pa.concat_tables([*tables, pa.schema(list(record)).empty_table()])
        self.file = np.repeat(np.arange(len(files)), [table.num_rows for table in tables])
        self.ids = self.table["question_id"].to_numpy()

    def without_duplicates(self, kind: str, problems: Problems) -> np.ndarray:
        """The rows (int64) of the first record of each question id, in file order."""
        # Official files are mostly in order; then one comparison replaces a sort.
        if len(self.ids) and (np.diff(self.ids) > 0).all():
            return np.arange(len(self.ids))
        _, first = np.unique(self.ids, return_index=True)
        repeated = np.ones(len(self.ids), bool)
        repeated[first] = False
        self.add_problem(kind, np.flatnonzero(repeated), problems)
        return np.sort(first)

    def add_problem(self, kind: str, rows: np.ndarray, problems: Problems) -> None:
        """Add the question ids of `rows` to `problems`, per file."""
        for file, path in enumerate(self.paths):
            here = rows[self.file[rows] == file]
            problems.add(kind, path, self.ids[here[:LISTED]].tolist(), len(here))


def _read(
    path: str | Path, key: str, record: pa.StructType, problems: Problems
) -> tuple[str, Arrays]:
    return str(path), read_arrays(path, {key: record}, problems)


def _join(
    asked: _Rows, rows: np.ndarray, answered: _Rows, partners: np.ndarray, problems: Problems
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of questions and, for each, of its annotation."""
    wanted, offered = asked.ids[rows], answered.ids[partners]
    if not np.array_equal(wanted, offered):
        order = np.argsort(offered, kind="stable")
        place = np.searchsorted(offered, wanted, sorter=order)
        nearest = order[np.minimum(place, len(order) - 1)] if len(order) else place
        matched = offered[nearest] == wanted if len(order) else np.zeros(len(wanted), bool)
        used = np.zeros(len(offered), bool)
        used[nearest[matched]] = True
        asked.add_problem("missing_annotations", rows[~matched], problems)
        answered.add_problem("orphan_annotations", partners[~used], problems)
        rows, partners = rows[matched], partners[nearest[matched]]
    same = (
        asked.table["image_id"].to_numpy()[rows] == answered.table["image_id"].to_numpy()[partners]
    )
    asked.add_problem("image_mismatches", rows[~same], problems)
    return rows[same], partners[same]


def _table(asked: _Rows, rows: np.ndarray, answered: _Rows, partners: np.ndarray) -> pa.Table:
    questions = _taken(asked.table, rows)
    annotations = _taken(answered.table, partners)
    file = pa.array(asked.file[rows], pa.int64())
    image_id = questions["image_id"].cast(pa.string())
    subset = pa.array(asked.subsets, pa.string()).take(file)
    answers = annotations["answers"].combine_chunks()
    empty = pa.array([""], pa.string()).take(pa.array(np.zeros(len(rows), np.int64)))
    none = pa.ListArray.from_arrays(
        pa.array(np.zeros(len(rows) + 1, np.int32)), pa.array([], pa.string())
    )
    columns = {
        "source": pa.array(asked.paths, pa.string()).take(file),
        "subset": subset,
        "question_id": questions["question_id"].cast(pa.string()),
        "image_id": image_id,
        "image_name": pc.binary_join_element_wise(
            "COCO", subset, pc.utf8_lpad(image_id, 12, padding="0"), "_"
        ),
        "question": questions["question"],
        "answers": _texts(answers),
        "answer": annotations["multiple_choice_answer"],
        "question_type": annotations["question_type"],
        "answer_type": annotations["answer_type"],
        "detailed_type": empty,
        "concept": empty,
        "entailed": none,
        "choices": none,
        "second_image_name": empty,
    }
    return pa.table([columns[name] for name in RAW.names], names=RAW.names).cast(RAW)


def _taken(table: pa.Table, rows: np.ndarray) -> pa.Table:
    if np.array_equal(rows, np.arange(table.num_rows)):
        return table.combine_chunks()
    return table.take(pa.array(rows)).combine_chunks()


def _texts(answers: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    """list<struct<answer>> as list<str>."""
    if isinstance(answers, pa.ChunkedArray):
        answers = pa.concat_arrays(answers.chunks) if answers.num_chunks else answers.chunk(0)
    lengths = pc.list_value_length(answers).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), answers.flatten().field(0))


def _subset(path: str, declared: str) -> str:
    """train2014 or val2014, as the file says in itself or else in its name."""
    found = _SUBSET.search(declared) or _SUBSET.search(Path(path).name)
    if found is None:
        raise UserError(
            "does not say which COCO subset it belongs to",
            where=path,
            expected="'data_subtype' in the file, or train2014 or val2014 in its name",
        )
    return found.group()
