"""The whole configuration of one study."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from continual_vqa.config.adapters import AdaptersConfig
from continual_vqa.config.backbone import BackboneConfig, PretrainingConfig
from continual_vqa.config.block import Block
from continual_vqa.config.data import DataConfig
from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.config.merging import MergingConfig
from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.config.probe import ProbeConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.replay import ReplayConfig
from continual_vqa.config.resources import ResourcesConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.stream import StreamConfig
from continual_vqa.config.training import TrainingConfig


class Study(Block):
    """One study: data, model, methods, seeds. Its results live in `results/<name>/`."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
            description="Name of the study; its results go to results/NAME.",
        ),
    ] = "demo"
    results: Annotated[
        str, Field(min_length=1, description="Folder of all results, relative to the repository.")
    ] = "results"
    data: Annotated[DataConfig, Field(description="Where the questions and images come from.")] = (
        DataConfig()
    )
    miniature: Annotated[
        MiniatureConfig,
        Field(description="The built-in miniature world; used when data.dataset is miniature."),
    ] = MiniatureConfig()
    stream: Annotated[StreamConfig, Field(description="Tasks, their order, held-out groups.")] = (
        StreamConfig()
    )
    shards: Annotated[ShardsConfig, Field(description="The webdataset shards.")] = ShardsConfig()
    backbone: Annotated[BackboneConfig, Field(description="The model.")] = BackboneConfig()
    pretraining: Annotated[
        PretrainingConfig,
        Field(description="Training of the base model; used when backbone.folder is empty."),
    ] = PretrainingConfig()
    training: Annotated[TrainingConfig, Field(description="Training of a stage.")] = (
        TrainingConfig()
    )
    replay: Annotated[
        ReplayConfig, Field(description="The memory of recipes that replay earlier tasks.")
    ] = ReplayConfig()
    merging: Annotated[MergingConfig, Field(description="What is measured of merges.")] = (
        MergingConfig()
    )
    adapters: Annotated[
        AdaptersConfig, Field(description="What is measured of banks of adapters.")
    ] = AdaptersConfig()
    evaluation: Annotated[EvaluationConfig, Field(description="Answering the test questions.")] = (
        EvaluationConfig()
    )
    recipes: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Methods that are run and compared: names of the built-in table or of "
            "custom_recipes.",
        ),
    ] = ("sequential", "joint", "text_only")
    custom_recipes: dict[str, Recipe] = Field(
        default_factory=dict,
        description="Further methods, each a value per slot; see docs/methods.md.",
    )
    seeds: Annotated[
        tuple[int, ...],
        Field(min_length=1, description="Seeds; each is a complete repetition of all recipes."),
    ] = (0,)
    probe: Annotated[
        ProbeConfig, Field(description="What the drift of each part of the model costs.")
    ] = ProbeConfig()
    published: Annotated[
        tuple[str, ...],
        Field(
            description="Published numbers that a table and a figure put beside the study's: files "
            "of config/published/ by name (vqacl, pam), or paths of such files. Each says what a "
            "study must be to be comparable."
        ),
    ] = ()
    figures: Annotated[FiguresConfig, Field(description="How figures look.")] = FiguresConfig()
    resources: Annotated[ResourcesConfig, Field(description="What jobs ask for.")] = (
        ResourcesConfig()
    )
