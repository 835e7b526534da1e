"""Config files of a study outside Snakemake: merged as `--configfile` merges them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from continual_vqa.config.load import load_study
from continual_vqa.config.study import Study
from continual_vqa.errors import UserError
from continual_vqa.files.yamls import read_yaml


def load_files(paths: Iterable[str | Path]) -> Study:
    """The study that config files describe, later ones over earlier ones; without any the default.

    Raises
    ------
    UserError : a file cannot be read, or is no YAML of keys
    ConfigError : the configuration has mistakes
    """
    raw: dict[str, object] = {}
    for path in paths:
        content = read_yaml(path)
        if not isinstance(content, dict | None):
            raise UserError("holds no keys", where=path, expected="the keys of config/README.md")
        raw = _merged(raw, content or {})
    return load_study(raw)


def _merged(first: dict[str, object], second: dict[str, object]) -> dict[str, object]:
    found = dict(first)
    for key, value in second.items():
        own = found.get(key)
        both = isinstance(own, dict) and isinstance(value, dict)
        found[key] = _merged(own, value) if both else value  # pyright: ignore[reportArgumentType]
    return found
