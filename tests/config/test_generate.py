"""The generated files are in step with the models, and mean what the models mean."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from continual_vqa.config.generate import json_schema
from continual_vqa.config.load import load_study
from continual_vqa.config.study import Study
from continual_vqa.verbs.schema import GENERATED


@pytest.mark.parametrize("name", list(GENERATED))
def test_generated_files_are_in_step(repository: Path, name: str) -> None:
    assert (repository / name).read_text() == GENERATED[name](), "run `make generated`"


def test_the_commented_default_is_the_default(repository: Path) -> None:
    raw = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    assert load_study(raw) == Study()


def test_every_field_is_described() -> None:
    schema = yaml.safe_load(json_schema())
    for block in [schema, *schema["$defs"].values()]:
        for key, field in block["properties"].items():
            assert field.get("description"), f"{block['title']}.{key} has no description"


def test_the_schema_accepts_the_default_and_refuses_a_wrong_key(repository: Path) -> None:
    schema = yaml.safe_load(json_schema())
    raw = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    jsonschema.validate(raw, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**raw, "sedes": [1]}, schema)
