"""The words and the answers of the questions that a study trains on.

For a word-level tokenizer, and for a model that chooses its answer from a list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.asking import all_asked
from continual_vqa.data.kinds import Kinds, kinds, open_questions
from continual_vqa.data.tables import QUESTIONS
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json
from continual_vqa.files.parquet import read_table

TRAIN = "train"


def read_texts(path: str | Path) -> Iterator[str]:
    """Questions and answers in `path`.

    Read are: questions.parquet (its train split only), official VQA v2 questions or annotations
    JSON, official GQA questions JSON (plain, .gz or in a .zip).

    Raises
    ------
    UserError : the file is damaged or none of these
    """
    if str(path).endswith(".parquet"):
        table = _train(path, ["question", "choices", "answers"])
        yield from all_asked(table["question"].to_pylist(), table["choices"].to_pylist())
        for answers in table["answers"].to_pylist():
            yield from answers
        return
    found = False
    for text in _texts(read_json(path)):
        found = True
        yield text
    if not found:
        raise UserError(
            "holds no questions or answers",
            where=path,
            expected="questions.parquet, or official VQA v2 or GQA questions or annotations",
        )


def read_answers(path: str | Path) -> Counter[str]:
    """Answer -> how many of the open questions in `path` have it as their most frequent one.

    Read are the files of `read_texts`; official questions without answers give none. Of a question
    with choices the answer is chosen, not listed.

    Raises
    ------
    UserError : the file is damaged
    """
    if str(path).endswith(".parquet"):
        return Counter(open_questions(_train(path, ["answer", "choices"]))["answer"].to_pylist())
    return Counter(_answers(read_json(path)))


def read_kinds(path: str | Path) -> Kinds:
    """What kinds of training questions are in `path`; official files hold open ones."""
    if not str(path).endswith(".parquet"):
        return Kinds(0, False)
    return kinds(_train(path, ["choices", "second_image_path"]))


def _train(path: str | Path, columns: list[str]) -> pa.Table:
    table = read_table(path, QUESTIONS, ["split", *columns])
    return table.filter(pc.field("split") == TRAIN)


def _answers(document: object) -> Iterator[str]:
    """The values of multiple_choice_answer (VQA v2), or of an answer beside a question (GQA)."""
    if isinstance(document, Mapping):
        for key in ("multiple_choice_answer", "answer" if "question" in document else ""):
            if isinstance(text := document.get(key), str):
                yield text
    values = document.values() if isinstance(document, Mapping) else document
    for value in values if isinstance(document, Mapping | list) else ():  # pyright: ignore[reportGeneralTypeIssues, reportOptionalIterable]
        if isinstance(value, Mapping | list):
            yield from _answers(value)


def _texts(document: object) -> Iterator[str]:
    """All values of the official fields: question, answer, multiple_choice_answer."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key in _FIELDS and isinstance(value, str):
                yield value
            elif isinstance(value, Mapping | list):
                yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


_FIELDS = frozenset({"question", "answer", "multiple_choice_answer"})
