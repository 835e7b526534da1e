"""A made-up study of masks: score files as in `studies`, and tables of masks, overlap, damage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.studies import TASKS, write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.guards import MaskGuard, PartShares
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES as KNOWN
from continual_vqa.plan.comparisons import masks

STREAM = "published"
PARTS = {"vision": 1000, "language": 20000}
MASKED = ("sequential", "joint", "ewc", "aim", "aim_global")


def variants() -> dict[str, Recipe]:
    """Six variants of one mask: three budgets x two strengths."""
    found = {}
    for budget in (0.25, 0.5, 0.75):
        for strength in (0.5, 1.0):
            both = [PartShares(vision=v, language=v) for v in (budget, strength)]
            guard = MaskGuard(budget=both[0], strength=both[1])
            found[f"b{budget}-s{strength}"] = Recipe(title=f"AIM {budget}", guards=(guard,))
    return found


def masked_results(
    folder: Path,
    names: tuple[str, ...] = MASKED,
    seeds: tuple[int, ...] = (0, 1),
    known: Mapping[str, Recipe] = KNOWN,
) -> Results:
    """The results of a made-up study of `names`, with all further tables."""
    recipes = {
        name: (known[name].title, known[name].schedule, 0.8 - 0.01 * i, 0.12 / (1 + i))
        for i, name in enumerate(names)
    }
    content = write_study(folder, seeds, 6, recipes, known)
    tables = further({n: known[n] for n in names if known[n].schedule == "continual"}, seeds)
    return Results(*aggregate(parse_runs(content, "runs.json")), tables)


def further(recipes: Mapping[str, Recipe], seeds: tuple[int, ...]) -> dict[str, pa.Table]:
    """The tables of schemas.FURTHER for the continual `recipes`."""
    rows: dict[str, list[dict]] = {name: [] for name in FURTHER}
    for number, (name, recipe) in enumerate(recipes.items()):
        for seed in seeds:
            rng = np.random.default_rng([number, seed])
            run = {"stream": STREAM, "recipe": name, "seed": seed}
            rows["damage"] += _damage(run, rng)
            if not recipe.importances():
                continue
            run["guard"] = 0
            rows["importance"] += _importance(run, np.random.default_rng(seed))
            if masks(recipe):
                rows["masks"] += _masks(run, masks(recipe)[0], rng)
                rows["overlap"] += _overlap(run, rng)
    return {name: pa.Table.from_pylist(found, FURTHER[name]) for name, found in rows.items()}


def _damage(run: dict, rng: np.random.Generator) -> list[dict]:
    rows = []
    for task in TASKS[:-1]:
        gains = {"none": 0.0, "vision": 4.0, "language": 9.0, "both": 15.0}
        for restored, gain in gains.items():
            accuracy = 50 + gain + float(rng.normal(0, 0.5))
            rows.append({**run, "task": task, "restored": restored, "accuracy": accuracy})
    return rows


def _importance(run: dict, rng: np.random.Generator) -> list[dict]:
    rows = []
    for step, task in enumerate(TASKS[:-1], start=1):
        for part, entries in PARTS.items():
            centre = -6.5 if part == "vision" else -8.0
            values = np.floor(4 * rng.normal(centre + 0.2 * step, 1.0, entries)) / 4
            common = {**run, "step": step, "task": task, "part": part}
            for low, count in zip(*np.unique(values, return_counts=True), strict=True):
                low = float(low)
                rows.append({**common, "low": low, "high": low + 0.25, "count": int(count)})
            if part == "language":
                zero = float("-inf")
                rows.append({**common, "low": zero, "high": zero, "count": entries // 10})
    return rows


def _masks(run: dict, guard: MaskGuard, rng: np.random.Generator) -> list[dict]:
    rows = []
    for step, task in enumerate(TASKS[:-1], start=1):
        for part, entries in PARTS.items():
            budget = getattr(guard.budget, part)
            share, threshold = budget, 10.0 ** (-6.4 if part == "vision" else -7.9)
            if guard.scope == "global":
                share = 0.9 if part == "vision" else 0.45
                share, threshold = share + float(rng.normal(0, 0.01)), 10.0**-7.8
            numbers = {"entries": entries, "protected": round(share * entries), "share": share}
            rows.append(
                {
                    **run,
                    "scope": guard.scope,
                    "step": step,
                    "task": task,
                    "part": part,
                    **numbers,
                    "threshold": threshold,
                    "budget": budget,
                }
            )
    return rows


def _overlap(run: dict, rng: np.random.Generator) -> list[dict]:
    rows = []
    for a, first in enumerate(TASKS[:-1]):
        for b, second in enumerate(TASKS[a:-1], start=a):
            for part in PARTS:
                both = 0.5 if a == b else 0.4 - 0.04 * (b - a) + float(rng.normal(0, 0.01))
                pair = {"task_a": first, "task_b": second, "part": part}
                either = 1.0 - both
                rows.append(
                    {**run, **pair, "both": both, "either": either, "jaccard": both / either}
                )
    return rows
