"""Which settings tell variants of a method apart, laid out as lines over one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.probes import PARTS


@dataclass(frozen=True, slots=True)
class Grid:
    """Variants arranged by the settings in which they differ.

    Attributes
    ----------
    setting : the setting with most values, and those that change together with it
    values : its values in order, as text
    lines : what sets a line apart, as text -> value of `setting` -> recipe; the longest line first,
        and of the others only what differs from it
    """

    setting: str
    values: tuple[str, ...]
    lines: dict[str, dict[str, str]]


def grid_of(variants: Mapping[str, Recipe]) -> Grid:
    """The grid of recipes that differ in the settings of their guards.

    A block of one number for each part is one setting, and so are settings that always change
    together.
    """
    flat = {name: _settings(recipe) for name, recipe in variants.items()}
    together: dict[tuple[int, ...], list[str]] = {}
    for key in sorted({key for settings in flat.values() for key in settings}):
        column = [settings.get(key, "none") for settings in flat.values()]
        # Which recipes share a value, whatever the values are.
        pattern = tuple(column.index(value) for value in column)
        if any(pattern):
            together.setdefault(pattern, []).append(key)
    if not together:
        return Grid("variant", tuple(variants), {"": {name: name for name in variants}})
    values = {
        " = ".join(keys): {name: flat[name].get(keys[0], "none") for name in flat}
        for keys in together.values()
    }
    setting = max(values, key=lambda key: len(set(values[key].values())))
    across = values.pop(setting)
    lines: dict[tuple[object, ...], list[str]] = {}
    for recipe in variants:
        lines.setdefault(tuple(values[key][recipe] for key in values), []).append(recipe)
    ordered = sorted(lines, key=lambda line: -len(lines[line]))
    return Grid(
        setting,
        tuple(map(_text, sorted(set(across.values()), key=_order))),
        {
            _label(list(values), line, ordered[0]): {_text(across[r]): r for r in lines[line]}
            for line in ordered
        },
    )


def _settings(recipe: Recipe) -> dict[str, object]:
    """Settings of the guards, "importance.kind": "fisher"; numbered when there are several."""
    flat: dict[str, object] = {}
    for number, guard in enumerate(recipe.guards):
        prefix = f"{number + 1}." if len(recipe.guards) > 1 else ""
        _flatten(guard.model_dump(mode="json"), prefix, flat)
    return flat


def _flatten(value: object, path: str, flat: dict[str, object]) -> None:
    if isinstance(value, dict) and tuple(value) == PARTS:
        flat[path.rstrip(".")] = tuple(value.values())
    elif isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{path}{key}.", flat)
    else:
        flat[path.rstrip(".")] = value


def _label(keys: list[str], line: tuple[object, ...], first: tuple[object, ...]) -> str:
    shown = [
        f"{key} {_text(value)}"
        for key, value, usual in zip(keys, line, first, strict=True)
        if line == first or value != usual
    ]
    return ", ".join(shown)


def _order(value: object) -> tuple[bool, tuple[float, ...], str]:
    """Numbers by size, then words."""
    numbers = value if isinstance(value, tuple) else (value,)
    known = tuple(float(n) for n in numbers if isinstance(n, int | float))
    return len(known) < len(numbers), known, str(value)


def _text(value: object) -> str:
    """A number for each part is told once where all parts have the same."""
    if isinstance(value, tuple):
        return "/".join(dict.fromkeys(map(_text, value)))
    return f"{value:g}" if isinstance(value, float) else str(value)
