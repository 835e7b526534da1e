"""The questions of one source, and what all sources of a study together become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.tasks import relabelled
from continual_vqa.data.cells import fingerprint_answers, fingerprint_cells, fingerprint_words
from continual_vqa.data.problems import Problems
from continual_vqa.data.relabel import with_relabelings
from continual_vqa.data.report import data_report
from continual_vqa.data.survey import Survey
from continual_vqa.data.tables import QUESTIONS, flat, row_order
from continual_vqa.errors import UserError

VOCABULARY, ANSWERS = "vocabulary", "answers"
_SUM = "image_sha256"
_NAMES = {"image_path": "image_name", "second_image_path": "second_image_name"}


@dataclass(frozen=True)
class Indexed:
    """What was read.

    Attributes
    ----------
    questions : with schema `QUESTIONS`, sorted
    report : the data report
    content : cell name -> fingerprint; and those of the training words, "vocabulary", and of how
        often which answer is right in training, "answers"
    """

    questions: pa.Table
    report: dict[str, object]
    content: Mapping[str, str]
    problems: Problems


def with_images(raw: pa.Table, survey: Survey | None, dataset: str) -> pa.Table:
    """The rows whose images are sound, with the schema `QUESTIONS` and, with images, their sums.

    Parameters
    ----------
    raw : columns of `RAW`, and split, skill and group
    survey : of the images; None: without images, all rows stay
    """
    columns: dict[str, object] = {name: raw[name] for name in raw.column_names}
    columns["dataset"] = pa.array([dataset]).take(pa.array(np.zeros(raw.num_rows, np.int64)))
    paths = survey.path if survey else {}
    for column, name in _NAMES.items():
        columns[column] = mapped(raw[name], paths).fill_null("")
    table = pa.table([columns[n] for n in QUESTIONS.names], names=QUESTIONS.names).cast(QUESTIONS)
    if survey is None:
        return table
    sums = [mapped(raw[name], survey.sha256).fill_null("") for name in _NAMES.values()]
    table = table.append_column(_SUM, pc.binary_join_element_wise(*sums, ""))
    bad = pa.array(survey.bad, pa.string())
    return table.filter(pc.invert(pc.or_(*(pc.is_in(raw[n], bad) for n in _NAMES.values()))))


def finished(
    tables: Sequence[pa.Table],
    *,
    relabelings: int,
    skills: Sequence[str],
    groups: Sequence[str],
    chance: Mapping[str, float],
    sources: Mapping[str, object],
    problems: Problems,
) -> Indexed:
    """The tables of all sources (see `with_images`) as one, sorted, with its report.

    Parameters
    ----------
    relabelings : copies with other answers; see data/relabel.py
    skills, groups : of the study, in order
    chance : skill -> accuracy of guessing in [0, 1], which the report calls random
    sources : what was read, for people

    Raises
    ------
    UserError : no question is left
    """
    summed = any(_SUM in table.column_names for table in tables)
    whole = pa.concat_tables(
        [
            table
            if not summed or _SUM in table.column_names
            else table.append_column(_SUM, pa.array([""] * table.num_rows, pa.string()))
            for table in tables
        ]
    )
    if not whole.num_rows:
        raise UserError("no question is left", where=str(sources.get("questions", "the sources")))
    whole = with_relabelings(whole, relabelings)
    order = row_order(whole["split"], whole["image_id"], whole["question_id"])
    whole = whole.take(order).combine_chunks()
    questions = whole.select(QUESTIONS.names).combine_chunks()
    sha256 = flat(whole[_SUM]) if summed else None
    copies = range(relabelings + 1)
    named = {relabelled(skill, n): chance[skill] for n in copies for skill in skills}
    report = data_report(questions, problems, sources, list(named), groups)
    return Indexed(
        questions,
        report | {"random": named},
        {
            VOCABULARY: fingerprint_words(questions),
            ANSWERS: fingerprint_answers(questions),
            **fingerprint_cells(questions, sha256),
        },
        problems,
    )


def mapped(column: pa.ChunkedArray, values: Mapping[str, str]) -> pa.Array:
    """Each entry replaced by its value, null where it has none."""
    encoded = flat(pc.dictionary_encode(column))
    found = pa.array([values.get(key) for key in encoded.dictionary.to_pylist()], pa.string())
    return found.take(encoded.indices)
