"""Files made from the config models: the commented default, the JSON schema, the key reference."""

from __future__ import annotations

import json
import textwrap
import types
import typing
from collections.abc import Iterator

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.study import Study

_HEAD = """\
# The default study: the built-in miniature world, runnable without any download.
# Made by `make generated` from src/continual_vqa/config; change the models, not this file.
# For a study of your own, write a small file with only the keys that differ, and run
#   snakemake --cores 2 --configfile my-study.yaml
"""
_WIDTH = 96


def default_yaml() -> str:
    """config/config.yaml: every key with its default, its description as a comment."""
    return _HEAD + "\n" + "\n".join(_yaml_lines(Study(), 0)).lstrip("\n") + "\n"


def json_schema() -> str:
    """The JSON schema of a configuration, for editors."""
    schema = Study.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def key_reference() -> str:
    """config/README.md: a table of every key."""
    lines = [
        "# Every key of the configuration",
        "",
        "Made by `make generated` from `src/continual_vqa/config`. `config.yaml` beside this file "
        "holds the defaults;",
        "a study of your own is a small file with the keys that differ: "
        "`snakemake --configfile my-study.yaml`.",
        "A mistake stops the run before any job starts, with a list of all mistakes.",
    ]
    for path, model in _blocks(Study, ""):
        title = f"`{path}`" if path else "Top level"
        lines += ["", f"## {title}", "", _paragraph(model), ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def methods_reference() -> str:
    """docs/methods.md: the recipes table and the slots it is made of."""
    slots = [name for name in Recipe.model_fields if name not in ("title", "paper")]
    lines = [
        "# Methods",
        "",
        "Made by `make generated` from `src/continual_vqa/config/recipes.py`. A method is a row: "
        "one value for each slot.",
        "",
        "| recipe | title | " + " | ".join(slots) + " | paper |",
        "|" + "---|" * (len(slots) + 3),
    ]
    for name, recipe in RECIPES.items():
        values = [_cell(getattr(recipe, slot)) for slot in slots]
        lines.append(
            f"| `{name}` | {recipe.title} | " + " | ".join(values) + f" | {recipe.paper} |"
        )
    lines += ["", "## Slots", "", "| slot | values | meaning |", "|---|---|---|"]
    for slot in slots:
        field = Recipe.model_fields[slot]
        lines.append(f"| `{slot}` | {_type_name(field.annotation)} | {_description(field)} |")
    lines += ["", "Of a guard or a merge only what differs from its defaults is shown.", ""]
    for _, guard in _blocks(Recipe, ""):
        kind = guard.model_fields.get("kind")
        if guard is Recipe or kind is None or guard.__name__ == "ImportanceConfig":
            continue
        lines += [f"**{kind.default}**: {_paragraph(guard)}", ""]
    lines += [
        "",
        "A further method costs a few lines of YAML, and no code:",
        "",
        "```yaml",
        "backbone: {lora: {rank: 16}}",
        "recipes: [sequential_lora, pam, aim_pam]",
        "custom_recipes:",
        "  aim_pam:",
        "    title: AIM + PAM",
        "    tune: lora",
        "    start: merged",
        "    guards: [{kind: mask}, {kind: align, top: 0.3}]",
        "    deploy: {kind: average}",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _yaml_lines(block: BaseModel, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        if depth == 0:
            yield ""
        for line in textwrap.wrap(_description(field), _WIDTH - len(indent)):
            yield f"{indent}# {line}"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _yaml_lines(value, depth + 1)
        else:
            yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: object) -> str:
    plain = json.loads(json.dumps(value, default=_plain))
    if plain is None:
        return "null"
    return (
        yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _blocks(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        inner_models = list(_models(field.annotation))
        for inner in inner_models:
            suffix = ".NAME" if typing.get_origin(field.annotation) is dict else ""
            # Alternatives of one field are told apart by their kind.
            kind = inner.model_fields.get("kind") if len(inner_models) > 1 else None
            suffix += f" ({kind.default})" if kind else ""
            yield from _blocks(inner, f"{path}.{name}{suffix}".lstrip("."))


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    shown = "see below" if isinstance(default, BaseModel) else f"`{_scalar(default)}`"
    return f"| `{name}` | {_type_name(field.annotation)} | {shown} | {_description(field)} |"


def _type_name(annotation: object) -> str:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{a}`" for a in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(a) for a in args)
    if origin is tuple:
        return f"list of {_type_name(args[0])}" if args else "empty list"
    if origin is dict:
        return f"name → {_type_name(args[1])}"
    if origin is typing.Annotated:
        return _type_name(args[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        return f"`{kind.default}` block" if kind else "block"
    names = {str: "text", int: "whole number", float: "number", bool: "true / false"}
    return names.get(
        typing.cast("type", annotation), "none" if annotation is type(None) else "text"
    )


def _description(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


def _paragraph(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _cell(value: object) -> str:
    if value in ((), "none"):
        return "–"
    if isinstance(value, tuple):
        return "; ".join(_cell(each) for each in value)
    if isinstance(value, BaseModel):
        chosen = value.model_dump(exclude_defaults=True, exclude={"kind"})
        return f"{getattr(value, 'kind', '')}{_settings(chosen)}"
    return str(value)


def _settings(chosen: dict) -> str:
    """ "(key value, ...)" of the settings that differ from the defaults."""
    inner = [
        f"{name} {_settings(value) if isinstance(value, dict) else value}".rstrip()
        for name, value in chosen.items()
    ]
    return f"({', '.join(inner)})" if inner else ""
