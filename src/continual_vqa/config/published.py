"""Files of published numbers: what a paper reports, and what a study must be to stand beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from continual_vqa.config.block import Block
from continual_vqa.config.places import PUBLISHED
from continual_vqa.config.shipped import checked, read_keys, shipped_names, shipped_path

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Text = Annotated[str, Field(min_length=1)]
Metric = Literal["AP", "AF", "BWT", "novel_AP", "novel_AF"]


def _plain(value: object) -> object:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("expected a text, a number, true or false")


# One error, where each kind of a union would have its own.
Value = Annotated[bool | int | float | str, PlainValidator(_plain)]
Setting = dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]]


class Reported(Block):
    """One number, as it is printed."""

    mean: Annotated[float, Field(strict=True, description="Percent or points.")]
    spread: Annotated[
        float | None, Field(ge=0, description="What follows ±, if anything does.")
    ] = None


def _alone(value: object) -> object:
    if isinstance(value, int | float):
        return {"mean": value}
    if not isinstance(value, Mapping):
        raise ValueError("expected a number, or {mean: a number, spread: what follows ±}")
    return value


Number = Annotated[Reported, BeforeValidator(_alone)]


class Method(Block):
    """A row of the published table."""

    title: Annotated[Text, Field(description="What the paper calls it.")]
    recipe: Annotated[str, Field(description="The same as a recipe of ours; empty: none is.")] = ""
    setting: Annotated[
        Setting, Field(default_factory=dict, description="As of the settings, for this row alone.")
    ]
    from_notes: Annotated[
        bool,
        Field(description="Read in third-party notes, and not checked against the paper."),
    ] = False
    remark: Annotated[str, Field(description="What else is to know of its numbers.")] = ""


class PublishedSetting(Block):
    """One block of numbers: who learned what, how it was measured, and the numbers."""

    title: Annotated[Text, Field(description="Its name in tables and figures.")]
    metrics: Annotated[
        dict[str, Metric], Field(min_length=1, description="Published metric -> ours.")
    ]
    setting: Annotated[
        Setting,
        Field(
            default_factory=dict,
            description="Key of a study's config -> values with which it compares: the key has one "
            "of them; a key that is a list has all of them.",
        ),
    ]
    also: Annotated[
        tuple[Text, ...], Field(description="What must hold as well and no config can tell.")
    ] = ()
    cannot_run: Annotated[
        str, Field(description="Why no study of this project can be comparable; empty: some can.")
    ] = ""
    rows: Annotated[
        dict[str, Annotated[dict[str, Number], Field(min_length=1)]],
        Field(min_length=1, description="Method -> published metric -> number."),
    ]

    @model_validator(mode="after")
    def _consistent(self) -> PublishedSetting:
        if bool(self.setting) == bool(self.cannot_run):
            raise ValueError("expected either `setting` or `cannot_run`")
        for method, numbers in self.rows.items():
            if unknown := sorted(numbers.keys() - self.metrics.keys()):
                raise ValueError(f"rows.{method}: not in `metrics`: {', '.join(unknown)}")
        return self


class PublishedFile(Block):
    """The content of one file of config/published/, checked."""

    title: Annotated[Text, Field(description="Its name in tables and figures.")]
    paper: Annotated[Text, Field(description="Authors and venue, or arXiv number.")]
    table: Annotated[Text, Field(description="Which table of the paper.")]
    methods: Annotated[
        dict[Name, Method], Field(min_length=1, description="The rows of the table, by name.")
    ]
    settings: Annotated[
        dict[Name, PublishedSetting], Field(min_length=1, description="The table's blocks.")
    ]

    @property
    def keys(self) -> set[str]:
        """Every key of a study's config that it asks for."""
        asking = (*self.methods.values(), *self.settings.values())
        return {key for each in asking for key in each.setting}

    @model_validator(mode="after")
    def _known_rows(self) -> PublishedFile:
        for name, setting in self.settings.items():
            if unknown := sorted(setting.rows.keys() - self.methods.keys()):
                where = f"settings.{name}.rows"
                raise ValueError(f"{where}: not in `methods`: {', '.join(unknown)}")
        return self


def shipped_published() -> tuple[str, ...]:
    """The names of the files in config/published/."""
    return shipped_names(PUBLISHED)


def published_path(name: str) -> Path:
    """The shipped file of that name, or `name` itself; see `shipped_path`."""
    return shipped_path(name, PUBLISHED, "published numbers")


def read_published(name: str) -> PublishedFile:
    """The published numbers of that name (or path).

    Raises
    ------
    UserError : unknown name, missing file, YAML that does not parse, or content that is wrong;
        all mistakes of the content are listed
    """
    path = published_path(name)
    return checked(PublishedFile, read_keys(path), path, PUBLISHED / "pam.yaml")
