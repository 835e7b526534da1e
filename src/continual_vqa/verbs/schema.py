"""Write the files that are made from the config models and the pinned packages.

The commented default, the JSON schema, the reference of all keys, the methods table, the conda
environment and the recipe of the container. A test fails when one of them is out of step;
`make generated` runs this.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from continual_vqa.config import environments, generate
from continual_vqa.config.places import REPOSITORY
from continual_vqa.files.atomic import write_text

EXAMPLE = "continual-vqa schema"

GENERATED: dict[str, Callable[[], str]] = {
    "config/config.yaml": generate.default_yaml,
    "config/README.md": generate.key_reference,
    "workflow/schemas/config.schema.json": generate.json_schema,
    "docs/methods.md": generate.methods_reference,
    "envs/conda.yaml": environments.conda_yaml,
    "envs/apptainer.def": environments.apptainer_def,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing, list what differs")


def run(args: argparse.Namespace) -> dict[str, object]:
    differing: list[str] = []
    for name, make in GENERATED.items():
        path = REPOSITORY / name
        content = make()
        if not path.exists() or path.read_text() != content:
            differing.append(name)
            if not args.check:
                write_text(path, content)
    return {"out_of_step" if args.check else "written": differing}
