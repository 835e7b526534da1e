"""Seconds and memory of training a task, and seconds of answering, against the number of tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from continual_vqa.analysis.figures.ap_over_steps import band
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase

Course = dict[int, Estimate]  # step -> over seeds
MARKS = 8  # marks along a line


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A panel a cost, a line a continual recipe."""
    rows = results.rows("costs", stream)
    recipes = [r for r in results.recipes(stream) if not results.is_joint(stream, r)]
    narrow = style.config.width == "column"
    shape = {"rows": 3} if narrow else {"columns": 3}
    legend = 0.18 * math.ceil(len(recipes) / 2)
    figure, panels = style.panels((4.0 if narrow else 1.9) + legend, sharex=True, **shape)
    shown: list[Estimate] = []
    measures = {
        "training (s)": training_seconds,
        "training, peak memory (MB)": training_peak,
        "answering (ms a question)": answering_milliseconds,
    }
    for axes, (title, measure) in zip(panels, measures.items(), strict=True):
        for name in recipes:
            course = measure([row for row in rows if row["recipe"] == name])
            number = results.numbers[name]
            axes.plot(
                list(course),
                [e.mean for e in course.values()],
                color=style.colour(number),
                marker=style.marker(number),
                markevery=max(1, len(course) // MARKS),
                label=results.titles[name] if axes is panels[0] else None,
            )
            band(axes, list(course), list(course.values()), style.colour(number), 0.18)
            shown += course.values()
        axes.set_title(title)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")
        if axes is panels[-1] or not narrow:
            axes.set_xlabel("tasks learned")
    figure.legend(loc="outside lower center", ncols=2)
    note = (
        "Cost of the jobs that train a task, all its phases together, and of the job that answers "
        f"after it, start of the process included. Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "What a step costs", note)
    return figure


def training_seconds(rows: Iterable[dict]) -> Course:
    """Seconds of all training jobs of a step."""
    return _over_seeds(rows, "train", lambda jobs: math.fsum(job["seconds"] for job in jobs))


def training_peak(rows: Iterable[dict]) -> Course:
    """Highest memory of the training jobs of a step; steps where none was measured are left out."""
    measured = [row for row in rows if row["peak_mb"] is not None]
    return _over_seeds(measured, "train", lambda jobs: max(job["peak_mb"] for job in jobs))


def answering_milliseconds(rows: Iterable[dict]) -> Course:
    """Milliseconds of the answering job for each question; jobs without questions are left out."""
    answered = [row for row in rows if row["questions"]]
    return _over_seeds(
        answered, "predict", lambda jobs: 1000 * jobs[0]["seconds"] / jobs[0]["questions"]
    )


def _over_seeds(rows: Iterable[dict], work: str, of: Callable[[list[dict]], float]) -> Course:
    found: dict[int, dict[int, list[dict]]] = {}
    for row in rows:
        if row["work"] == work:
            found.setdefault(row["step"], {}).setdefault(row["seed"], []).append(row)
    return {step: over_seeds([of(jobs) for jobs in found[step].values()]) for step in sorted(found)}
