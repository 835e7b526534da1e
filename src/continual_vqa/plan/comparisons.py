"""Which recipes of a study a figure or table can be about, told by their slots, never by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from continual_vqa.config.guards import MaskGuard
from continual_vqa.config.recipe import Recipe

Recipes = Mapping[str, Recipe]
# Two variants are told apart by a table; the course of a setting needs a third.
FEWEST_VARIANTS = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reference recipe and the recipes that it is compared with."""

    reference: str
    others: tuple[str, ...]


def masks(recipe: Recipe) -> tuple[MaskGuard, ...]:
    """The mask guards of a recipe."""
    return tuple(guard for guard in recipe.guards if guard.kind == "mask")


def masks_parts(recipe: Recipe) -> bool:
    """Whether a mask guard of the recipe chooses its entries part by part."""
    return any(guard.scope == "per_part" for guard in masks(recipe))


def aligns(recipe: Recipe) -> bool:
    """Whether a guard of the recipe compares signs with those of the starting weights."""
    return any(guard.kind == "align" for guard in recipe.guards)


def comparisons(recipes: Recipes) -> tuple[Comparison, ...]:
    """For each kind of replay and tuning, the method of interest against all that are alike in it.

    Like is compared with like: a memory helps every method, whatever guards it, and so does what
    is trained. Of interest is the first recipe that masks part by part, or that aligns signs.
    """
    found: dict[str, Comparison] = {}
    continual = _continual(recipes)
    for name, recipe in continual.items():
        key = _replay_and_tuning(recipe)
        if (masks_parts(recipe) or _resets_signs(recipe)) and key not in found:
            alike = [n for n, r in continual.items() if _replay_and_tuning(r) == key]
            found[key] = Comparison(name, tuple(n for n in alike if n != name))
    return tuple(c for c in found.values() if c.others)


def replays(recipes: Recipes) -> tuple[Comparison, ...]:
    """The first recipe that replays against all that are like it in everything but the replay."""
    found = []
    for group in guarded_alike(recipes):
        replaying = [name for name in group if recipes[name].replay != "none"]
        if replaying and len(group) > 1:
            reference = replaying[0]
            found.append(Comparison(reference, tuple(n for n in group if n != reference)))
    return tuple(found)


def _resets_signs(recipe: Recipe) -> bool:
    return any(guard.kind == "align" and guard.reset != "none" for guard in recipe.guards)


def _replay_and_tuning(recipe: Recipe) -> str:
    return recipe.model_dump_json(include={"replay", "tune"})


def variants(recipes: Recipes) -> tuple[tuple[str, ...], ...]:
    """Groups of recipes that differ in nothing but the settings of their guards."""
    groups: dict[str, list[str]] = {}
    for name, recipe in _continual(recipes).items():
        if recipe.guards:
            groups.setdefault(_without_settings(recipe), []).append(name)
    return tuple(tuple(g) for g in groups.values() if len(g) >= FEWEST_VARIANTS)


def alignment_sweeps(recipes: Recipes) -> tuple[dict[str, float], ...]:
    """Groups of recipes that differ in the share of weights that is aligned: recipe -> share.

    The share is `top` of the recipe's first align guard, and rises within a group.
    """
    groups: dict[str, dict[str, float]] = {}
    for name, recipe in _continual(recipes).items():
        tops = [guard.top for guard in recipe.guards if guard.kind == "align"]
        if tops:
            groups.setdefault(_without_tops(recipe), {})[name] = tops[0]
    return tuple(
        dict(sorted(group.items(), key=lambda item: item[1]))
        for group in groups.values()
        if len(set(group.values())) >= FEWEST_VARIANTS
    )


def guarded_alike(recipes: Recipes) -> tuple[tuple[str, ...], ...]:
    """Continual recipes grouped so that those which differ in their replay alone stand together."""
    groups: dict[str, list[str]] = {}
    for name, recipe in _continual(recipes).items():
        key = recipe.model_dump_json(exclude={"title", "paper", "replay"})
        groups.setdefault(key, []).append(name)
    return tuple(
        tuple(sorted(g, key=lambda name: recipes[name].replay != "none")) for g in groups.values()
    )


def rankable(recipes: Recipes) -> list[str]:
    """The recipes that can be ranked by accuracy: continual ones that are not told the task.

    One alone has no rank.
    """
    found = [name for name, recipe in _continual(recipes).items() if recipe.deploy != "own"]
    return found if len(found) > 1 else []


def _any_rival(recipes: Recipes) -> list[str]:
    return list(recipes) if len(recipes) > 1 else []


# What a figure or table needs -> the continual recipes that have it.
NEEDS: dict[str, Callable[[Recipes], list[str]]] = {
    "": list,
    "importance": lambda recipes: [n for n, r in recipes.items() if r.importances()],
    "mask": lambda recipes: [n for n, r in recipes.items() if masks(r)],
    "part_mask": lambda recipes: [n for n, r in recipes.items() if masks_parts(r)],
    "merge": lambda recipes: [n for n, r in recipes.items() if r.merge],
    "inferred": lambda recipes: [n for n, r in recipes.items() if r.deploy == "inferred"],
    "bank": lambda recipes: [n for n, r in recipes.items() if r.bank],
    "align": lambda recipes: [n for n, r in recipes.items() if aligns(r)],
    "align_sweep": lambda recipes: [n for group in alignment_sweeps(recipes) for n in group],
    "rival": _any_rival,
    "ranked": rankable,
    "variants": lambda recipes: [n for group in variants(recipes) for n in group],
    "comparison": lambda recipes: [c.reference for c in comparisons(recipes)],
    "pair": lambda recipes: [c.reference for c in (*comparisons(recipes), *replays(recipes))],
}


def suited(need: str, recipes: Recipes, probed: Collection[str] = ()) -> list[str]:
    """The continual recipes that have what `need` names; "probe": those that are probed."""
    continual = _continual(recipes)
    if need == "probe":
        return [name for name in continual if name in probed]
    return NEEDS[need](continual)


def _continual(recipes: Recipes) -> dict[str, Recipe]:
    return {name: r for name, r in recipes.items() if r.schedule == "continual"}


def _without_tops(recipe: Recipe) -> str:
    slots = recipe.model_dump(mode="json", exclude={"title", "paper"})
    for guard in slots["guards"]:
        if guard["kind"] == "align":
            del guard["top"]
    return json.dumps(slots, sort_keys=True)


def _without_settings(recipe: Recipe) -> str:
    slots = recipe.model_dump(mode="json", exclude={"title", "paper", "guards"})
    return json.dumps([slots, [guard.kind for guard in recipe.guards]], sort_keys=True)
