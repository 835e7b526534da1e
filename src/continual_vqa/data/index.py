"""Official files -> questions: read, sorted into skills, groups and splits, checked, reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.tasks import relabelled
from continual_vqa.data.cells import fingerprint_answers, fingerprint_cells, fingerprint_words
from continual_vqa.data.concepts import Concepts, image_concepts
from continual_vqa.data.gqa import read_gqa
from continual_vqa.data.payloads import open_payload
from continual_vqa.data.problems import LISTED, Problems
from continual_vqa.data.relabel import with_relabelings
from continual_vqa.data.report import data_report
from continual_vqa.data.scene_graphs import SceneGraph, read_scene_graphs
from continual_vqa.data.splits import official_split, read_karpathy
from continual_vqa.data.survey import Survey, survey_images
from continual_vqa.data.tables import QUESTIONS, flat, row_order
from continual_vqa.data.taxonomy import Taxonomy, load_taxonomy
from continual_vqa.data.vqav2 import read_vqav2
from continual_vqa.errors import UserError

VOCABULARY, ANSWERS = "vocabulary", "answers"


@dataclass(frozen=True)
class IndexRequest:
    """What is indexed. Empty tuples and texts: not given. Fields as in config/data.py.

    `relabelings` copies with other answers are added: see data/relabel.py.
    """

    dataset: str
    questions: tuple[str, ...]
    taxonomy: str
    annotations: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    scene_graphs: tuple[str, ...] = ()
    payload: Mapping[str, str] = field(default_factory=lambda: {"kind": "images", "path": ""})
    concept_map: str = ""
    splits: str = "official"
    karpathy_file: str = ""
    on_bad_record: str = "fail"
    check_images: str = "markers"
    relabelings: int = 0


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


def index(request: IndexRequest) -> Indexed:
    """Read everything that `request` names.

    Raises
    ------
    UserError : a file is missing or damaged, or there are bad records and they are not skipped
    """
    problems = Problems(skip=request.on_bad_record == "skip")
    taxonomy = load_taxonomy(request.taxonomy)
    if taxonomy.file.dataset != request.dataset:
        raise UserError(
            f"taxonomy {request.taxonomy} is for {taxonomy.file.dataset}, not {request.dataset}",
            do="choose another with --taxonomy (data.taxonomy)",
        )
    raw, concepts = READERS[request.dataset](request, taxonomy, problems)
    raw = raw.set_column(raw.column_names.index("concept"), "concept", concepts.names)
    raw = _known_images_only(raw, concepts, request, problems)
    raw = _with_skill(raw, taxonomy, problems)
    raw = _with_split(raw, request, problems)
    # Images are read only when the questions are sound: it takes long.
    problems.check()
    survey = _survey(raw, request, problems)
    problems.check()
    if survey is not None:
        sound = pa.array([name for name in survey.path if name not in survey.broken], pa.string())
        raw = raw.filter(pc.is_in(raw["image_name"], sound))
    if not raw.num_rows:
        raise UserError("no question is left", where=", ".join(request.questions))
    return _finish(raw, request, taxonomy, survey, concepts.sources, problems)


def _read_vqav2(
    request: IndexRequest, taxonomy: Taxonomy, problems: Problems
) -> tuple[pa.Table, Concepts]:
    if not request.annotations:
        raise UserError("no annotations given", expected="--annotations (data.annotations)")
    raw = read_vqav2(request.questions, request.annotations, problems)
    concepts = image_concepts(raw, taxonomy, request.instances, request.concept_map, problems)
    return raw, concepts


def _read_gqa(
    request: IndexRequest, taxonomy: Taxonomy, problems: Problems
) -> tuple[pa.Table, Concepts]:
    graphs: dict[str, SceneGraph] = {}
    for path in request.scene_graphs:
        graphs.update(read_scene_graphs(path))
    raw = read_gqa(request.questions, graphs, problems)
    known = None
    if graphs:
        # Official scene graphs exist for train and val alone.
        unlisted = pc.invert(pc.is_in(raw["subset"], pa.array(["train", "val"])))
        listed = pc.is_in(raw["image_id"], pa.array(list(graphs), pa.string()))
        known = flat(pc.or_(listed, unlisted))
    sources = {", ".join(request.scene_graphs): len(graphs)} if graphs else {}
    return raw, Concepts(flat(raw["concept"]), known, sources)


READERS: Mapping[str, Callable[[IndexRequest, Taxonomy, Problems], tuple[pa.Table, Concepts]]] = {
    "vqav2": _read_vqav2,
    "gqa": _read_gqa,
}


def _with_skill(raw: pa.Table, taxonomy: Taxonomy, problems: Problems) -> pa.Table:
    skill = taxonomy.assign(raw)
    for row in _rows_by_source(raw, np.asarray(pc.is_null(skill))):
        named = [
            f"{item['question_id']} ({item['question_type']!r}, nearest: "
            f"{taxonomy.nearest_type(item['question_type']) or 'none'})"
            for item in row.table.to_pylist()
        ]
        problems.add("unknown_question_types", row.source, named, row.count)
    return raw.append_column("skill", skill).filter(pc.is_valid(skill))


def _with_split(raw: pa.Table, request: IndexRequest, problems: Problems) -> pa.Table:
    if request.splits == "official":
        subsets = raw["subset"].unique().to_pylist()
        known = {subset: official_split(subset) for subset in subsets}
        return raw.append_column("split", _mapped(raw["subset"], known))
    if not request.karpathy_file:
        raise UserError(
            "no file of Karpathy splits", expected="--karpathy FILE (data.karpathy_file)"
        )
    splits = _mapped(raw["image_id"], read_karpathy(request.karpathy_file))
    _add_images(raw, np.asarray(pc.is_null(splits)), request.karpathy_file, problems)
    return raw.append_column("split", splits).filter(pc.is_valid(splits))


def _known_images_only(
    raw: pa.Table, concepts: Concepts, request: IndexRequest, problems: Problems
) -> pa.Table:
    # Where images are given, they are what says which exist.
    if concepts.known is None or request.payload["path"]:
        return raw
    _add_images(raw, ~np.asarray(concepts.known), ", ".join(concepts.sources), problems)
    return raw.filter(concepts.known)


def _survey(raw: pa.Table, request: IndexRequest, problems: Problems) -> Survey | None:
    source = open_payload(request.payload)
    if source is None:
        return None
    with source:
        names = sorted(raw["image_name"].unique().to_pylist())
        survey = survey_images(source, names, request.check_images)
        problems.add("missing_images", source.path, survey.missing)
        broken = [f"{name} ({reason})" for name, reason in sorted(survey.broken.items())]
        problems.add("broken_images", source.path, broken)
    return survey


def _finish(
    raw: pa.Table,
    request: IndexRequest,
    taxonomy: Taxonomy,
    survey: Survey | None,
    concept_sources: Mapping[str, int],
    problems: Problems,
) -> Indexed:
    raw = with_relabelings(raw, request.relabelings)
    raw = raw.take(row_order(raw["split"], raw["image_id"], raw["question_id"])).combine_chunks()
    paths = survey.path if survey else {}
    columns = {
        **{name: raw[name] for name in raw.column_names},
        "dataset": pa.array([request.dataset]).take(pa.array(np.zeros(raw.num_rows, np.int64))),
        "image_path": _mapped(raw["image_name"], paths).fill_null(""),
        "group": taxonomy.group(raw["concept"]),
    }
    questions = pa.table([columns[name] for name in QUESTIONS.names], names=QUESTIONS.names)
    questions = questions.cast(QUESTIONS).combine_chunks()
    sha256 = _mapped(raw["image_name"], survey.sha256) if survey else None
    sources = {**asdict(request), "concepts": dict(concept_sources)}
    copies = range(request.relabelings + 1)
    skills = [relabelled(skill, number) for number in copies for skill in taxonomy.skills]
    return Indexed(
        questions,
        data_report(questions, problems, sources, skills, taxonomy.groups),
        {
            VOCABULARY: fingerprint_words(questions),
            ANSWERS: fingerprint_answers(questions),
            **fingerprint_cells(questions, sha256),
        },
        problems,
    )


@dataclass(frozen=True)
class _Part:
    source: str
    table: pa.Table  # the first rows
    count: int


def _rows_by_source(raw: pa.Table, chosen: np.ndarray) -> list[_Part]:
    if not chosen.any():
        return []
    rows = raw.filter(pa.array(chosen))
    parts = []
    for source in rows["source"].unique().to_pylist():
        part = rows.filter(pc.equal(rows["source"], source))
        parts.append(_Part(source, part.slice(0, LISTED), part.num_rows))
    return parts


def _add_images(raw: pa.Table, chosen: np.ndarray, where: str, problems: Problems) -> None:
    images = raw["image_id"].filter(pa.array(chosen)).unique().to_pylist()
    problems.add("unknown_images", where, images)


def _mapped(column: pa.ChunkedArray, values: Mapping[str, str]) -> pa.Array:
    """Each entry replaced by its value, null where it has none."""
    encoded = flat(pc.dictionary_encode(column))
    found = pa.array([values.get(key) for key in encoded.dictionary.to_pylist()], pa.string())
    return found.take(encoded.indices)
