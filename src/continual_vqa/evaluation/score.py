"""Scores official result files, or predictions on cells, against the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.formats import FORMATS
from continual_vqa.data.problems import Problems
from continual_vqa.data.taxonomy import load_taxonomy
from continual_vqa.errors import UserError
from continual_vqa.evaluation.results import read_results, refuse_repeats
from continual_vqa.evaluation.score_tables import SCORES, score_table
from continual_vqa.evaluation.scorers import official_of, scorer_of
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_table
from continual_vqa.shards.tables import INDEX, INDEX_FILE


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores in the order of the answers, and how many questions had no answer."""

    scores: pa.Table
    unanswered: int


def score_results(
    dataset: str,
    questions: Sequence[str | Path],
    annotations: Sequence[str | Path],
    results: str | Path,
    taxonomy: str,
    problems: Problems,
) -> Scored:
    """Score an official result file against official questions and annotations.

    Parameters
    ----------
    taxonomy : name or file of the skills for totals; empty: the dataset's usual one
    problems : bad records of the official files are added, and fatal unless they are skipped

    Raises
    ------
    UserError : files that cannot be read, or answers to questions that the files do not hold
    """
    official = official_of(dataset)
    truth = FORMATS[dataset].read(questions, annotations, problems)
    problems.check()
    skills = load_taxonomy(taxonomy or official.taxonomy)
    answers = read_results(results, official.id_key, official.answer_key)
    asked = _matching(truth, answers, results, "the question files")
    outcome = scorer_of(dataset).rule(asked, answers["answer"].combine_chunks())
    columns = {
        **_common(asked),
        "task": pc.fill_null(skills.assign(asked), ""),
        "group": skills.group(asked["concept"]),
        **outcome,
    }
    scores = score_table(columns, outcome["accuracy"], 0)
    return Scored(scores, truth.num_rows - answers.num_rows)


def score_predictions(
    predictions: str | Path, cells: Mapping[str, Path], dataset: str = ""
) -> Scored:
    """Score predictions against the questions in the indexes of `cells` (name -> folder).

    Parameters
    ----------
    dataset : whose rule; empty: each question's by the dataset that its cell names

    Raises
    ------
    UserError : a file that cannot be read, a question answered twice, a question of the cells
        without a prediction, or a prediction that is in no cell
    """
    answers = read_table(predictions, PREDICTIONS)
    refuse_repeats(answers["question_id"], predictions)
    truth = _read_cells(cells)
    asked = _matching(truth, answers, predictions, "the cells")
    if asked.num_rows < truth.num_rows:
        given = pc.is_in(truth["question_id"], value_set=answers["question_id"])
        left = truth["question_id"].filter(pc.invert(given))
        raise UserError(
            f"{len(left):,} questions of the cells have no prediction, first {left[0]}",
            where=predictions,
            do="predict again with the same cells",
        )
    if not asked.num_rows:
        return Scored(SCORES.empty_table(), 0)
    outcome = _judged(asked, answers["answer"].combine_chunks(), dataset)
    columns = {**_common(asked), "task": answers["task"], "group": answers["group"], **outcome}
    return Scored(score_table(columns, outcome["accuracy"], answers["step"]), 0)


def _matching(truth: pa.Table, answers: pa.Table, where: str | Path, holder: str) -> pa.Table:
    """The row of `truth` for each answer, in the order of the answers."""
    found = pc.index_in(answers["question_id"], value_set=truth["question_id"])
    unknown = answers["question_id"].filter(pc.is_null(found))
    if len(unknown):
        raise UserError(
            f"{len(unknown):,} answers to unknown questions, first {unknown[0]}",
            where=where,
            expected=f"ids of the {truth.num_rows:,} questions in {holder}",
        )
    return truth.take(found).combine_chunks()


def _read_cells(cells: Mapping[str, Path]) -> pa.Table:
    kept = ["dataset", *_COMMON, "answers", "answer", "entailed"]
    tables = [read_table(Path(folder) / INDEX_FILE, INDEX, kept) for folder in cells.values()]
    return pa.concat_tables(tables) if tables else INDEX.empty_table().select(kept)


def _judged(asked: pa.Table, answers: pa.Array, dataset: str) -> dict[str, np.ndarray]:
    """Every answer by the rule of its question's dataset; NaN where that has no such column."""
    outcome: dict[str, np.ndarray] = {}
    for name in [dataset] if dataset else pc.unique(asked["dataset"]).to_pylist():
        everything = np.ones(asked.num_rows, bool)
        rows = everything if dataset else np.asarray(pc.equal(asked["dataset"], name))
        some = asked.filter(pa.array(rows)).combine_chunks()
        for column, values in scorer_of(name).rule(some, answers.filter(pa.array(rows))).items():
            outcome.setdefault(column, np.full(asked.num_rows, np.nan))[rows] = values
    return outcome


_COMMON = ("question_id", "answer_type", "question_type")


def _common(asked: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: asked[name] for name in _COMMON}
