"""Tables of downstream tasks: what a stream gave, and against learning without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.config.recipe import Recipe

ALL = "all tasks"
Row = dict
COLUMNS: dict[str, Callable[[Row], float]] = {
    "alone (%)": lambda row: row["single"],
    "after the stream (%)": lambda row: row["after"],
    "transfer (points)": lambda row: row["after"] - row["single"],
    "relative transfer (%)": lambda row: row["relative"],
}


UPSTREAM: dict[str, Callable[[Row], float]] = {
    "learned (%)": lambda row: row["learned"],
    "in the end (%)": lambda row: row["later"],
    "relative forgetting (%)": lambda row: row["relative"],
}


def learns_alone(recipe: Recipe) -> bool:
    """Whether a task is learned from the base by itself, whatever was learned before."""
    past = recipe.guards or recipe.replay != "none"
    return recipe.start == "base" and recipe.schedule == "continual" and not past


def transfer_table(results: Results) -> Table:
    """Recipes x tasks: accuracy alone and after the stream, their difference, CLiMB's transfer."""
    rows, shown = [], []
    for stream, found in _streams(results):
        for recipe in results.recipes(stream):
            own = [row for row in found if row["recipe"] == recipe]
            for task in (ALL, *_tasks(own)):
                chosen = _of(own, task)
                estimates = tuple(mean(chosen, value) for value in COLUMNS.values())
                rows.append(((stream, results.titles[recipe], task), estimates))
                shown += estimates
    note = (
        "Downstream tasks, each learned by itself from the same questions: alone from the base, "
        "and after the stream. Relative transfer: 100 (after - alone) / (alone - guessing) "
        f"(CLiMB). Over {interval_phrase(shown)}; a seed's value is its mean over the tasks."
    )
    columns = tuple(Column(heading) for heading in COLUMNS)
    return Table(("stream", "recipe", "task"), columns, tuple(rows), note)


def upstream_table(results: Results) -> Table:
    """Recipes x tasks of the stream: accuracy when learned and in the end, CLiMB's forgetting."""
    rows, shown = [], []
    for stream in results.held_out:
        found = results.rows("forgetting", stream)
        last = max(row["step"] for row in found)
        for recipe in dict.fromkeys(row["recipe"] for row in found):
            own = [row for row in found if row["recipe"] == recipe and row["step"] == last]
            for task in (ALL, *dict.fromkeys(row["task"] for row in own)):
                estimates = tuple(mean(_of(own, task), value) for value in UPSTREAM.values())
                rows.append(((stream, results.titles[recipe], task), estimates))
                shown += estimates
    note = (
        "Tasks of the stream but its last. Relative forgetting: 100 (learned - in the end) / "
        f"(learned - guessing) (CLiMB). Over {interval_phrase(shown)}; a seed's value is its mean "
        "over the tasks."
    )
    columns = tuple(Column(heading) for heading in UPSTREAM)
    return Table(("stream", "recipe", "task"), columns, tuple(rows), note)


def transfer_paired_table(results: Results) -> Table:
    """What is learned after the stream minus what other recipes learn without it.

    Reference: a recipe that goes on from the stream. Other: one that learns every task alone.
    """
    rows = []
    for stream, found in _streams(results):
        after = {r: _values(found, r, "after") for r in results.recipes(stream)}
        alone = {r: _values(found, r, "single") for r in results.recipes(stream)}
        for reference, other in _pairs(results, stream):
            both = sorted(after[reference].keys() & alone[other].keys())
            if not both:
                continue
            differences = [after[reference][key] - alone[other][key] for key in both]
            by_seed: dict[int, list[float]] = {}
            for (seed, _), difference in zip(both, differences, strict=True):
                by_seed.setdefault(seed, []).append(difference)
            means = [sum(values) / len(values) for values in by_seed.values()]
            labels = (stream, results.titles[reference], results.titles[other])
            rows.append((labels, (over_seeds(differences), over_seeds(means))))
    note = (
        "Accuracy on downstream tasks: reference, learned after the stream, minus other, learned "
        "alone; in points, from the same questions, paired by seed and task. 95 % t intervals: "
        "over all pairs of seed and task (takes the tasks of a run as independent), and over the "
        "seeds' means alone."
    )
    columns = (Column("difference (seeds x tasks)"), Column("difference (seeds)"))
    return Table(("stream", "reference", "other"), columns, tuple(rows), note)


def _streams(results: Results) -> Iterator[tuple[str, list[Row]]]:
    return ((stream, results.rows("transfer", stream)) for stream in results.held_out)


def _pairs(results: Results, stream: str) -> list[tuple[str, str]]:
    recipes = results.recipes(stream)
    alone = [name for name in recipes if learns_alone(results.slots[name])]
    return [(one, other) for one in recipes if one not in alone for other in alone]


def _values(rows: Iterable[Row], recipe: str, kind: str) -> dict[tuple[int, str], float]:
    return {(row["seed"], row["task"]): row[kind] for row in rows if row["recipe"] == recipe}


def _tasks(rows: Iterable[Row]) -> list[str]:
    return sorted({row["task"] for row in rows})


def _of(rows: Iterable[Row], task: str) -> list[Row]:
    return [row for row in rows if task in (ALL, row["task"])]


def mean(rows: Iterable[Row], value: Callable[[Row], float]) -> Estimate:
    """Mean over tasks, then over seeds."""
    found: dict[int, list[float]] = {}
    for row in rows:
        found.setdefault(row["seed"], []).append(value(row))
    return over_seeds([sum(values) / len(values) for _, values in sorted(found.items())])
