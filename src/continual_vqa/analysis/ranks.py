"""Ranks of the recipes over seeds and skills: who is how often above whom, whatever the distance.

Source: Demšar, JMLR 2006 (mean ranks over data sets); that a skill of a seed is what is ranked in,
and intervals by drawing seeds and skills anew, are choices of this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from continual_vqa.analysis.statistics import (
    NO_INTERVAL,
    SEEDS_AND_SKILLS,
    Estimate,
    percentile_interval,
)
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.errors import UserError
from continual_vqa.plan.comparisons import rankable

DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks by final accuracy.

    Attributes
    ----------
    recipes : those that are ranked
    seeds, skills : that all of them have
    values : float64 [recipes, seeds, skills]; 1 is the best, equals share the mean of their ranks
    """

    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    skills: tuple[str, ...]
    values: np.ndarray

    def mean(self) -> list[Estimate]:
        """Each recipe's mean rank, with a 95 % bootstrap interval over seeds and skills."""
        rng = np.random.default_rng(0)
        _, seeds, skills = self.values.shape
        # Every recipe sees the same draws.
        a = rng.integers(0, seeds, (DRAWS, seeds, 1))
        b = rng.integers(0, skills, (DRAWS, 1, skills))
        found = []
        for values in self.values:
            low, high = percentile_interval(values[a, b].mean(axis=(1, 2)))
            found.append(Estimate(float(values.mean()), low, high, seeds, SEEDS_AND_SKILLS))
        return found

    def by_skill(self) -> np.ndarray:
        """float64 [recipes, skills]: means over seeds."""
        return self.values.mean(axis=1)


def ranks(results: Results, stream: str) -> Ranks:
    """The ranks of all recipes that learn task by task and are not told a question's task.

    A seed that one of them lacks is left out.

    Raises
    ------
    UserError : no two such recipes, or no seed is left
    """
    recipes = rankable({name: results.slots[name] for name in results.recipes(stream)})
    if not recipes:
        raise UserError(
            f"stream {stream!r} has nothing to rank",
            expected="two recipes that learn task by task and are not told a question's task",
        )
    shared = set.intersection(*(set(results.seeds(stream, name)) for name in recipes))
    if not shared:
        raise UserError(
            f"stream {stream!r}: no seed that all of {', '.join(recipes)} were run with",
            expected="recipes with common seeds",
        )
    seeds, skills = sorted(shared), results.tasks(stream)
    accuracy = np.empty((len(recipes), len(seeds), len(skills)))
    for row, recipe in enumerate(recipes):
        for column, skill in enumerate(skills):
            values = results.by_seed(stream, recipe, "final_accuracy", skill)
            accuracy[row, :, column] = [values[seed] for seed in seeds]
    values = np.apply_along_axis(_ranks, 0, accuracy)
    return Ranks(tuple(recipes), tuple(seeds), tuple(skills), values)


def ranks_table(results: Results) -> Table:
    """Recipes x mean rank, and the mean rank in every skill, for every stream."""
    rows, skills = [], []
    for stream in results.held_out:
        found = ranks(results, stream)
        skills = sorted({*skills, *found.skills}, key=[*skills, *found.skills].index)
        for recipe, mean, each in zip(found.recipes, found.mean(), found.by_skill(), strict=True):
            by_skill = dict(zip(found.skills, each, strict=True))
            rows.append(((stream, results.titles[recipe]), (mean, len(found.seeds), by_skill)))
    columns = (Column("mean rank"), *(Column(skill) for skill in skills))
    filled = tuple(
        (labels, (mean, *(_in_skill(by_skill.get(skill, math.nan), seeds) for skill in skills)))
        for labels, (mean, seeds, by_skill) in rows
    )
    note = (
        "Rank by final accuracy among the recipes that learn task by task and are not told a "
        "question's task, 1 the best, in every skill of every seed; mean over both, and over the "
        f"seeds for each skill. Mean rank over {interval_phrase([e[0] for _, e in filled])}."
    )
    return Table(("stream", "recipe"), columns, filled, note)


def _in_skill(value: float, seeds: int) -> Estimate:
    return Estimate(value, math.nan, math.nan, seeds, NO_INTERVAL)


def _ranks(accuracy: np.ndarray) -> np.ndarray:
    """Rank of each value, 1 the largest; equal ones get the mean of their places."""
    above = (accuracy[None, :] > accuracy[:, None]).sum(axis=1)
    equal = (accuracy[None, :] == accuracy[:, None]).sum(axis=1)
    return above + (equal + 1) / 2
