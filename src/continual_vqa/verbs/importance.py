"""Measure how much every trained weight of a stage matters to its task: -> importance file.

The file holds sums over samples and their number. With --processes and --nodes several processes
share the samples, and the first writes the sum of all. With --rank and --world a job measures its
share of the samples; importance-merge adds the files up. SIGTERM and SIGUSR1 save the state in
--scratch and end the process with code 75; the same command continues.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from continual_vqa.verbs.together import add_processes, start_together, threads_each
from continual_vqa.verbs.train import add_code, add_machine

EXAMPLE = (
    "continual-vqa importance --base base --model model.safetensors "
    "--cells train/color/G1=cells/train/color/G1 "
    '--settings \'{"stage": {"task": "color"}, "importance": {"samples": 300}}\' '
    "--scratch scratch --out importance.safetensors"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", required=True, help="checkpoint of the stage, or base")
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="the stage's training cells in their order; NAME is split/skill/group",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {...}, "importance": {...}, "training": {...}}',
    )
    parser.add_argument("--scratch", type=Path, required=True, help="folder of in-flight states")
    parser.add_argument("--out", type=Path, required=True, help="importance file to write")
    parser.add_argument("--rank", type=int, default=0, help="this job's share of the samples")
    parser.add_argument("--world", type=int, default=1, help="number of shares (default 1)")
    add_machine(parser)
    add_code(parser)
    add_processes(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure the importance that the options describe."""
    from continual_vqa.consolidation.importance_file import Share
    from continual_vqa.training.settings import read_cells, read_settings

    share = Share(args.rank, args.world)
    cells = read_cells(args.cells)
    start_together(args)

    from continual_vqa.training.device import prepare
    from continual_vqa.training.importance import (
        ImportanceFiles,
        ImportanceSettings,
        measure_importance,
    )
    from continual_vqa.training.inflight import EXIT_CODE, Interrupted, listening
    from continual_vqa.training.loading import start_file
    from continual_vqa.training.ranks import joined, local_device

    settings = read_settings(args.settings, ImportanceSettings)
    threads = threads_each(args)
    device = local_device(prepare(threads, args.device))
    with listening() as request, joined(device) as ranks:
        model = start_file(args.model, args.base)
        files = ImportanceFiles(args.base, model, cells, args.scratch, args.out)
        try:
            summary = measure_importance(
                files,
                settings,
                device,
                share=share,
                request=request,
                workers=threads - 1,
                code=args.code,
                ranks=ranks,
            )
        except Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            raise SystemExit(EXIT_CODE) from None
    if not ranks.first:
        raise SystemExit(0)  # one process tells what all have done
    return summary
