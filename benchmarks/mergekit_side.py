"""The half of `mergekit_check` that mergekit's own environment runs: makes models, merges them.

python mergekit_side.py FOLDER SIZE MODELS

Writes FOLDER/base and FOLDER/tuned-<i> (tiny Llamas as transformers saves them), then merges by
every FOLDER/*.yaml into the folder of that name. One process, for importing takes most of the time.
"""

from __future__ import annotations

import sys
from pathlib import Path


def write_models(folder: Path, size: int, models: int) -> None:
    """A base and tuned copies of it, drawn at random."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=4 * size,
        hidden_size=size,
        intermediate_size=2 * size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        dtype="float32",
    )
    model = LlamaForCausalLM(config).float()
    model.save_pretrained(folder / "base")
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for number in range(models):
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(start[name] + 0.02 * torch.randn_like(tensor))
        model.save_pretrained(folder / f"tuned-{number}")


def merge(path: Path) -> None:
    """One merge, as `mergekit-yaml` does it."""
    import yaml
    from mergekit.config import MergeConfiguration  # pyright: ignore[reportMissingImports]
    from mergekit.merge import run_merge  # pyright: ignore[reportMissingImports]
    from mergekit.options import MergeOptions  # pyright: ignore[reportMissingImports]

    config = MergeConfiguration.model_validate(yaml.safe_load(path.read_text()))
    run_merge(config, str(path.with_suffix("")), MergeOptions(copy_tokenizer=False))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    write_models(place, int(sys.argv[2]), int(sys.argv[3]))
    for each in sorted(place.glob("*.yaml")):
        merge(each)
