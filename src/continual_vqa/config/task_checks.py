"""What the tasks of a study and their orders must fulfil."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.orders import (
    BY_MODALITY,
    CHAINS,
    EXAMPLES,
    EXPECTED,
    is_order,
    read_similarity,
)
from continual_vqa.config.stream import StreamConfig
from continual_vqa.config.tasks import published_tasks
from continual_vqa.errors import UserError

NONE_HELD_OUT = "none"


def check_tasks(
    stream: StreamConfig,
    skills: Sequence[str],
    groups: Sequence[str],
    questions: str,
    *,
    multimodal: Sequence[bool],
) -> Iterator[Mistake]:
    """Every mistake in what the tasks are and in their orders.

    Parameters
    ----------
    skills, groups : those of the study
    questions : where its questions.parquet lies: what a similarity is measured on
    multimodal : whether each skill shows image and text
    """
    holding = [group for group in stream.held_out if group != NONE_HELD_OUT]
    for key, used in (("tasks", stream.tasks == "cells"), ("relabelings", stream.relabelings > 0)):
        if used and holding:
            yield Mistake(
                "stream.held_out",
                f"holds out {holding[0]} while stream.{key} is {getattr(stream, key)}",
                expected="[none]: a composition is held out of whole skills",
            )
    yield from _downstream(stream, skills)
    for index, order in enumerate(stream.orders):
        if not is_order(order):
            near = next(iter(difflib.get_close_matches(order, EXAMPLES, n=1, cutoff=0.6)), "")
            yield Mistake(f"stream.orders[{index}]", f"is {order!r}", expected=EXPECTED, near=near)
        elif order in BY_MODALITY and len(set(multimodal)) < 2:
            yield Mistake(
                f"stream.orders[{index}]",
                f"is {order!r} while the tasks are all of image and text, or none is",
                expected="tasks of both kinds (data.sources), or another order",
            )
    names = [t.name for t in published_tasks(stream.tasks, skills, groups, stream.relabelings)]
    yield from _similarity(stream, names, questions)


def _downstream(stream: StreamConfig, skills: Sequence[str]) -> Iterator[Mistake]:
    if stream.downstream_questions and not stream.downstream:
        yield Mistake(
            "stream.downstream_questions",
            f"is {stream.downstream_questions} while stream.downstream names no skill",
            expected="0, or skills in stream.downstream",
        )
    if stream.downstream_epochs and not stream.downstream_questions:
        yield Mistake(
            "stream.downstream_epochs",
            f"is {stream.downstream_epochs} while stream.downstream_questions is 0",
            expected="0, or the number of questions that are learned from",
        )
    if not stream.downstream:
        return
    if both := [skill for skill in stream.downstream if skill in stream.skills]:
        yield Mistake(
            "stream.downstream",
            f"names {both[0]}, which is in stream.skills",
            expected="skills that are not learned before",
        )
    elif not skills:
        yield Mistake("stream.downstream", "leaves no skill to the stream", expected="fewer skills")
    for key, used in (("tasks", stream.tasks != "skills"), ("relabelings", stream.relabelings > 0)):
        if used:
            yield Mistake(
                "stream.downstream",
                f"names skills while stream.{key} is {getattr(stream, key)}",
                expected="[]: what comes after a stream of cells or copies is no further skill",
            )


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
