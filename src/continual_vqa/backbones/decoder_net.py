"""Networks of transformers, made without weights, and weights for those that are built here.

transformers is imported where it is used: it costs two seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from continual_vqa.errors import UserError

Net = TypeVar("Net", bound=nn.Module)
Config = TypeVar("Config")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
# What a config file says of where it comes from; nothing of the model itself.
_ORIGIN = ("transformers_version", "_name_or_path", "architectures", "dtype", "torch_dtype")


def net_config(
    kind: type[Config], content: Mapping[str, Any], where: object, inner: Mapping[str, str]
) -> Config:
    """The configuration in a parsed `config.json`.

    Parameters
    ----------
    kind : transformers' class
    inner : the model types that its inner configurations must have, e.g. vision_config

    Raises
    ------
    UserError : an inner model of another type, or values that are refused
    """
    try:
        config = kind.from_dict({**content})  # pyright: ignore[reportAttributeAccessIssue]
    except Exception as error:  # its validators raise exceptions of many kinds
        raise UserError(f"no usable {kind.__name__}: {error}", where=str(where)) from error
    for name, expected in inner.items():
        found = getattr(config, name).model_type
        if found != expected:
            raise UserError(
                f"the model_type of {name} is {found!r}", where=str(where), expected=expected
            )
    return config


def described(config: Any) -> dict[str, Any]:
    """The configuration as JSON, without what depends on the version that wrote it."""
    return _without_origin(config.to_diff_dict())


def _without_origin(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_origin(value) if isinstance(value, Mapping) else value
        for key, value in content.items()
        if key not in _ORIGIN
    }


def empty_net(kind: type[Net], config: Any, dtype: str, attention: str = "sdpa") -> Net:
    """The network of class `kind` with memory for its weights, not yet filled."""
    from transformers.initialization import no_init_weights

    # Never what a downloaded config asks for: other implementations may fetch kernels.
    config._attn_implementation = attention
    with no_init_weights(), _default_dtype(DTYPES[dtype]):
        net: Any = kind(config).eval()
    net.tie_weights()
    return net


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def initialise(net: nn.Module, seed: int, *, table: float = 1.0, norm: float = 1.0) -> None:
    """Normal weights scaled by fan-in, biases 0, positions N(0, 0.7^2), the tower's norms 1.

    Positions as large as the projected pixels, for the reason given in visual.py (choice of this
    project; the towers' own scale is for those that see millions of images).

    Parameters
    ----------
    table : deviation of the token table
    norm : weight of the norms of the language model
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(net.named_parameters()):
        if name.endswith("bias"):
            tensor.zero_()
        elif name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
            tensor.fill_(norm if "language_model" in name else 1.0)
        else:
            scale = table if "embed_tokens" in name else _scale(name, tensor)
            tensor.copy_(torch.empty(tensor.shape).normal_(0.0, scale, generator=generator))


def _scale(name: str, tensor: torch.Tensor) -> float:
    if "position_embedding" in name or "class_embedding" in name:
        return 0.7
    return tensor[0].numel() ** -0.5
