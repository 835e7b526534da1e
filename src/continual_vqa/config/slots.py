"""Which values of a recipe's slots go together; checked before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.recipe import PER_TASK, Recipe
from continual_vqa.config.tuning import PHASES, AdapterTuning, BankTuning


def check_slots(path: str, recipe: Recipe) -> Iterator[Mistake]:
    """Every impossible combination within the recipe at `path`, each as one mistake."""
    if recipe.schedule == "joint":
        yield from _joint(path, recipe)
    if recipe.bank:
        yield from _bank(path, recipe, recipe.bank)
    elif recipe.start == "stacked":
        yield from _stacked(path, recipe)
    if isinstance(recipe.tune, AdapterTuning) and recipe.merge:
        yield Mistake(
            f"{path}.deploy",
            "is a merge while tune is 'adapter'",
            expected="trained, own or inferred: what the base has no values of cannot be merged",
        )
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
    if recipe.tune in ("full", "head") or isinstance(recipe.tune, AdapterTuning):
        kind = recipe.tune if isinstance(recipe.tune, str) else recipe.tune.kind
        yield Mistake(
            f"{path}.start",
            f"is 'stacked' while tune is {kind!r}",
            expected="tune: lora or adapter_bank: it is factors or adapters that are stacked",
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


def _bank(path: str, recipe: Recipe, bank: BankTuning) -> Iterator[Mistake]:
    for slot, needed, why in (
        ("schedule", ("continual",), "an adapter belongs to one task"),
        ("start", ("stacked",), "earlier adapters stay, and one is added"),
        ("deploy", PER_TASK, "queries and head are those of the task that is asked"),
    ):
        value = getattr(recipe, slot)
        if value not in needed:
            shown = value if isinstance(value, str) else value.kind
            yield Mistake(
                f"{path}.{slot}",
                f"is {shown!r} while tune is 'adapter_bank'",
                expected=f"{' or '.join(needed)}: {why}",
            )
    if recipe.guards or recipe.replay != "none":
        yield Mistake(
            f"{path}.{'guards' if recipe.guards else 'replay'}",
            "is given while tune is 'adapter_bank'",
            expected="none: what earlier tasks trained never changes",
        )
    if bank.phases != tuple(phase for phase in PHASES if phase in bank.phases):
        yield Mistake(
            f"{path}.tune.phases",
            f"is {', '.join(bank.phases)}",
            expected="experience, expansion, or both in this order",
        )
