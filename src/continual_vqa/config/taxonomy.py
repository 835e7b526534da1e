"""Taxonomy files: which question belongs to which skill, which concept to which group; as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from continual_vqa.config.block import Block
from continual_vqa.config.places import TAXONOMIES
from continual_vqa.config.shipped import checked, read_keys, shipped_names, shipped_path
from continual_vqa.errors import UserError

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]


class Rule(Block):
    """Questions that fit every condition belong to `skill`."""

    skill: Annotated[str, Field(description="The skill of the questions that fit.")]
    when: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(min_length=1)]],
        Field(min_length=1, description="Column -> values; the column has one of them."),
    ]
    matches: Annotated[
        dict[str, str],
        Field(default_factory=dict, description="Column -> regular expression (RE2) that fits."),
    ]


class Concepts(Block):
    """How a concept becomes the number that the groups list."""

    key: Annotated[
        Literal["coco_id", "coco_index", "name_hash"],
        Field(description="COCO's id, its rank among all ids, or a hash of the name."),
    ]
    prefer: Annotated[
        Literal["instances", "map"],
        Field(description="Which source gives an image's category when both are given."),
    ] = "instances"
    buckets: Annotated[int, Field(ge=1, description="Numbers that name_hash gives.")] = 1


class TaxonomyFile(Block):
    """The content of one file of config/taxonomies/, checked."""

    name: Annotated[str, Field(min_length=1, description="The taxonomy's name.")]
    dataset: Annotated[Literal["vqav2", "gqa"], Field(description="The format it is for.")]
    source: Annotated[str, Field(description="Where it was published, and what we chose.")]
    skills: Annotated[tuple[Name, ...], Field(min_length=1, description="In protocol order.")]
    composition_skills: Annotated[
        tuple[str, ...], Field(description="Skills on which novel compositions are tested.")
    ] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, description="The first fit decides.")]
    concepts: Annotated[Concepts, Field(description="From concept to number.")]
    groups: Annotated[
        dict[Name, tuple[int, ...]], Field(min_length=1, description="Group -> numbers.")
    ]
    categories: Annotated[
        dict[int, str], Field(default_factory=dict, description="COCO id -> category name.")
    ]

    @model_validator(mode="after")
    def _consistent(self) -> TaxonomyFile:
        _check_skills(self)
        _check_types(self)
        _check_groups(self)
        return self


@dataclass(frozen=True, slots=True)
class TaxonomyNames:
    """The names that a plan needs, each in the taxonomy's order, and the format they are for."""

    dataset: str
    skills: tuple[str, ...]
    groups: tuple[str, ...]
    composition_skills: tuple[str, ...]


def taxonomy_names(name: str) -> TaxonomyNames:
    """The skills and groups of a taxonomy; see `read_taxonomy`."""
    taxonomy = read_taxonomy(name)
    return TaxonomyNames(
        taxonomy.dataset, taxonomy.skills, tuple(taxonomy.groups), taxonomy.composition_skills
    )


def shipped_taxonomies() -> tuple[str, ...]:
    """The names of the taxonomies in config/taxonomies/."""
    return shipped_names(TAXONOMIES)


def taxonomy_path(name: str) -> Path:
    """The file of a shipped taxonomy, or `name` itself; see `shipped_path`."""
    return shipped_path(name, TAXONOMIES, "taxonomy")


def read_taxonomy(name: str) -> TaxonomyFile:
    """The taxonomy of that name (or path). A file may extend a shipped one: its keys replace.

    Raises
    ------
    UserError : unknown name, missing file, YAML that does not parse, or content that is wrong;
        all mistakes of the content are listed
    """
    path = taxonomy_path(name)
    content = read_keys(path)
    if "extends" in content:
        base = read_keys(taxonomy_path(str(content.pop("extends"))))
        if "extends" in base:
            raise UserError("extends a taxonomy that itself extends another", where=path)
        content = {**base, **content}
    return checked(TaxonomyFile, content, path, TAXONOMIES / "vqacl-contiguous.yaml")


def _check_skills(taxonomy: TaxonomyFile) -> None:
    named = {rule.skill for rule in taxonomy.rules} | set(taxonomy.composition_skills)
    if unknown := sorted(named - set(taxonomy.skills)):
        raise ValueError(f"skills that are not in `skills`: {', '.join(unknown)}")
    if without := [s for s in taxonomy.skills if s not in {r.skill for r in taxonomy.rules}]:
        raise ValueError(f"skills without a rule: {', '.join(without)}")
    if len(set(taxonomy.skills)) != len(taxonomy.skills):
        raise ValueError("a skill is named twice")


def _check_types(taxonomy: TaxonomyFile) -> None:
    owner: dict[tuple[str, str], str] = {}
    for rule in taxonomy.rules:
        for column, pattern in rule.matches.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"rule of {rule.skill}: {column}: {error}") from None
        # A rule with several conditions may overlap another: then their order decides.
        if rule.matches or len(rule.when) > 1:
            continue
        for column, values in rule.when.items():
            for value in values:
                if (before := owner.setdefault((column, value), rule.skill)) != rule.skill:
                    raise ValueError(f"{column} {value!r} is in both {before} and {rule.skill}")


def _check_groups(taxonomy: TaxonomyFile) -> None:
    owner: dict[int, str] = {}
    for group, numbers in taxonomy.groups.items():
        for number in numbers:
            if number in owner:
                raise ValueError(f"groups: {number} is in both {owner[number]} and {group}")
            owner[number] = group
    if taxonomy.concepts.key != "name_hash" and not taxonomy.categories:
        raise ValueError(f"concepts.key {taxonomy.concepts.key} needs `categories`")
