"""What the tasks of a study and their orders must fulfil."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.orders import CHAINS, EXAMPLES, EXPECTED, is_order, read_similarity
from continual_vqa.config.stream import StreamConfig
from continual_vqa.config.tasks import published_tasks
from continual_vqa.errors import UserError

NONE_HELD_OUT = "none"


def check_tasks(
    stream: StreamConfig, skills: Sequence[str], groups: Sequence[str], questions: str
) -> Iterator[Mistake]:
    """Every mistake in what the tasks are and in their orders.

    Parameters
    ----------
    skills, groups : those of the study
    questions : where its questions.parquet lies: what a similarity is measured on
    """
    holding = [group for group in stream.held_out if group != NONE_HELD_OUT]
    for key, used in (("tasks", stream.tasks == "cells"), ("relabelings", stream.relabelings > 0)):
        if used and holding:
            yield Mistake(
                "stream.held_out",
                f"holds out {holding[0]} while stream.{key} is {getattr(stream, key)}",
                expected="[none]: a composition is held out of whole skills",
            )
    for index, order in enumerate(stream.orders):
        if not is_order(order):
            near = next(iter(difflib.get_close_matches(order, EXAMPLES, n=1, cutoff=0.6)), "")
            yield Mistake(f"stream.orders[{index}]", f"is {order!r}", expected=EXPECTED, near=near)
    names = [t.name for t in published_tasks(stream.tasks, skills, groups, stream.relabelings)]
    yield from _similarity(stream, names, questions)


def _similarity(stream: StreamConfig, names: Sequence[str], questions: str) -> Iterator[Mistake]:
    asking = [order for order in stream.orders if order in CHAINS]
    if not asking:
        return
    path = stream.similarity
    command = (
        f"a file made by: continual-vqa similarity --questions {questions} --split train"
        f" --tasks {stream.tasks} --out {path or 'similarity.json'}"
    )
    if not path:
        shown = f"is empty while stream.orders names {asking[0]}"
        yield Mistake("stream.similarity", shown, expected=command)
    elif not Path(path).exists():
        yield Mistake("stream.similarity", f"{path} does not exist", expected=command)
    else:
        try:
            lacking = read_similarity(path).lacking(names)
        except UserError as error:
            yield Mistake("stream.similarity", str(error), expected=command)
            return
        if lacking:
            shown = ", ".join(lacking[:5]) + (" ..." if len(lacking) > 5 else "")
            yield Mistake("stream.similarity", f"{path} lacks {shown}", expected=command)
