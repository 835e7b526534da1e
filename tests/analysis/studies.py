"""A made-up study: score files of several recipes, streams and seeds, and the list of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES as KNOWN
from continual_vqa.evaluation.score_tables import SCORES, score_table
from continual_vqa.files.parquet import write_table

TASKS = ("recognition", "location", "count", "color", "subcategory")
GROUPS = ("G1", "G2", "G3")
COMPOSITION = ("location", "count", "color")
# recipe -> (title, schedule, accuracy right after learning, points lost per later step)
RECIPES = {
    "sequential": ("Sequential", "continual", 0.85, 0.15),
    "ewc": ("EWC & friends_1", "continual", 0.80, 0.05),
    "joint": ("Joint", "joint", 0.88, 0.0),
}


def identity(streams: tuple[str, ...] = ("published", "published-novel-G3")) -> dict:
    return {
        "skills": list(TASKS),
        "groups": list(GROUPS),
        "composition_skills": list(COMPOSITION),
        "tasks": {stream: list(TASKS) for stream in streams},
        "standard": "none",
    }


def write_study(
    folder: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    questions: int = 40,
    recipes: Mapping[str, tuple[str, str, float, float]] = RECIPES,
    slots: Mapping[str, Recipe] = KNOWN,
) -> dict:
    """Write the score files of `recipes` into `folder`; returns the content of a runs file."""
    runs = []
    for stream, held_out in (("published", "none"), ("published-novel-G3", "G3")):
        for seed in seeds:
            for recipe, (title, schedule, learned, lost) in recipes.items():
                steps = [len(TASKS)] if schedule == "joint" else range(1, len(TASKS) + 1)
                for step in steps:
                    path = folder / stream / recipe / f"{seed}-{step}.parquet"
                    table = _scores(step, held_out, learned, lost, seed, questions)
                    write_table(path, table, SCORES)
                    runs.append(
                        {
                            "path": str(path),
                            "study": "made-up",
                            "recipe": recipe,
                            "title": title,
                            "schedule": schedule,
                            "stream": stream,
                            "order": "published",
                            "held_out": held_out,
                            "seed": seed,
                            "step": step,
                            "task": "joint" if schedule == "joint" else TASKS[step - 1],
                            "slots": slots[recipe].model_dump(mode="json"),
                        }
                    )
    return {"identity": identity(), "runs": runs}


def _scores(
    step: int, held_out: str, learned: float, lost: float, seed: int, questions: int
) -> pa.Table:
    tables = []
    for position, task in enumerate(TASKS[:step]):
        for group in GROUPS:
            chance = learned - lost * (step - 1 - position) - 0.02 * position
            if group == held_out and position:
                chance -= 0.2
            key = [seed, step, position, GROUPS.index(group)]
            draws = np.random.default_rng(key).random(questions)
            accuracy = np.where(draws < chance, 1.0, 0.3 * (draws > 0.9))
            columns = {
                "question_id": [f"{task}-{group}-{n:04d}" for n in range(questions)],
                "task": [task] * questions,
                "group": [group] * questions,
                "answer_type": ["other"] * questions,
                "question_type": ["what"] * questions,
            }
            tables.append(score_table(columns, accuracy, step))
    return pa.concat_tables(tables)
