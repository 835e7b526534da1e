"""The command line: finds the verb, runs it, prints its summary; a `UserError` is one line."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from types import ModuleType

from continual_vqa import __version__
from continual_vqa.errors import EXIT_CODE, UserError

# verb -> its line in `continual-vqa --help`; a module is imported only when its verb is run.
VERBS: dict[str, str] = {
    "index": "official question files -> questions.parquet",
    "download": "fetch the official files, with size and checksum checks and resumption",
    "miniature": "write the miniature world in the official formats",
    "shard": "questions.parquet -> webdataset shards of one cell",
    "manifest": "list all cells of a study in one file",
    "similarity": "how alike tasks are, for orders that follow it",
    "pretrain": "train the base model on scene graphs",
    "train": "train one stage",
    "memory": "choose the questions of earlier tasks that are replayed",
    "herd": "order the questions of a cell by how well they stand for all of it",
    "logits": "the logits of what a task keeps, stored for replay",
    "words": "count the words of a task, by which tasks are told apart",
    "importance": "how much every trained weight of a stage matters to its task",
    "importance-merge": "add up importance files of several ranks",
    "mask": "importances of the tasks so far -> which weights are protected",
    "merge": "stage checkpoints of one base -> one merged checkpoint",
    "drift": "compare a merge's logits with those of the models it was made of",
    "route": "tell from its words which task each question is of",
    "predict": "answer the questions of some cells with a model",
    "probe": "answer earlier tasks with one part of a model as it was after each",
    "adapters": "how a task uses the adapters of its bank, and how alike these are",
    "score": "official accuracy of a results file or of predictions",
    "metrics": "accuracy matrix -> AP, AF, BWT, learning accuracy",
    "aggregate": "scores of a study -> one metrics table",
    "survey": "importances and masks of a study -> what is protected, what tasks share",
    "differences": "scores of a study -> paired differences over questions and seeds",
    "damage": "scores of the damage probe -> one table",
    "forgetting": "metrics of a study -> how much of what was learned is forgotten",
    "transfer": "scores of downstream tasks -> one table",
    "merges": "merge reports and alignment logs of a study -> costs of merging, signs that turned",
    "routing": "routes of a study -> how often the task of a question is inferred",
    "banks": "checkpoints and costs of a study with banks of adapters -> three tables",
    "join": "metrics of runs that were made apart -> those of one study",
    "figure": "draw one figure",
    "table": "write one table as CSV, Markdown and LaTeX",
    "report": "a finished study's results as a Markdown page, with tables and figures",
    "gallery": "all figures and tables of a study on one page",
    "export": "a LLaVA or PaliGemma stage as a peft adapter, or whole as transformers reads it",
    "show": "print what is inside a shard, checkpoint, mask or table",
    "doctor": "check before the first job what would fail after hours",
    "warm": "run a command whose jobs need not import torch each",
    "plan": "pending jobs, and what they will cost in hours and bytes",
    "explain": "say in words why each pending job would run",
    "summary": "print the AP / AF table of a finished study",
    "schema": "write the config's JSON schema and commented default",
}

# The verbs that import torch, which takes seconds where the verb `warm` has not done it for them.
TORCH = frozenset(
    "pretrain train herd logits importance drift predict probe adapters export".split()
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the process's exit code (0, or 2 for a user's mistake)."""
    argv = sys.argv[1:] if argv is None else list(argv)
    # The verb's own module is needed to parse its options, and only that one is imported.
    verb = next((word for word in argv if not word.startswith("-")), None)
    parser = _parser(verb)
    args = parser.parse_args(argv)
    if args.verb is None:
        parser.print_help()
        return 0
    module = _module(args.verb)
    try:
        summary = module.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CODE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        describe = getattr(module, "describe", _describe)
        print(describe(summary))
    return module.exit_code(summary) if hasattr(module, "exit_code") else 0


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="continual-vqa", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, line in VERBS.items():
        if name != verb:
            verbs.add_parser(name, help=line, add_help=False)
            continue
        module = _module(name)
        child = verbs.add_parser(
            name,
            help=line,
            description=module.__doc__,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(child)
        child.add_argument("--json", action="store_true", help="print the summary as one JSON line")
    return parser


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"continual_vqa.verbs.{verb.replace('-', '_')}")


def _describe(summary: dict) -> str:
    width = max((len(key) for key in summary), default=0)
    return "\n".join(f"{key.replace('_', ' '):<{width}}  {value}" for key, value in summary.items())
