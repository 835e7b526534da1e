"""The peers of the merging benchmark, apart so that their imports burden only themselves.

mergekit is no dependency: it is compared with where `python -m benchmarks.mergekit_check` has made
its environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import importing


@importing("torch")
def torch_load(paths: Sequence[str], out: str) -> None:
    """Pickled checkpoints: all loaded, averaged entry by entry, saved."""
    import torch

    models = [torch.load(path, weights_only=True) for path in paths]
    merged = {name: sum(model[name] for model in models) / len(models) for name in models[0]}
    torch.save(merged, out)


@importing("torch", "safetensors.torch")
def load_file(paths: Sequence[str], out: str) -> None:
    """safetensors.torch.load_file, torch.stack().mean(), save_file: the usual few lines."""
    import torch
    from safetensors.torch import load_file, save_file

    models = [load_file(path) for path in paths]
    merged = {name: torch.stack([model[name] for model in models]).mean(0) for name in models[0]}
    save_file(merged, out)


def pickled(path: str, out: str) -> None:
    """The same tensors as torch.save writes them."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(path), out)


def mergekit(venv: Path, config: Path, out: Path) -> list[str]:
    """The command that merges files of tensors as the configuration says (start-up included)."""
    return [str(venv / "bin" / "mergekit-pytorch"), str(config), str(out)]


def mergekit_config(
    path: Path, method: str, base: str, models: Sequence[str], **parameters: float | bool
) -> None:
    """The YAML of one merge for mergekit."""
    lines = [f"merge_method: {method}", "dtype: float32"]
    lines += [f"base_model: {base}"] if method != "linear" else []
    lines += ["parameters:", *(f"  {key}: {str(v).lower()}" for key, v in parameters.items())]
    lines += ["models:"]
    for model in models:
        lines += [f"  - model: {model}", "    parameters:", "      weight: 1.0"]
    path.write_text("\n".join(lines) + "\n")
