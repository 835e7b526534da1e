"""Low-rank factors and projector as a stock peft folder: reading and writing.

Only `adapter_config.json` and `adapter_model.safetensors` are read; nothing of the folder is run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from continual_vqa.backbones import lora
from continual_vqa.backbones.decoder_folder import canonical
from continual_vqa.backbones.tensor_file import load_into, read_tensors, write_tensors
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

if TYPE_CHECKING:
    from continual_vqa.backbones.decoder import Decoder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_FRONT = "base_model.model."
_PROJECTOR = "multi_modal_projector"
# Kinds of adapters that are more than B·A on linear layers; each must be absent or empty.
_OTHER_KINDS = (
    "use_dora", "use_qalora", "rank_pattern", "alpha_pattern", "layer_replication", "lora_bias",
    "fan_in_fan_out", "megatron_config", "trainable_token_indices", "target_parameters",
    "alora_invocation_tokens",
)  # fmt: skip


def load(folder: Path, model: Decoder, dropout: float) -> None:
    """Put the adapter in `folder` into `model`, which has no factors; rank and layers are its own.

    The projector is the adapter's if it holds one (modules_to_save), else the model's.

    Raises
    ------
    UserError : no LoRA adapter, of a kind that is not read, or tensors that do not fit
    """
    path = folder / WEIGHTS
    if model.factors is not None:
        raise UserError(
            "the base has factors already",
            where="backbone.adapter",
            expected="a base without factors (lora.rank: 0), or no adapter",
        )
    rank, alpha = _read_config(folder / CONFIG)
    given = read_tensors(path)[1]
    tensors = {_own_name(name, path): each for name, each in given.items()}
    if len(tensors) < len(given):
        raise UserError("holds a tensor under two names", where=path, expected="each once")
    modules = sorted(
        name.removeprefix("net.").partition(".lora_")[0] for name in tensors if ".lora_A." in name
    )
    known = dict(model.net.named_modules())
    foreign = [name for name in modules if not hasattr(known.get(name), "in_features")]
    if foreign or not modules:
        raise UserError(
            f"factors of layers that the model has not: {', '.join(foreign[:6])}"
            if foreign
            else "holds no factors",
            where=path,
            expected="a LoRA adapter of this model",
        )
    # What follows takes memory for factors of this rank.
    odd = [n for n, each in tensors.items() if ".lora_A." in n and each.shape[:1] != (rank,)]
    if odd:
        raise UserError(
            f"{odd[0]} is {tuple(tensors[odd[0]].shape)}, r is {rank}",
            where=path,
            expected=f"factors of the rank in {CONFIG}",
        )
    model.put_factors(lora.Factors(rank, alpha, dropout, tuple(modules)))
    own = dict(model.named_parameters())
    has_projector = any(_PROJECTOR in name for name in tensors)
    wanted = [n for n in own if lora.is_factor(n) or (has_projector and _PROJECTOR in n)]
    load_into({name: own[name] for name in wanted}, tensors, path)


def write(folder: Path, model: Decoder, base_name: str) -> None:
    """Write what low-rank tuning trains as peft does, for the base that is named `base_name`."""
    factors = model.factors
    assert factors is not None
    own = dict(model.named_parameters())
    tensors = {_peft_name(name): own[name] for name in model.low_rank()}
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": factors.rank,
        "lora_alpha": int(factors.alpha) if factors.alpha == int(factors.alpha) else factors.alpha,
        "lora_dropout": factors.dropout,
        "bias": "none",
        "target_modules": list(factors.modules),
        "modules_to_save": [_PROJECTOR] if any(_PROJECTOR in name for name in tensors) else None,
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_tensors(folder / WEIGHTS, tensors, {"format": "pt"})


def _read_config(path: Path) -> tuple[int, float]:
    """Rank and alpha."""
    content = read_json(path)
    content = content if isinstance(content, dict) else {}
    if content.get("peft_type") != "LORA" or content.get("bias", "none") != "none":
        raise UserError(
            f"peft_type is {content.get('peft_type')!r}, bias {content.get('bias')!r}",
            where=path,
            expected="LORA, without biases",
        )
    other = [key for key in _OTHER_KINDS if content.get(key)]
    kept = content.get("modules_to_save") or []
    saved = [name for name in kept if _PROJECTOR not in str(name)] if type(kept) is list else [kept]
    if other or saved:
        raise UserError(
            f"asks for {', '.join([*other, *map(str, saved)])}",
            where=path,
            expected="plain low-rank factors, and at most the projector in modules_to_save",
        )
    given = content.get("r"), content.get("lora_alpha")
    # To Python, true is a number.
    rank, alpha = (None if isinstance(each, bool) else each for each in given)
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float) or alpha <= 0:
        raise UserError(
            "r is {!r}, lora_alpha {!r}".format(*given), where=path, expected="numbers > 0"
        )
    # Rank-stabilised factors divide alpha by the root of the rank.
    return rank, float(alpha) * (rank**0.5 if content.get("use_rslora") else 1.0)


def _own_name(name: str, path: Path) -> str:
    """base_model.model.X.lora_A.weight -> net.X.lora_A.default.weight."""
    if not name.startswith(_FRONT):
        raise UserError(f"unknown tensor {name}", where=path, expected=f"names in {_FRONT}...")
    own = canonical(name.removeprefix(_FRONT))
    for factor in ("lora_A", "lora_B"):
        own = own.replace(f".{factor}.weight", f".{factor}.{lora.NAME}.weight")
    return f"net.{own}"


def _peft_name(name: str) -> str:
    """The inverse of `_own_name`."""
    return _FRONT + name.removeprefix("net.").replace(f".{lora.NAME}.weight", ".weight")
