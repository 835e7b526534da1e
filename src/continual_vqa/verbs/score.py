"""Official accuracy of a results file, or of a model's predictions.

VQA v2: the official soft accuracy (leave-one-out over ten annotators, answers normalised only where
these differ). GQA: exact match, and consistency over entailed questions. Other datasets: normalised
exact match. Prints totals per answer
type, question type and skill. For GQA the question type is the structural and the answer type the
semantic one.

Either of official files, where a results file is the list that the official evaluations take
(VQA v2: question_id and answer; GQA: questionId and prediction), or of --predictions and the
--cells that were answered. Questions without an answer are reported and left out of the totals;
--complete refuses them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from continual_vqa.errors import UserError

EXAMPLE = (
    "continual-vqa score --dataset vqav2 --questions v2_OpenEnded_mscoco_val2014_questions.json"
    " --annotations v2_mscoco_val2014_annotations.json --results results.json --out scores.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", default="", help="vqav2, gqa, ...; default: as the cells say")
    parser.add_argument(
        "--questions", nargs="+", default=[], metavar="F", help="official questions"
    )
    parser.add_argument("--annotations", nargs="+", default=[], metavar="F", help="their answers")
    parser.add_argument("--results", metavar="F", help="official results file")
    parser.add_argument(
        "--taxonomy", default="", help="skills for the totals (default: vqacl-published or gqa)"
    )
    parser.add_argument(
        "--on-bad-record", choices=("error", "skip"), default="error", help="in official files"
    )
    parser.add_argument("--complete", action="store_true", help="refuse unanswered questions")
    parser.add_argument("--predictions", metavar="F", help="predictions.parquet of `predict`")
    parser.add_argument(
        "--cells", nargs="*", default=[], metavar="NAME=FOLDER", help="the cells that it answers"
    )
    parser.add_argument("--out", required=True, help="the scores, one row a question (Parquet)")


def run(args: argparse.Namespace) -> dict:
    from continual_vqa.evaluation.score import score_predictions
    from continual_vqa.evaluation.score_tables import SCORES, mean_percent, totals
    from continual_vqa.files.parquet import write_table

    if args.predictions:
        if args.results or args.questions or args.annotations:
            raise UserError("both --predictions and official files are given", do="give one")
        scored = score_predictions(args.predictions, _cells(args.cells), args.dataset)
    else:
        scored = _official(args)
    scores, unanswered = scored.scores, scored.unanswered
    if unanswered and args.complete:
        raise UserError(
            f"{unanswered:,} questions have no answer", where=args.results, expected="all of them"
        )
    write_table(args.out, scores, SCORES)
    accuracy = mean_percent(scores["accuracy"]) if len(scores) else None
    summary = {"accuracy": accuracy, "questions": len(scores), "unanswered": unanswered}
    consistency = mean_percent(scores["consistency"]) if len(scores) else float("nan")
    if consistency == consistency:
        summary["consistency"] = consistency
    columns = {"answer_type": "answer_type", "question_type": "question_type", "skill": "task"}
    return {
        **summary,
        **{f"per_{name}": totals(scores, column) for name, column in columns.items()},
        "out": args.out,
    }


def describe(summary: Mapping) -> str:
    if not summary["questions"]:
        return f"no questions; wrote {summary['out']}"
    lines = [f"accuracy {summary['accuracy']:.2f} % over {summary['questions']:,} questions"]
    if summary["unanswered"]:
        lines.append(f"{summary['unanswered']:,} questions have no answer and are left out")
    if "consistency" in summary:
        lines.append(f"consistency {summary['consistency']:.2f} %")
    for name in ("answer_type", "question_type", "skill"):
        rows = summary[f"per_{name}"]
        width = max([*map(len, rows), 20])
        lines += ["", f"{name.replace('_', ' '):<{width}}  {'accuracy %':>10}  {'questions':>9}"]
        lines += [
            f"{key or '(none)':<{width}}  {row['accuracy']:>10.2f}  {row['questions']:>9,}"
            for key, row in rows.items()
        ]
    return "\n".join([*lines, "", f"wrote {summary['out']}"])


def _official(args: argparse.Namespace):
    from continual_vqa.data.problems import Problems
    from continual_vqa.evaluation.score import score_results

    if not args.results or not args.questions or not args.dataset:
        raise UserError(
            "not enough to score",
            expected="--dataset, --questions, --annotations, --results; or --predictions, --cells",
        )
    problems = Problems(skip=args.on_bad_record == "skip")
    files = (args.questions, args.annotations, args.results)
    scored = score_results(args.dataset, *files, args.taxonomy, problems)
    for line in problems.lines():
        print(f"skipped: {line}", file=sys.stderr)
    return scored


def _cells(arguments: Sequence[str]) -> dict[str, Path]:
    cells: dict[str, Path] = {}
    for argument in arguments:
        name, mark, folder = argument.partition("=")
        if not mark or not name or not folder:
            raise UserError(f"--cells {argument!r}", expected="NAME=FOLDER")
        cells[name] = Path(folder)
    return cells
