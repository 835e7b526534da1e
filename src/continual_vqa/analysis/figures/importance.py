"""How the importance of the trained entries is distributed within each part."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.mask_shares import first_guards
from continual_vqa.analysis.figures.parts import part_look
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.plan.comparisons import masks, suited

# Scope of a mask -> how its threshold is drawn: both can be seen where they coincide.
LINES: dict[str, dict[str, Any]] = {
    "per_part": {"color": GREY, "linewidth": 2.0},
    "global": {"color": "black", "linewidth": 0.9, "linestyle": (0, (4, 2))},
}


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A panel a part, a line a task; the first task's is bold, with the thresholds of its masks."""
    shown = _recipe(results, stream, recipe)
    everything = results.rows("importance", stream)
    rows = first_guards([row for row in everything if row["recipe"] == shown])
    parts = sorted({row["part"] for row in rows}, reverse=True)
    tasks = [task for _, task in sorted({row["step"]: row["task"] for row in rows}.items())]
    figure, panels = style.panels(0.75 + 0.95 * len(parts), rows=len(parts), sharex=True)
    for axes, part in zip(panels, parts, strict=True):
        own = [row for row in rows if row["part"] == part]
        colour, _ = part_look(style, parts, part)
        for number, task in enumerate(tasks):
            edges, heights, zeros = _density([row for row in own if row["task"] == task])
            first = number == 0
            label = {0: "first task", 1: "later tasks"}.get(number) if part == parts[0] else None
            width, alpha = (1.4, 1.0) if first else (0.7, 0.45)
            axes.stairs(heights, edges, color=colour, linewidth=width, alpha=alpha, label=label)
            if first:
                axes.text(
                    0.01,
                    0.97,
                    f"{part} ({100 * zeros:.0f} % zero)" if zeros > 0.005 else part,
                    transform=axes.transAxes,
                    va="top",
                )
        for name, scope, value in _thresholds(results, stream, shown, part):
            label = f"threshold, {results.titles[name]}" if part == parts[0] else None
            axes.axvline(math.log10(value), **LINES[scope], label=label)
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    panels[-1].set_xlabel("log10 of the mean importance")
    figure.supylabel("share of entries", fontsize=style.config.font_size)
    figure.legend(loc="outside lower center", ncols=2)
    seeds = len({row["seed"] for row in rows})
    many = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    note = (
        f"{results.titles[shown]}: distribution after each task, of entries that are not zero; "
        f"thresholds after the first. Stream {stream}; {many}"
    )
    style.head(figure, "Importance within each part", note)
    return figure


def _recipe(results: Results, stream: str, recipe: str) -> str:
    """A recipe whose mask chooses part by part, else one with a mask, else the given one."""
    slots = {name: results.slots[name] for name in results.recipes(stream)}
    return next(iter([*suited("part_mask", slots), *suited("mask", slots), recipe]))


def _density(rows: list[dict]) -> tuple[np.ndarray, np.ndarray, float]:
    """Edges of the bins, share of the entries in each, and the share of zeros: mean over seeds."""
    total = sum(row["count"] for row in rows)
    zeros = sum(row["count"] for row in rows if math.isinf(row["low"]))
    bins = [row for row in rows if not math.isinf(row["low"])]
    if not bins:
        return np.array([0.0, 1.0]), np.array([0.0]), 1.0
    width = bins[0]["high"] - bins[0]["low"]
    low, high = min(row["low"] for row in bins), max(row["high"] for row in bins)
    edges = low + width * np.arange(round((high - low) / width) + 1)
    heights = np.zeros(len(edges) - 1)
    for row in bins:
        heights[round((row["low"] - low) / width)] += row["count"] / total
    return edges, heights, zeros / total


def _thresholds(
    results: Results, stream: str, shown: str, part: str
) -> Iterable[tuple[str, str, float]]:
    """(recipe, scope, geometric mean over seeds) after the first step: one recipe a scope.

    After the first step recipes that measure alike still share the importance that is shown.
    """
    recipe = results.slots[shown]
    if not masks(recipe) or not results.further["masks"].num_rows:
        return
    rows = first_guards(results.rows("masks", stream))
    for scope in LINES:
        alike = [
            name
            for name in (shown, *results.recipes(stream))
            if results.slots[name].replay == recipe.replay
            and any(
                (guard.scope, guard.importance) == (scope, masks(recipe)[0].importance)
                for guard in masks(results.slots[name])[:1]
            )
        ]
        values = [
            row["threshold"]
            for row in rows
            if alike and (row["recipe"], row["part"], row["step"]) == (alike[0], part, 1)
        ]
        usable = [v for v in values if v is not None and math.isfinite(v) and v > 0]
        if usable:
            yield alike[0], scope, math.exp(sum(map(math.log, usable)) / len(usable))
