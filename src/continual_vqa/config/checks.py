"""Combinations that no single field can judge, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from continual_vqa.config.backbone_checks import check_backbone
from continual_vqa.config.layouts import ARCHIVE_MARK, MULTIMODAL
from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.mix import modality_of, names_of
from continual_vqa.config.mix_checks import MIX, check_sources
from continual_vqa.config.published_checks import check_published
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.slots import check_slots
from continual_vqa.config.study import Study
from continual_vqa.config.task_checks import NONE_HELD_OUT, check_tasks
from continual_vqa.config.taxonomy import TaxonomyNames
from continual_vqa.errors import UserError


def check_study(study: Study) -> Iterator[Mistake]:
    """Every impossible combination in `study`, each as one mistake."""
    yield from _data(study)
    yield from _recipes(study)
    yield from _own(study)
    yield from _probe(study)
    yield from _repeats("seeds", study.seeds)
    yield from check_published(study)
    yield from _repeats("published", study.published)
    yield from (
        Mistake(f"seeds[{i}]", f"is {seed}", expected="0 or more")
        for i, seed in enumerate(study.seeds)
        if seed < 0
    )
    try:
        names = names_of(study.data)
    except UserError as error:
        if not study.data.sources:
            yield Mistake("data.taxonomy", str(error))
    else:
        if study.data.dataset == MIX and not study.data.sources:
            return
        yield from _stream(study, names)
        if names.dataset != study.data.format:
            yield Mistake(
                "data.taxonomy",
                f"{study.data.taxonomy} is for {names.dataset}, not for {study.data.dataset}",
                expected=f"a taxonomy for {study.data.format}",
            )
    yield from check_backbone(study)
    yield from _processes(study)


def _own(study: Study) -> Iterator[Mistake]:
    known = {**RECIPES, **study.custom_recipes}
    own = [name for name in study.recipes if name in known and known[name].deploy == "own"]
    if own and study.evaluation.tasks == "all":
        yield Mistake(
            "evaluation.tasks",
            f"is 'all' while {own[0]} answers each task by the stage that learned it",
            expected="seen: no stage has learned a future task",
        )


def _processes(study: Study) -> Iterator[Mistake]:
    for name in ("train", "predict"):
        needs = getattr(study.resources, name)
        if needs.gpu and needs.processes > needs.gpu:
            yield Mistake(
                f"resources.{name}.processes",
                f"is {needs.processes} while resources.{name}.gpu is {needs.gpu}",
                expected="a GPU for every process",
            )


def nearest(name: str, valid: Iterable[str]) -> str:
    """The valid name most like `name`, or "" when none is near."""
    return next(iter(difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)), "")


def _data(study: Study) -> Iterator[Mistake]:
    data = study.data
    yield from check_sources(data, study.evaluation.split)
    if data.sources or data.made or data.dataset == MIX:
        return
    fetched = {f"{Path(data.root) / archive}" for archive in data.downloads(data.root)}
    if not data.root or not (data.download or Path(data.root).is_dir()):
        shown = f"{data.root} is no folder" if data.root else "is empty"
        yield Mistake("data.root", shown, expected=f"the folder of the {data.dataset} files")
        return
    for kind in ("questions", "annotations", "instances", "scene_graphs"):
        for name in data.files(kind, data.root):
            archive = name.split(ARCHIVE_MARK)[0]
            if archive not in fetched and not Path(archive).is_file():
                yield Mistake(f"data.{kind}", f"{name} does not exist", expected="an existing file")
    for kind in ("images", "features", "concept_map", "karpathy_file"):
        name = data.file(kind, data.root)
        made = kind == "images" and any(path.startswith(f"{name}/") for path in fetched)
        if name and not made and not Path(name.split(ARCHIVE_MARK)[0]).exists():
            yield Mistake(f"data.{kind}", f"{name} does not exist", expected="an existing path")
    if data.splits == "karpathy" and not data.karpathy_file:
        yield Mistake(
            "data.karpathy_file", "is empty while splits is karpathy", expected="dataset_coco.json"
        )
    if study.evaluation.split == "val" and data.splits != "karpathy":
        yield Mistake(
            "evaluation.split",
            "is 'val', which only data.splits: karpathy has",
            expected="test",
        )


def _stream(study: Study, names: TaxonomyNames) -> Iterator[Mistake]:
    stream = study.stream
    if stream.skills != "all":
        yield from _members("stream.skills", stream.skills, names.skills, "a skill")
        yield from _repeats("stream.skills", stream.skills)
    yield from _members("stream.downstream", stream.downstream, names.skills, "a skill")
    yield from _repeats("stream.downstream", stream.downstream)
    groups = names.groups if stream.groups == "all" else stream.groups
    if stream.groups != "all":
        yield from _members("stream.groups", stream.groups, names.groups, "a concept group")
        yield from _repeats("stream.groups", stream.groups)
    yield from _members(
        "stream.held_out", stream.held_out, (NONE_HELD_OUT, *groups), "a group of the stream"
    )
    yield from _repeats("stream.held_out", stream.held_out)
    yield from _repeats("stream.orders", stream.orders)
    upstream = [s for s in names.skills if s not in stream.downstream]
    skills = [s for s in upstream if stream.skills == "all" or s in stream.skills]
    known = [g for g in names.groups if g in groups]
    questions = f"{study.results}/{study.name}/data/questions.parquet"
    multimodal = [modality_of(study.data, skill) == MULTIMODAL for skill in skills]
    yield from check_tasks(stream, skills, known, questions, multimodal=multimodal)
    if len(groups) == 1 and any(g != NONE_HELD_OUT for g in stream.held_out):
        yield Mistake(
            "stream.held_out",
            "holds out the only group",
            expected="at least two groups, or held_out: [none]",
        )


def _recipes(study: Study) -> Iterator[Mistake]:
    known = {**RECIPES, **study.custom_recipes}
    yield from _members("recipes", study.recipes, tuple(known), "a recipe")
    yield from _repeats("recipes", study.recipes)
    for name, recipe in study.custom_recipes.items():
        path = f"custom_recipes.{name}"
        if name in RECIPES:
            yield Mistake(path, "has the name of a built-in recipe", expected="another name")
        if not name.replace("_", "").replace("+", "").replace("-", "").isalnum():
            yield Mistake(path, "is no usable name", expected="letters, digits, _ + -")
        yield from check_slots(path, recipe)


def _probe(study: Study) -> Iterator[Mistake]:
    named = study.probe.recipes
    if named == "all":
        return
    known = {**RECIPES, **study.custom_recipes}
    continual = [n for n in study.recipes if n in known and known[n].schedule == "continual"]
    alone = [name for name in continual if known[name].answers_alone]
    what = "a continual recipe of the study whose last checkpoint answers all tasks"
    yield from _members("probe.recipes", named, alone, what)
    yield from _repeats("probe.recipes", named)


def _members(
    path: str, values: Sequence[str], valid: Sequence[str], what: str
) -> Iterator[Mistake]:
    for index, value in enumerate(values):
        if value not in valid:
            yield Mistake(
                f"{path}[{index}]",
                f"is {value!r}",
                expected=f"{what}: {', '.join(valid)}",
                near=nearest(value, valid),
            )


def _repeats(path: str, values: Sequence[object]) -> Iterator[Mistake]:
    for value in sorted({v for v in values if values.count(v) > 1}, key=str):
        yield Mistake(path, f"names {value!r} more than once", expected="each once")
