"""Frozen weights that the ranks keep between them, for models that one GPU does not hold.

Every rank holds a share of each frozen matrix of the layers and is lent the rest while it computes
with it, forward and backward (fully sharded data parallelism; Zhao et al., VLDB 2023; torch's
`fully_shard`). What is trained stays whole on every rank, in its one vector, so that guards compute
as ever; of it the ranks share the optimiser's moments alone (`optimiser.Optimiser`).
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator

import torch
from torch import nn

from continual_vqa.backbones.base import Backbone
from continual_vqa.training.ranks import Ranks


def shard_frozen(
    model: Backbone, trained: Collection[str], ranks: Ranks, device: torch.device
) -> None:
    """Spread the frozen weights of the layers of a model on the CPU; bring it to `device`.

    From then on all ranks have to compute the same layers at the same time. Nothing that is
    computed changes, to the bit.

    Parameters
    ----------
    trained : names of the parameters that stay whole, beside a bank's and the heads
    """
    for _, parameter in model.named_parameters():
        parameter.requires_grad_(False)
    if ranks.size > 1:
        _shard(model, {*trained, *model.heads()}, ranks, device)
    model.to(device)


def _shard(model: Backbone, whole: Collection[str], ranks: Ranks, device: torch.device) -> None:
    # They import torch's compiler: two seconds that only who needs them should take.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # No family changes what a linear map gives in place, which is what this warns of.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    mesh = init_device_mesh(device.type, (ranks.size,))
    kept = {parameter for name, parameter in model.named_parameters() if name in whole}
    for linear in linears(model):
        if linear.weight not in kept:
            fully_shard(linear, mesh=mesh, reshard_after_forward=True, ignored_params=kept)


def linears(model: Backbone) -> Iterator[nn.Linear]:
    """The linear maps in lists of layers: of towers, encoders and decoders.

    They hold nearly all of a large model, and are the largest modules that every family computes
    by calling them: T5's attention and blocks are entered at several places.
    """
    lists = (module for module in model.modules() if isinstance(module, nn.ModuleList))
    seen: set[nn.Module] = set(model.bank.modules()) if model.bank is not None else set()
    for layers in lists:
        for module in layers.modules():
            if isinstance(module, nn.Linear) and module not in seen:
                seen.add(module)
                yield module


def held_bytes(model: nn.Module) -> int:
    """Bytes of the weights that this rank holds."""
    own = (getattr(p, "to_local", lambda p=p: p)() for p in model.parameters())
    return sum(each.numel() * each.element_size() for each in own)
