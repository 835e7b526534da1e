"""Train one stage: start weights -> the task's groups in order -> checkpoint and training curve.

The cells are trained in the order given; with task "joint" (or training.schedule per_stage) they
are shuffled together. SIGTERM and SIGUSR1 save the state in --scratch and end the process with
code 75; the same command continues and ends with the same bytes. With --processes and --nodes, or
started by torchrun, several processes share every batch and the first of them writes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from continual_vqa.verbs.together import add_processes, start_together, threads_each

EXAMPLE = (
    "continual-vqa train --base base --start base --cells train/color/G1=cells/train/color/G1 "
    '--settings \'{"stage": {"task": "color"}}\' --scratch scratch --out model.safetensors '
    "--curve curve.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--start", default="base", help="checkpoint to start from, or base")
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="cells in training order; NAME is split/skill/group",
    )
    parser.add_argument(
        "--masks", nargs="+", type=Path, default=[], help="masks of the recipe's mask guards"
    )
    parser.add_argument(
        "--importance",
        nargs="+",
        type=Path,
        default=[],
        help="importance of every earlier step, for penalties and directional masks",
    )
    parser.add_argument("--teacher", type=Path, help="checkpoint that a distil guard learns from")
    parser.add_argument(
        "--stack",
        nargs="+",
        type=Path,
        default=[],
        help="checkpoints whose low-rank updates lie below the trained factors",
    )
    parser.add_argument("--memory", type=Path, help="replayed questions (see memory)")
    parser.add_argument(
        "--memory-cells", nargs="+", default=[], metavar="NAME=FOLDER", help="cells that hold them"
    )
    parser.add_argument(
        "--logits", nargs="+", type=Path, default=[], help="what was stored for them (see logits)"
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {task, step, seed, recipe, id}, "training": {...}}',
    )
    parser.add_argument("--scratch", type=Path, required=True, help="folder of in-flight states")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--curve", type=Path, required=True, help="training curve to write")
    parser.add_argument("--alignment", type=Path, help="log of the align guards to write")
    add_machine(parser)
    add_code(parser)
    add_processes(parser)
    parser.add_argument(
        "--sharding",
        choices=("none", "full"),
        default="none",
        help="full: the processes keep frozen weights and the optimiser's moments between them",
    )


def add_code(parser: argparse.ArgumentParser) -> None:
    """Declare --code."""
    parser.add_argument(
        "--code",
        default="",
        help="fingerprint of the code; with it, what the same code has made of the same inputs"
        " before is put back from --scratch where the outputs were removed",
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Declare --threads and --device."""
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads of all processes here (default 1)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Train the stage that the options describe."""
    from continual_vqa.training.settings import TrainSettings, read_cells, read_settings

    settings = read_settings(args.settings, TrainSettings)
    cells = read_cells(args.cells)
    start_together(args)

    from continual_vqa.methods.guards import GuardFiles
    from continual_vqa.training.device import prepare
    from continual_vqa.training.inflight import EXIT_CODE, Interrupted, listening
    from continual_vqa.training.loading import start_file
    from continual_vqa.training.ranks import joined, local_device
    from continual_vqa.training.stage import StageFiles, train_stage

    threads = threads_each(args)
    device = local_device(prepare(threads, args.device))
    with listening() as request, joined(device) as ranks:
        files = StageFiles(
            args.base,
            start_file(args.start, args.base),
            cells,
            args.scratch,
            args.out,
            args.curve,
            GuardFiles(tuple(args.masks), tuple(args.importance), args.teacher, tuple(args.stack)),
            args.memory,
            read_cells(args.memory_cells),
            tuple(args.logits),
            args.alignment,
        )
        try:
            summary = train_stage(
                files,
                settings,
                device,
                request=request,
                workers=threads - 1,
                code=args.code,
                ranks=ranks,
                sharded=args.sharding == "full",
            )
        except Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            raise SystemExit(EXIT_CODE) from None
    if not ranks.first:
        raise SystemExit(0)  # one process tells what all have done
    return summary
