"""A made-up study of banks of adapters: what adapters do, what is kept, what steps cost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from analysis.merged_studies import merged_study
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.tuning import AdapterTuning, BankTuning

_BANK = {"tune": BankTuning(), "start": "stacked", "deploy": "own"}
RECIPES: dict[str, Recipe] = {
    "sequential": Recipe(title="Sequential"),
    "independent_adapter": Recipe(
        title="Adapter per task", tune=AdapterTuning(), start="base", deploy="own"
    ),
    "atlas": Recipe(title="ATLAS", **_BANK),
    "uniform": Recipe(title="ATLAS, uniform", **{**_BANK, "tune": BankTuning(weights="uniform")}),
    "joint": Recipe(title="Joint", schedule="joint", start="base"),
}
BASE, WIDTH, INNER = 2_000_000, 96, 48
LAYERS = tuple((stack, layer) for stack in ("encoder", "decoder") for layer in (1, 2, 3))
KINDS = ("attention", "feed-forward")
BRANCHES = len(LAYERS) * len(KINDS)
ADAPTER = BRANCHES * (2 * WIDTH * INNER + WIDTH + INNER)


def own_entries(recipe: str, step: int) -> int:
    """What a made-up checkpoint holds: a bank's also a key, and a query to every adapter."""
    if recipe in ("atlas", "uniform"):
        return ADAPTER + BRANCHES * WIDTH * (1 + step)
    return ADAPTER if recipe == "independent_adapter" else BASE


def banked_study(
    tasks: int = 3, seeds: tuple[int, ...] = (0, 1), layers: tuple[tuple[str, int], ...] = LAYERS
) -> Results:
    """The results of a made-up study of `tasks` tasks, with the three tables about banks."""
    plain = merged_study(RECIPES, ("published",), seeds, tasks)
    names = plain.tasks("published")
    rows: dict[str, list[dict]] = {"adapters": [], "growth": [], "costs": []}
    for number, (name, recipe) in enumerate(RECIPES.items()):
        for seed in seeds:
            rng = np.random.default_rng([number, seed])
            run = {"stream": "published", "recipe": name, "seed": seed}
            for step, task in enumerate(names, start=1):
                stage = {**run, "step": step, "task": task}
                if recipe.schedule == "joint":
                    if step == tasks:
                        rows["costs"] += _costs(stage, recipe, rng)
                        rows["growth"].append(_growth({**stage, "task": "joint"}, recipe))
                    continue
                rows["growth"].append(_growth(stage, recipe))
                rows["costs"] += _costs(stage, recipe, rng)
                if recipe.bank:
                    rows["adapters"] += _adapters(stage, recipe, layers, rng)
    tables = {name: pa.Table.from_pylist(found, FURTHER[name]) for name, found in rows.items()}
    return Results(plain.metrics, plain.summary, tables)


def _growth(stage: dict, recipe: Recipe) -> dict:
    name, step = stage["recipe"], stage["step"]
    steps = range(1, step + 1) if recipe.deploy == "own" else (step,)
    entries = {
        "own": own_entries(name, step),
        "adapter": 0 if own_entries(name, step) == BASE else ADAPTER,
        "kept": sum(own_entries(name, each) for each in steps),
        "base": BASE,
    }
    counted = {f"{kind}_entries": count for kind, count in entries.items()}
    return {**stage, **counted, **{f"{kind}_bytes": 4 * c for kind, c in entries.items()}}


def _costs(stage: dict, recipe: Recipe, rng: np.random.Generator) -> list[dict]:
    step = stage["step"]
    growing = 0.06 * step if recipe.bank else 0.0
    phases = ("experience", "expansion") if recipe.bank and step > 1 else ("expansion",)
    jobs = [
        {
            **stage,
            "work": "train",
            "phase": phase if recipe.bank else "",
            "seconds": 20 * (1 + growing) + float(rng.gamma(3, 0.4)),
            "peak_mb": 400 + 30 * growing + float(rng.gamma(3, 2)),
        }
        for phase in phases
    ]
    questions = 100 if recipe.deploy == "own" else 100 * step
    answering = {
        "work": "predict",
        "phase": "",
        "seconds": questions * 0.02 * (1 + growing) + float(rng.gamma(2, 0.1)),
        "peak_mb": 350.0,
        "questions": questions,
    }
    return [*jobs, {**stage, **answering}]


def _adapters(
    stage: dict, recipe: Recipe, layers: tuple[tuple[str, int], ...], rng: np.random.Generator
) -> list[dict]:
    step, rows = stage["step"], []
    uniform = recipe.bank is not None and recipe.bank.weights == "uniform"
    for stack, layer in layers:
        for kind in KINDS:
            place = {"place": f"{stack}-{layer}-{kind}", "stack": stack, "layer": layer}
            common = {**stage, **place, "kind": kind, "count": 100}
            for adapter in range(1, step + 1):
                level = 0.45 + 0.35 * (adapter == step) + 0.02 * layer
                weight = 1 / step if uniform else level + float(rng.normal(0, 0.03))
                about = {"adapter": adapter, "other": None, "weight": weight, "deviation": 0.1}
                rows.append({**common, **about})
                for other in range(adapter + 1, step + 1):
                    alike = 0.8 / (other - adapter)
                    pair = {"adapter": adapter, "other": other}
                    both = {"cka": alike, "cosine": alike - 0.4 + float(rng.normal(0, 0.05))}
                    rows.append({**common, **pair, **both})
    return rows
