"""Make the base model: build it, or read a local T5 folder, and train it on scene graphs.

Writes config.json, tokenizer.json and model.safetensors. SIGTERM and SIGUSR1 save the state in
--scratch and end the process with code 75; the same command continues.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa pretrain --scene-graphs base_sceneGraphs.json --images base/images "
    "--texts questions.parquet --settings '{}' --threads 2 --out base"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--scene-graphs", type=Path, help="official GQA scene graphs (JSON)")
    parser.add_argument(
        "--images", type=Path, help="folder or zip of <image id>.jpg, or region features (TSV)"
    )
    parser.add_argument(
        "--texts",
        type=Path,
        nargs="+",
        default=[],
        help="questions.parquet (train split) or official question and annotation files: the "
        "words of a word-level tokenizer",
    )
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json to use instead")
    parser.add_argument(
        "--settings",
        default="{}",
        help='JSON text or file: {"backbone": {...}, "pretraining": {...}}',
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, help="folder of in-flight states (OUT.inflight)")
    parser.add_argument("--out", type=Path, required=True, help="base folder to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Make the base folder that the options describe."""
    from continual_vqa.training.device import prepare
    from continual_vqa.training.inflight import EXIT_CODE, Interrupted, listening
    from continual_vqa.training.pretrain import PretrainFiles, PretrainSettings, pretrain
    from continual_vqa.training.settings import read_settings

    settings = read_settings(args.settings, PretrainSettings)
    scratch = args.scratch or args.out.with_name(args.out.name + ".inflight")
    files = PretrainFiles(
        args.scene_graphs, args.images, tuple(args.texts), args.tokenizer, scratch, args.out
    )
    with listening() as request:
        device = prepare(args.threads, args.device)
        try:
            return pretrain(
                files,
                settings,
                args.seed,
                device,
                request=request,
                workers=max(0, args.threads - 1),
            )
        except Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            raise SystemExit(EXIT_CODE) from None
