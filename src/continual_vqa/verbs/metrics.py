"""AP, AF, BWT and learning accuracy of an accuracy matrix.

The matrix is a CSV file of percentages: row i is after step i, column j is task j, empty where a
task was not evaluated; a header row with task names is optional. A single row (joint training) has
an AP and nothing to forget.

  AP                 mean accuracy over the tasks after the last step
  AF                 mean over tasks but the last: best accuracy after an earlier step - last one
  BWT                mean over tasks but the last: last accuracy - that right after learning it
  learning accuracy  mean accuracy right after learning each task
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

EXAMPLE = "continual-vqa metrics --matrix accuracy.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--matrix", required=True, metavar="F.csv", help="the accuracy matrix")


def run(args: argparse.Namespace) -> dict:
    from continual_vqa.analysis.continual_metrics import accuracy_over_steps, forgetting, metrics
    from continual_vqa.analysis.matrix_csv import read_matrix

    matrix = read_matrix(args.matrix)
    lost = forgetting(matrix.values)
    return {
        **{name: _defined(value) for name, value in metrics(matrix.values).items()},
        "steps": len(matrix.values),
        "tasks": list(matrix.tasks),
        "AP_over_steps": [_defined(value) for value in accuracy_over_steps(matrix.values)],
        "forgetting": dict(zip(matrix.tasks, map(_defined, lost), strict=False)),
    }


def describe(summary: Mapping) -> str:
    steps = "1 step (joint)" if summary["steps"] == 1 else f"{summary['steps']} steps"
    lines = [
        f"{steps}, {len(summary['tasks'])} tasks; accuracies in percent, differences in points"
    ]
    names = {"AP": "AP", "AF": "AF", "BWT": "BWT", "learning_accuracy": "learning accuracy"}
    lines += [f"{label:<18} {_text(summary[key]):>7}" for key, label in names.items()]
    lines.append(f"{'AP over steps':<18} " + " ".join(map(_text, summary["AP_over_steps"])))
    if summary["forgetting"]:
        lines.append("forgetting of each task")
        lines += [f"  {task:<16} {_text(v):>7}" for task, v in summary["forgetting"].items()]
    return "\n".join(lines)


def _defined(value: float) -> float | None:
    value = float(value)
    return None if math.isnan(value) else round(value, 6)


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
