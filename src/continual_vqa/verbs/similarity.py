"""Measure how alike the tasks of a study are, for the orders similar-first and dissimilar-first.

Tasks are alike that ask with the same words and have the same answers: see
continual_vqa/data/similarity.py for the formula. The file is small JSON: names, and a matrix of
tasks x tasks from 0 to 1, rounded to six digits.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from continual_vqa.config.orders import Similarity
from continual_vqa.config.tasks import TaskKind
from continual_vqa.data.similarity import task_similarity
from continual_vqa.data.tables import read_questions
from continual_vqa.files.atomic import write_text

EXAMPLE = (
    "continual-vqa similarity --questions results/demo/data/questions.parquet --split train"
    " --tasks skills --out similarity.json"
)
COLUMNS = ("split", "skill", "group", "question", "answer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--questions", type=Path, required=True, help="questions.parquet")
    parser.add_argument(
        "--split", default="train", help="split that is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--tasks",
        choices=get_args(TaskKind),
        default="skills",
        help="what a task is, as stream.tasks in the config (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, help="similarity to write (JSON)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, write, and return the most and the least similar pair."""
    questions = read_questions(args.questions, COLUMNS)
    measured = task_similarity(questions, args.split, args.tasks)
    content = Similarity(
        split=args.split,
        tasks=args.tasks,
        names=measured.names,
        questions=tuple(measured.questions.tolist()),
        similarity=tuple(tuple(round(v, 6) for v in row) for row in measured.similarity.tolist()),
    )
    write_text(args.out, _text(content))
    names = content.names
    pairs = [
        (content.similarity[a][b], f"{names[a]} and {names[b]}")
        for b in range(len(names))
        for a in range(b)
    ]
    extremes = (
        {
            f"{word}_similar": f"{pair[1]} ({pair[0]:.3f})"
            for word, pair in (("most", max(pairs)), ("least", min(pairs)))
        }
        if pairs
        else {}
    )
    return {"tasks": len(names), **extremes, "out": str(args.out)}


def _text(content: Similarity) -> str:
    """JSON with a task's row a line, so that changes can be read."""
    plain = content.model_dump(mode="json")
    rows = ",\n".join(f"  {json.dumps(row)}" for row in plain.pop("similarity"))
    head = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in plain.items())
    return f'{{\n{head},\n "similarity": [\n{rows}\n ]\n}}\n'
