"""Official files -> questions: read, sorted into skills, groups and splits, checked, reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.assign import with_skill
from continual_vqa.data.concepts import Concepts, image_concepts
from continual_vqa.data.formats import FORMATS
from continual_vqa.data.gqa import read_gqa
from continual_vqa.data.part import Indexed, finished, mapped, with_images
from continual_vqa.data.problems import Problems
from continual_vqa.data.scene_graphs import SceneGraph, read_scene_graphs
from continual_vqa.data.splits import official_split, read_karpathy
from continual_vqa.data.survey import survey_rows
from continual_vqa.data.tables import flat
from continual_vqa.data.taxonomy import Taxonomy, load_taxonomy
from continual_vqa.data.vqav2 import read_vqav2
from continual_vqa.errors import UserError


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
    raw = with_skill(raw, taxonomy, problems)
    raw = _with_split(raw, request, problems)
    # Images are read only when the questions are sound: it takes long.
    problems.check()
    survey = survey_rows(raw, request.payload, request.check_images, problems)
    problems.check()
    raw = raw.append_column("group", taxonomy.group(raw["concept"]))
    return finished(
        [with_images(raw, survey, request.dataset)],
        relabelings=request.relabelings,
        skills=taxonomy.skills,
        groups=taxonomy.groups,
        chance=dict.fromkeys(taxonomy.skills, FORMATS[request.dataset].chance(raw)),
        sources={**asdict(request), "concepts": dict(concepts.sources)},
        problems=problems,
    )


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


def _with_split(raw: pa.Table, request: IndexRequest, problems: Problems) -> pa.Table:
    if request.splits == "official":
        subsets = raw["subset"].unique().to_pylist()
        known = {subset: official_split(subset) for subset in subsets}
        return raw.append_column("split", mapped(raw["subset"], known))
    if not request.karpathy_file:
        raise UserError(
            "no file of Karpathy splits", expected="--karpathy FILE (data.karpathy_file)"
        )
    splits = mapped(raw["image_id"], read_karpathy(request.karpathy_file))
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


def _add_images(raw: pa.Table, chosen: np.ndarray, where: str, problems: Problems) -> None:
    images = raw["image_id"].filter(pa.array(chosen)).unique().to_pylist()
    problems.add("unknown_images", where, images)
