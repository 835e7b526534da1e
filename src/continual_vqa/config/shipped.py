"""Files of one kind that the project ships, one a name, beside which a user's own have a path."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from continual_vqa.config.block import Block
from continual_vqa.errors import UserError
from continual_vqa.files.yamls import read_yaml

B = TypeVar("B", bound=Block)


def shipped_names(folder: Path) -> tuple[str, ...]:
    """The names of the files in `folder`."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def shipped_path(name: str, folder: Path, what: str) -> Path:
    """The shipped file of that name, or `name` itself when it is a path of a .yaml file.

    Parameters
    ----------
    what : what such a file holds, for the error

    Raises
    ------
    UserError : no such file (the nearest name is given)
    """
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    shipped = shipped_names(folder)
    if name not in shipped:
        near = difflib.get_close_matches(name, shipped, n=1)
        raise UserError(
            f"unknown {what} {name!r}",
            expected=f"{', '.join(shipped)}, or the path of a .yaml file",
            do=f"did you mean {near[0]}?" if near else "",
        )
    return folder / f"{name}.yaml"


def read_keys(path: Path) -> dict[str, object]:
    """The keys and values of a YAML file.

    Raises
    ------
    UserError : missing file, YAML that does not parse, or content that is no mapping
    """
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        raise UserError(f"holds a {type(content).__name__}", where=path, expected="keys")
    return {str(key): value for key, value in content.items()}


def checked(kind: type[B], content: Mapping[str, object], path: Path, example: Path) -> B:
    """`content` of the file `path` as a `kind`.

    Raises
    ------
    UserError : content that is wrong: all mistakes are listed, and a shipped `example` is named
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = "; ".join(map(_mistake, error.errors(include_url=False)))
        raise UserError(mistakes, where=path, do=f"compare with {example}") from None


def _mistake(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"]))
    what = error["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
