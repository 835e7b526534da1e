"""Published numbers beside a study's: their files, and what of the config tells whether it fits."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import reduce
from pathlib import Path

from continual_vqa.config.published import published_path, read_published
from continual_vqa.config.study import Study


def published_files(study: Study) -> list[str]:
    """The files of published numbers that the config names."""
    here, found = Path.cwd(), [published_path(name) for name in study.published]
    # Relative where possible: a study that moves with its checkout is not made anew.
    return [str(p.relative_to(here) if p.is_relative_to(here) else p) for p in found]


def keys_told(study: Study, told: Mapping[str, object]) -> str:
    """A JSON object of the config's keys that these files ask for, with their values.

    `told`: keys that can be spelled in several ways, with one spelling for each meaning.
    """
    keys = sorted({key for name in study.published for key in read_published(name).keys})
    return json.dumps({key: told[key] if key in told else _value(study, key) for key in keys})


def all_or(chosen: Collection[str], known: Collection[str]) -> str | list[str]:
    """ "all" where everything known is chosen, else what is."""
    return "all" if set(chosen) == set(known) else list(chosen)


def _value(study: Study, key: str) -> object:
    return reduce(getattr, key.split("."), study)
