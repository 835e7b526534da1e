"""Low-rank factors on chosen linear layers: W x becomes W x + alpha / rank · B A x.

Source: Hu et al., ICLR 2022. A is drawn, B starts at zero: fresh factors change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor, nn

from continual_vqa.backbones.lora_layer import NAME, LowRankLinear, is_factor, layers
from continual_vqa.config.backbone import BackboneConfig, LoraConfig
from continual_vqa.errors import UserError

Prefixes = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of a model; `modules` are the full names of the layers that have some."""

    rank: int
    alpha: float
    dropout: float
    modules: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """JSON-able; `Factors.read` makes it a `Factors` again."""
        return {**asdict(self), "modules": list(self.modules)}

    @staticmethod
    def read(content: dict) -> Factors:
        """The factors that `as_dict` described."""
        return Factors(**{**content, "modules": tuple(content["modules"])})


def chosen(
    net: nn.Module, config: LoraConfig, rank: int, *, language: Prefixes, tower: Prefixes = ()
) -> Factors:
    """The factors of rank `rank` that the config asks for on the layers of `net`.

    Parameters
    ----------
    language, tower : how the names of the layers of the language model's blocks and of the vision
        tower begin

    Raises
    ------
    UserError : a target that no linear layer of the language model has
    """
    linear = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    inside = [name for name in linear if name.startswith(language)]
    known = {name.rpartition(".")[2] for name in inside}
    for target in config.targets or ():
        if target not in known:
            raise UserError(
                f"no linear layer of the language model is named {target!r}",
                where="backbone.lora.targets",
                expected=", ".join(sorted(known)),
            )
    wanted = known if config.targets is None else set(config.targets)
    picked = [name for name in inside if name.rpartition(".")[2] in wanted]
    if config.vision_tower:
        picked += [name for name in linear if name.startswith(tower)]
    return Factors(rank, config.alpha, config.dropout, tuple(sorted(picked)))


def add(net: nn.Module, factors: Factors) -> None:
    """Put uninitialised factors into `net`; its own weights keep their values."""
    for name in factors.modules:
        layer = net.get_submodule(name)
        assert isinstance(layer, nn.Linear), f"{name} is no plain linear layer"
        parent, _, own = name.rpartition(".")
        wrapped = LowRankLinear(layer, factors.rank, factors.alpha, factors.dropout)
        setattr(net.get_submodule(parent), own, wrapped.train(layer.training))


def adapted(
    net: nn.Module,
    own: Factors | None,
    config: BackboneConfig,
    seed: int,
    *,
    language: Prefixes,
    tower: Prefixes = (),
) -> Factors | None:
    """Give `net` the fresh factors that the config asks for, or keep `own`, which it has already.

    Raises
    ------
    UserError : the net has other factors than the config asks for; or see `chosen`
    """
    asked = config.lora
    if own is None:
        if not config.rank:
            return None
        fresh = chosen(net, asked, config.rank, language=language, tower=tower)
        add(net, fresh)
        initialise(net, seed)
        return fresh
    if (own.rank, own.alpha) != (config.rank, asked.alpha):
        raise UserError(
            f"the base has factors of rank {own.rank}, alpha {own.alpha:g}; rank {config.rank}, "
            f"alpha {asked.alpha:g} are asked for",
            where="backbone.lora",
            expected="the base's values, or a base without factors (lora.rank: 0)",
        )
    for _, layer in layers(net):
        layer.dropout = asked.dropout
    return replace(own, dropout=asked.dropout)


def initialise(net: nn.Module, seed: int) -> None:
    """A uniform within 1 / sqrt(fan-in) as in peft, B zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(net.named_parameters()):
            if ".lora_B." in name:
                tensor.zero_()
            elif ".lora_A." in name:
                bound = tensor.shape[1] ** -0.5
                drawn = torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator)
                tensor.copy_(drawn)


@torch.no_grad()
def fold(net: nn.Module, stack: Sequence[Mapping[str, Tensor]]) -> None:
    """Add updates to the frozen weights of `net`, whose own factors stay as they are.

    Parameters
    ----------
    stack : factors under the names that they have in `net`, of all its layers that have some; the
        updates are summed in fp32 and rounded once
    """
    if not stack:
        return
    for name, layer in layers(net):
        a, b = ([each[f"{name}.lora_{f}.{NAME}.weight"].float() for each in stack] for f in "AB")
        weight = layer.base_layer.weight
        update = torch.cat(b, 1).to(weight.device) @ torch.cat(a).to(weight.device)
        weight.copy_(weight.float() + update * layer.scaling)


@torch.no_grad()
def merged(net: nn.Module, factors: Factors | None) -> dict[str, Tensor]:
    """The tensors of `net` without factors: these are added to the layers they belong to."""
    own: dict[str, Tensor] = dict(net.named_parameters())
    tensors = {n.replace(".base_layer.", "."): t for n, t in own.items() if not is_factor(n)}
    for module in factors.modules if factors else ():
        a, b = (own[f"{module}.lora_{factor}.{NAME}.weight"] for factor in "AB")
        assert factors is not None
        weight = tensors[f"{module}.weight"]
        update = b.float() @ a.float() * (factors.alpha / factors.rank)
        tensors[f"{module}.weight"] = (weight.float() + update).to(weight.dtype)
    return tensors
