"""Published numbers beside a study's own, and whether the two can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from continual_vqa.analysis.statistics import NO_INTERVAL, Estimate, over_seeds
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.published import (
    Method,
    PublishedFile,
    PublishedSetting,
    Reported,
    Setting,
    read_published,
)
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json

NOVEL = "novel_"
# Marks numbers that were read in notes of others, and not checked against the paper.
FROM_NOTES = "†"
FROM_NOTES_MEANS = f"{FROM_NOTES}: read in third-party notes, not checked against the paper."
# How many differences are told before the others are only counted.
TOLD = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One method in one setting.

    Attributes
    ----------
    source, setting, title : of the published numbers
    recipe : the same method of this study; empty: it has none
    from_notes : whether the published numbers are unchecked; the title is marked then
    differences : what keeps the study from being comparable; empty: nothing that a config tells
    also : what must hold as well and no config can tell
    published, ours : metric of ours without "novel_" -> estimate; a metric that is not reported,
        or not defined here, has no number (NaN)
    """

    source: str
    setting: str
    title: str
    recipe: str
    from_notes: bool
    differences: tuple[str, ...]
    also: tuple[str, ...]
    published: Mapping[str, Estimate]
    ours: Mapping[str, Estimate]


def beside(results: Results) -> list[Row]:
    """The rows of all files of published numbers that were given, in their order.

    Raises
    ------
    UserError : none was given, one is wrong, or the config's keys are no JSON object
    """
    if not results.published:
        raise UserError("there are no published numbers to show", do="give --published")
    keys = parse_json(results.study.encode(), "--study")
    if not isinstance(keys, dict):
        raise UserError("holds no keys", where="--study", expected='{"data.dataset": ...}')
    files = [read_published(path) for path in results.published]
    return [row for file in files for row in _rows(results, file, keys)]


def _rows(results: Results, file: PublishedFile, keys: Mapping[str, object]) -> Iterator[Row]:
    run = {recipe for stream in results.held_out for recipe in results.recipes(stream)}
    for setting in file.settings.values():
        for name, numbers in setting.rows.items():
            method = file.methods[name]
            recipe = method.recipe if method.recipe in run else ""
            yield Row(
                source=file.title,
                setting=setting.title,
                title=method.title + FROM_NOTES * method.from_notes,
                recipe=recipe,
                from_notes=method.from_notes,
                differences=tuple(_differences(setting, method, keys)),
                also=setting.also,
                published={
                    _bare(ours): _published(numbers.get(theirs))
                    for theirs, ours in setting.metrics.items()
                },
                ours={
                    _bare(metric): _ours(results, recipe, metric, setting.setting)
                    for metric in setting.metrics.values()
                },
            )


def _differences(
    setting: PublishedSetting, method: Method, keys: Mapping[str, object]
) -> Iterator[str]:
    if setting.cannot_run:
        yield setting.cannot_run
        return
    for key, allowed in {**setting.setting, **method.setting}.items():
        value = keys.get(key)
        if isinstance(value, list):
            if missing := [each for each in allowed if each not in value]:
                yield f"{key} lacks {', '.join(map(str, missing))}"
        elif value not in allowed:
            yield f"{key} is {'not told' if key not in keys else value}"


def in_short(differences: Sequence[str]) -> str:
    """The first differences and the number of the others."""
    more = len(differences) - TOLD
    return "; ".join([*differences[:TOLD], *([f"{more} more"] if more > 0 else [])])


def _bare(metric: str) -> str:
    return metric.removeprefix(NOVEL)


def _published(number: Reported | None) -> Estimate:
    """As printed: over an unknown number of runs, so that its count is 0."""
    if number is None:
        return over_seeds([])
    spread = math.nan if number.spread is None else number.spread
    return Estimate(number.mean, number.mean - spread, number.mean + spread, 0, NO_INTERVAL)


def _ours(results: Results, recipe: str, metric: str, setting: Setting) -> Estimate:
    """The metric in the streams that the setting is about; several: of their mean in every seed.

    Choice of this project: streams in the published orders, or in all orders where none of these
    was run; novel compositions of all held-out groups.
    """
    known = results.streams(novel=metric.startswith(NOVEL))
    streams = [stream for stream in known if recipe in results.recipes(stream)]
    orders = setting.get("stream.orders", ())
    streams = [stream for stream in streams if results.orders[stream] in orders] or streams
    if len(streams) == 1:
        return results.estimate(streams[0], recipe, metric)
    values = [results.by_seed(stream, recipe, metric) for stream in streams]
    seeds = sorted(set.intersection(*map(set, values))) if values else []
    return over_seeds([math.fsum(each[s] for each in values) / len(values) for s in seeds])
