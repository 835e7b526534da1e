"""A made-up study of merges: orders, many tasks, merge reports and alignment logs as tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from continual_vqa.analysis.cube import Cube
from continual_vqa.analysis.run_metrics import run_metrics
from continual_vqa.analysis.schemas import FURTHER, METRICS, SUMMARY
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.guards import AlignGuard
from continual_vqa.config.merge import AverageMerge, MagMaxMerge, TiesMerge
from continual_vqa.config.recipe import Recipe

TASKS = ("recognition", "location", "count", "color", "subcategory")
ORDERS = ("published", "reversed", "permutation-1")
PARTS = {"vision": 2_000_000, "language": 9_000_000}
EVERY, UPDATES = 10, 200

_ALIGNED = {"start": "merged", "deploy": AverageMerge()}
RECIPES: dict[str, Recipe] = {
    "sequential_lora": Recipe(title="Sequential, LoRA"),
    "average": Recipe(title="Average", guards=(AlignGuard(reset="none"),), **_ALIGNED),
    "pam": Recipe(title="PAM", guards=(AlignGuard(),), **_ALIGNED),
    "ties": Recipe(title="TIES", start="base", deploy=TiesMerge(of="all")),
    "magmax": Recipe(title="MagMax", deploy=MagMaxMerge(of="all", space="updates")),
    "independent": Recipe(title="Independent per task", start="base", deploy="own"),
    "joint_lora": Recipe(title="Joint, LoRA", schedule="joint", start="base"),
}
# recipe -> (accuracy right after learning, points lost per later step, spread over orders)
_COURSES = {
    "sequential_lora": (66.0, 6.0, 8.0),
    "average": (55.0, 2.0, 3.0),
    "pam": (58.0, 1.2, 1.5),
    "ties": (50.0, 1.0, 2.0),
    "magmax": (57.0, 3.0, 3.0),
    "independent": (66.0, 0.0, 0.3),
    "independent_inferred": (66.0, 3.0, 0.5),
    "joint_lora": (64.0, 0.0, 0.0),
}


def sweep(resets: tuple[str, ...] = ("zero", "start")) -> dict[str, Recipe]:
    """Recipes that differ in the aligned share alone, once for each kind of reset."""
    return {
        f"pam-{reset}-{top:g}": Recipe(
            title=f"PAM {top:g}", guards=(AlignGuard(top=top, reset=reset),), **_ALIGNED
        )
        for reset in resets
        for top in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    }


def merged_study(
    recipes: Mapping[str, Recipe] = RECIPES,
    orders: tuple[str, ...] = ORDERS,
    seeds: tuple[int, ...] = (0, 1),
    tasks: int = len(TASKS),
    evaluated: int = 1,
) -> Results:
    """The results of a made-up study, with the tables of merges and alignments.

    `tasks` beyond the usual five are numbered; every `evaluated`-th step was evaluated on all of
    its tasks, the others on the new task alone.
    """
    names = [TASKS[t] if tasks <= len(TASKS) else f"task-{t + 1:02d}" for t in range(tasks)]
    metrics: list[dict] = []
    summary: list[dict] = []
    further: dict[str, list[dict]] = {"merges": [], "alignment": []}
    for place, order in enumerate(orders):
        shuffled = [names[i] for i in np.random.default_rng(place).permutation(tasks)]
        for number, (name, recipe) in enumerate(recipes.items()):
            for seed in seeds:
                rng = np.random.default_rng([place, number, seed])
                matrix = _matrix(name, recipe, place, tasks, evaluated, rng)
                run = {"stream": order, "recipe": name, "seed": seed}
                titled = {**run, "study": "merged", "order": order, "held_out": "none"}
                titled["title"] = recipe.title
                metrics += _metrics(titled, recipe, shuffled, matrix)
                summary += _summary(titled, recipe, shuffled, matrix)
                for step, task in enumerate(shuffled, start=1):
                    stage = {**run, "step": step, "task": task}
                    further["merges"] += _merge(stage, recipe, rng)
                    further["alignment"] += _alignment(stage, recipe, rng)
    tables = {name: pa.Table.from_pylist(rows, FURTHER[name]) for name, rows in further.items()}
    return Results(
        pa.Table.from_pylist(metrics, METRICS), pa.Table.from_pylist(summary, SUMMARY), tables
    )


def _matrix(
    name: str, recipe: Recipe, place: int, tasks: int, evaluated: int, rng: np.random.Generator
) -> np.ndarray:
    learned, lost, spread = _COURSES.get(name, (60.0, 2.0, 1.0))
    if name not in _COURSES and recipe.guards:
        top = recipe.guards[0].top  # type: ignore[union-attr]
        learned, lost, spread = 62 - 9 * top**2, 3.5 - 2.4 * np.sqrt(top), 1.0
    lost *= 4 / max(4, tasks - 1)
    learned += spread * (-1, 1, 0.3)[place % 3] + rng.normal(0, 0.6)
    steps = np.arange(tasks)
    age = np.maximum(0, steps[:, None] - steps[None, :])
    matrix = learned - lost * age + rng.normal(0, 1.5, (tasks, tasks))
    matrix[steps[:, None] < steps[None, :]] = np.nan
    for step in range(tasks - 1):
        if (step + 1) % evaluated:
            matrix[step, :step] = np.nan
    return matrix[-1:] if recipe.schedule == "joint" else matrix


def _metrics(run: dict, recipe: Recipe, tasks: list[str], matrix: np.ndarray) -> list[dict]:
    first = len(tasks) - len(matrix) + 1
    return [
        {
            **run,
            "schedule": recipe.schedule,
            "step": first + row,
            "task": tasks[column],
            "position": column + 1,
            "group": "",
            "novel": False,
            "n": 100,
            "accuracy": float(value),
        }
        for (row, column), value in np.ndenumerate(matrix)
        if not np.isnan(value)
    ]


def _summary(run: dict, recipe: Recipe, tasks: list[str], matrix: np.ndarray) -> list[dict]:
    cube = Cube(
        tuple(tasks), ("all",), matrix[:, :, None], np.full((len(tasks), 1), 100, dtype=np.int64)
    )
    unknown = float("nan")
    slots = recipe.model_dump_json(exclude={"title", "paper"})
    return [
        {
            **run,
            "slots": slots,
            "metric": metric,
            "task": task,
            "value": value,
            "low": unknown,
            "high": unknown,
        }
        for (metric, task), value in run_metrics(cube, None).items()
    ]


def _merge(stage: dict, recipe: Recipe, rng: np.random.Generator) -> list[dict]:
    made, step = recipe.merge, stage["step"]
    if made is None or step == 1:
        return []
    inputs = step if made.of == "all" else 2
    common = {**stage, "kind": made.kind, "of": made.of, "space": made.space, "inputs": inputs}
    size, refactored = 4 * sum(PARTS.values()), made.space == "updates"
    whole = {
        **common,
        "part": "",
        "entries": sum(PARTS.values()),
        "conflicts": int(0.3 * sum(PARTS.values())),
        "seconds": 0.11 * inputs * (3 if refactored else 1) + float(rng.gamma(4, 0.01)),
        "peak_mb": 90 + 4 * inputs + float(rng.gamma(3, 1)),
        "bytes_read": size * (inputs + 1),
        "bytes_written": size,
        "refactor_error": 0.12 if refactored else None,
    }
    parts = [
        {**common, "part": part, "entries": entries, "conflicts": entries // 3}
        for part, entries in PARTS.items()
    ]
    return [whole, *parts]


def _alignment(stage: dict, recipe: Recipe, rng: np.random.Generator) -> list[dict]:
    guards = [guard for guard in recipe.guards if guard.kind == "align"]
    if not guards:
        return []
    reset = guards[0].reset != "none"
    rows = []
    for update in range(EVERY, UPDATES + 1, EVERY):
        for part, total in PARTS.items():
            entries = round(guards[0].top * total)
            level = 0.012 if part == "vision" else 0.03
            share = level * (0.35 if reset else update / UPDATES + 0.3 * (stage["step"] > 1))
            conflicts = round(entries * min(1, share * float(rng.uniform(0.85, 1.15))))
            rows.append(
                {
                    **stage,
                    "update": update,
                    "part": part,
                    "entries": entries,
                    "conflicts": conflicts,
                    "share": conflicts / entries if entries else float("nan"),
                    "conflicts_all": 2 * conflicts,
                    "reset": reset,
                }
            )
    return rows
