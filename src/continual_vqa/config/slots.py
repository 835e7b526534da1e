"""Which values of a recipe's slots go together; checked before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.recipe import Recipe


def check_slots(path: str, recipe: Recipe) -> Iterator[Mistake]:
    """Every impossible combination within the recipe at `path`, each as one mistake."""
    if recipe.schedule == "joint":
        yield from _joint(path, recipe)
    if recipe.start == "stacked":
        yield from _stacked(path, recipe)
    if recipe.start == "merged" and recipe.merge is None:
        yield Mistake(
            f"{path}.start",
            f"is 'merged' while deploy is {recipe.deploy!r}",
            expected="a merge in deploy, or start: previous",
        )
    for index, guard in enumerate(recipe.guards):
        if guard.kind == "mask" and guard.directional and not guard.importance.direction:
            yield Mistake(
                f"{path}.guards[{index}].importance.direction",
                f"is false while directional is {guard.directional:g}",
                expected="true: the regulariser needs the gradient of the earlier tasks' loss",
            )
        if guard.kind == "orthogonal" and recipe.start != "stacked":
            yield Mistake(
                f"{path}.guards[{index}].kind",
                f"is 'orthogonal' while start is {recipe.start!r}",
                expected="start: stacked, which keeps every stage's factors apart",
            )


def _joint(path: str, recipe: Recipe) -> Iterator[Mistake]:
    if recipe.start != "base":
        yield Mistake(
            f"{path}.start",
            f"is {recipe.start!r} while schedule is 'joint'",
            expected="base: joint training has one stage and no previous one",
        )
    for slot, none, why in (
        ("guards", (), "none: joint training has no earlier task to protect"),
        ("replay", "none", "none: joint training has no earlier task to protect"),
        ("deploy", "trained", "trained: joint training has one set of weights"),
    ):
        if getattr(recipe, slot) != none:
            yield Mistake(f"{path}.{slot}", "is given while schedule is 'joint'", expected=why)


def _stacked(path: str, recipe: Recipe) -> Iterator[Mistake]:
    if recipe.tune == "full":
        yield Mistake(
            f"{path}.start",
            "is 'stacked' while tune is 'full'",
            expected="tune: lora: it is low-rank factors that are stacked",
        )
    if recipe.deploy != "trained":
        yield Mistake(
            f"{path}.deploy",
            "is given while start is 'stacked'",
            expected="trained: the updates of all stages act together already",
        )
    for index, guard in enumerate(recipe.guards):
        if guard.kind != "orthogonal":
            yield Mistake(
                f"{path}.guards[{index}].kind",
                f"is {guard.kind!r} while start is 'stacked'",
                expected="orthogonal: fresh factors have no earlier values to be held to",
            )
