"""The settings of a job, as JSON text or a JSON file, checked; and the names of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from continual_vqa.config.block import Block
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.config.tuning import Phase
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json, read_json

JOINT = "joint"
S = TypeVar("S", bound=Block)


class StageIdentity(Block):
    """Which stage of which run a job belongs to."""

    id: Annotated[str, Field(description="Name of the stage, unique within the study.")] = ""
    task: Annotated[str, Field(description="The task that is learned, or joint.")]
    step: Annotated[int, Field(ge=1, description="Position in the stream, from 1.")] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63, description="Seed of the run.")] = 0
    questions: Annotated[
        int,
        Field(ge=0, description="Training questions, drawn by the seed from all cells; 0: all."),
    ] = 0
    phase: Annotated[
        Phase, Field(description="Which phase of the task, where a bank of adapters has two.")
    ] = "expansion"
    recipe: Annotated[Recipe, Field(description="The method.")] = Recipe.model_validate({})


class TrainSettings(Block):
    """The settings of one `train` job."""

    stage: StageIdentity
    training: TrainingConfig = TrainingConfig()
    shards: ShardsConfig = ShardsConfig()


def read_settings(text: str, kind: type[S]) -> S:
    """Settings given as JSON text (it begins with a brace) or as the name of a JSON file.

    Raises
    ------
    UserError : invalid JSON, or values that `kind` refuses: each is named with its path
    """
    where = "--settings"
    if text.lstrip().startswith("{"):
        content = parse_json(text.encode(), where)
    else:
        where, content = text, read_json(text)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}"
            for each in error.errors(include_url=False)
        )
        raise UserError(mistakes, where=where) from None


def read_tasks(arguments: Sequence[str], option: str) -> dict[str, Path]:
    """TASK=FILE arguments of `option` as task -> file, in their order.

    Raises
    ------
    UserError : no '=', no task or no file, or a task given twice
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        task, mark, path = argument.partition("=")
        if not mark or not task or not path or task in found:
            raise UserError(f"{argument!r} is no task", where=option, expected="TASK=FILE, once")
        found[task] = Path(path)
    return found


def read_cells(arguments: Sequence[str]) -> dict[str, Path]:
    """NAME=FOLDER arguments as name -> folder, in their order; NAME is split/skill/group.

    Raises
    ------
    UserError : no '=', a name that is not three parts, or one given twice
    """
    cells: dict[str, Path] = {}
    for argument in arguments:
        name, mark, folder = argument.partition("=")
        if not mark or len(name.split("/")) != 3 or not folder:
            raise UserError(
                f"{argument!r} is no cell", where="--cells", expected="split/skill/group=FOLDER"
            )
        if name in cells:
            raise UserError(f"{name} is given twice", where="--cells", expected="each cell once")
        cells[name] = Path(folder)
    return cells
