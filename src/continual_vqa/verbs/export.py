"""Write a model for other tools: a stage for peft, or the whole for transformers.

adapter: what low-rank tuning of a LLaVA or PaliGemma trains, which
`peft.PeftModel.from_pretrained(base, OUT)` loads on the base's Hugging Face folder. model:
everything of a LLaVA, PaliGemma or ViLT in one folder, the factors merged into the weights, for
`from_pretrained(OUT)` of transformers' class. That class has one head: of a ViLT that chooses among
choices or sees pairs, what answers these questions is left out, and the summary names it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "continual-vqa export --base base --model model.safetensors --out adapter"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", default="base", help="stage checkpoint, or base")
    parser.add_argument("--what", choices=("adapter", "model"), default="adapter")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Write the folder that the options ask for."""
    import torch

    from continual_vqa.backbones import decoder_adapter, decoder_folder
    from continual_vqa.backbones.decoder import Decoder
    from continual_vqa.errors import UserError
    from continual_vqa.files.atomic import atomic_folder
    from continual_vqa.files.jsons import parse_text
    from continual_vqa.training.loading import load_model, start_file

    if args.out.exists():
        raise UserError("exists already", where=args.out, expected="a new folder")
    model, _, header = load_model(args.base, start_file(args.model, args.base), torch.device("cpu"))
    kind, families = {
        "adapter": (Decoder, "llava or paligemma"),
        "model": (decoder_folder.Stock, "llava, paligemma or vilt"),
    }[args.what]
    if not isinstance(model, kind):
        raise UserError(
            f"is a {model.family} model",
            where=args.base,
            expected=f"a base of family {families} for --what {args.what}",
        )
    held, left_out = model.low_rank(), []
    if args.what == "adapter":
        trained = set(parse_text(header.get("parts", "{}"), args.model))
        beyond = sorted(trained - set(held))
        if beyond or not held:
            raise UserError(
                f"{len(beyond)} tensors beside factors and projector were trained: {beyond[0]}, ..."
                if beyond
                else "the model has no low-rank factors",
                where=args.model,
                expected="a stage trained with tune: lora",
                do="export all of it: --what model",
            )
    with atomic_folder(args.out) as folder:
        if args.what == "adapter":
            assert isinstance(model, Decoder)
            decoder_adapter.write(folder, model, str(args.base))
        else:
            assert isinstance(model, decoder_folder.Stock)
            left_out = decoder_folder.write(folder, model)
    return {
        "what": args.what,
        "stage": header.get("stage", "base"),
        "tensors": len(held) if args.what == "adapter" else None,
        **({"left_out": left_out} if left_out else {}),
        "out": str(args.out),
    }
