"""Combinations that no single field can judge, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from continual_vqa.config.backbone import LlavaConfig, PaliGemmaConfig
from continual_vqa.config.layouts import ARCHIVE_MARK
from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.mix import names_of
from continual_vqa.config.mix_checks import MINIATURE, MIX, check_sources
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
    yield from _vision(study)
    yield from _OF_FAMILY[study.backbone.family](study)
    yield from _base(study)


def _own(study: Study) -> Iterator[Mistake]:
    known = {**RECIPES, **study.custom_recipes}
    own = [name for name in study.recipes if name in known and known[name].deploy == "own"]
    if own and study.evaluation.tasks == "all":
        yield Mistake(
            "evaluation.tasks",
            f"is 'all' while {own[0]} answers each task by the stage that learned it",
            expected="seen: no stage has learned a future task",
        )


def nearest(name: str, valid: Iterable[str]) -> str:
    """The valid name most like `name`, or "" when none is near."""
    return next(iter(difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)), "")


def _data(study: Study) -> Iterator[Mistake]:
    data = study.data
    yield from check_sources(data, study.evaluation.split)
    if data.sources or data.dataset in (MINIATURE, MIX):
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
    yield from check_tasks(stream, skills, known, questions)
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


def _vision(study: Study) -> Iterator[Mistake]:
    vision = study.backbone.vision
    if vision.kind == "patches" and vision.image_size % vision.patch_size:
        yield Mistake(
            "backbone.vision.patch_size",
            f"is {vision.patch_size}, which does not divide image_size {vision.image_size}",
            expected="a divisor of backbone.vision.image_size",
        )
    has_features = bool(study.data.features)
    if vision.kind == "regions" and not has_features:
        yield Mistake(
            "backbone.vision.kind",
            "is 'regions' while data.features is empty",
            expected="patches, or a feature file in data.features",
        )
    if vision.kind == "patches" and has_features:
        yield Mistake(
            "backbone.vision.kind",
            "is 'patches' while data.features is given",
            expected="regions, or an empty data.features",
        )


def _t5_vision(study: Study) -> Iterator[Mistake]:
    yield from _no_decoder(study, "low-rank tuning trains the visual embedding")
    yield from _targets(study)
    yield from _without_factors(study)


def _no_decoder(study: Study, instead: str) -> Iterator[Mistake]:
    """What only language models have that read visual tokens in their prompt."""
    if study.backbone.adapter:
        yield Mistake(
            "backbone.adapter",
            f"is given while backbone.family is {study.backbone.family}",
            expected="family llava or paligemma, or an empty backbone.adapter",
        )
    if study.backbone.lora.vision_tower:
        yield Mistake(
            "backbone.lora.vision_tower",
            f"is true while backbone.family is {study.backbone.family}",
            expected=f"false: there is no tower; {instead}",
        )
    if not study.backbone.lora.projector:
        yield Mistake(
            "backbone.lora.projector",
            f"is false while backbone.family is {study.backbone.family}",
            expected=f"true: there is no projector; {instead}",
        )


def _vilt(study: Study) -> Iterator[Mistake]:
    own = study.backbone.vilt
    yield from _no_decoder(study, "low-rank tuning trains the head")
    yield from _targets(study)
    yield from _without_factors(study)
    yield from _only_patches(study)
    if own.hidden_size % own.heads:
        yield Mistake(
            "backbone.vilt.heads", f"is {own.heads}", expected=f"a divisor of {own.hidden_size}"
        )


def _only_patches(study: Study) -> Iterator[Mistake]:
    if study.backbone.vision.kind != "patches":
        yield Mistake(
            "backbone.vision.kind",
            f"is {study.backbone.vision.kind!r} while backbone.family is {study.backbone.family}",
            expected="patches",
        )


def _without_factors(study: Study) -> Iterator[Mistake]:
    backbone = study.backbone
    if backbone.rank or backbone.adapter:
        return
    for name in study.recipes:
        own = study.custom_recipes.get(name)
        recipe = own or RECIPES.get(name)
        if recipe is not None and recipe.tune == "lora":
            yield Mistake(
                f"custom_recipes.{name}.tune" if own else "recipes",
                ("is 'lora'" if own else f"{name} tunes low-rank factors")
                + f" while backbone.lora.rank is {backbone.lora.rank or 0} for the family "
                f"{backbone.family}",
                expected="backbone.lora.rank of 1 or more"
                + (", or tune: default or full" if own else ", or other recipes"),
            )


def _targets(study: Study) -> Iterator[Mistake]:
    targets = study.backbone.lora.targets or ()
    repeated = sorted({target for target in targets if targets.count(target) > 1})
    if repeated:
        yield Mistake("backbone.lora.targets", f"names {repeated[0]!r} twice", expected="each once")


def _llava(study: Study) -> Iterator[Mistake]:
    llava = study.backbone.llava
    yield from _decoder(study, llava)
    if -llava.feature_layer > llava.vision_layers + 1:
        yield Mistake(
            "backbone.llava.feature_layer",
            f"is {llava.feature_layer} for {llava.vision_layers} layers",
            expected=f"-1 to {-llava.vision_layers - 1}",
        )


def _paligemma(study: Study) -> Iterator[Mistake]:
    yield from _decoder(study, study.backbone.paligemma)


def _decoder(study: Study, own: LlavaConfig | PaliGemmaConfig) -> Iterator[Mistake]:
    """What holds for every language model that reads visual tokens in its prompt."""
    backbone, path = study.backbone, f"backbone.{study.backbone.family}"
    yield from _targets(study)
    yield from _without_factors(study)
    yield from _only_patches(study)
    for name, whole, divisor in (
        ("heads", own.hidden_size, own.heads),
        ("kv_heads", own.heads, own.kv_heads),
        ("vision_heads", own.vision_hidden_size, own.vision_heads),
    ):
        if whole % divisor:
            yield Mistake(f"{path}.{name}", f"is {divisor}", expected=f"a divisor of {whole}")
    if own.hidden_size // own.heads % 2:
        yield Mistake(
            f"{path}.heads",
            f"is {own.heads} for hidden_size {own.hidden_size}",
            expected="heads of even width, as rotary positions need",
        )
    for mark in ("<image>", "{question}"):
        if own.template.count(mark) != 1:
            yield Mistake(
                f"{path}.template",
                f"holds {mark} {own.template.count(mark)} times",
                expected="<image> and {question}, each once",
            )
    adapter = backbone.adapter
    if adapter and not (Path(adapter) / "adapter_config.json").is_file():
        yield Mistake(
            "backbone.adapter", f"{adapter} holds no adapter_config.json", expected="a peft folder"
        )


# Family -> what its own settings must fulfil.
_OF_FAMILY: dict[str, Callable[[Study], Iterator[Mistake]]] = {
    "t5_vision": _t5_vision,
    "llava": _llava,
    "paligemma": _paligemma,
    "vilt": _vilt,
}


def _base(study: Study) -> Iterator[Mistake]:
    folder, training = study.backbone.folder, study.pretraining
    if folder and training.steps and not training.scene_graphs:
        yield Mistake(
            "pretraining.steps",
            f"is {training.steps} while backbone.folder is given",
            expected="0, or scene graphs to go on training with in pretraining.scene_graphs",
        )
    for path, name in (
        ("backbone.folder", folder),
        ("pretraining.scene_graphs", training.scene_graphs),
        ("pretraining.images", training.images),
    ):
        if name and not Path(name).exists():
            yield Mistake(path, f"{name} does not exist", expected="an existing path")
    if bool(training.scene_graphs) != bool(training.images):
        yield Mistake(
            "pretraining.images",
            "must be given together with pretraining.scene_graphs",
            expected="both, or neither for the miniature world's",
        )
    # The miniature world is only generated where it is the study's data.
    if study.data.dataset != "miniature" and training.steps and not training.scene_graphs:
        yield Mistake(
            "pretraining.scene_graphs",
            f"is empty while data.dataset is {study.data.dataset}",
            expected="scene graphs with their images, or pretraining.steps: 0",
        )


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
