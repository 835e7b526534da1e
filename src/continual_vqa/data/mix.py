"""Several sources in one table of questions: each a task of its own, or a task for each skill."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.mix import ALL
from continual_vqa.config.source import SourceFiles
from continual_vqa.data.assign import with_skill
from continual_vqa.data.formats import FORMATS
from continual_vqa.data.part import Indexed, finished, mapped, with_images
from continual_vqa.data.problems import Problems
from continual_vqa.data.survey import survey_rows
from continual_vqa.data.tables import flat
from continual_vqa.data.taxonomy import load_taxonomy
from continual_vqa.errors import UserError


def index_mix(
    sources: Sequence[SourceFiles],
    *,
    on_bad_record: str,
    check_images: str,
    relabelings: int = 0,
) -> Indexed:
    """Read all sources. Ids begin with the source's name, so that they are unique.

    Raises
    ------
    UserError : a file is missing or damaged, a task is given twice, or there are bad records and
        they are not skipped
    """
    problems = Problems(skip=on_bad_record == "skip")
    read = {source.name: _rows(source, problems) for source in sources}
    if len(read) < len(sources):
        raise UserError("two sources have one name", expected="a name for each source")
    chance = _chance(sources, read)
    # Images are read only when the questions are sound: it takes long.
    problems.check()
    tables = []
    for source in sources:
        payload = {"kind": "images", "path": source.images}
        rows = _limited(read[source.name], source)
        survey = survey_rows(rows, payload, check_images, problems)
        tables.append(with_images(_own_ids(rows, source.name), survey, source.format))
    problems.check()
    return finished(
        tables,
        relabelings=relabelings,
        skills=list(chance),
        groups=[ALL],
        chance=chance,
        sources={
            "taxonomy": "sources",
            "sources": [source.model_dump(mode="json") for source in sources],
        },
        problems=problems,
    )


def limited(ids: Sequence[str], number: int, seed: str) -> set[str]:
    """`number` of the ids, or all if there are fewer, chosen by the seed and by nothing else.

    A higher number keeps the choice of a lower one; the order of `ids` does not matter.
    """
    shuffled = sorted(ids)
    # random.Random(str) hashes the string with SHA-512: the same on every machine and version.
    random.Random(seed).shuffle(shuffled)
    return set(shuffled[:number])


def _rows(source: SourceFiles, problems: Problems) -> pa.Table:
    """The questions of a source with columns of `RAW`, and split, skill and group."""
    kind = FORMATS[source.format]
    raw = kind.read(source.questions, source.annotations, problems)
    subsets = raw["subset"].unique().to_pylist()
    raw = raw.append_column(
        "split", mapped(raw["subset"], {subset: kind.split_of(subset) for subset in subsets})
    )
    raw = raw.append_column("group", _constant(ALL, raw.num_rows))
    if source.taxonomy:
        return with_skill(raw, load_taxonomy(source.taxonomy), problems)
    return raw.append_column("skill", _constant(source.name, raw.num_rows))


def _chance(sources: Sequence[SourceFiles], read: Mapping[str, pa.Table]) -> dict[str, float]:
    """Task -> accuracy of guessing, in the order of the tasks."""
    found: dict[str, float] = {}
    for source in sources:
        skills = load_taxonomy(source.taxonomy).skills if source.taxonomy else (source.name,)
        rows = read[source.name]
        for skill in skills:
            if skill in found:
                raise UserError(f"two sources give the task {skill}", expected="one for each task")
            own = rows.filter(pc.equal(rows["skill"], skill))
            found[skill] = FORMATS[source.format].chance(own) if own.num_rows else 0.0
    return found


def _limited(rows: pa.Table, source: SourceFiles) -> pa.Table:
    kept = np.ones(rows.num_rows, bool)
    for split, number in source.limit.items():
        there = np.asarray(pc.equal(rows["split"], split))
        ids = rows["question_id"].filter(pa.array(there)).to_pylist()
        chosen = limited(ids, number, f"limit {source.limit_seed}: {source.name} {split}")
        named = np.asarray(pc.is_in(rows["question_id"], pa.array(sorted(chosen), pa.string())))
        kept &= ~there | named
    return rows.filter(pa.array(kept))


def _own_ids(rows: pa.Table, name: str) -> pa.Table:
    """Ids of questions and images with the source's name before them; "" stays."""
    for column in ("question_id", "image_id"):
        ids = flat(rows[column])
        own = pc.binary_join_element_wise(name, ids, "-")
        place = rows.column_names.index(column)
        rows = rows.set_column(place, column, pc.if_else(pc.equal(ids, ""), "", own))
    entailed = [[f"{name}-{each}" for each in ids] for ids in rows["entailed"].to_pylist()]
    place = rows.column_names.index("entailed")
    return rows.set_column(place, "entailed", pa.array(entailed, pa.list_(pa.string())))


def _constant(value: str, count: int) -> pa.Array:
    return pa.array([value]).take(pa.array(np.zeros(count, np.int64)))
