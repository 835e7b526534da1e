"""A raw mapping becomes a `Study`, or one error that lists every mistake in it."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from continual_vqa.config.checks import check_study, nearest
from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.study import Study
from continual_vqa.errors import UserError
from continual_vqa.files.yamls import check_size

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a block of keys",
    "model_type": "a block of keys",
    "invalid_key": "keys that are texts",
    "model_attributes_type": "a block of keys",
}


# How pydantic calls a union of blocks within a longer union, which no config spells.
_UNIONS = "tagged-union["


@dataclass(frozen=True, slots=True)
class _Field:
    path: str
    names: tuple[str, ...]


class ConfigError(UserError):
    """All mistakes of a configuration."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("invalid configuration")

    def _line(self) -> str:
        count = len(self.mistakes)
        head = f"the configuration has {count} mistake{'s' * (count != 1)}; nothing was started"
        return "\n".join([head, *(f"  {mistake}" for mistake in self.mistakes)])


def load_study(raw: Mapping[str, object]) -> Study:
    """The study that `raw` (parsed YAML) describes.

    Raises
    ------
    ConfigError : lists every wrong key, type and value with its path, what was expected and the
        nearest valid name; then, if the shape is right, every impossible combination
    """
    check_size(raw, "the configuration")
    try:
        study = Study.model_validate(_without_nulls(raw))
    except ValidationError as error:
        raise ConfigError(list(_mistakes(error.errors(include_url=False)))) from None
    mistakes = list(check_study(study))
    if mistakes:
        raise ConfigError(mistakes)
    return study


def _without_nulls(raw: Mapping[str, object]) -> dict[str, object]:
    """A key without a value (YAML null) stands for its default."""
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in raw.items()
        if value is not None
    }


def _mistakes(errors: Iterable[ErrorDetails]) -> Iterable[Mistake]:
    found: dict[str, tuple[ErrorDetails, _Field]] = {}
    # A union reports each alternative; the first says enough. A block that was meant to be one of
    # a union's blocks is judged by these, not as a failed word.
    for error in sorted(errors, key=_is_no_word):
        location = _location(error["loc"])
        told = any(path.startswith(location.path) for path in found)
        if not (told and _is_no_word(error)):
            found.setdefault(location.path, (error, location))
    yield from (_mistake(error, location) for error, location in found.values())


def _is_no_word(error: ErrorDetails) -> bool:
    return error["type"] == "literal_error" and isinstance(error["input"], dict)


def _mistake(error: ErrorDetails, field: _Field) -> Mistake:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        parent = field.path.removesuffix(name)
        near = nearest(name, field.names)
        return Mistake(field.path, "unknown key", near=near and f"{parent}{near}")
    if kind == "union_tag_invalid":
        tag, options = str(context["tag"]), str(context["expected_tags"]).replace("'", "")
        near = nearest(tag, options.split(", "))
        return Mistake(f"{field.path}.kind", f"is {tag!r}", expected=options, near=near)
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "")
        options = [option.strip() for option in expected.replace(" or ", ",").split(",")]
        found = error["input"]
        return Mistake(
            field.path, f"is {found!r}", expected=expected, near=nearest(str(found), options)
        )
    expected = _EXPECTED.get(kind) or error["msg"].removeprefix("Input should be ").removeprefix(
        "Value error, "
    )
    return Mistake(field.path, f"is {_shown(error['input'])}", expected=expected)


def _location(loc: tuple[int | str, ...]) -> _Field:
    """The config path of an error, and the names that are valid where it happened."""
    model: object = Study
    parts: list[str] = []
    names: tuple[str, ...] = ()
    for step in loc:
        if isinstance(step, int):
            # A list's place, or a key that is a number.
            parts[-1:] = [f"{parts[-1]}[{step}]"] if parts else [str(step)]
            continue
        if not _is_model(model):
            # Of blocks told apart by their kind the step is the kind, which no config spells.
            if step.startswith(_UNIONS):
                continue
            if (alternative := _of_kind(model, step)) is not None:
                model = alternative
                continue
            inner = _inner_model(model)
            # Inside a dict of models the step is a free key; inside a union it is an alternative.
            if inner is None:
                break
            parts.append(step)
            model = inner
            continue
        fields = typing.cast("type[BaseModel]", model).model_fields
        names = tuple(fields)
        parts.append(step)
        model = fields[step].annotation if step in fields else None
    return _Field(".".join(parts), names)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _of_kind(annotation: object, kind: str) -> type[BaseModel] | None:
    """The block with this `kind` among those that an annotation names."""
    if _is_model(annotation):
        block = typing.cast("type[BaseModel]", annotation)
        field = block.model_fields.get("kind")
        return block if field is not None and field.default == kind else None
    found = (_of_kind(inner, kind) for inner in typing.get_args(annotation))
    return next((block for block in found if block is not None), None)


def _inner_model(annotation: object) -> object:
    if typing.get_origin(annotation) is dict:
        return next((a for a in typing.get_args(annotation) if _is_model(a)), None)
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
