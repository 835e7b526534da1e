"""What a `config.json` claims of a model, held against its tensors before memory is taken.

A few digits in a config ask for any amount of memory; the header of the weights, whose sizes the
file itself bounds, says how much is really there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from continual_vqa.errors import UserError
from continual_vqa.files.tensors import TensorInfo

# Entries that a model may have beside those in the files: fresh heads, visual embeddings, factors,
# tables that are stored once and used twice. Choices of this project.
MAX_RATIO = 2
FREE_ENTRIES = 100_000_000
# Every layer has tensors of its own; these may lack the files of a model that is not saved whole.
FREE_LAYERS = 16
_LAYERS = re.compile(r"(^|_)layers$")


def check_claims(
    config: Mapping[str, object],
    tensors: Mapping[str, TensorInfo],
    build: Callable[[], nn.Module],
    where: Path,
) -> None:
    """Refuse a config that describes a far larger model than there are tensors for, or none.

    Parameters
    ----------
    config : the content of the file `where`
    tensors : of the weights beside it
    build : makes the model; called where tensors take no memory

    Raises
    ------
    UserError : more layers than tensors, more entries than `MAX_RATIO` times those of the tensors
        and `FREE_ENTRIES`, or a description that makes no model
    """
    for name, number in _layers(config):
        if number > len(tensors) + FREE_LAYERS:
            raise UserError(
                f"{name} is {number:,}",
                where=where,
                expected=f"no more than the {len(tensors):,} tensors of the weights can fill",
            )
    try:
        with torch.device("meta"), _Unfilled():
            claimed = sum(tensor.numel() for tensor in build().parameters())
    except UserError:
        raise
    except Exception as error:  # transformers and torch raise whatever a wrong size leads to
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"describes no model ({reason})", where=where, do="use the file of the weights"
        ) from error
    held = sum(info.size for info in tensors.values())
    if claimed > MAX_RATIO * held + FREE_ENTRIES:
        raise UserError(
            f"describes a model of {claimed:,} weights",
            where=where,
            expected=f"one of about the {held:,} in the files beside it",
            do="use the config.json that belongs to the weights",
        )


class _Unfilled(TorchFunctionMode):
    """No weight is drawn: without memory there is none, and torch would import its compiler."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _layers(value: object, name: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _layers(inside, str(key))
    elif isinstance(value, int) and _LAYERS.search(name):
        yield name, value
