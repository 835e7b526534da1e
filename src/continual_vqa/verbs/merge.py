"""Merge stage checkpoints of one base into one, and report what that did to every tensor.

The merged file is a stage checkpoint again: training goes on from it, and it is evaluated. Of a
pair the first model is the one deployed before this stage, the second the one trained in it; one
model alone is merged where nothing was deployed before.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.merge import AverageMerge, MergeConfig
from continual_vqa.consolidation.merging import MergeJob, merge_files
from continual_vqa.files.atomic import write_text
from continual_vqa.training.settings import StageIdentity, read_settings

EXAMPLE = (
    "continual-vqa merge --base base/model.safetensors "
    "--models deployed.safetensors trained.safetensors "
    '--settings \'{"merge": {"kind": "ties", "density": 0.2}, "tasks": 2}\' '
    "--out merged.safetensors --report merge.json"
)


class MergeSettings(Block):
    """The settings of one `merge` job."""

    merge: Annotated[MergeConfig, Field(description="How the models are merged.")] = AverageMerge()
    tasks: Annotated[int, Field(ge=1, description="Tasks learned so far, this one included.")]
    stage: Annotated[
        StageIdentity | None,
        Field(description="What the merged file's header says; default: as in the last model."),
    ] = None
    report: Annotated[
        Literal["full", "brief"],
        Field(description="full: sign conflicts, norms and cosines too, which reads the base."),
    ] = "full"
    checksums: Annotated[
        bool, Field(description="Put the SHA-256 of the models into header and report.")
    ] = True

    def labels(self) -> dict[str, str]:
        """Header entries that are not taken from the last model."""
        if self.stage is None:
            return {}
        labels = {"stage": self.stage.id, "task": self.stage.task, "step": str(self.stage.step)}
        if "recipe" in self.stage.model_fields_set:
            recipe = self.stage.recipe.model_dump(mode="json")
            labels["recipe"] = json.dumps(recipe, sort_keys=True)
        return labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--base", type=Path, required=True, help="model.safetensors of the base")
    parser.add_argument(
        "--models",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="stage checkpoints: deployed before and trained now, or all trained ones in order",
    )
    parser.add_argument(
        "--settings", required=True, help='JSON text or file: {"merge": {kind, ...}, "tasks": t}'
    )
    parser.add_argument("--out", type=Path, required=True, help="merged checkpoint to write")
    parser.add_argument("--report", type=Path, help="report to write, JSON")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the merged checkpoint and its report; returns the report without its tensors."""
    settings = read_settings(args.settings, MergeSettings)
    job = MergeJob(
        args.base,
        args.models,
        settings.merge,
        settings.tasks,
        settings.labels(),
        settings.report == "full",
        settings.checksums,
    )
    report = merge_files(job, args.out)
    if args.report is not None:
        write_text(args.report, json.dumps(report, indent=1) + "\n")
    errors = [row["refactor_error"] for row in report["modules"]]
    return {
        **{key: value for key, value in report.items() if key not in ("tensors", "modules")},
        "largest_refactor_error": max(errors, default=None),
        "out": str(args.out),
    }


def describe(summary: dict[str, Any]) -> str:
    """One line for the merge and one for each part."""
    lines = [
        f"{summary['kind']} of {len(summary['inputs'])} models -> {summary['out']}"
        f" ({summary['seconds']:.2f} s, {summary['peak_bytes'] / 2**20:.0f} MiB)"
    ]
    for part, row in summary["parts"].items():
        line = f"{part}: {row['entries']:,} entries in {row['tensors']} tensors"
        if "share" in row:
            line += f", {row['share']:.1%} of them in conflict"
        lines.append(line)
    if summary["largest_refactor_error"] is not None:
        lines.append(f"largest error of refactoring {summary['largest_refactor_error']:.2%}")
    return "\n".join(lines)
