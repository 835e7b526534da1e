"""What the files of published numbers that a study names must fulfil: our keys and our recipes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.published import (
    PublishedFile,
    Setting,
    Value,
    published_path,
    read_published,
)
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.study import Study
from continual_vqa.errors import UserError


def check_published(study: Study) -> Iterator[Mistake]:
    """Every mistake in the files that `study` names."""
    for place, name in enumerate(study.published):
        try:
            file = read_published(name)
        except UserError as error:
            yield Mistake(f"published[{place}]", str(error))
        else:
            for found in misfits(file):
                yield Mistake(f"published[{place}]", f"{published_path(name)}: {found}")


def misfits(file: PublishedFile) -> Iterator[Mistake]:
    """Recipes and keys that we do not have, and values that no config can have."""
    for name, method in file.methods.items():
        if method.recipe and method.recipe not in RECIPES:
            what = f"is {method.recipe!r}"
            yield Mistake(f"methods.{name}.recipe", what, expected="a row of docs/methods.md")
        yield from _keys(f"methods.{name}.setting", method.setting)
    for name, setting in file.settings.items():
        yield from _keys(f"settings.{name}.setting", setting.setting)


def _keys(path: str, setting: Setting) -> Iterator[Mistake]:
    for key, values in setting.items():
        kind = _kinds().get(key)
        if kind is None:
            yield Mistake(f"{path}.{key}", "unknown key", expected="a key of config/README.md")
            continue
        adapter = TypeAdapter(kind)
        for value in values:
            if not (_fits(adapter, value) or _fits(adapter, (value,))):
                yield Mistake(f"{path}.{key}", f"is {value!r}", expected="a value it can have")


def _fits(adapter: TypeAdapter, value: Value | tuple[Value, ...]) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@cache
def _kinds() -> dict[str, Any]:
    """Every key of the config that holds a value, dots between the blocks -> its type."""
    return dict(_below(Study, ""))


def _below(block: type[BaseModel], path: str) -> Iterator[tuple[str, Any]]:
    for name, field in block.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _below(kind, f"{path}{name}.")
        else:
            yield f"{path}{name}", kind
