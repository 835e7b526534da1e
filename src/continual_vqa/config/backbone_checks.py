"""What the model of a study must fulfil: its vision, its family's settings, its base."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from continual_vqa.config.backbone import LlavaConfig, PaliGemmaConfig
from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.study import Study


def check_backbone(study: Study) -> Iterator[Mistake]:
    """Every impossible combination in the blocks backbone and pretraining, each as one mistake."""
    yield from _vision(study)
    yield from _OF_FAMILY[study.backbone.family](study)
    yield from _without_head(study)
    yield from _base(study)


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
    if study.backbone.rank or study.backbone.adapter:
        return
    yield from _tuning(
        study,
        "lora",
        "low-rank factors",
        f"backbone.lora.rank is {study.backbone.rank} for the family {study.backbone.family}",
        "backbone.lora.rank of 1 or more",
    )


def _without_head(study: Study) -> Iterator[Mistake]:
    if not study.backbone.chooses:
        family = study.backbone.family
        what = f"the family {family} writes its answers and has none"
        yield from _tuning(study, "head", "a head over the answers", what, "family vilt")


def _tuning(
    study: Study, tune: str, trained: str, lacking: str, expected: str
) -> Iterator[Mistake]:
    """The recipes that tune what the model does not have."""
    for name in study.recipes:
        own = study.custom_recipes.get(name)
        recipe = own or RECIPES.get(name)
        if recipe is not None and recipe.tune == tune:
            yield Mistake(
                f"custom_recipes.{name}.tune" if own else "recipes",
                (f"is {tune!r}" if own else f"{name} tunes {trained}") + f" while {lacking}",
                expected=expected + (", or tune: default or full" if own else ", or other recipes"),
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
    if not study.data.made and training.steps and not training.scene_graphs:
        yield Mistake(
            "pretraining.scene_graphs",
            f"is empty while data.dataset is {study.data.dataset}",
            expected="scene graphs with their images, or pretraining.steps: 0",
        )
