"""Studies of several sources: their tasks are generated from the sources, not read from a file."""

from __future__ import annotations

from collections.abc import Mapping

from continual_vqa.config.data import DataConfig
from continual_vqa.config.layouts import LAYOUTS, Modality
from continual_vqa.config.source import SourceConfig
from continual_vqa.config.tasks import COPY_MARK
from continual_vqa.config.taxonomy import TaxonomyNames, taxonomy_names

# The one concept group of every task.
ALL = "all"


def names_of(data: DataConfig) -> TaxonomyNames:
    """The skills and groups of a study, whether its taxonomy or its sources give them.

    Raises
    ------
    UserError : no such taxonomy, or a damaged one
    """
    if not data.sources:
        return taxonomy_names(data.taxonomy)
    skills = tuple(s for name, each in data.sources.items() for s in skills_of(name, each))
    return TaxonomyNames(data.format, skills, (ALL,), ())


def skills_of(name: str, source: SourceConfig) -> tuple[str, ...]:
    """The tasks that a source gives: itself, or the skills of its taxonomy."""
    return taxonomy_names(source.taxonomy).skills if source.taxonomy else (name,)


def sources_of_skills(data: DataConfig) -> Mapping[str, str]:
    """Skill -> the source that gives it."""
    return {s: name for name, each in data.sources.items() for s in skills_of(name, each)}


def modality_of(data: DataConfig, skill: str) -> Modality:
    """What a question of a skill, or of a relabelled copy of it, shows."""
    source = data.sources[source_of(data, skill)] if data.sources else data
    return LAYOUTS[source.format].modality


def source_of(data: DataConfig, skill: str) -> str:
    """The source of a skill, or of a relabelled copy of it."""
    return sources_of_skills(data)[skill.partition(COPY_MARK)[0]]
