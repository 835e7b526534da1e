"""Official result files: a JSON list with one answer a question."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

ANSWERS = pa.schema([("question_id", pa.string()), ("answer", pa.string())])


def read_results(path: str | Path, id_key: str, answer_key: str) -> pa.Table:
    """The file's answers as a table of ANSWERS, in the order of the file.

    Parameters
    ----------
    id_key, answer_key : names of the two fields, which differ between datasets

    Raises
    ------
    UserError : not such a list, a field missing or of a wrong type, a question answered twice
    """
    entries = read_json(path)
    example = f'[{{"{id_key}": 262148000, "{answer_key}": "red"}}, ...]'
    if not isinstance(entries, list):
        raise UserError(
            f"holds a JSON {type(entries).__name__}", where=path, expected=f"a list, {example}"
        )
    try:
        # Whole lists at once: a check per entry would cost more than parsing the file.
        ids = [entry[id_key] for entry in entries]
        answers = [entry[answer_key] for entry in entries]
        fits = set(map(type, ids)) <= {int, str} and set(map(type, answers)) <= {str}
    except (KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        position = next(n for n, e in enumerate(entries) if not _fits(e, id_key, answer_key))
        raise UserError(
            f"entry {position} is {str(entries[position])[:80]}",
            where=path,
            expected=f"as in {example}",
        )
    columns = [pa.array(list(map(str, ids)), pa.string()), pa.array(answers, pa.string())]
    table = pa.table(columns, schema=ANSWERS)
    refuse_repeats(table["question_id"], path)
    return table


def refuse_repeats(question_ids: pa.ChunkedArray, path: str | Path) -> None:
    """Raise a `UserError` that names the first question answered more than once."""
    counts = pc.value_counts(question_ids)
    twice = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
    if len(twice):
        raise UserError(
            f"{len(twice):,} questions are answered more than once, first {twice[0]['values']}",
            where=path,
            expected="one answer a question",
            do="remove the repeated entries",
        )


def _fits(entry: object, id_key: str, answer_key: str) -> bool:
    if not isinstance(entry, dict):
        return False
    return type(entry.get(id_key)) in (int, str) and type(entry.get(answer_key)) is str
